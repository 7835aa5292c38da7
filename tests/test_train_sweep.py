"""Several trainings compared: which, in which folders, and in one table and plot."""

import csv
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from train_fixtures import Recorder, small, test_images, training_file, undraw

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import read_image
from vdsr_train.cli.main import main
from vdsr_train.config import Config
from vdsr_train.run.log import read_log
from vdsr_train.run.sweep import combinations, run_sweep

undrawn = pytest.fixture(autouse=True)(undraw)


def test_combinations() -> None:
    found = combinations({"theta": (1e-3, 9e-4), "steps": (5,), "seed": (1, 2)})
    assert list(found) == ["theta=0.001,seed=1", "theta=0.001,seed=2", "theta=0.0009,seed=1", "theta=0.0009,seed=2"]
    assert found["theta=0.0009,seed=1"] == {"theta": 9e-4, "steps": 5, "seed": 1}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training_file(tmp_path / "train.h5")
    test_images(tmp_path / "waves")
    return tmp_path


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_where_it_stopped(folder) -> None:
    pytest.importorskip("tensorflow")
    configs = {f"theta={theta}": small(folder, theta=theta, steps=14) for theta in (1e-2, 1e-3)}

    class Stop(Exception):
        pass

    seen = []

    def at(step: int) -> None:
        seen.append(step)
        if len(seen) == 14 + 9:
            raise Stop

    with pytest.raises(Stop):
        run_sweep(configs, folder / "all", console=Recorder(at=at))
    console = Recorder()
    run_sweep(configs, folder / "all", console=console)
    assert [row["step"] for row in console.rows] == [10, 12, 14]  # of the second, from its checkpoint at step 7 on
    assert any("complete" in text for text in console.said)
    table = next(text for text in console.said if "bicubic" in text and "theta=0.01" in text)
    for name in configs:
        last = read_log(folder / "all" / name / "log.csv")[-1]
        assert re.search(rf"{name} .*{last['psnr_x2']:.2f}", table)
    with (folder / "all" / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == list(configs)
    assert read_image(folder / "all" / "sweep.png").ndim == 3
    with pytest.raises(VdsrError, match="another steps"):
        run_sweep({name: small(folder, theta=1e-2, steps=15) for name in configs}, folder / "all", console=Recorder())


@pytest.mark.slow
def test_the_table_has_the_columns_of_all_trainings(folder, monkeypatch) -> None:
    """Each row under the right names, whatever another lacks; from trained weights, these are a row of what is said."""
    pytest.importorskip("tensorflow")
    monkeypatch.setattr("vdsr_train.run.figures.draw_curves", lambda *_, **__: None)
    run_sweep({"first": small(folder, steps=14)}, folder / "one", console=Recorder())
    base = {"steps": 14, "weights": str(folder / "one" / "first"), "warmup": 100}
    configs = {f"ema={ema}": small(folder, ema=ema, **base) for ema in (0, 5)}
    run_sweep(configs, str(folder / "all"), console=(console := Recorder()), fit=True)
    with (folder / "all" / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == list(configs)
    for row, name in zip(rows, configs, strict=True):
        assert None not in row  # more fields than names
        last = read_log(folder / "all" / name / "log.csv")[-1]
        found = {column: float(text) for column, text in row.items() if column != "run" and text}
        assert found == last
    assert not rows[0]["averaged_x2"]
    assert rows[1]["averaged_x2"]
    start = read_log(folder / "all" / "ema=0" / "log.csv")[0]
    assert re.search(rf"^  start +{start['psnr_x2']:.2f} .*\n  ema=0 ", console.said[-3], re.MULTILINE)
    again = Recorder()
    run_sweep(configs, folder / "all", console=again, fit=True)  # with warm-ups that were fitted
    assert sum("complete" in text for text in again.said) == 2
    with pytest.raises(VdsrError, match="another warmup"):
        run_sweep(configs, folder / "all", console=Recorder())


def test_a_log_without_rows_is_named(folder, monkeypatch) -> None:
    def run_training(_config: Config, run: Path, **_: object) -> None:
        run.mkdir(parents=True)
        (run / "log.csv").write_text("step,epoch\n")

    monkeypatch.setattr("vdsr_train.run.train.run_training", run_training)
    with pytest.raises(VdsrError, match=r"all/one/log\.csv: holds no rows"):
        run_sweep({"one": small(folder)}, folder / "all", console=Recorder())


def test_what_is_left_of_a_training_is_not_overwritten(folder) -> None:
    (folder / "all" / "one").mkdir(parents=True)
    (folder / "all" / "one" / "weights.h5").write_bytes(b"precious")
    with pytest.raises(VdsrError, match=r"all/one: holds what is left of a training \(weights\.h5\)"):
        run_sweep({"one": small(folder)}, folder / "all", console=Recorder())


@pytest.mark.parametrize(
    "words",
    [
        ["--theta", "1e-3", "9e-4", "8e-4"],
        ["--theta=1e-3", "9e-4", "8e-4"],
        ["--theta", "1e-3,9e-4,8e-4"],
        ["--theta=1e-3,9e-4,8e-4"],
        ["--theta", "1e-3,9e-4", "8e-4"],
        ["--theta", "1e-3", "9e-4,8e-4"],
        ["--theta", "1e-3", "--theta", "9e-4,8e-4"],
    ],
    ids=" ".join,
)
def test_the_command_takes_several_values_with_commas_or_spaces_between_them(folder, monkeypatch, words) -> None:
    seen = {}
    monkeypatch.setattr("vdsr_train.run.commands.run_sweep", lambda configs, folder, **_: seen.update(configs))
    arguments = ["sweep", "train.h5", *words, "--preset", "vdsr-tf", "--steps", "9"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert list(seen) == ["theta=0.001", "theta=0.0009", "theta=0.0008"]
    assert {config.theta for config in seen.values()} == {1e-3, 9e-4, 8e-4}
    assert {(config.steps, config.clip, config.file) for config in seen.values()} == {(9, "norm", "train.h5")}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--theta", "1e-3", "--preset", "vdsr-tf"], 2, "several values"),
        (["--theta", "1e-3", "0"], 2, "--theta"),
        (["--optimizer", "sgd", "adam"], 2, "several values"),
        (["--theta", "1e-3,", "9e-4"], 2, "--theta"),
        (["--theta", "1e-3,1e-3"], 2, "several values"),
        (["missing.h5", "--seed", "1", "2"], 1, r"missing\.h5"),
        (["--theta", "1", "2"], 2, r"--theta does nothing with --clip none \(preset best\)"),
    ],
)
def test_friendly_failures(folder, arguments, code, message) -> None:
    result = CliRunner().invoke(main, ["sweep", *arguments])
    assert result.exit_code == code, result.output
    assert re.search(message, result.stderr)
    assert len(result.stderr.splitlines()) == 1
