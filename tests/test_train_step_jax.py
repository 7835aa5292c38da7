"""Under JAX the same training gives the same weights, up to the order of sums."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs import needs
from sgd_rule import JAX, elsewhere, equals_the_rule
from train_fixtures import Recorder, small, test_images, training_file, undraw

from vdsr_eval.networks.weights import read_weights
from vdsr_train.run.log import read_log
from vdsr_train.run.train import run_training

needs("tensorflow")
needs("jax")

MUON = {
    "optimizer": "muon", "warmup": 5, "learning_rate": 2e-3, "clip": "none", "loss": "absolute", "validation": "none",
}  # fmt: skip
ADAM = {
    "optimizer": "adam", "schedule": "cosine", "warmup": 5, "learning_rate": 1e-3, "clip": "none", "loss": "mean",
    "validation": "none",
}  # fmt: skip
RECIPES = {
    "sgd": {"theta": 1e-3, "decay_every": 1, "depth": 6},  # 16 steps an epoch: through three drops of the rate
    "adam": ADAM,
    "muon": MUON,
    "winograd": MUON | {"convolution": "winograd", "channels": 16},
}

# A backend is chosen once, so one process trains every recipe, and holds the network and the optimizer too.
UNDER_JAX = """
import sys; from pathlib import Path
from train_fixtures import Recorder
from vdsr_train.config import read_config
from vdsr_train.run.record import Record
from vdsr_train.run.train import run_training
Record._draw = lambda _: None
folder = Path(sys.argv[1])
for path in folder.glob("*.json"):
    config, console = read_config(path), Recorder()
    run_training(config, folder / path.stem, resume=False, console=console)
    assert any("threads: JAX" in text for text in console.warned) == (config.convolution == "direct")
import keras; assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules
"""

MANY_SIZES = """
import numpy as np
from vdsr_eval.networks import network as networks
from vdsr_train.backends import step_jax
from vdsr_train.backends.model import initial_weights
from vdsr_train.backends.predict import KerasEngine
from vdsr_train.config import Config
kept = []
jit = step_jax.jax.jit
step_jax.jax.jit = lambda function, **options: kept.append(jit(function, **options)) or kept[-1]
step_jax.KEPT = 4
upscaler = networks.Network(initial_weights(Config(depth=2, channels=4)), engine=KerasEngine)
images = [np.random.default_rng(number).random((9, 9 + number)) for number in range(6)]
first = [upscaler(image, 2) for image in images]
assert kept[-1]._cache_size() <= 4, kept[-1]._cache_size()
assert all((upscaler(image, 2) == sr).all() for image, sr in zip(images, first))
step_jax.jax.jit = jit
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with a training of each recipe under each backend, and what `elsewhere` saves."""
    folder = tmp_path_factory.mktemp("trained")
    training_file(folder / "train.h5", count=128)
    test_images(folder / "waves")
    for name, recipe in RECIPES.items():
        config = small(folder, steps=50, ema=10, **recipe)
        with pytest.MonkeyPatch.context() as patch:
            undraw(patch)
            run_training(config, folder / f"{name}-tensorflow", resume=False, console=Recorder())
        replace(config, threads=2).write(folder / f"{name}-jax.json")
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # which take longer than fifty steps without them
    code = UNDER_JAX + MANY_SIZES + elsewhere(JAX)
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_fifty_steps_agree_to_1e_4(trained, name) -> None:
    runs = [trained / f"{name}-{backend}" for backend in ("tensorflow", "jax")]
    for file in ("weights", "averaged"):
        pair = (read_weights(run / f"{file}.h5") for run in runs)
        for one, other in zip(*pair, strict=True):
            for array, twin in zip(one, other, strict=True):
                np.testing.assert_allclose(array, twin, atol=1e-4)
    rows = [read_log(run / "log.csv") for run in runs]
    for one, other in zip(*rows, strict=True):
        assert one["clipped"] == pytest.approx(other["clipped"], abs=2e-3)
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert one.get("averaged_x3") == pytest.approx(other.get("averaged_x3"), abs=1e-3)
    assert ("averaged_x3" in rows[0][-1]) == (name == "sgd")
    moved = read_weights(runs[1] / "weights.h5")[0][0]
    assert np.abs(moved).max() > 1e-2  # it is not that nothing happened


@pytest.mark.slow
def test_the_optimizer_equals_the_rule_written_in_numpy(trained) -> None:
    """And the network is kept for a few sizes only, which the process of `trained` asserts."""
    equals_the_rule(trained)
