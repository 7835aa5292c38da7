"""Patches per second of our training step and of PyTorch's, on this machine, in one run.

The same network, batch, precision, loss, clipping and optimizer. Each contender is a process of its own that waits
while another one is measured; rounds alternate, so that the machine's noise meets all alike. The first round compiles
and is not counted. `python benchmarks/bench_train.py --help` lists the options.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from contest import processor

SIZE = 41


def batch(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random patches; what they show does not change how long they take."""
    random = np.random.default_rng(0)
    gt = random.random((count, SIZE, SIZE, 1)).astype(np.float32)
    return gt + random.normal(0, 0.05, gt.shape).astype(np.float32), gt


def ours(precision: str, count: int, threads: int, *, convolution: str = "direct") -> Callable[[], float]:
    """The step that vdsr-train runs, on the backend that KERAS_BACKEND names."""
    from vdsr_train.backends import backend

    backend.start(threads=threads)
    from vdsr_train.backends.model import build_model, initial_weights, set_weights
    from vdsr_train.backends.optimizer import build_optimizer
    from vdsr_train.config import Config

    config = Config(batch_size=count, precision=precision, convolution=convolution, threads=threads)
    model = build_model(depth=config.depth, channels=config.channels, precision=precision)
    set_weights(model, initial_weights(config))
    step = backend.steps(convolution).compile_step(model, build_optimizer(config), config)
    lr, gt = batch(count)
    return lambda: float(step(lr, gt))


def pytorch(
    precision: str, count: int, threads: int, *, compiled: bool = False, device: str = "cpu", depth: int = 20,
    channels: int = 64,
) -> Callable[[], float]:  # fmt: skip
    """The same in PyTorch, channels last, as its users write it; what is returned is a tensor, which `float` awaits."""
    import torch

    torch.set_num_threads(threads)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [torch.nn.Conv2d(1, channels, 3, padding=1), torch.nn.ReLU(inplace=True)]
            for _ in range(depth - 2):
                layers += [torch.nn.Conv2d(channels, channels, 3, padding=1), torch.nn.ReLU(inplace=True)]
            self.hidden = torch.nn.Sequential(*layers)
            self.last = torch.nn.Conv2d(channels, 1, 3, padding=1)
            for module in self.modules():
                if isinstance(module, torch.nn.Conv2d):
                    torch.nn.init.kaiming_normal_(module.weight)
                    torch.nn.init.zeros_(module.bias)

        def forward(self, lr):
            with torch.autocast(device, torch.bfloat16, enabled=precision == "mixed_bfloat16"):
                features = self.hidden(lr)
            return lr + self.last(features.float())

    network = Network().to(device, memory_format=torch.channels_last)
    run = torch.compile(network) if compiled else network
    weights = [p for p in network.parameters() if p.ndim > 1]
    biases = [p for p in network.parameters() if p.ndim == 1]
    rate, theta = 0.1, 1e-4
    optimizer = torch.optim.SGD([{"params": weights}, {"params": biases}], lr=rate, momentum=0.9)
    lr, gt = (torch.from_numpy(array.transpose(0, 3, 1, 2)).to(device).contiguous(memory_format=torch.channels_last)
              for array in batch(count))  # fmt: skip

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.sum((gt - run(lr)) ** 2) / (2 * count)
        loss.backward()
        with torch.no_grad():
            gradients = [p.grad for p in (*weights, *biases)]
            torch._foreach_clamp_min_(gradients, -theta / rate)
            torch._foreach_clamp_max_(gradients, theta / rate)
            torch._foreach_add_([p.grad for p in weights], weights, alpha=1e-4)
        optimizer.step()
        return loss.detach()

    return step


def measure_input(count: int, threads: int, steps: int) -> None:
    """Print how long batches of a training file take, and which share of a training's time is spent waiting for them.

    The file has the layout of a real one, and 0.3 GB; it is in the page cache, as a real one is after the first epoch.
    """
    import h5py

    from vdsr_data.training.file import open_training
    from vdsr_train.loop.batches import FileBatches, prefetch

    step = ours("float32", count, threads)
    step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.h5"
        with h5py.File(path, "w") as file:
            for key in ("lr", "gt"):
                data = file.create_dataset(key, (20_032, 1, SIZE, SIZE), "f4", chunks=(64, 1, SIZE, SIZE))
                data[:] = np.random.default_rng(1).random(data.shape, np.float32)
        with open_training(path) as patches:
            batches = FileBatches(patches, path, batch_size=64, seed=0, symmetries=True)
            pace = [timed(batches, number) for number in range(200)]
            middle, worst = 1000 * statistics.median(pace), 1000 * float(np.percentile(pace, 95))
            print(f"a batch of 64, turned and flipped: {middle:.2f} ms (95 % under {worst:.2f} ms)")
            batches = FileBatches(patches, path, batch_size=count, seed=0, symmetries=True)
            began = time.perf_counter()
            waited = 0.0
            for *_, seconds in prefetch(batches, range(steps)):
                waited += seconds
                step()
            share = waited / (time.perf_counter() - began)
            print(f"waiting for data: {share:.3%} of {steps} steps")


def timed(function: Callable[[int], object], argument: int) -> float:
    """Call a function and return the seconds it took."""
    began = time.perf_counter()
    function(argument)
    return time.perf_counter() - began


CONTENDERS = {
    "ours, TensorFlow": ("tensorflow", "ours"),
    "ours, Winograd": ("tensorflow", "winograd"),
    "ours, JAX": ("jax", "ours"),
    "PyTorch": ("torch", "pytorch"),
    "PyTorch, torch.compile": ("torch", "compiled"),
}


def work(arguments: argparse.Namespace) -> None:
    """Be one contender: for each line on stdin, run the steps and print the seconds."""
    options = (arguments.precision, arguments.batch, arguments.threads)
    if arguments.worker in ("ours", "winograd"):
        step = ours(*options, convolution="direct" if arguments.worker == "ours" else "winograd")
    else:
        step = pytorch(*options, compiled=arguments.worker == "compiled")
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(arguments.steps):
            float(step())
        print(time.perf_counter() - began, flush=True)


def compare(precision: str, arguments: argparse.Namespace) -> None:
    """Measure every contender that is installed, in turn, and print patches per second."""
    processes = {}
    for name, (package, kind) in CONTENDERS.items():
        if find_spec(package) is None or (kind == "compiled" and not arguments.compile):
            continue
        if kind == "winograd" and precision != "float32":
            continue
        command = [sys.executable, __file__, "--worker", kind, "--precision", precision, "--batch", arguments.batch,
                   "--threads", arguments.threads, "--steps", arguments.steps]  # fmt: skip
        environment = os.environ | {
            "KERAS_BACKEND": "jax" if package == "jax" else "tensorflow",
            "OMP_NUM_THREADS": str(arguments.threads),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        processes[name] = subprocess.Popen(
            [str(word) for word in command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for number in range(arguments.rounds + 1):
        for name, process in processes.items():
            process.stdin.write("go\n")
            process.stdin.flush()
            measured = float(process.stdout.readline())
            if number:
                seconds[name].append(measured)
    for process in processes.values():
        process.stdin.close()
        process.wait()
    rates = {name: [arguments.batch * arguments.steps / s for s in times] for name, times in seconds.items()}
    best = statistics.median(rates["PyTorch"]) if "PyTorch" in rates else None
    for name, values in rates.items():
        middle = statistics.median(values)
        ratio = f"{middle / best:6.2f} of PyTorch" if best else ""
        print(f"{precision:15} {name:24} {middle:8.1f} patches/s  ({min(values):.1f} to {max(values):.1f}) {ratio}")


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--precision", choices=["float32", "mixed_bfloat16"], help="default: both")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2, help="in a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true", help="also torch.compile")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments)
        return
    packages = [name for name in ("tensorflow-cpu", "tensorflow", "keras", "jax", "torch") if _installed(name)]
    size = f"batch of {arguments.batch} patches of {SIZE} x {SIZE}"
    rounds = f"{arguments.rounds} rounds of {arguments.steps} steps"
    print(f"{_processor()}, {arguments.threads} threads, {size}, {rounds}")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    for precision in [arguments.precision] if arguments.precision else ["float32", "mixed_bfloat16"]:
        compare(precision, arguments)
    measure_input(arguments.batch, arguments.threads, 10)


def _installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True


def _processor() -> str:
    name, flags = processor()
    return f"{name} ({' '.join(flag for flag in ('avx2', 'avx512f', 'avx512_bf16', 'amx_bf16') if flag in flags)})"


if __name__ == "__main__":
    main()
