"""SGD, Adam and Muon with the paper's adjustable clipping and coupled weight decay.

Keras clips before gradients are summed over replicas, by a constant, and decays weights apart from the momentum;
here both happen in `update_step`, which sees the summed gradient and the current learning rate.
"""

from typing import Any

import keras
from keras import ops

from vdsr_train.config import Config

__all__ = ["ClippedAdam", "ClippedMuon", "ClippedSGD", "build_optimizer"]

EPSILON = 1e-7  # keeps divisions from zero


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


class _Muon(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Muon for the kernels between hidden layers; Adam, at the same rate, for the first and last layer and the biases.

    A kernel is a matrix of (rows x columns x inputs, outputs), whose Nesterov momentum is made orthogonal, so that
    every direction moves alike (Jordan et al. 2024), and scaled to the usual size of Adam's steps (Liu et al. 2025,
    arXiv:2502.16982). Keras's own class of that name gives every kernel of more than two dimensions to AdamW.
    """

    def __init__(self, *, momentum: float, beta_2: float, **options: Any) -> None:
        super().__init__(**options)
        self.momentum, self.beta_2 = momentum, beta_2
        self.first: list[Any] = []
        self.second: list[Any] = []

    def build(self, variables: list[Any]) -> None:
        """Create the slots: a momentum each, and for Adam the mean of the squared gradients."""
        if not self.built:
            super().build(variables)
            for variable in variables:
                kernel = len(variable.shape) == 4 and min(variable.shape[2:]) > 1
                self.first.append(self.add_variable_from_reference(variable, "momentum"))
                self.second.append(None if kernel else self.add_variable_from_reference(variable, "velocity"))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable by its gradient."""
        index = self._get_variable_index(variable)
        m, v = self.first[index], self.second[index]
        if v is None:
            self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
            matrix = ops.reshape(ops.add(gradient, self.momentum * m), (-1, variable.shape[-1]))
            step = ops.reshape(_orthogonal(matrix), variable.shape) * learning_rate
            self.assign_sub(variable, ops.multiply(step, 0.2 * max(matrix.shape) ** 0.5))
            return
        time = ops.cast(self.iterations + 1, variable.dtype)
        shrunk = 1 - ops.power(ops.cast(self.beta_2, variable.dtype), time)
        rate = learning_rate * ops.sqrt(shrunk) / (1 - ops.power(ops.cast(self.momentum, variable.dtype), time))
        self.assign_add(m, ops.multiply(ops.subtract(gradient, m), 1 - self.momentum))
        self.assign_add(v, ops.multiply(ops.subtract(ops.square(gradient), v), 1 - self.beta_2))
        self.assign_sub(variable, ops.divide(ops.multiply(m, rate), ops.add(ops.sqrt(v), EPSILON)))


def _orthogonal(matrix: Any) -> Any:
    """The orthogonal matrix nearest to `matrix`, roughly: five Newton-Schulz iterations of fifth degree."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.norm(x, axis=(-2, -1), keepdims=True) + EPSILON)
    for _ in range(5):
        square = x @ ops.transpose(x)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return ops.transpose(x) if tall else x


class ClippedMuon(_AdjustableClipping, _Muon):
    """Muon with adjustable clipping and coupled weight decay."""


def build_optimizer(config: Config) -> Any:
    """Make the optimizer; its learning rate is assigned before each step."""
    common: dict[str, Any] = {
        "clip": config.clip, "theta": config.theta, "decay": config.weight_decay, "horizon": config.ema,
        "learning_rate": config.learning_rate, "name": "optimizer",
    }  # fmt: skip
    if config.optimizer == "adam":
        return ClippedAdam(beta_1=config.momentum, beta_2=config.beta_2, **common)
    if config.optimizer == "muon":
        return ClippedMuon(momentum=config.momentum, beta_2=config.beta_2, **common)
    return ClippedSGD(momentum=config.momentum, **common)
