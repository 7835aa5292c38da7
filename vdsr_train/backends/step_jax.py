"""The JAX twin of `step`, for GPUs where only JAX is at hand (``KERAS_BACKEND=jax``): same arguments, same results."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from vdsr_train.backends.interface import Network, Step, Update
from vdsr_train.backends.loss import batch_loss
from vdsr_train.config import Config

__all__ = ["compile_network", "compile_step", "compile_update", "unheeded"]

Array = NDArray[np.float32]
KEPT = 32  # sizes of images for which the network is kept as it was compiled


def unheeded(config: Config) -> list[str]:
    """Say what of `config` has no effect here: the threads."""
    return [f"threads: JAX takes as many as it likes, not {config.threads}"] if config.threads else []


def compile_step(model: Any, optimizer: Any, config: Config) -> Step:
    """Return a function of a batch (lr, gt) that trains `model` by one step and returns the loss before it."""

    def loss_of(values: list[Any], lr: Any, gt: Any) -> Any:
        sr, _ = model.stateless_call(values, [], lr, training=True)
        return batch_loss(config, sr, gt)

    def train(values: list[Any], state: list[Any], lr: Any, gt: Any) -> tuple[Any, list[Any], list[Any]]:
        loss, gradients = jax.value_and_grad(loss_of)(values, lr, gt)
        return loss, *optimizer.stateless_apply(state, gradients, values)

    return _in_place(train, model, optimizer)


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

    def run(*arguments: Any) -> Any:
        result, values, state = compiled([v.value for v in weights], [v.value for v in slots], *arguments)
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
