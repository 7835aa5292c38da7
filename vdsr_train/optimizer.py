"""SGD and Adam with the paper's adjustable clipping and coupled weight decay.

Keras clips before gradients are summed over replicas, by a constant, and decays weights apart from the momentum;
here both happen in `update_step`, which sees the summed gradient and the current learning rate.
"""

from typing import Any

import keras
from keras import ops

from vdsr_train.config import Config

__all__ = ["ClippedAdam", "ClippedSGD", "build_optimizer"]


class _AdjustableClipping(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Mixed into a Keras optimizer: clip to theta / learning rate, then add the weight decay."""

    def __init__(self, *, clip: str, theta: float, decay: float, **options: Any) -> None:
        super().__init__(**options)
        self.clip, self.theta, self.decay = clip, theta, decay

    def build(self, variables: list[Any]) -> None:
        """Create the slots, and beside each variable the fraction of its gradient clipped in the last step."""
        if not self.built:
            super().build(variables)
            self.clipped = [self.add_variable((), name=f"clipped_{index:02}") for index in range(len(variables))]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable by its gradient, which is already the sum over all replicas."""
        gradient = ops.cast(gradient, variable.dtype)
        decay = ops.multiply(self.decay if len(variable.shape) > 1 else 0.0, variable)  # biases do not decay
        limit = ops.divide(self.theta, ops.cast(learning_rate, variable.dtype))
        clipped = self.clipped[self._get_variable_index(variable)]
        if self.clip == "value":
            self.assign(clipped, ops.mean(ops.cast(ops.abs(gradient) > limit, "float32")))
            gradient = ops.clip(gradient, -limit, limit)
        elif self.clip == "norm":
            gradient, decay = ops.add(gradient, decay), ops.zeros_like(decay)  # as in the code that did so
            norm = ops.sqrt(ops.sum(ops.square(gradient)))
            self.assign(clipped, ops.cast(norm > limit, "float32"))
            gradient = ops.multiply(gradient, ops.minimum(1.0, limit / ops.maximum(norm, 1e-30)))
        super().update_step(ops.add(gradient, decay), variable, learning_rate)

    def clipped_fraction(self) -> float:
        """Return the fraction of all gradient entries that the last step clipped."""
        sizes = [int(ops.size(variable)) for variable in self._trainable_variables]
        parts = [float(fraction) * size for fraction, size in zip(self.clipped, sizes, strict=True)]
        return sum(parts) / sum(sizes)


class ClippedSGD(_AdjustableClipping, keras.optimizers.SGD):  # type: ignore[misc]
    """SGD with momentum, adjustable clipping and coupled weight decay."""


class ClippedAdam(_AdjustableClipping, keras.optimizers.Adam):  # type: ignore[misc]
    """Adam with adjustable clipping and coupled weight decay."""


def build_optimizer(config: Config) -> Any:
    """Make the optimizer; its learning rate is assigned before each step."""
    clipping: dict[str, Any] = {"clip": config.clip, "theta": config.theta, "decay": config.weight_decay}
    common = clipping | {"learning_rate": config.learning_rate, "name": "optimizer"}
    if config.optimizer == "adam":
        return ClippedAdam(beta_1=config.momentum, beta_2=config.beta_2, **common)
    return ClippedSGD(momentum=config.momentum, **common)
