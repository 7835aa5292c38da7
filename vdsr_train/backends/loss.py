"""What a training minimises, in Keras's operations: the same on every backend."""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from vdsr_train.config import Config

__all__ = ["batch_loss", "loss_and_gradient"]


def batch_loss(config: Config, sr: Any, gt: Any) -> Any:
    """Return the loss of a batch, or of a device's part of one, tensors (patches, rows, columns, 1), as a scalar.

    It is scaled for the whole batch, so that the parts' losses and gradients may be summed. A learning rate means
    something only with a loss: on patches of 41 x 41 the mean of the squares is 840 times smaller than the paper's sum.
    """
    error = ops.subtract(gt, sr)
    pixels = gt.shape[1] * gt.shape[2]
    if config.loss == "absolute":
        return ops.sum(ops.abs(error)) / (config.batch_size * pixels)
    total = ops.sum(ops.square(error))
    if config.loss == "mean":
        return total / (config.batch_size * pixels)
    return total * (0.5 if config.loss == "total" else 0.5 / config.batch_size)


def loss_and_gradient(
    config: Config, sr: NDArray[np.float32], gt: NDArray[np.float32]
) -> tuple[float, NDArray[np.float32]]:
    """Return `batch_loss` of NumPy arrays (patches, rows, columns, 1), and its gradient with regard to `sr`."""
    error = sr - gt
    pixels = gt.shape[1] * gt.shape[2]
    if config.loss == "absolute":
        scale = 1.0 / (config.batch_size * pixels)
        return scale * float(np.abs(error).sum(dtype=np.float64)), np.float32(scale) * np.sign(error)
    scale = {"mean": 1.0 / (config.batch_size * pixels), "total": 0.5, "sum": 0.5 / config.batch_size}[config.loss]
    return scale * float(np.square(error).sum(dtype=np.float64)), np.float32(2.0 * scale) * error
