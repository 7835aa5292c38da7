"""Whole trainings of a 3-layer network: they learn, resume exactly, and stop with a reason."""

import errno
import os
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from needs import needs
from train_fixtures import Recorder, small, test_images, training_file, undraw

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import read_image
from vdsr_eval.networks.network import Network
from vdsr_eval.networks.weights import read_weights, write_weights
from vdsr_train.config import read_config
from vdsr_train.loop import checkpoint
from vdsr_train.presets import PRESETS
from vdsr_train.run.log import COLUMNS, read_log
from vdsr_train.run.record import stuck
from vdsr_train.run.train import Interrupted, run_training
from vdsr_train.run.validate import open_validation

needs("tensorflow")
undrawn = pytest.fixture(autouse=True)(undraw)

TIMING = {"patches_per_second", "waiting"}
AVERAGED = {"validate_every": 9, "ema": 5}
SHORT = {"steps": 3, "ema": 2}


def die(_step: int) -> None:
    raise Died


class Died(BaseException):
    """Stands in for a process that is gone: nothing catches it, nothing is saved."""


def stop_at(stop: int):
    return lambda step: step == stop and os.kill(os.getpid(), signal.SIGTERM)


def die_at(stop: int):
    return lambda step: step == stop and die(step)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    training_file(tmp_path / "train.h5")
    test_images(tmp_path / "waves")
    return tmp_path


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """Runs that tests compare with or copy: ``whole`` of `small`, ``stopped`` after 16 steps of it, and others."""
    folder = tmp_path_factory.mktemp("shared")
    training_file(folder / "train.h5")
    test_images(folder / "waves")
    with pytest.MonkeyPatch.context() as patch:
        undraw(patch)
        run_training(small(folder), folder / "whole", resume=False, console=Recorder())
        with pytest.raises(Interrupted):
            run_training(small(folder), folder / "stopped", resume=False, console=Recorder(at=stop_at(16)))
        run_training(small(folder, learning_rate=0.05), folder / "learnt", resume=False, console=Recorder())
        run_training(small(folder, **AVERAGED), folder / "averaged", resume=False, console=Recorder())
        run_training(small(folder, **SHORT), folder / "short", resume=False, console=Recorder())
    return folder


def same(one: Path, other: Path) -> None:
    """Weights, and the log but for its timing, are identical to the last bit."""
    for first, second in zip(read_weights(one / "weights.h5"), read_weights(other / "weights.h5"), strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))
    logs = [
        [{k: v for k, v in row.items() if k not in TIMING} for row in read_log(run / "log.csv")] for run in (one, other)
    ]
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_it_learns_and_leaves_a_complete_run_folder(data, monkeypatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("vdsr_train.run.record.open_board", lambda *_: None)
    console = Recorder()
    config = small(data, steps=120, epochs=1, learning_rate=0.05)
    run_training(config, data / "run", resume=False, console=console)
    run = data / "run"
    files = ["checkpoints", "config.json", "curves.png", "log.csv", "validation", "weights.h5"]
    assert sorted(path.name for path in run.iterdir() if path.name != "tensorboard") == files
    assert len(list((run / "checkpoints").iterdir())) == 2
    assert read_config(run / "config.json") == config
    rows = read_log(run / "log.csv")
    assert rows[-1]["step"] == 120
    assert rows[-1]["epoch"] == 10
    assert set(rows[-1]) == {name for name in COLUMNS if not name.startswith("averaged")}
    assert rows[-1]["loss"] < 0.2 * rows[0]["loss"]
    validated = [row["step"] for row in rows if "psnr_x2" in row]
    assert validated == [12 * epoch for epoch in range(1, 11)]  # after every epoch
    assert sum("bicubic" in text for text in console.said) == len(validated)  # and the bicubic row is always there
    assert len(read_weights(run / "weights.h5")) == 3


ADAM = {"optimizer": "adam", "schedule": "cosine", "warmup": 4, "learning_rate": 1e-3}


WINOGRAD = {"convolution": "winograd", "channels": 16}


SHORTER = {"steps": 14, "validation": "none"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "stops"),
    [
        ({"validate_every": 9}, (1, 6, 20)),
        (ADAM | SHORTER, (1, 9)),
        (ADAM | SHORTER | {"optimizer": "muon"}, (6,)),
        (WINOGRAD | SHORTER, (6,)),
    ],
    ids=["sgd", "adam", "muon", "winograd"],
)
def test_interrupted_and_resumed_equals_uninterrupted(data, options, stops) -> None:
    config = small(data, **options, symmetries=True)
    run_training(config, data / "whole", resume=False, console=Recorder())
    resume = False
    for stop in stops:
        console = Recorder(at=lambda step, stop=stop: step == stop and os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(Interrupted, match="vdsr-train --resume") as caught:
            run_training(config, data / "parts", resume=resume, console=console)
        assert caught.value.signum == signal.SIGINT
        resume = True
    run_training(config, data / "parts", resume=True, console=Recorder())
    for first, second in zip(
        read_weights(data / "whole" / "weights.h5"), read_weights(data / "parts" / "weights.h5"), strict=True
    ):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))


@pytest.mark.slow
def test_it_starts_from_trained_weights_and_goes_on_without_them(data, shared) -> None:
    copy = data / "mine.h5"
    copy.write_bytes((shared / "learnt" / "weights.h5").read_bytes())
    config = small(data, weights=str(copy), learning_rate=0.05, seed=1)
    run_training(config, data / "whole", resume=False, console=(said := Recorder()))
    first, (start, *whole) = (read_log(run / "log.csv") for run in (shared / "learnt", data / "whole"))
    assert whole[0]["loss"] < 0.5 * first[0]["loss"]
    scores = {name: value for name, value in first[-1].items() if name.startswith("psnr")}
    assert start == {"step": 0, "epoch": 0} | scores  # of the weights that it starts from
    tables = [text for text in said.said if "bicubic" in text]
    assert ["VDSR" in text for text in tables] == [False, True, True, True]  # the start, two epochs, the end
    for text in tables:
        assert re.search(rf"^  start  +{scores['psnr_x2']:.2f}  .*{scores['psnr_x4']:.2f}$", text, re.MULTILINE), text
    assert [row["step"] for row in read_log(data / "whole" / "validation" / "2.csv")] == [0, 12, 24, 30]

    console = Recorder(at=lambda step: step == 6 and os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        run_training(config, data / "parts", resume=False, console=console)
    copy.unlink()  # the checkpoint holds all
    run_training(config, data / "parts", resume=True, console=(again := Recorder()))
    same(data / "whole", data / "parts")
    assert [text for text in again.said if "bicubic" in text] == tables[1:]  # the start is known from the log

    for path in (data / "parts" / "checkpoints").iterdir():
        path.unlink()
    (data / "parts" / "weights.h5").unlink()
    with pytest.raises(VdsrError, match=r"mine\.h5: no such file"):
        run_training(config, data / "parts", resume=True, console=Recorder())


@pytest.mark.slow
def test_a_start_that_was_scored_before_a_kill_is_scored_once_more(data, shared) -> None:
    """Whatever of it had been written down."""
    config = small(data, weights=str(shared / "learnt"), seed=1, steps=14)
    run_training(config, data / "whole", resume=False, console=Recorder())
    with pytest.raises(Died):
        run_training(config, data / "parts", resume=False, console=Recorder(at=die))
    assert [row["step"] for row in read_log(data / "parts" / "log.csv")] == [0]
    run_training(config, data / "parts", resume=True, console=Recorder())
    same(data / "whole", data / "parts")
    for scale in (2, 3, 4):
        tables = [(data / run / "validation" / f"{scale}.csv").read_bytes() for run in ("whole", "parts")]
        assert tables[0] == tables[1]


@pytest.mark.slow
def test_without_a_validation_a_start_is_not_scored(data, shared) -> None:
    config = small(data, weights=str(shared / "whole"), validation="none", steps=5)
    run_training(config, data / "run", resume=False, console=Recorder())
    assert read_log(data / "run" / "log.csv")[0]["step"] == 5


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_training_that_lost_its_checkpoints_is_not_begun_again(data, shared, damaged) -> None:
    """Neither where all are damaged nor where they are gone: the log and the weights are all that is left."""
    config, run = small(data), shutil.copytree(shared / "stopped", data / "run")
    for number, path in enumerate(sorted((run / "checkpoints").iterdir())):
        path.write_bytes(b"damaged") if number < damaged else path.unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and "checkpoints" not in str(path)}
    for _ in range(2):
        with pytest.raises(VdsrError, match=r"no whole checkpoint.*--weights .*run\).*remove .*weights\.h5") as caught:
            run_training(config, run, resume=True, console=Recorder())
        assert str(caught.value).count(".damaged") == damaged
        assert {path: path.read_bytes() for path in before} == before
    (run / "weights.h5").unlink()
    if damaged:
        with pytest.raises(VdsrError, match=r"no whole checkpoint to go on from; start another run, or.*remove"):
            run_training(config, run, resume=True, console=Recorder())
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(Died):
        run_training(config, run, resume=True, console=(console := Recorder(at=die)))
    assert any("starting anew" in text for text in console.warned)


@pytest.mark.slow
def test_checkpoints_of_higher_steps_that_are_damaged_cost_nothing(data, shared) -> None:
    """As after a disk that broke: the training goes on from a whole one and stays resumable."""
    config, run = small(data), data / "run"
    with pytest.raises(Died):
        run_training(config, run, resume=False, console=Recorder(at=die_at(10)))
    for step in (28, 29):
        (run / "checkpoints" / f"step-{step:09}.h5").write_bytes(b"damaged")
    with pytest.raises(Died):
        run_training(config, run, resume=True, console=(console := Recorder(at=die_at(16))))
    assert sum("damaged" in text for text in console.warned) == 2
    run_training(config, run, resume=True, console=(console := Recorder()))
    assert console.rows[0]["step"] == 15
    assert not any("damaged" in text for text in console.warned)
    same(shared / "whole", run)


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_read_stops_a_training_and_costs_nothing(data, shared, monkeypatch) -> None:
    config, run = small(data), shutil.copytree(shared / "stopped", data / "run")
    before = (run / "log.csv").read_bytes()
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name.startswith("step-"):
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return read(path)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="Too many open files"):
        patch.setattr(Path, "read_bytes", refused)
        run_training(config, run, resume=True, console=Recorder())
    assert (run / "log.csv").read_bytes() == before
    assert len(list((run / "checkpoints").iterdir())) == 2


@pytest.mark.slow
def test_a_warm_up_is_fitted_to_the_length(data) -> None:
    """Only where it may be; and what a training never comes to is said."""
    config = small(data, warmup=1000, steps=40, ema=30, validation="none")
    with pytest.raises(Died):
        run_training(config, data / "fitted", resume=False, console=(console := Recorder(at=die)), fit=True)
    assert read_config(data / "fitted" / "config.json").warmup == 4
    assert "warm-up: 4 steps, a tenth of the training, instead of 1000" in console.said
    assert any("over the last tenth of 40 steps, not over 30" in text for text in console.warned)
    assert any("rate stays 0.1" in text for text in console.warned)
    with pytest.raises(Died):
        run_training(config, data / "kept", resume=False, console=(console := Recorder(at=die)))
    assert read_config(data / "kept" / "config.json").warmup == 1000
    assert any("the warm-up takes 1000 steps of 40" in text for text in console.warned)
    short = small(data, warmup=2, steps=40, schedule="cosine", validation="none")
    with pytest.raises(Died):
        run_training(short, data / "short", resume=False, console=(console := Recorder(at=die)), fit=True)
    assert read_config(data / "short" / "config.json") == short
    assert not console.warned


@pytest.mark.slow
def test_the_configuration_of_a_run_is_written_whole_or_not_at_all(data, shared, monkeypatch) -> None:
    config, run = small(data), shutil.copytree(shared / "stopped", data / "run")
    before = (run / "config.json").read_bytes()

    def full(self, *_, **__) -> None:
        self.write_bytes(b"{")
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(Path, "write_text", full)
        run_training(config, run, resume=True, console=Recorder())
    assert (run / "config.json").read_bytes() == before
    with pytest.raises(Died):
        run_training(config, run, resume=True, console=Recorder(at=die_at(18)))


def test_a_file_that_is_no_luma_leaves_nothing(data) -> None:
    training_file(data / "train.h5", keys=("data", "label"), change=lambda lr, gt: (lr * 255, gt * 255))
    with pytest.raises(VdsrError, match=r"train\.h5: patch 0 of /data holds .*divide by 255; build the file again"):
        run_training(small(data), str(data / "run"), resume=False, console=Recorder())
    assert not (data / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("step", "call"), [(9, 4), (30, 9)])
def test_interrupted_amid_a_validation_it_does_not_wait_for_the_end(data, shared, monkeypatch, step, call) -> None:
    """At the second image, between scales and between networks; the scores are made up for, the log is the same."""
    config = small(data, **AVERAGED)
    calls, steps, upscale = [], [], Network.__call__

    def interrupting(self, lr, scale):
        calls.append(scale)
        if steps[-1:] == [step - 1] and len(calls) == call:
            os.kill(os.getpid(), signal.SIGINT)
        return upscale(self, lr, scale)

    def at(done: int) -> None:
        steps.append(done)
        if done < step:
            calls.clear()

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match=f"stopped after step {step}; go on"):
        patch.setattr(Network, "__call__", interrupting)
        run_training(config, data / "parts", resume=False, console=Recorder(at=at))
    assert len(calls) == call  # not one image more
    assert read_log(data / "parts" / "log.csv")[-1]["step"] < step
    for _ in range(2):  # if it is killed before the next checkpoint, once more
        with pytest.raises(Died):
            run_training(config, data / "parts", resume=True, console=Recorder(at=die)) if step < 30 else die(0)
    run_training(config, data / "parts", resume=True, console=Recorder())
    same(shared / "averaged", data / "parts")
    for name in ("2", "3", "4", "2-averaged", "4-averaged"):
        runs = shared / "averaged", data / "parts"
        tables = [(run / "validation" / f"{name}.csv").read_bytes() for run in runs]
        assert tables[0] == tables[1]
    said = Recorder()
    run_training(config, data / "parts", resume=True, console=said)
    assert "complete" in said.said[-1]


@pytest.mark.slow
def test_killed_anywhere_and_resumed_equals_uninterrupted(data, shared) -> None:
    config = small(data)
    for number, stop in enumerate(
        (3, 9, 14, 25)
    ):  # before the first checkpoint, behind one, at one, behind a validation
        with pytest.raises(Died):
            run_training(config, data / "parts", resume=number > 0, console=Recorder(at=die_at(stop)))
    run_training(config, data / "parts", resume=True, console=Recorder())
    same(shared / "whole", data / "parts")


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_is_passed_over_and_the_result_stays(data, shared) -> None:
    run = shutil.copytree(shared / "stopped", data / "parts")
    newest = max((run / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:1000])
    console = Recorder()
    run_training(small(data), run, resume=True, console=console)
    assert any(newest.name in text and "damaged" in text for text in console.warned)
    assert read_weights(shared / "whole" / "weights.h5")[0][0].tobytes() == (
        read_weights(run / "weights.h5")[0][0].tobytes()
    )


@pytest.mark.slow
def test_resuming_a_finished_training_says_so(data, shared) -> None:
    console = Recorder()
    run_training(small(data), shutil.copytree(shared / "whole", data / "run"), resume=True, console=console)
    assert any("complete" in text for text in console.said)


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_curves_that_a_kill_left_undrawn_are_drawn(data, shared, monkeypatch, old) -> None:
    monkeypatch.undo()
    run = shutil.copytree(shared / "whole", data / "run")
    curves = run / "curves.png"
    curves.write_bytes(b"older")
    os.utime(curves, (0, 0)) if old else curves.unlink()
    for expected in (True, False):
        run_training(small(data), run, resume=True, console=Recorder())
        assert (curves.read_bytes() != b"older") == expected
        curves.write_bytes(b"older")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["old", "missing", "cut"])
def test_weights_that_a_kill_behind_the_last_checkpoint_kept_from_being_written_are_written(
    data, shared, damage
) -> None:
    config, run = small(data, **SHORT), shutil.copytree(shared / "short", data / "run")
    paths = [run / "weights.h5", run / "averaged.h5"]
    right = [read_weights(path) for path in paths]
    for path in paths:
        if damage == "old":
            zeros = [(0 * kernel, 0 * bias) for kernel, bias in read_weights(path)]
            write_weights(path, zeros, attributes={"step": 2})
        elif damage == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:500])
    run_training(config, run, resume=True, console=(console := Recorder()))
    assert [text for text in console.said if "written" in text] == [
        f"{path}: written from the checkpoint of step 3" for path in paths
    ]
    for path, weights in zip(paths, right, strict=True):
        for found, wanted in zip(read_weights(path), weights, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    run_training(config, run, resume=True, console=(console := Recorder()))
    assert not any("written" in text for text in console.said)


@pytest.mark.slow
def test_other_patches_are_refused_on_resume(data, shared) -> None:
    run = shutil.copytree(shared / "stopped", data / "run")
    training_file(data / "train.h5", count=95)
    with pytest.raises(VdsrError, match=r"train\.h5: not the data that"):
        run_training(small(data), run, resume=True, console=Recorder())


@pytest.mark.slow
def test_a_run_that_remembers_less_of_its_data_is_resumed(data, shared) -> None:
    """As of an earlier version: the first of two sums."""
    run = shutil.copytree(shared / "whole", data / "run")
    saved = checkpoint.load(run / "checkpoints", warn=pytest.fail)
    checkpoint.save(run / "checkpoints", saved.step, saved.state, data=saved.data.split()[0])
    run_training(small(data), run, resume=True, console=(console := Recorder()))
    assert any("complete" in text for text in console.said)


@pytest.mark.slow
def test_curves_are_drawn_once_a_minute_and_at_the_end(data, monkeypatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("vdsr_train.run.record.open_board", lambda *_: None)
    drawn, done = [], []
    monkeypatch.setattr("vdsr_train.run.figures.draw_curves", lambda path, *_, **__: drawn.append((done[-1], path)))
    config = small(data, validate_every=4, steps=10)
    run_training(config, data / "run", resume=False, console=Recorder(at=done.append))
    assert drawn == [(10, data / "run" / "curves.png")]
    monkeypatch.setattr("vdsr_train.run.record.DRAWN_EVERY", -1.0)
    drawn.clear()
    run_training(config, data / "slow", resume=False, console=Recorder(at=done.append))
    assert [step for step, _ in drawn] == [3, 7, 9]  # with the scores of the step behind
    monkeypatch.setattr("vdsr_train.run.record.DRAWN_EVERY", 60.0)
    drawn.clear()
    with pytest.raises(Interrupted):
        run_training(
            config, data / "stopped", resume=False, console=Recorder(at=lambda n: done.append(n) or stop_at(5)(n))
        )
    assert [step for step, _ in drawn] == [5]


def test_a_diverged_training_names_the_last_good_checkpoint(data) -> None:
    config = small(
        data, clip="none", learning_rate=1e3, log_every=2, checkpoint_every=1, validation="none", weight_decay=0.0
    )
    with pytest.raises(
        VdsrError, match=r"diverged; (the last good checkpoint is .*step-0000|there is no checkpoint yet)"
    ):
        run_training(config, data / "run", resume=False, console=Recorder())
    for path in (data / "run" / "checkpoints").iterdir():
        with h5py.File(path) as file:
            assert np.isfinite(file["conv_01/kernel"][()]).all()


@pytest.mark.slow
def test_a_network_stuck_at_bicubic_is_warned_of_after_the_first_epoch(data) -> None:
    console = Recorder()
    config = small(data, learning_rate=1e-9, last_layer="zero", validate_every=5, steps=24, theta=1e-9)
    run_training(config, data / "run", resume=False, console=console)
    warnings = [text for text in console.warned if "no better than bicubic" in text]
    validations = [row["step"] for row in read_log(data / "run" / "log.csv") if "psnr_x2" in row]
    assert validations == [5, 10, 12, 15, 20, 24]
    assert len(warnings) == 4  # not before the 12 steps of an epoch


@pytest.mark.slow
def test_without_a_test_set_it_trains_on_sample_and_says_so(data, monkeypatch) -> None:
    monkeypatch.setenv("VDSR_DATA", str(data))
    console = Recorder()
    run_training(small(data, validation="Set99", steps=1), data / "run", resume=False, console=console)
    assert any("Set99" in text and "sample" in text for text in console.warned)


def test_a_run_of_no_epoch_at_all_leaves_nothing(data) -> None:
    with pytest.raises(VdsrError, match="--batch-size 96"):
        run_training(small(data, batch_size=97), data / "run", resume=False, console=Recorder())
    assert not (data / "run").exists()


@pytest.mark.slow
def test_validation_leaves_a_table_and_pictures_for_each_scale(data, monkeypatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("vdsr_train.run.record.open_board", lambda *_: None)
    config = small(data, steps=24)
    run_training(config, data / "run", resume=False, console=Recorder())
    rows = read_log(data / "run" / "log.csv")
    for scale in (2, 3, 4):
        table = read_log(data / "run" / "validation" / f"{scale}.csv")
        assert [row["step"] for row in table] == [12, 24]
        assert list(table[0]) == ["step", "epoch", "wave0", "wave1", "mean"]
        for row in table:
            assert row["mean"] == pytest.approx((row["wave0"] + row["wave1"]) / 2, rel=1e-5)
        assert table[-1]["mean"] == rows[-1][f"psnr_x{scale}"]
        names = sorted(path.name for path in (data / "run" / "validation" / str(scale)).iterdir())
        assert names == [f"wave{k}_{kind}.png" for k in range(2) for kind in ("residual", "sr")]
    sr = read_image(data / "run" / "validation" / "2" / "wave0_sr.png")
    original = read_image(data / "waves" / "wave0.png")
    assert sr.shape == original.shape
    assert np.abs(sr.astype(float) - original).mean() < 20
    assert read_image(data / "run" / "curves.png").ndim == 3


@pytest.mark.slow
def test_a_training_in_bfloat16_is_scored_in_float32(data) -> None:
    """Scoring in bfloat16 costs up to 0.2 dB: the saved weights give the logged scores in float32, not in it."""
    from vdsr_train.backends.model import build_model, set_weights

    # Hardly trained, the network adds much that rounding changes; trained, on some processors next to nothing.
    config = small(data, steps=12, learning_rate=1e-5, precision="mixed_bfloat16")
    run_training(config, data / "run", resume=False, console=Recorder())
    row, weights = read_log(data / "run" / "log.csv")[-1], read_weights(data / "run" / "weights.h5")
    validation = open_validation(str(data / "waves"), data / "again", keep=0, warn=pytest.fail)
    exact = validation(Network(weights), step=12, epoch=1.0)
    rough = build_model(depth=3, channels=8, precision="mixed_bfloat16")
    set_weights(rough, weights)

    def in_bfloat16(lr, scale: int):
        return np.asarray(rough(lr[None, ..., None].astype(np.float32)))[0, ..., 0]

    coarse = validation(in_bfloat16, step=12, epoch=1.0, suffix="-bfloat16")
    for scale in (2, 3, 4):
        assert row[f"psnr_x{scale}"] == pytest.approx(exact[scale], abs=1e-4)  # the log has six digits
    assert max(abs(coarse[scale] - exact[scale]) for scale in (2, 3, 4)) > 2e-3  # which the line above would notice
    validation.close()


@pytest.mark.slow
def test_averaged_weights_are_scored_and_saved_beside_the_raw_ones(data) -> None:
    config = small(data, steps=24, ema=5)
    run_training(config, data / "run", resume=False, console=(console := Recorder()))
    row = read_log(data / "run" / "log.csv")[-1]
    assert set(COLUMNS) == set(row)
    assert row["averaged_x2"] != row["psnr_x2"]
    raw, averaged = (read_weights(data / "run" / f"{name}.h5") for name in ("weights", "averaged"))
    assert 0 < np.abs(raw[0][0] - averaged[0][0]).max() < 0.1
    assert any("averaged" in text and "bicubic" in text for text in console.said)
    assert (data / "run" / "validation" / "3-averaged.csv").exists()


@pytest.mark.slow
def test_rows_of_validations_that_are_done_again_are_not_doubled(data) -> None:
    config = small(data, **AVERAGED, steps=36, checkpoint_every=100)
    with pytest.raises(Died):
        run_training(config, data / "run", resume=False, console=Recorder(at=die_at(27)))
    newest = max((data / "run" / "checkpoints").iterdir())
    assert newest.name == "step-000000027.h5"
    newest.write_bytes(b"")
    run_training(config, data / "run", resume=True, console=Recorder())
    for name in ("2", "4-averaged"):
        steps = [row["step"] for row in read_log(data / "run" / "validation" / f"{name}.csv")]
        assert steps == [9, 12, 18, 24, 27, 36]


def test_what_is_advised_is_what_helps() -> None:
    assert stuck(PRESETS["best"]).endswith("try another --learning-rate")
    assert stuck(PRESETS["paper"]).endswith("try another --learning-rate or --theta")
    assert "wants a far larger rate" in stuck(replace(PRESETS["paper"], loss="mean"))
