"""Adjustable clipping against NumPy, through two drops of the learning rate, inside a compiled function."""

import lazy_loader
import numpy as np
import pytest
from needs import needs
from sgd_rule import RATES, SHAPES, gradients, numpy_sgd, starting_values

from vdsr_train.config import Config

needs("tensorflow")
tf = lazy_loader.load("tensorflow")


def run(config: Config, start):
    import keras

    from vdsr_train.backends.optimizer import build_optimizer

    variables = [keras.Variable(array) for array in start]
    optimizer = build_optimizer(config)
    optimizer.build(variables)

    @tf.function
    def apply(values):
        optimizer.apply(values, variables)

    fractions = []
    for step, rate in enumerate(RATES):
        optimizer.learning_rate = rate
        apply([tf.constant(value) for value in gradients(step)])
        fractions.append(optimizer.clipped_fraction())
    assert apply.experimental_get_tracing_count() == 1
    return [variable.numpy() for variable in variables], fractions


@pytest.mark.parametrize("clip", ["value", "norm", "none"])
def test_sgd_equals_the_rule_written_in_numpy(clip) -> None:
    start = starting_values()
    config = Config(clip=clip, theta=1e-2, weight_decay=0.03)
    weights, fractions = run(config, start)
    expected, cut = numpy_sgd(start, clip=clip, theta=1e-2, decay=0.03, momentum=0.9)
    for got, want in zip(weights, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fractions, cut, atol=1e-6)
    if clip != "none":
        assert 0 < np.mean(cut) < 1


def test_while_clipping_is_active_a_step_is_theta_whatever_the_rate() -> None:
    config = Config(clip="value", theta=1e-3, momentum=0.0, weight_decay=0.0)
    import keras

    from vdsr_train.backends.optimizer import build_optimizer

    variable = keras.Variable(np.zeros((2, 2), np.float32))
    optimizer = build_optimizer(config)
    optimizer.build([variable])
    for rate in (0.1, 0.01, 0.001):
        before = variable.numpy()
        optimizer.learning_rate = rate
        optimizer.apply([tf.fill((2, 2), 1e6)], [variable])
        np.testing.assert_allclose(before - variable.numpy(), 1e-3, rtol=1e-5)


def test_weight_decay_is_coupled_and_leaves_biases_alone() -> None:
    """Ten times stronger with momentum 0.9 than Keras's decoupled decay, as in Caffe."""
    start = [np.ones((2, 2), np.float32), np.ones(2, np.float32)]
    import keras

    from vdsr_train.backends.optimizer import build_optimizer

    variables = [keras.Variable(array) for array in start]
    optimizer = build_optimizer(Config(weight_decay=1e-4, learning_rate=0.1))
    optimizer.build(variables)
    zeros = [tf.zeros((2, 2)), tf.zeros(2)]
    step = tf.function(lambda: optimizer.apply(zeros, variables))
    for _ in range(400):
        step()
    assert float(variables[1].numpy()[0]) == 1.0
    assert 1 - float(variables[0].numpy()[0, 0]) == pytest.approx(400 * 0.1 * 1e-4 * 10, rel=0.05)


def test_adam_clips_and_decays_too() -> None:
    import keras

    start = starting_values()
    weights, fractions = run(Config(optimizer="adam", clip="none", weight_decay=0.0, beta_2=0.99), start)
    plain = keras.optimizers.Adam(beta_1=0.9, beta_2=0.99)
    variables = [keras.Variable(array) for array in start]
    for step, rate in enumerate(RATES):
        plain.learning_rate = rate
        plain.apply([tf.constant(value) for value in gradients(step)], variables)
    for got, want in zip(weights, variables, strict=True):
        np.testing.assert_allclose(got, want.numpy(), rtol=1e-5, atol=1e-7)
    assert set(fractions) == {0.0}
    clipped, fractions = run(Config(optimizer="adam", clip="value", theta=1e-4, weight_decay=0.1), start)
    assert max(fractions) > 0
    assert not np.allclose(clipped[0], weights[0])


def numpy_muon(start, *, momentum, beta_2):
    """Muon for the kernel of several inputs and outputs, Adam for the others, in float64."""
    weights = [array.astype(np.float64) for array in start]
    first, second = ([np.zeros_like(array) for array in weights] for _ in range(2))
    for step, rate in enumerate(RATES):
        for k, gradient in enumerate(sample.astype(np.float64) for sample in gradients(step)):
            if SHAPES[k] == (3, 3, 2, 4):
                first[k] = momentum * first[k] + gradient
                matrix = (gradient + momentum * first[k]).reshape(18, 4).T
                matrix /= np.linalg.norm(matrix)
                for _ in range(5):
                    square = matrix @ matrix.T
                    matrix = 3.4445 * matrix + (-4.775 * square + 2.0315 * square @ square) @ matrix
                weights[k] -= rate * 0.2 * np.sqrt(18) * matrix.T.reshape(3, 3, 2, 4)
                singular = np.linalg.svd(matrix, compute_uv=False)
                assert singular.min() > 0.3  # nearly orthogonal
                assert singular.max() < 1.4
            else:
                first[k] = momentum * first[k] + (1 - momentum) * gradient
                second[k] = beta_2 * second[k] + (1 - beta_2) * gradient**2
                size = rate * np.sqrt(1 - beta_2 ** (step + 1)) / (1 - momentum ** (step + 1))
                weights[k] -= size * first[k] / (np.sqrt(second[k]) + 1e-7)
    return weights


def test_muon_equals_the_rule_written_in_numpy() -> None:
    start = starting_values()
    config = Config(optimizer="muon", clip="none", weight_decay=0.0, momentum=0.95, beta_2=0.99)
    weights, _ = run(config, start)
    for got, want in zip(weights, numpy_muon(start, momentum=0.95, beta_2=0.99), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_averages_follow_the_weights_with_the_horizon() -> None:
    import keras

    from vdsr_train.backends.optimizer import build_optimizer

    variable = keras.Variable(np.full((2, 2), 5.0, np.float32))
    optimizer = build_optimizer(Config(ema=20, clip="none", weight_decay=0.0, momentum=0.0))
    optimizer.build([variable])
    expected = 0.0
    for step in range(60):
        optimizer.learning_rate = 0.1
        optimizer.apply([tf.fill((2, 2), float(np.cos(step)))], [variable])
        share = max(1 / 20, 10 / (10 + step))
        expected += share * (float(variable.numpy()[0, 0]) - expected)
        np.testing.assert_allclose(optimizer.averages[0].numpy(), expected, rtol=1e-5)
