"""Winograd's convolutions: the gradients of a slow twin in float64, and the training that the backend would do."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import needs
from train_fixtures import Recorder, small, training_file, undraw

from vdsr_data.errors import VdsrError
from vdsr_train.config import Config

needs("tensorflow")

undrawn = pytest.fixture(autouse=True)(undraw)
LOSSES = ("sum", "total", "mean", "absolute")


def slow_gradients(config: Config, weights, lr, gt):
    """Loss and gradients one tap at a time, in float64, as the chain rule has them."""

    def shifted(images):
        rows, columns = images.shape[1:3]
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return [(i, j, padded[:, i : i + rows, j : j + columns]) for i in range(3) for j in range(3)]

    weights = [(kernel.astype(float), bias.astype(float)) for kernel, bias in weights]
    inputs, features = [], lr.astype(float)
    for number, (kernel, bias) in enumerate(weights, start=1):
        inputs.append(features)
        features = sum(part @ kernel[i, j] for i, j, part in shifted(features)) + bias
        features = features if number == len(weights) else np.maximum(features, 0)
    error = lr + features - gt
    pixels = config.batch_size * lr.shape[1] * lr.shape[2]
    loss, gradient = {
        "sum": ((error**2).sum() / 2 / config.batch_size, error / config.batch_size),
        "total": ((error**2).sum() / 2, error),
        "mean": ((error**2).sum() / pixels, 2 * error / pixels),
        "absolute": (np.abs(error).sum() / pixels, np.sign(error) / pixels),
    }[config.loss]
    found = []
    for (kernel, _), images in zip(reversed(weights), reversed(inputs), strict=True):
        into = np.zeros_like(kernel)
        for i, j, part in shifted(images):
            into[i, j] = np.tensordot(part, gradient, ((0, 1, 2), (0, 1, 2)))
        found = [into, gradient.sum((0, 1, 2)), *found]
        earlier = sum(part @ kernel[2 - i, 2 - j].T for i, j, part in shifted(gradient))
        gradient = earlier * (images > 0)
    return loss, found


def problem(seed: int, config: Config, rows: int, columns: int):
    """Random weights and a random batch."""
    random = np.random.default_rng(seed)
    widths = [1, *[config.channels] * (config.depth - 1), 1]
    weights = [
        (
            (random.standard_normal((3, 3, a, b)) * np.sqrt(2 / (9 * a))).astype(np.float32),
            random.normal(0, 0.1, b).astype(np.float32),
        )
        for a, b in pairwise(widths)
    ]
    gt = random.random((config.batch_size, rows, columns, 1)).astype(np.float32)
    return weights, (gt + random.normal(0, 0.1, gt.shape)).astype(np.float32), gt


def check(config: Config, rows: int, columns: int, seed: int = 0) -> None:
    from vdsr_train.backends.winograd import Gradients

    weights, lr, gt = problem(seed, config, rows, columns)
    loss, gradients = Gradients(config)(weights, lr, gt)
    expected, twins = slow_gradients(config, weights, lr, gt)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert len(gradients) == 2 * config.depth
    for gradient, twin in zip(gradients, twins, strict=True):
        assert gradient.dtype == np.float32
        assert gradient.shape == twin.shape
        # A feature that rounding moves over the bend of ReLU changes a gradient by one pixel's worth.
        assert np.linalg.norm(gradient - twin) <= 1e-3 * np.linalg.norm(twin) + 1e-6


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_a_slow_twin(loss) -> None:
    check(Config(depth=3, channels=16, batch_size=3, loss=loss, threads=2), rows=5, columns=9)


@pytest.mark.jit
@settings(max_examples=40)
@given(
    rows=st.integers(1, 21), columns=st.integers(1, 21), patches=st.integers(1, 7), threads=st.integers(1, 5),
    depth=st.integers(2, 5), channels=st.sampled_from([16, 32]), loss=st.sampled_from(LOSSES), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_size(rows, columns, patches, threads, depth, channels, loss, seed) -> None:
    config = Config(depth=depth, channels=channels, batch_size=patches, loss=loss, threads=threads)
    check(config, rows, columns, seed)


@pytest.mark.slow
@pytest.mark.jit
def test_the_whole_network_on_patches_of_its_size() -> None:
    check(Config(batch_size=2, loss="mean", threads=2), rows=41, columns=41)


@pytest.mark.jit
def test_a_smaller_or_larger_batch_follows() -> None:
    """The memory of the batch before leaves nothing behind, and the same batch gives the same bits."""
    from vdsr_train.backends.winograd import Gradients

    config = Config(depth=3, channels=16, batch_size=4, loss="mean", threads=2)
    gradients = Gradients(config)
    weights, lr, gt = problem(1, config, 13, 10)
    first = gradients(weights, lr, gt)
    for count, rows in ((1, 13), (3, 9), (4, 11)):
        found = gradients(weights, lr[:count, :rows], gt[:count, :rows])
        fresh = Gradients(config)(weights, lr[:count, :rows], gt[:count, :rows])
        assert found[0] == fresh[0]
        assert all(np.array_equal(a, b) for a, b in zip(found[1], fresh[1], strict=True))
    again = gradients(weights, lr, gt)
    assert again[0] == first[0]
    assert all(np.array_equal(a, b) for a, b in zip(again[1], first[1], strict=True))


@pytest.mark.jit
def test_what_is_not_a_number_is_not_hidden() -> None:
    from vdsr_train.backends.winograd import Gradients

    config = Config(depth=3, channels=16, batch_size=2, loss="mean", threads=2)
    weights, lr, gt = problem(1, config, 9, 9)
    weights[1][0][1, 1, 0, 0] = np.nan
    loss, _ = Gradients(config)(weights, lr, gt)
    assert np.isnan(loss)


@pytest.fixture
def data(tmp_path):
    training_file(tmp_path / "train.h5")
    return tmp_path


RECIPES = {
    "sgd": {"learning_rate": 0.01},  # at 0.1 rounding grows to 1e-3 within fifty steps, on TensorFlow and JAX alike
    "adam": {"optimizer": "adam", "clip": "none", "loss": "mean", "learning_rate": 1e-3},
    "muon": {"optimizer": "muon", "clip": "none", "loss": "absolute", "learning_rate": 2e-3, "ema": 5},
}


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_it_trains_as_the_backend_does(data, recipe) -> None:
    from vdsr_eval.networks.weights import read_weights
    from vdsr_train.run.log import read_log
    from vdsr_train.run.train import run_training

    for name in ("direct", "winograd"):
        config = small(data, channels=16, convolution=name, validation="none", **recipe)
        run_training(config, data / name, resume=False, console=Recorder())
    rows, twins = (read_log(data / name / "log.csv") for name in ("winograd", "direct"))
    for row, twin in zip(rows, twins, strict=True):
        assert row["loss"] == pytest.approx(twin["loss"], rel=1e-3)
        assert row["clipped"] == pytest.approx(twin["clipped"], abs=2e-3)
    for file in ("weights.h5", "averaged.h5") if "ema" in recipe else ("weights.h5",):
        layers = zip(read_weights(data / "winograd" / file), read_weights(data / "direct" / file), strict=True)
        for layer, twin in layers:
            for array, other in zip(layer, twin, strict=True):
                np.testing.assert_allclose(array, other, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"precision": "mixed_bfloat16"}, "only with precision float32"),
        ({"distribute": "mirrored"}, "distribute none"),
        ({"channels": 24}, "multiple of 16 channels, not 24"),
    ],
)
def test_what_it_cannot_do_is_refused(options, reason) -> None:
    from vdsr_train.backends.winograd import compile_step

    with pytest.raises(VdsrError, match=reason):
        compile_step(None, None, Config(convolution="winograd", **options))
