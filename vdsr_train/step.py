"""The compiled training step on TensorFlow, and the compiled network: the only code that knows the backend."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vdsr_train.config import Config
from vdsr_train.schedule import loss_weight

__all__ = ["compile_network", "compile_step"]

Array = NDArray[np.float32]


def compile_step(model: Any, optimizer: Any, config: Config) -> Callable[[Array, Array], Any]:
    """Return a function of a batch (lr, gt), both (batch, rows, columns, 1), that trains `model` by one step.

    It returns the loss of the batch before the step, as a scalar of the backend. The learning rate is read from the
    optimizer's variable, so that a change of rate compiles nothing anew.
    """

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(lr: tf.Tensor, gt: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(gt - model(lr, training=True))) * loss_weight(
                config, lr.shape[1] * lr.shape[2]
            )
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    optimizer.build(model.trainable_variables)
    return cast(Callable[[Array, Array], Any], step)


def compile_network(model: Any) -> Callable[[Array], Array]:
    """Return `model` as a function of NumPy arrays (batch, rows, columns, 1) of any size, compiled once."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)])  # type: ignore[untyped-decorator]
    def network(lr: tf.Tensor) -> tf.Tensor:
        return model(lr, training=False)

    return lambda lr: network(lr).numpy()
