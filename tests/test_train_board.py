"""TensorBoard's event files, read back; and that nothing is missed where it is not installed."""

import sys

import numpy as np
import pytest
from needs import needs
from train_fixtures import Recorder, small, test_images, training_file

from vdsr_train.run.log import read_log
from vdsr_train.run.train import run_training

needs("tensorflow")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr("vdsr_train.run.record.Record._draw", lambda _: None)
    training_file(tmp_path / "train.h5")
    test_images(tmp_path / "waves")
    return tmp_path


@pytest.mark.slow
def test_scalars_pictures_and_histograms(data) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = small(data, steps=12, theta=1e-3)
    run_training(config, data / "run", resume=False, console=Recorder())
    events = accumulator.EventAccumulator(str(data / "run" / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    assert {"loss", "learning_rate", "clipped", "patches_per_second", "psnr_x2"} <= tags
    assert {"input", "label", "output", "residual"} <= tags
    for kind in ("weights", "gradients", "clipped"):
        assert {f"{kind}/conv_{layer:02}/{part}" for layer in (1, 2, 3) for part in ("kernel", "bias")} <= tags

    def last(tag: str) -> np.ndarray:
        from tensorboard.util.tensor_util import make_ndarray

        return make_ndarray(events.Tensors(tag)[-1].tensor_proto)

    assert last("loss") == pytest.approx(read_log(data / "run" / "log.csv")[-1]["loss"], rel=1e-5)
    limit = config.theta / config.learning_rate
    edges = last("clipped/conv_02/kernel")[:, :2]
    assert np.abs(edges).max() <= limit * (1 + 1e-6) < np.abs(last("gradients/conv_02/kernel")[:, :2]).max()


def test_a_training_runs_without_tensorboard(data, monkeypatch) -> None:
    monkeypatch.setattr("vdsr_train.run.board.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    run_training(small(data, steps=3), data / "run", resume=False, console=Recorder())
    assert (data / "run" / "weights.h5").exists()
    assert not (data / "run" / "tensorboard").exists()
