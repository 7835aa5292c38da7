"""What a training minimises, in Keras's operations: the same on every backend."""

from typing import Any

from keras import ops

from vdsr_train.config import Config

__all__ = ["batch_loss"]


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
