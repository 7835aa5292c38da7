"""Under JAX the same training gives the same weights, up to the order of sums."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from train_fixtures import Recorder, small, test_images, training_file, undraw

from vdsr_eval.networks.weights import read_weights
from vdsr_train.run.log import read_log
from vdsr_train.run.train import run_training

pytest.importorskip("tensorflow")
pytest.importorskip("jax", reason="JAX is not installed")

# In a process of its own: a backend is chosen once.
UNDER_JAX = """
import sys; from pathlib import Path
from train_fixtures import Recorder
from vdsr_train.config import read_config
from vdsr_train.run.record import Record
from vdsr_train.run.train import run_training
Record._draw = lambda _: None
folder = Path(sys.argv[1])
config, console = read_config(folder / "config.json"), Recorder()
run_training(config, folder / "jax", resume=False, console=console)
assert any("threads: JAX" in text for text in console.warned) == (config.convolution == "direct")
import keras; assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules
"""

undrawn = pytest.fixture(autouse=True)(undraw)

MUON = {"optimizer": "muon", "warmup": 5, "learning_rate": 2e-3, "clip": "none", "loss": "absolute"}


@pytest.mark.parametrize(
    "recipe",
    [
        {"theta": 1e-3, "decay_every": 1, "depth": 6},  # 16 steps an epoch: through three drops of the rate
        {
            "optimizer": "adam",
            "schedule": "cosine",
            "warmup": 5,
            "learning_rate": 1e-3,
            "clip": "none",
            "loss": "mean",
            "validation": "none",
        },
        MUON,
        MUON | {"convolution": "winograd", "channels": 16},
    ],
    ids=["sgd", "adam", "muon", "winograd"],
)
def test_fifty_steps_agree_to_1e_4(tmp_path, recipe) -> None:
    training_file(tmp_path / "train.h5", count=128)
    test_images(tmp_path / "waves")
    config = small(tmp_path, steps=50, ema=10, **recipe)
    run_training(config, tmp_path / "tensorflow", resume=False, console=Recorder())
    replace(config, threads=2).write(tmp_path / "config.json")
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", UNDER_JAX, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in ("weights", "averaged"):
        pair = (read_weights(tmp_path / backend / f"{name}.h5") for backend in ("tensorflow", "jax"))
        for one, other in zip(*pair, strict=True):
            for array, twin in zip(one, other, strict=True):
                np.testing.assert_allclose(array, twin, atol=1e-4)
    rows = [read_log(tmp_path / backend / "log.csv") for backend in ("tensorflow", "jax")]
    for one, other in zip(*rows, strict=True):
        assert one["clipped"] == pytest.approx(other["clipped"], abs=2e-3)
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert one.get("averaged_x3") == pytest.approx(other.get("averaged_x3"), abs=1e-3)
    moved = read_weights(tmp_path / "jax" / "weights.h5")[0][0]
    assert np.abs(moved).max() > 1e-2  # it is not that nothing happened


MANY_SIZES = """
import numpy as np
from test_train_predict import network
from vdsr_train.backends import backend
backend.start()
from vdsr_eval.networks import network as networks
from vdsr_train.backends import step_jax
kept = []
jit = step_jax.jax.jit
step_jax.jax.jit = lambda function, **options: kept.append(jit(function, **options)) or kept[-1]
step_jax.KEPT = 4
upscaler = networks.Network(network(3))
images = [np.random.default_rng(number).random((9, 9 + number)) for number in range(10)]
first = [upscaler(image, 2) for image in images]
assert kept[-1]._cache_size() <= 4, kept[-1]._cache_size()
assert all((upscaler(image, 2) == sr).all() for image, sr in zip(images, first))
"""


def test_the_network_is_kept_for_a_few_sizes_only() -> None:
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", MANY_SIZES], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
