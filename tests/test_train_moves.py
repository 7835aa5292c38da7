"""Killed, packed, gone on with elsewhere, made longer, decayed: the last bits are those of a training left alone."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import h5py
import pytest
from needs import needs
from train_fixtures import small, training_file

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.weights import read_weights
from vdsr_train import decay, pack, read_config, train
from vdsr_train.run.log import read_log

needs("tensorflow")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")]

# A backend is chosen once, so that each has processes of its own; the first one dies by its own hand.
CODE = """
import os, signal, sys
from vdsr_train import decay, pack, read_config, train
from vdsr_train.loop import checkpoint
from vdsr_train.run import record
record.open_board = lambda *_: None
record.Record._draw = lambda _: None
whole = read_config("whole.json")
def config(**fields):
    from dataclasses import replace
    return replace(whole, **fields)
if sys.argv[1] == "dies":
    save = checkpoint.save
    def dying(*arguments, **options):
        save(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    checkpoint.save = dying
    train(config(schedule="stable", decay_from=0, steps=20), run_dir="run")
pack("run", "first.h5")
train(resume="first.h5", run_dir="there", file="moved.h5")
pack("there", "second.h5")
train(resume="second.h5", run_dir="again", steps=23)
train(resume="again", steps=30)
decay("again", steps=10, run_dir="branch")
train(resume="again", steps=34)
decay("second.h5", steps=5, shape="cosine", run_dir="early")
train(whole, run_dir="whole")
train(config(schedule="stable", decay_from=0, steps=34), run_dir="level")
train(config(schedule="cosine", decay_from=20, steps=25), run_dir="cosine")
import keras
assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
"""


def state(run: Path | str) -> dict[str, bytes]:
    """Every array of the last checkpoint of a run."""
    with h5py.File(max(Path(run, "checkpoints").iterdir())) as file:
        names: list[str] = []
        file.visit(names.append)
        return {name: file[name][()].tobytes() for name in names if isinstance(file[name], h5py.Dataset)}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_it_ends_with_the_same_bits(tmp_path, backend) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    training_file(tmp_path / "train.h5")
    (tmp_path / "moved.h5").write_bytes((tmp_path / "train.h5").read_bytes())
    whole = small(
        tmp_path, file="train.h5", validation="none", schedule="linear", decay_from=30, steps=40, warmup=4, ema=5,
        optimizer="muon", clip="none", loss="absolute", learning_rate=2e-3, symmetries=True,
    )  # fmt: skip
    whole.write(tmp_path / "whole.json")
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    for word, code in (("dies", -signal.SIGKILL), ("lives", 0)):
        command = [sys.executable, "-c", CODE, word]
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    for moved, alone in (("branch", "whole"), ("again", "level"), ("early", "cosine")):
        one, other = state(tmp_path / moved), state(tmp_path / alone)
        assert one.keys() == other.keys()
        assert [name for name in one if one[name] != other[name]] == []
        assert len(one) > 20
        for name in ("weights", "averaged"):
            pair = (read_weights(tmp_path / run / f"{name}.h5") for run in (moved, alone))
            for layer, twin in zip(*pair, strict=True):
                assert all(array.tobytes() == same.tobytes() for array, same in zip(layer, twin, strict=True))
    assert read_log(tmp_path / "there" / "log.csv")[0]["step"] > 7  # it went on from a checkpoint
    assert replace(read_config(tmp_path / "branch"), file="train.h5") == whole
    first, second = (tmp_path / "branch" / "commands.txt").read_text().splitlines()
    assert first.startswith("vdsr-train --preset paper --depth 3 ")
    assert " --schedule stable " in first
    assert first.endswith(
        " --steps 30 --ema 5 --convolution direct --validation none --checkpoint-every 7 --log-every 5 --run-dir again"
    )
    assert second == "vdsr-train decay again --steps 10 --shape linear --run-dir branch"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder with data and a level training, ``level``, of 12 steps, the first 4 of them its warm-up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vdsr_train.run.record.open_board", lambda *_: None)
    training_file(tmp_path / "train.h5")
    config = small(tmp_path, file="train.h5", validation="none", schedule="stable", warmup=4, steps=12)
    train(config, run_dir="level", quiet=True)
    return tmp_path


def test_the_commands_that_a_branch_keeps_repeat_it(folder, capsys) -> None:
    from vdsr_train.cli.main import main

    decay("level", minutes=0.2, run_dir="branch")
    config = read_config("branch")
    assert f"0.2 minutes: until step {config.steps}, at " in capsys.readouterr().out
    commands = Path("branch/commands.txt").read_text()
    assert f"decay level --steps {config.steps - 12} --shape linear" in commands
    for line in commands.replace("level", "level2").replace("branch", "branch2").splitlines():
        main(line.split()[1:], "vdsr-train", standalone_mode=False)
    assert Path("branch2/commands.txt").read_text() == commands.replace("level", "level2").replace("branch", "branch2")
    assert state("branch") == state("branch2")


def test_a_rate_that_was_divided_falls_from_where_it_is(folder) -> None:
    train(read_config("level"), schedule="step", decay_every=1, steps=30, run_dir="divided", quiet=True)
    decay("divided", steps=4, shape="cosine", run_dir="branch", quiet=True)
    assert read_config("branch").learning_rate == 0.001  # 0.1, after two epochs of 12 steps
    assert [row["learning_rate"] for row in read_log("branch/log.csv")] == [0.000146447]


def test_minutes_end_a_level_training_and_their_steps_give_the_same_bits(folder) -> None:
    config = read_config("level")
    train(config, run_dir="timed", minutes=0.2, quiet=True)
    taken = read_config("timed").steps
    assert taken is not None
    assert read_log("timed/log.csv")[-1]["step"] == taken > 4
    train(config, run_dir="counted", steps=taken, quiet=True)
    assert state("timed") == state("counted")
    train(resume="timed", minutes=0.2, quiet=True)  # so many more
    assert read_config("timed").steps > taken


def test_a_level_training_that_is_late_ends_early_and_says_so_in_its_record(folder, monkeypatch) -> None:
    late = iter([False] * 5 + [True])
    monkeypatch.setattr("vdsr_train.run.pace.Clock.late", lambda *_, **__: next(late))
    train(read_config("level"), run_dir="timed", minutes=60.0, quiet=True)
    assert read_config("timed").steps == 6
    assert read_log("timed/log.csv")[-1]["step"] == 6
    with pytest.raises(StopIteration):
        next(late)


def test_a_packed_training_that_is_complete_gives_its_weights(folder) -> None:
    pack("level", "level.h5")
    run = train(resume="level.h5", run_dir="there", quiet=True)
    assert state("there") == state("level")
    assert run.weights.exists()
    with pytest.raises(VdsrError, match=r"there: holds a training already; go on with --resume there"):
        train(resume="level.h5", run_dir="there")


def test_other_data_is_refused_and_nothing_is_left(folder) -> None:
    pack("level", "level.h5")
    training_file(folder / "other.h5", change=lambda lr, gt: (lr[::-1], gt[::-1]))
    with pytest.raises(VdsrError, match=r"other\.h5: not the data that this training began with"):
        train(resume="level.h5", file="other.h5", steps=20, run_dir="there")
    assert not Path("there").exists()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train(resume="level.h5", depth=4), "level.h5: was started with depth 3, not 4, which would change"),
        (lambda: train(resume="level.h5", run_dir="level"), "level: holds a training already"),
        (lambda: train(resume="level.h5", preset="quick"), "leave out --run-dir and --preset"),
        (lambda: train(resume="train.h5"), "train.h5: is not a training that this version has packed"),
        (lambda: train(resume="level", steps=20, minutes=1), "--minutes measures how many steps fit; leave out"),
        (lambda: train(file="train.h5", minutes=1, local_workers=2), "--minutes measures the pace of one process"),
        (lambda: train(file="train.h5", minutes=1, distribute="multi-worker"), "--minutes measures the pace of one"),
        (lambda: train(minutes=0), "minutes: 0 is not allowed; give a number from 0.1 to"),
        (lambda: train(file="train.h5", minutes=0.1, validation="none", run_dir="new"), "no step fits into these"),
        (lambda: train(resume="falls", steps=20),
         "falls: its rate falls to zero over steps 12, not 20; to go on, start another with --weights falls "
         "--schedule stable, and end that with: vdsr-train decay RUN --steps N"),
        (lambda: train(resume="falls.h5", steps=20), "--weights the weights.h5 that --resume falls.h5 writes"),
        (lambda: train(resume="falls", minutes=1), "falls: its rate falls to zero over its length, which is known"),
        (lambda: decay("falls", steps=5), "falls: its rate falls to zero already (cosine); what is decayed is"),
        (lambda: decay("level"), "decay: give --steps or --minutes"),
        (lambda: decay("level", steps=5, minutes=5), "decay: give --steps or --minutes, how long it is, one of"),
        (lambda: decay("level", steps=0), "steps: 0 is not allowed; give a whole number, 1 or more"),
        (lambda: decay("level", steps=5, shape="step"), "shape: 'step' is not allowed; give one of cosine, linear"),
        (lambda: decay("level", steps=5, run_dir="falls"), "falls: holds a training already"),
        (lambda: decay("warm", steps=5), "warm: after step 12 it is still in its warm-up of 50 steps; train on"),
        (lambda: decay("nowhere", steps=5), "nowhere: no such file; a run folder holds"),
        (lambda: decay("begun", steps=5), "begun: has no whole checkpoint; train on: vdsr-train --resume begun"),
        (lambda: train(file="train.h5", weights="level.h5"), "a packed training; vdsr-train decay FILE --steps N"),
        (lambda: pack("begun", "out.h5"), "begun: has no whole checkpoint"),
        (lambda: pack("level", "level.h5"), "level.h5: exists already; use --force"),
        (lambda: pack("level", "out.txt"), "out.txt: the file is HDF5; give it a name that ends in .h5"),
        (lambda: pack("level.h5", "out.h5"), "level.h5: is a file; give the run folder of a training"),
    ],
)  # fmt: skip
def test_what_is_refused(prepared, call, message) -> None:
    before = sorted(prepared.rglob("*"))
    with pytest.raises(VdsrError) as caught:
        call()
    assert message in str(caught.value)
    assert sorted(prepared.rglob("*")) == before


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    training_file(folder / "train.h5")
    config = small(folder, file="train.h5", validation="none", steps=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("vdsr_train.run.record.open_board", lambda *_: None)
        for name, fields in (
            ("level", {"schedule": "stable"}),
            ("falls", {"schedule": "cosine"}),
            ("warm", {"schedule": "stable", "warmup": 50}),
        ):
            train(config, run_dir=name, quiet=True, **fields)
        pack("level", "level.h5")
        pack("falls", "falls.h5")
        Path("begun").mkdir()
        config.write("begun/config.json")
    return folder


@pytest.fixture
def prepared(kept, monkeypatch) -> Path:
    monkeypatch.chdir(kept)
    return kept
