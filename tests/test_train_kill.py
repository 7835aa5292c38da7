"""kill -9 inside a checkpoint: the final bits are the same. tests/faults kills at any moment."""

import sys

import pytest
from needs import needs
from train_fixtures import Fork, small, training_file

from vdsr_eval.networks.weights import read_weights

needs("tensorflow")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs fork")]

TRAIN = """
import os, signal, sys
from pathlib import Path
from train_fixtures import Recorder
from vdsr_train.loop import checkpoint
from vdsr_train.config import read_config
from vdsr_train.run import record
from vdsr_train.run.train import run_training
record.open_board = lambda *_: None  # which takes most of the time

name, saves = sys.argv[1:]
left = [int(saves)]
flush = checkpoint._flush
def dying(path):
    left[0] -= 1
    if not left[0]:
        path.write_bytes(path.read_bytes()[:3000])
        os.kill(os.getpid(), signal.SIGKILL)
    flush(path)
checkpoint._flush = dying
run_training(read_config("config.json"), name, resume=Path(name).exists(), console=Recorder())
"""


def test_killed_inside_a_checkpoint_it_ends_with_the_same_bits(tmp_path) -> None:
    training_file(tmp_path / "train.h5")
    small(tmp_path, steps=20, checkpoint_every=1, validation="none", ema=20).write(tmp_path / "config.json")
    assert Fork(tmp_path, "parts", "6", code=TRAIN).wait()[0] == -9
    names = {path.name for path in (tmp_path / "parts" / "checkpoints").iterdir()}
    assert {"step-000000004.h5", "step-000000005.h5"} < names  # and what was half-written
    assert "step-000000006.h5" not in names
    for name in ("parts", "whole"):
        code, _, errors = Fork(tmp_path, name, "0", code=TRAIN).wait()
        assert code == 0, errors
    for name in ("weights", "averaged"):
        pair = (read_weights(tmp_path / run / f"{name}.h5") for run in ("whole", "parts"))
        for one, other in zip(*pair, strict=True):
            assert all(array.tobytes() == twin.tobytes() for array, twin in zip(one, other, strict=True))
    assert len(list((tmp_path / "parts" / "checkpoints").iterdir())) == 2
