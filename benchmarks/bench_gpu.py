"""Patches per second of a training from images that a GPU holds, beside PyTorch's, and which share of the peak that is.

`benchmarks/train_gpu.sh` calls it once for each framework, whose memory on the GPU the other cannot have meanwhile.
Both do the same: the paper's step (SGD with adjustable clipping) in bfloat16, with float32 weights and last layer.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from bench_train import SIZE, pytorch

ROUNDS = 5


def matrix_product(size: int) -> float:
    """Return the operations a second of a square matrix product in bfloat16, the best of some."""
    import jax
    import jax.numpy as jnp

    matrix = jax.random.normal(jax.random.key(0), (size, size), jnp.bfloat16)
    product = jax.jit(lambda matrix: matrix @ matrix)
    return 2 * size**3 / min(seconds(lambda: product(matrix).block_until_ready()))


def ours(arguments: argparse.Namespace, optimizer: str) -> list[float]:
    """Return the patches a second of rounds of a training under JAX, whose device holds the images."""
    from vdsr_train.backends import backend

    backend.start()
    from vdsr_train.backends.model import build_model, initial_weights, set_weights
    from vdsr_train.backends.optimizer import build_optimizer
    from vdsr_train.backends.step_jax import compile_span
    from vdsr_train.config import Config

    config = Config(
        depth=arguments.depth, channels=arguments.channels, batch_size=arguments.batch, precision="mixed_bfloat16",
        optimizer=optimizer,
    )  # fmt: skip
    model = build_model(depth=config.depth, channels=config.channels, precision=config.precision)
    set_weights(model, initial_weights(config))
    random, width = np.random.default_rng(0), 512
    pixels = random.random(100 * width**2, np.float32)
    span = compile_span(model, build_optimizer(config), config, pixels, most=arguments.steps)
    assert span is not None, "the device has no room for 0.1 GB"
    places = np.empty((arguments.steps, 2, config.batch_size, 3), np.int32)
    places[..., 0] = random.integers(pixels.size - SIZE * (width + 1), size=places.shape[:-1])
    places[..., 1:] = width, 1
    rates = np.full(arguments.steps, 0.1, np.float32)

    def steps() -> None:
        span(places, rates)()  # waits for all

    return [config.batch_size * arguments.steps / taken for taken in seconds(steps)]


def theirs(arguments: argparse.Namespace) -> list[float]:
    """Return the same of PyTorch with torch.compile, its one batch on the GPU already."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    step = pytorch(
        "mixed_bfloat16", arguments.batch, os.cpu_count() or 1, compiled=True, device=device, depth=arguments.depth,
        channels=arguments.channels,
    )  # fmt: skip

    def steps() -> None:
        for _ in range(arguments.steps - 1):
            step()
        float(step())  # waits for all

    return [arguments.batch * arguments.steps / taken for taken in seconds(steps)]


def seconds(function: Callable[[], object]) -> list[float]:
    """Call a function some times, the first two of which compile, and return the seconds of the others."""
    taken = []
    for _ in range(2 + ROUNDS):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return taken[2:]


def report(name: str, rates: list[float], arguments: argparse.Namespace, peak: float | None = None) -> None:
    """Print the median, the range, and the share of the peak: a weight costs six operations a pixel."""
    middle = statistics.median(rates)
    channels = arguments.channels
    weights = 9 * channels * (2 + (arguments.depth - 2) * channels)
    done = middle * 6 * weights * SIZE**2
    share = f", {done / peak:.0%} of the matrix product's" if peak else ""
    span = f"{min(rates):.0f} to {max(rates):.0f}"
    print(f"{name:36} {middle:9.0f} patches/s ({span}), {done / 1e12:.3g} TFLOP/s{share}", flush=True)


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("framework", choices=["jax", "torch"])
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--steps", type=int, default=50, help="in a round")
    parser.add_argument("--matrix", type=int, default=8192, help="rows of the matrix product")
    arguments = parser.parse_args()
    batches, peak = arguments.batch, None
    if arguments.framework == "jax":
        os.environ["KERAS_BACKEND"] = "jax"
        import jax

        peak = matrix_product(arguments.matrix)
        print(
            f"{jax.devices()[0].device_kind}, JAX {jax.__version__}: {arguments.depth} layers of {arguments.channels}"
        )
        print(f"matrix product of {arguments.matrix} rows in bfloat16: {peak / 1e12:.3g} TFLOP/s", flush=True)
    for arguments.batch in batches:
        if peak:
            for optimizer in ("sgd", "muon"):
                report(f"ours, {optimizer}, batch of {arguments.batch}", ours(arguments, optimizer), arguments, peak)
        else:
            report(f"PyTorch, SGD, batch of {arguments.batch}", theirs(arguments), arguments)


if __name__ == "__main__":
    main()
