"""SGD, Adam and Muon with the paper's adjustable clipping and coupled weight decay.

Keras clips before gradients are summed over replicas, by a constant, and decays weights apart from the momentum;
here both happen in `update_step`, which sees the summed gradient and the current learning rate.
"""

import math
from typing import Any

import keras
from keras import ops

from vdsr_train.config import Config

__all__ = ["ClippedAdam", "ClippedMuon", "ClippedSGD", "build_optimizer"]


class _AdjustableClipping(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Mixed into a Keras optimizer: clip to theta / learning rate, add the weight decay, average the weights."""

    def __init__(self, *, clip: str, theta: float, decay: float, horizon: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.clip, self.theta, self.decay, self.horizon = clip, theta, decay, horizon
        self.averages: list[Any] = []

    def build(self, variables: list[Any]) -> None:
        """Create the slots, and beside each variable the fraction of its gradient clipped in the last step."""
        if not self.built:
            super().build(variables)
            if self.horizon:
                self.averages = self.add_optimizer_variables(variables, "average")
            self.clipped = [self.add_variable((), name=f"clipped_{index:02}") for index in range(len(variables))]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable by its gradient, which is already the sum over all replicas."""
        gradient = ops.cast(gradient, variable.dtype)
        decay = ops.multiply(self.decay if len(variable.shape) > 1 else 0.0, variable)  # biases do not decay
        limit = ops.divide(self.theta, ops.cast(learning_rate, variable.dtype))
        index = self._get_variable_index(variable)
        clipped = self.clipped[index]
        if self.clip == "value":
            self.assign(clipped, ops.mean(ops.cast(ops.abs(gradient) > limit, "float32")))
            gradient = ops.clip(gradient, -limit, limit)
        elif self.clip == "norm":
            gradient, decay = ops.add(gradient, decay), ops.zeros_like(decay)  # as in the code that did so
            norm = ops.sqrt(ops.sum(ops.square(gradient)))
            self.assign(clipped, ops.cast(norm > limit, "float32"))
            gradient = ops.multiply(gradient, ops.minimum(1.0, limit / ops.maximum(norm, 1e-30)))
        super().update_step(ops.add(gradient, decay), variable, learning_rate)
        if self.horizon:  # a shorter horizon at first, so that the start is forgotten
            step = ops.cast(self.iterations, "float32")
            share = ops.maximum(1.0 / self.horizon, 10.0 / (10.0 + step))
            average = self.averages[index]
            self.assign_add(average, ops.multiply(share, ops.subtract(variable, average)))

    def clipped_fraction(self) -> float:
        """Return the fraction of all gradient entries that the last step clipped."""
        sizes = [int(ops.size(variable)) for variable in self._trainable_variables]
        parts = [float(fraction.numpy()) * size for fraction, size in zip(self.clipped, sizes, strict=True)]
        return sum(parts) / sum(sizes)


class ClippedSGD(_AdjustableClipping, keras.optimizers.SGD):  # type: ignore[misc]
    """SGD with momentum, adjustable clipping and coupled weight decay."""


class ClippedAdam(_AdjustableClipping, keras.optimizers.Adam):  # type: ignore[misc]
    """Adam with adjustable clipping and coupled weight decay."""


class ClippedMuon(_AdjustableClipping, keras.optimizers.Muon):  # type: ignore[misc]
    """Muon with adjustable clipping and coupled weight decay.

    The kernels between hidden layers are matrices of (rows x columns x inputs, outputs): their momentum is made
    orthogonal, so that every direction moves alike. First and last layer and biases follow Adam, at the same rate.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) < 4 or min(variable.shape[2:]) == 1

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Make a kernel orthogonal, nearly."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale a step to Adam's usual size."""
        return ops.multiply(x, self.rms_rate * max(math.prod(x.shape[:-1]), x.shape[-1]) ** 0.5)


def build_optimizer(config: Config) -> Any:
    """Make the optimizer; its learning rate is assigned before each step."""
    common: dict[str, Any] = {
        "clip": config.clip, "theta": config.theta, "decay": config.weight_decay, "horizon": config.ema,
        "learning_rate": config.learning_rate, "name": "optimizer",
    }  # fmt: skip
    if config.optimizer == "adam":
        return ClippedAdam(beta_1=config.momentum, beta_2=config.beta_2, **common)
    if config.optimizer == "muon":
        common |= {"adam_beta_1": config.momentum, "adam_beta_2": config.beta_2}
        common |= {"weight_decay": None, "adam_weight_decay": None}  # Keras's own, which is decoupled
        return ClippedMuon(momentum=config.momentum, **common)
    return ClippedSGD(momentum=config.momentum, **common)
