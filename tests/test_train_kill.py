"""kill -9, ten times, at random steps, at random moments and inside a checkpoint: the final bits are the same."""

import os
import subprocess
import sys

import pytest
from train_fixtures import small, training_file

from vdsr_eval.networks.weights import read_weights
from vdsr_train.config import read_config

pytest.importorskip("tensorflow")

# Forks before TensorFlow has started anything, so that a killed training costs a second and not an import.
KILLED_TEN_TIMES = """
import os, random, signal, sys, time
from pathlib import Path
import tensorflow, keras
from train_fixtures import Recorder
from vdsr_train.loop import checkpoint
from vdsr_train.config import read_config
from vdsr_train.run.train import run_training
import vdsr_train.run.record
vdsr_train.run.record.open_board = lambda *_: None  # which takes most of the time

folder = Path(sys.argv[1])
config = read_config(folder / "config.json")
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
random.seed(3)

def child(kind):
    stop = config.steps
    if kind == "step":
        stop = random.randrange(5, 10)
    elif kind == "save":
        left = [random.randrange(2, 8)]
        def flush(path):
            left[0] -= 1
            if not left[0]:
                path.write_bytes(path.read_bytes()[: random.randrange(3000)])
                die()
        checkpoint._flush = flush
    first = []
    def at(step):
        first.append(step)
        if kind == "step" and step - first[0] >= stop:
            die()
        if kind == "moment" and len(first) == 1:
            (folder / "started").touch()
    resume = (folder / "parts").exists()
    run_training(config, folder / "parts", resume=resume, console=Recorder(at=at))
    os._exit(0)

killed = 0
for kind in ["step", "save", "moment", "step", "save", "step", "moment", "save", "step", "step", ""]:
    seed = random.random()
    process = os.fork()
    if not process:
        random.seed(seed)
        try:
            child(kind)
        except BaseException:
            import traceback; traceback.print_exc()
            os._exit(1)
    if kind == "moment":
        while not (folder / "started").exists():
            time.sleep(0.01)
        (folder / "started").unlink()
        time.sleep(random.uniform(0, 0.05))
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        killed += 1
    else:
        assert os.WEXITSTATUS(status) == 0
print("killed", killed)

if not os.fork():
    run_training(config, folder / "whole", resume=False, console=Recorder())
    os._exit(0)
os.wait()
"""


def test_killed_ten_times_it_ends_with_the_same_bits(tmp_path) -> None:
    training_file(tmp_path / "train.h5")
    small(tmp_path, steps=150, checkpoint_every=1, validation="none", ema=20).write(tmp_path / "config.json")
    assert read_config(tmp_path / "config.json").ema == 20
    done = subprocess.run(
        [sys.executable, "-c", KILLED_TEN_TIMES, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "killed 10" in done.stdout
    for name in ("weights", "averaged"):
        pair = (read_weights(tmp_path / run / f"{name}.h5") for run in ("whole", "parts"))
        for one, other in zip(*pair, strict=True):
            assert all(array.tobytes() == twin.tobytes() for array, twin in zip(one, other, strict=True))
    assert len(list((tmp_path / "parts" / "checkpoints").iterdir())) == 2
