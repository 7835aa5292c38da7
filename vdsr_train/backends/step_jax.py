"""The JAX twin of `step` (``KERAS_BACKEND=jax``): same arguments, same results; and, for GPUs, many steps in a call."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_train.backends.interface import Losses, Network, Span, Step, Update
from vdsr_train.backends.loss import batch_loss
from vdsr_train.config import Config

__all__ = ["compile_network", "compile_span", "compile_step", "compile_update", "unheeded"]

Array = NDArray[np.float32]
LEFT = 0.5  # of a device's free memory, that images leave to the steps
KEPT = 32  # sizes of images for which the network is kept as it was compiled


def unheeded(config: Config) -> list[str]:
    """Say what of `config` has no effect here: the threads."""
    return [f"threads: JAX takes as many as it likes, not {config.threads}"] if config.threads else []


def compile_step(model: Any, optimizer: Any, config: Config) -> Step:
    """Return a function of a batch (lr, gt) that trains `model` by one step and returns the loss before it."""
    return _in_place(_train(model, optimizer, config), model, optimizer)


def compile_span(model: Any, optimizer: Any, config: Config, pixels: Array, *, most: int) -> Span | None:
    """Return a function of places and learning rates that trains by a step for each rate, in one call on the device.

    It is one loop of a length that is not compiled in: K steps in a call are K calls of one step by the same code.
    Crops are taken by the device from `pixels`, which it holds. None where these take too much of its memory.
    """
    images = _held(pixels)
    if images is None:
        return None
    train, size = _train(model, optimizer, config), np.arange(config.patch_size, dtype=np.int32)

    def crops(images: Any, places: Any) -> Any:
        first, down, right = (places[:, number, np.newaxis, np.newaxis] for number in range(3))
        taken = images.at[first + down * size[:, np.newaxis] + right * size].get(mode="promise_in_bounds")
        return taken[..., np.newaxis]

    def span(
        values: list[Any], state: list[Any], images: Any, places: Any, rates: Any, count: Any
    ) -> tuple[Any, list[Any], list[Any]]:
        def step(number: Any, carried: tuple[Any, list[Any], list[Any]]) -> tuple[Any, list[Any], list[Any]]:
            losses, values, state = carried
            state = [*state[:rate], rates[number], *state[rate + 1 :]]
            lr, gt = crops(images, places[number, 0]), crops(images, places[number, 1])
            loss, values, state = train(values, state, lr, gt)
            return losses.at[number].set(loss), values, state

        done: tuple[Any, list[Any], list[Any]] = jax.lax.fori_loop(0, count, step, (jnp.zeros(most), values, state))
        return done

    compiled = _in_place(span, model, optimizer)
    rate = [variable is optimizer._learning_rate for variable in optimizer.variables].index(True)
    behind: list[Any] = []

    def run(places: NDArray[np.int32], rates: Array) -> Losses:
        count = len(rates)
        places, rates = (np.concatenate([a, np.zeros((most - count, *a.shape[1:]), a.dtype)]) for a in (places, rates))
        losses = compiled(images, places, rates, count)
        behind.append(losses)
        if len(behind) > 1:  # the device has enough to do: run no further ahead
            jax.block_until_ready(behind.pop(0))
        return lambda: [float(loss) for loss in np.asarray(losses)[:count]]

    return run


def _train(model: Any, optimizer: Any, config: Config) -> Callable[..., tuple[Any, list[Any], list[Any]]]:
    """One step, as a function of weights, slots and a batch that returns the loss and new weights and slots."""

    def loss_of(values: list[Any], lr: Any, gt: Any) -> Any:
        sr, _ = model.stateless_call(values, [], lr, training=True)
        return batch_loss(config, sr, gt)

    def train(values: list[Any], state: list[Any], lr: Any, gt: Any) -> tuple[Any, list[Any], list[Any]]:
        loss, gradients = jax.value_and_grad(loss_of)(values, lr, gt)
        return loss, *optimizer.stateless_apply(state, gradients, values)

    return train


def _held(pixels: Array) -> Any:
    """Send `pixels` to the device; None where they take too much of its memory, or have no places of 31 bits."""
    if pixels.size >= 2**31 or pixels.nbytes > (1 - LEFT) * _free():
        return None
    return jax.device_put(pixels)


def _free() -> float:
    """Bytes of the device's memory that are free; of a processor's nothing is known."""
    found = jax.devices()[0].memory_stats() or {}
    return float(found.get("bytes_limit", np.inf) - found.get("bytes_in_use", 0))


def compile_update(model: Any, optimizer: Any) -> Update:
    """Return a function that changes the weights of `model` by given gradients, one of each trainable variable."""

    def update(values: list[Any], state: list[Any], gradients: list[Any]) -> tuple[None, list[Any], list[Any]]:
        return None, *optimizer.stateless_apply(state, gradients, values)

    return _in_place(update, model, optimizer)


def _in_place(
    change: Callable[..., tuple[Any, list[Any], list[Any]]], model: Any, optimizer: Any
) -> Callable[..., Any]:
    """Compile a function of weights, slots and more that returns a result and new ones, into one that assigns them."""
    optimizer.build(model.trainable_variables)
    weights, slots = model.trainable_variables, optimizer.variables
    compiled = jax.jit(change, donate_argnums=(0, 1))
    fits: list[bool] = []

    def run(*arguments: Any) -> Any:
        try:
            result, values, state = compiled([v.value for v in weights], [v.value for v in slots], *arguments)
            if not fits:  # a device says only at the end that its memory was too small
                fits.append(bool(jax.block_until_ready(values)))
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            raise VdsrError("the device has too little memory for this batch; use a smaller --batch-size") from None
        for variable, value in zip([*weights, *slots], [*values, *state], strict=True):
            variable.assign(value)
        return result

    return run


def compile_network(model: Any) -> Network:
    """Return `model` as a function of NumPy arrays (batch, rows, columns, 1), compiled for each size, in float32.

    What is compiled takes some 2 MB for each size, so that only some are kept.
    """
    network = jax.jit(lambda values, lr: model.stateless_call(values, [], lr, training=False)[0])
    sizes: set[tuple[int, ...]] = set()

    def exact(lr: Array) -> Array:
        if lr.shape not in sizes and len(sizes) == KEPT:
            network.clear_cache()
            sizes.clear()
        sizes.add(lr.shape)
        with jax.default_matmul_precision("float32"):  # on a GPU convolutions would else take 10 bits of each factor
            return np.asarray(network([v.value for v in model.trainable_variables], lr))

    return exact
