"""What TensorFlow, JAX and the processor's own kernels have in common, so that a training asks for none by name."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from vdsr_train.config import Config

__all__ = ["Backend", "CompileSpan", "Losses", "Network", "Span", "Step", "Steps", "Update"]

Array = NDArray[np.float32]
Losses = Callable[[], list[float]]  # waits for them


class Step(Protocol):
    """One step of a training, compiled for a model and its optimizer."""

    def __call__(self, lr: Array, gt: Array, /) -> SupportsFloat:
        """Train on a batch, both (batch, rows, columns, 1) float32, and return its loss before the step.

        The loss may still be on its way: ``float`` waits for it.
        """


class Span(Protocol):
    """Several steps of a training in one call, on crops of images that the device holds."""

    def __call__(self, places: NDArray[np.int32], rates: Array, /) -> Losses:
        """Train on a batch for each of `rates`, and return the losses before each step.

        `places` (steps, 2, batch, 3) are those of `vdsr_train.loop.crops.CropBatches`.
        """


class CompileSpan(Protocol):
    """What compiles a `Span`."""

    def __call__(self, model: Any, optimizer: Any, config: Config, pixels: Array, /, *, most: int) -> Span | None:
        """Send `pixels` to the device and compile up to `most` steps on them; None where they do not fit there."""


class Update(Protocol):
    """A change of a model's weights by given gradients, one of each trainable variable."""

    def __call__(self, gradients: list[Array], /) -> None:
        """Let the optimizer take a step."""


class Network(Protocol):
    """A model as a function of images, in float32."""

    def __call__(self, images: Array, /) -> Array:
        """Return what the model makes of (batch, rows, columns, 1), of any size."""


class Steps(Protocol):
    """A module that compiles training steps: `step`, `step_jax` and `winograd`."""

    def unheeded(self, config: Config) -> Sequence[str]:
        """Say, a line each, what of `config` has no effect here."""

    def compile_step(self, model: Any, optimizer: Any, config: Config) -> Step:
        """Compile the step of a Keras model and an optimizer of `build_optimizer`, whose learning rate it reads."""


class Backend(Steps, Protocol):
    """A module for a backend of Keras: `step` and `step_jax`."""

    def compile_update(self, model: Any, optimizer: Any) -> Update:
        """Compile what changes the weights of a model by given gradients."""

    def compile_network(self, model: Any) -> Network:
        """Compile a model as it is scored."""
