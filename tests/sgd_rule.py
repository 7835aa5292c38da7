"""SGD as the paper has it, in NumPy, and what holds an optimizer to it in another process: without TensorFlow."""

from pathlib import Path

import numpy as np

RATES = [0.1] * 6 + [0.01] * 6 + [0.001] * 6
SHAPES = [(3, 3, 2, 4), (4,), (3, 3, 4, 1), (1,)]


def gradients(step: int) -> list[np.ndarray]:
    """Gradients that some limits clip and others do not."""
    random = np.random.default_rng(step)
    return [(random.standard_normal(shape) * 10.0 ** random.integers(-3, 2)).astype(np.float32) for shape in SHAPES]


def starting_values() -> list[np.ndarray]:
    return [np.random.default_rng(9).standard_normal(shape).astype(np.float32) for shape in SHAPES]


def numpy_sgd(start, *, clip, theta, decay, momentum):
    """The rule of the paper, in float64."""
    weights = [array.astype(np.float64) for array in start]
    velocity = [np.zeros_like(array) for array in weights]
    fractions = []
    for step, rate in enumerate(RATES):
        limit, cut = theta / rate, []
        for index, sample in enumerate(gradients(step)):
            gradient = sample.astype(np.float64)
            pull = decay * weights[index] if weights[index].ndim > 1 else 0.0
            if clip == "value":
                cut.append((np.abs(gradient) > limit).mean())
                gradient = np.minimum(np.maximum(gradient, -limit), limit)
            elif clip == "norm":
                gradient, pull = gradient + pull, 0.0
                norm = np.sqrt((gradient**2).sum())
                cut.append(float(norm > limit))
                gradient = gradient * min(1.0, limit / norm)
            else:
                cut.append(0.0)
            velocity[index] = momentum * velocity[index] - rate * (gradient + pull)
            weights[index] = weights[index] + velocity[index]
        sizes = [array.size for array in weights]
        fractions.append(np.average(cut, weights=sizes))
    return weights, fractions


# Run by test_train_distribute and test_train_step_jax in processes of their own: backend and devices are chosen once.
MIRRORED = """
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    variables = [keras.Variable(array) for array in start]
    optimizer = build_optimizer(config)
    optimizer.build(variables)

@tf.function
def apply(values):
    def on_one_device(values):
        sign = 5.0 * tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        optimizer.apply([value * (3.0 - sign) for value in values], variables)  # 3 and -2 times: together once
    strategy.run(on_one_device, args=(values,))
"""

JAX = """
import jax
variables = [keras.Variable(array) for array in start]
optimizer = build_optimizer(config)
optimizer.build(variables)
update = jax.jit(optimizer.stateless_apply)

def apply(values):
    weights, state = update([v.value for v in optimizer.variables], values, [v.value for v in variables])
    for variable, value in zip([*variables, *optimizer.variables], [*weights, *state], strict=True):
        variable.assign(value)
"""

ELSEWHERE = """
import sys, keras, numpy as np
from pathlib import Path
from sgd_rule import RATES, gradients, starting_values
from vdsr_train.config import Config
from vdsr_train.backends.optimizer import build_optimizer
for clip in ("value", "norm"):
    start, config = starting_values(), Config(clip=clip, theta=1e-2, weight_decay=0.03)
    {}
    fractions = []
    for step, rate in enumerate(RATES):
        optimizer.learning_rate = rate
        apply(gradients(step))
        fractions.append(optimizer.clipped_fraction())
    np.savez(Path(sys.argv[1], clip), np.array(fractions), *(variable.numpy() for variable in variables))
"""


def elsewhere(script: str) -> str:
    """Code that saves, in the folder that its first word names, what SGD does where `script` makes the optimizer."""
    return ELSEWHERE.format(script.replace("\n", "\n    "))


def equals_the_rule(folder: Path) -> None:
    """Hold what `elsewhere` has saved to the rule."""
    for clip in ("value", "norm"):
        expected, cut = numpy_sgd(starting_values(), clip=clip, theta=1e-2, decay=0.03, momentum=0.9)
        with np.load(folder / f"{clip}.npz") as file:
            fractions, *weights = (file[name] for name in file.files)
        for got, want in zip(weights, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(fractions, cut, atol=1e-6)
