"""Trainings that are killed, or meet a bad disk: what is in the run folder is whole, and the end is the same."""

import errno
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
from forks import Command, Forks, Outcome, hidden, tree
from patience import in_time
from PIL import Image
from train_fixtures import test_images as images
from train_fixtures import training_file

from vdsr_eval.networks.weights import read_weights
from vdsr_train.run.log import read_log

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and fork"),
]

OPTIONS = {
    "depth": 3, "channels": 8, "batch-size": 8, "steps": 40, "log-every": 5, "checkpoint-every": 7,
    "validate-every": 20, "ema": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """A process with TensorFlow imported, in which nothing of it has been used."""
    pytest.importorskip("tensorflow")
    modules = ["cli.main", "run.train", "run.figures", "run.board"]
    modules += [f"backends.{module}" for module in ("model", "optimizer", "step", "predict")]
    with Forks("tensorflow", "keras", "matplotlib.pyplot", *(f"vdsr_train.{module}" for module in modules)) as process:
        yield process


@pytest.fixture(scope="module")
def place(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder with data, and `whole`, the run folder of an undisturbed training; and how that ended."""
    folder = tmp_path_factory.mktemp("training")
    training_file(folder / "train.h5")
    images(folder / "waves")
    whole = forks(start(folder / "whole"))
    assert whole.code == 0, whole.err
    return folder, whole


def start(run: Path) -> Command:
    """Start a training, or go on with it if it had come to write down what it is."""
    words = ["vdsr-train", "--resume", run.name]
    if not (run / "config.json").exists():
        words = ["vdsr-train", "train.h5", "--validation", "waves", "--run-dir", run.name]
        words += [word for name, value in OPTIONS.items() for word in (f"--{name}", str(value))]
    return Command(tuple(words), below=str(run.parent), watched=str(run))


def check_whole(run: Path) -> None:
    """Everything under its final name can be read."""
    for path in run.rglob("*.h5"):
        if not path.name.startswith("."):
            with h5py.File(path) as file:
                assert file.attrs["step"] > 0
    for path in run.rglob("*.png"):
        if not path.name.startswith("."):
            Image.open(path).load()


def check_same(run: Path, whole: Path) -> None:
    """The run has ended as if nothing had happened."""
    files, wanted = tree(run), tree(whole)
    assert not hidden(files)
    for kind in ("tensorboard", "checkpoints"):  # a file for each start, and checkpoints where one ended
        files, wanted = ({name: data for name, data in each.items() if kind not in name} for each in (files, wanted))
    assert files.keys() == wanted.keys()
    for name in ("weights", "averaged"):
        pair = (read_weights(folder / f"{name}.h5") for folder in (whole, run))
        for one, other in zip(*pair, strict=True):
            assert all(array.tobytes() == twin.tobytes() for array, twin in zip(one, other, strict=True))
    for name in wanted:
        if name.startswith("validation"):
            assert files[name] == wanted[name], name
    steps = [{row["step"] for row in read_log(folder / "log.csv")} for folder in (whole, run)]
    assert steps[0] <= steps[1]  # an interruption adds a row


def test_killed_and_interrupted(forks, place, chance, amount, tried) -> None:
    folder, whole = place
    for count in range(amount(1, 12)):
        run, killed = folder / f"killed{count}", 0
        while killed < amount(1, 4):
            signum = chance.choice((signal.SIGKILL, signal.SIGINT))
            if chance.random() < 0.5:
                when = {"at": chance.randint(1, whole.operations)}
            else:
                when = {"after": chance.uniform(0, whole.seconds)}
            outcome = forks(start(run).killed(signum, **when))
            tried("killed", int(outcome.code != 0))
            killed += outcome.code != 0
            assert not outcome.hung
            assert outcome.code in (0, -9 if signum == signal.SIGKILL else 130), (when, outcome)
            if outcome.code == 130:
                assert in_time(outcome.seconds, 2), (when, outcome)
                last = outcome.lines[-1]
                assert last == "vdsr-train: interrupted" or "go on with: vdsr-train --resume" in last, outcome
            check_whole(run)
            if not outcome.code:
                break
        again = forks(start(run))
        assert again.code == 0, again.err
        check_same(run, folder / "whole")


@pytest.mark.torture
def test_any_operation_may_fail(forks, place, chance, amount, tried) -> None:
    folder, whole = place
    for count in range(amount(2, 25)):
        run = folder / f"failed{count}"
        error, at = chance.choice((errno.ENOSPC, errno.EIO, errno.EROFS)), chance.randint(1, whole.operations)
        tried("disk")
        outcome = forks(start(run).but(at=at, error=error))
        assert not outcome.hung
        assert outcome.code in (0, 1), (at, outcome)
        assert "Traceback" not in outcome.err, (at, outcome)
        if outcome.code:
            assert outcome.lines[-1].startswith("vdsr-train: "), (at, outcome)
        check_whole(run)
        again = forks(start(run))
        assert again.code == 0, again.err
        check_same(run, folder / "whole")
