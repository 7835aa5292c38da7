"""Training on a processor by Winograd's convolutions, which multiply a quarter as often: Numba instead of the backend.

Lavin and Gray (CVPR 2016), F(4 x 4, 3 x 3): the 16 outputs of a tile cost 36 products instead of 144, and so do its
gradients, by the adjoint formulas. What is summed over channels, or over tiles, makes 36 matrix products.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_eval.networks._winograd_products import MULTIPLE, accumulate, multiply
from vdsr_eval.networks.engine import FACTORS, factors_of
from vdsr_eval.networks.weights import Weights
from vdsr_train.backends import backend
from vdsr_train.backends._winograd_kernels import contract, expand, kernels
from vdsr_train.backends.interface import Step
from vdsr_train.backends.loss import loss_and_gradient
from vdsr_train.backends.model import get_weights
from vdsr_train.config import Config

__all__ = ["Gradients", "compile_step", "refusal", "unheeded"]

Array = NDArray[np.float32]

BLOCK = 512  # about so many tiles, in whole patches, go through the network together: they share the reading of weights
STRIP = 32  # so many are multiplied at once: they stay in the second-level cache


def unheeded(config: Config) -> list[str]:  # noqa: ARG001 (as all `Steps` are called)
    """Say what of `config` has no effect here: nothing."""
    return []


def refusal(config: Config) -> str:
    """Say what `config` would need to be trained so; empty where it can be."""
    if config.precision != "float32" or config.distribute != "none":
        return "precision float32 and distribute none"
    return f"a multiple of {MULTIPLE} channels, not {config.channels}" if config.channels % MULTIPLE else ""


def compile_step(model: Any, optimizer: Any, config: Config) -> Step:
    """Do as `step.compile_step` does, with gradients from here and the backend's optimizer.

    Raises
    ------
    VdsrError
        `config` asks for bfloat16 or several devices, or the channels are not a multiple of 16.
    """
    if reason := refusal(config):
        raise VdsrError(f"convolution winograd: only with {reason}")
    update = backend.compiled().compile_update(model, optimizer)
    gradients = Gradients(config)

    def step(lr: Array, gt: Array) -> float:
        loss, found = gradients(get_weights(model.trainable_variables), lr, gt)
        update(found)
        return loss

    return step


class Gradients:
    """The loss of a batch and its gradients.

    Each thread takes the same patches every time, so that the same batch gives the same bits with as many threads.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._threads = config.threads or os.cpu_count() or 1
        self._passes: list[_Passes] = []

    def __call__(self, weights: Weights, lr: Array, gt: Array) -> tuple[float, list[Array]]:
        """Return the loss and the gradient of each kernel and bias, in the order of the layers.

        Parameters
        ----------
        weights : list of (kernel, bias)
            Kernels (3, 3, inputs, outputs), biases (outputs,), float32.
        lr, gt : ndarray
            (patches, rows, columns, 1) float32, luma in [0, 1].
        """
        patches, rows, columns, _ = lr.shape
        block = max(1, BLOCK // (-(-rows // 4) * -(-columns // 4)))
        block = min(block, -(-patches // self._threads))
        starts = range(0, patches, block)
        count = min(self._threads, len(starts))
        if [passes.size for passes in self._passes] != [(block, rows, columns)] * count:
            self._passes = [_Passes(self._config, (block, rows, columns)) for _ in range(count)]
        factors = [factors_of(kernel) for kernel, _ in weights[1:-1]]
        adjoint = [factor.transpose(0, 2, 1).copy() for factor in factors]

        def work(number: int) -> float:
            passes = self._passes[number]
            passes.begin(weights, factors, adjoint)
            return sum(passes.add(lr[at : at + block], gt[at : at + block]) for at in starts[number::count])

        with ThreadPoolExecutor(count) as pool:
            loss = sum(pool.map(work, range(count)))
        parts = [passes.gradients() for passes in self._passes]
        return loss, [np.sum(arrays, axis=0) for arrays in zip(*parts, strict=True)]


class _Passes:
    """One thread's way through the network and back, a block of patches at a time, and the sums of the gradients."""

    def __init__(self, config: Config, size: tuple[int, int, int]) -> None:
        self.size = size
        self._config, self._kernels = config, kernels(config.channels)
        (block, rows, columns), channels, hidden = size, config.channels, config.depth - 1
        down, across = -(-rows // 4), -(-columns // 4)
        self._tiles = down * across
        self._strips = np.zeros((3, 36, STRIP + 1, channels), np.float32)  # else all 36 would share lines of the cache
        self._lr = np.zeros((block, rows + 2, columns + 2), np.float32)
        images = (block, 4 * down + 2, 4 * across + 2, channels)
        self._features = np.zeros((hidden, *images), np.float32)
        self._gradients = np.zeros((2, *images), np.float32)
        # The sums; those of the layers between the first and the last have the form of the factors until the end.
        self._outer = np.zeros((2, 9, channels), np.float32)
        self._inner = np.zeros((hidden - 1, 36, channels, channels), np.float32)
        self._biases = np.zeros((hidden, channels), np.float32)
        self._bias = np.zeros(1, np.float32)

    def begin(self, weights: Weights, factors: list[Array], adjoint: list[Array]) -> None:
        """Take new weights and forget the sums."""
        self._weights = [np.ascontiguousarray(weights[layer][0]).reshape(9, -1) for layer in (0, -1)]
        self._offsets = [bias for _, bias in weights]
        self._factors, self._adjoint = factors, adjoint
        for sums in (self._outer, self._inner, self._biases, self._bias):
            sums[:] = 0.0

    def add(self, lr: Array, gt: Array) -> float:
        """Add the gradients of a block, or of the rest of the batch; return its part of the loss."""
        run, count = self._kernels, len(lr)
        _, rows, columns = self.size
        image, features = self._lr[:count], self._features[:, :count]
        image[:, 1:-1, 1:-1] = lr[..., 0]
        run.first(image, self._weights[0], self._offsets[0], features[0])
        for layer, factor in enumerate(self._factors):
            self._forward(features[layer], factor, self._offsets[layer + 1], features[layer + 1])
            run.trim(features[layer + 1], rows, columns)
        residual = np.empty((count, rows, columns), np.float32)
        run.last(features[-1], self._weights[1], self._offsets[-1][0], residual)
        loss, error = loss_and_gradient(self._config, lr + residual[..., np.newaxis], gt)

        self._bias += error.sum()
        gradient, earlier = self._gradients[:, :count]
        gradient[:] = 0.0
        run.last_adjoint(error[..., 0], features[-1], self._weights[1], gradient, self._outer[1])
        run.rectify(gradient, features[-1], self._biases[-1])
        for layer in reversed(range(len(self._factors))):
            self._backward(gradient, features[layer], self._adjoint[layer], self._inner[layer], earlier)
            run.rectify(earlier, features[layer], self._biases[layer])
            gradient, earlier = earlier, gradient
        run.first_adjoint(image, gradient, self._outer[0])
        return loss

    def _forward(self, features: Array, factor: Array, bias: Array, out: Array) -> None:
        """A hidden layer."""
        a, b, _ = self._strips
        for start, count in self._in_strips(features):
            expand(features, start, count, a)
            multiply(a, factor, b, count)
            contract(b, start, count, bias, out)

    def _backward(self, gradient: Array, features: Array, adjoint: Array, sums: Array, out: Array) -> None:
        """From the gradient of a hidden layer's result to those of its factors and of its input."""
        a, b, c = self._strips
        out[:] = 0.0
        for start, count in self._in_strips(features):
            self._kernels.spread(gradient, start, count, b)
            expand(features, start, count, a)  # again: to keep it would cost more than to compute it
            accumulate(a, b, sums, count)
            multiply(b, adjoint, c, count)
            self._kernels.gather(c, start, count, out)

    def _in_strips(self, images: Array) -> Iterator[tuple[int, int]]:
        """First tile and number of tiles of each strip."""
        tiles = len(images) * self._tiles
        return ((start, min(STRIP, tiles - start)) for start in range(0, tiles, STRIP))

    def gradients(self) -> list[Array]:
        """Return the sums in the shapes of the weights."""
        channels = self._config.channels
        inner = [(FACTORS.T @ sums.reshape(36, -1)).reshape(3, 3, channels, channels) for sums in self._inner]
        first, last = self._outer[0].reshape(3, 3, 1, channels), self._outer[1].reshape(3, 3, channels, 1)
        layers = zip([first, *inner, last], [*self._biases, self._bias], strict=True)
        return [array for layer in layers for array in layer]
