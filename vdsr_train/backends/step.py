"""The compiled training step on TensorFlow, alone or on many devices, and the compiled network.

This file and its JAX twin are the only code that knows the backend.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, SupportsFloat

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_train.backends.distribute import check_shares
from vdsr_train.backends.interface import Network, Step, Update
from vdsr_train.backends.loss import batch_loss
from vdsr_train.config import Config

__all__ = ["compile_gradients", "compile_network", "compile_step", "compile_update", "unheeded"]

Array = NDArray[np.float32]


def unheeded(config: Config) -> list[str]:  # noqa: ARG001 (as all `Steps` are called)
    """Say what of `config` has no effect here: nothing."""
    return []


def compile_step(model: Any, optimizer: Any, config: Config) -> Step:
    """Return a function of a batch (lr, gt), both (batch, rows, columns, 1), that trains `model` by one step.

    It returns the loss of the batch before the step, as a scalar of the backend. The learning rate is read from the
    optimizer's variable, so that a change of rate compiles nothing anew. Inside the scope of a `tf.distribute` strategy
    every worker is given the whole batch and takes the part of its devices; the loss keeps the scale of the whole batch
    and the optimizer sums the gradients before it clips them, so that the result is that of one device.
    """
    strategy = tf.distribute.get_strategy()

    def part(batch: Array) -> Any:
        def of(context: Any) -> Any:
            size = len(batch) // context.num_replicas_in_sync
            return tf.constant(batch[context.replica_id_in_sync_group * size :][:size])

        return strategy.experimental_distribute_values_from_function(of)

    def on_one_device(lr: tf.Tensor, gt: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = batch_loss(config, model(lr, training=True), gt)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def on_all_devices(lr: Any, gt: Any) -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(on_one_device, args=(lr, gt)), axis=None)

    def step(lr: Array, gt: Array) -> SupportsFloat:
        try:
            loss: SupportsFloat = on_all_devices(part(lr), part(gt))
        except tf.errors.ResourceExhaustedError:
            raise VdsrError("the device has too little memory for this batch; use a smaller --batch-size") from None
        except tf.errors.OpError:
            if config.distribute != "multi-worker":
                raise
            raise VdsrError("another worker is gone; go on with: vdsr-train --resume, on all workers") from None
        return loss

    check_shares(config.batch_size, strategy.num_replicas_in_sync)
    optimizer.build(model.trainable_variables)
    return step


def compile_update(model: Any, optimizer: Any) -> Update:
    """Return a function that changes the weights of `model` by given gradients, one of each trainable variable."""
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function  # type: ignore[untyped-decorator]
    def apply(gradients: list[tf.Tensor]) -> None:
        optimizer.apply(gradients, variables)

    def update(gradients: list[Array]) -> None:
        apply([tf.constant(gradient) for gradient in gradients])

    return update


def compile_gradients(model: Any, config: Config) -> Callable[[Array, Array], tuple[Array, list[Array]]]:
    """Return a function of a batch (lr, gt) that gives sr and the gradient of each variable, and trains nothing."""

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def gradients(lr: tf.Tensor, gt: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            sr = model(lr, training=True)
            loss = batch_loss(config, sr, gt)
        return sr, tape.gradient(loss, model.trainable_variables)

    def run(lr: Array, gt: Array) -> tuple[Array, list[Array]]:
        sr, values = gradients(lr, gt)
        return sr.numpy(), [value.numpy() for value in values]

    return run


def compile_network(model: Any) -> Network:
    """Return `model` as a function of NumPy arrays (batch, rows, columns, 1) of any size, compiled once, in float32."""
    if not tf.config.list_logical_devices("GPU"):
        return _on_processor(model)
    return _on_gpu(model)


def _on_processor(model: Any) -> Network:
    """Do as `compile_network` says, in memory that does not grow with the number of sizes.

    TensorFlow keeps the convolutions that oneDNN compiles for a size, 0.1 MB each, up to 1024 of them for each of its
    threads, as long as that thread lives. So each image has a thread of its own, in which only a session can run.
    """
    variables = model.trainable_variables
    with tf.Graph().as_default() as graph:
        lr, *weights = (
            tf.compat.v1.placeholder(tf.float32, shape)
            for shape in ((None, None, None, 1), *(tuple(variable.shape) for variable in variables))
        )
        features = lr
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            features = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(features, kernel, 1, "SAME"), bias))
        # In the order in which TensorFlow adds them when it compiles the model: the bias comes last.
        sr = tf.add_n([tf.nn.conv2d(features, weights[-2], 1, "SAME"), lr]) + weights[-1]
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    settings = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads)
    session = tf.compat.v1.Session(graph=graph, config=settings)
    in_this_thread = tf.compat.v1.RunOptions(inter_op_thread_pool=-1)

    def run(image: Array) -> Array:
        fed = {lr: image} | {place: variable.numpy() for place, variable in zip(weights, variables, strict=True)}
        result: Array = session.run(sr, fed, options=in_this_thread)
        return result

    def exact(image: Array) -> Array:
        with ThreadPoolExecutor(1, thread_name_prefix="network") as thread:
            return thread.submit(run, image).result()

    return exact


def _on_gpu(model: Any) -> Network:
    """Do as `compile_network` says; cuDNN is left no fast arithmetic."""
    tensor_float_32 = tf.config.experimental.tensor_float_32_execution_enabled
    allow_tensor_float_32 = tf.config.experimental.enable_tensor_float_32_execution

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)])  # type: ignore[untyped-decorator]
    def network(lr: tf.Tensor) -> tf.Tensor:
        return model(lr, training=False)

    def exact(lr: Array) -> Array:
        # On a GPU convolutions would else take the first 10 bits of each factor.
        before = tensor_float_32()
        allow_tensor_float_32(False)
        try:
            result: Array = network(lr).numpy()
        finally:
            allow_tensor_float_32(before)
        return result

    return exact
