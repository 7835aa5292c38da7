"""The compiled step: the loss has the paper's scale, and one step does what the formula says."""

import numpy as np
import pytest
from needs import needs

from vdsr_train.config import Config

needs("tensorflow")


def one_step(config: Config, lr, gt):
    from vdsr_train.backends.model import build_model, get_weights, initial_weights, set_weights
    from vdsr_train.backends.optimizer import build_optimizer
    from vdsr_train.backends.step import compile_step

    model = build_model(depth=config.depth, channels=config.channels, precision=config.precision)
    set_weights(model, initial_weights(config))
    optimizer = build_optimizer(config)
    step = compile_step(model, optimizer, config)
    optimizer.learning_rate = config.learning_rate
    loss = float(step(lr, gt))
    return loss, get_weights(model.trainable_variables)


@pytest.fixture
def batch():
    random = np.random.default_rng(0)
    gt = random.random((4, 41, 41, 1)).astype(np.float32)
    return gt + random.normal(0, 0.05, gt.shape).astype(np.float32), gt


def test_the_papers_loss_is_the_sum_halved_by_the_batch(batch) -> None:
    lr, gt = batch
    still = {"depth": 3, "channels": 4, "batch_size": 4, "last_layer": "zero"}  # sr = lr before the first step
    expected = ((gt.astype(np.float64) - lr) ** 2).sum() / (2 * 4)
    loss, _ = one_step(Config(loss="sum", **still), lr, gt)
    mean, _ = one_step(Config(loss="mean", **still), lr, gt)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert mean == pytest.approx(((gt - lr) ** 2).mean(), rel=1e-5)
    assert loss / mean == pytest.approx(41 * 41 / 2, rel=1e-5)  # the 840 times
    absolute, _ = one_step(Config(loss="absolute", **still), lr, gt)
    assert absolute == pytest.approx(np.abs(gt - lr).mean(), rel=1e-5)


def test_one_step_equals_numpy(batch) -> None:
    """The bias of the last layer: its gradient is the mean of the summed error; nothing is clipped."""
    lr, gt = batch
    config = Config(depth=3, channels=4, batch_size=4, last_layer="zero", learning_rate=1e-4, clip="none")
    _, weights = one_step(config, lr, gt)
    gradient = (lr.astype(np.float64) - gt).sum() / 4
    assert weights[-1][1][0] == pytest.approx(-1e-4 * gradient, rel=1e-4)


def test_the_output_is_not_clipped_inside_the_graph(batch) -> None:
    """Far outside [0, 1] the loss still has a gradient."""
    lr, gt = batch
    config = Config(depth=3, channels=4, batch_size=4, last_layer="zero", clip="none")
    _, low = one_step(config, lr - 9, gt)
    _, high = one_step(config, lr + 9, gt)
    assert low[-1][1][0] > 0 > high[-1][1][0]


def test_mixed_bfloat16_trains_float32_weights(batch) -> None:
    options = {"depth": 4, "channels": 8, "batch_size": 4, "clip": "none", "learning_rate": 1e-4}
    loss, weights = one_step(Config(precision="mixed_bfloat16", **options), *batch)
    exact, reference = one_step(Config(**options), *batch)
    assert all(array.dtype == np.float32 for layer in weights for array in layer)
    assert loss == pytest.approx(exact, rel=0.02)
    assert loss != exact
    assert not any(np.array_equal(a[0], b[0]) for a, b in zip(weights, reference, strict=True))
