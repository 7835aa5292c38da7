"""The front door: `train` and `sweep` with the words of the commands, and what they refuse."""

import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from train_fixtures import test_images as images
from train_fixtures import training_file, undraw

import vdsr_train
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval.networks.weights import read_weights
from vdsr_train import PRESETS, Config, decay, pack, read_config, sweep, train
from vdsr_train.backends.distribute import LaunchError
from vdsr_train.cli.main import main

undrawn = pytest.fixture(autouse=True)(undraw)

SMALL = {"preset": "paper", "depth": 3, "channels": 4, "batch_size": 8, "steps": 4, "learning_rate": 0.01}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    training_file(tmp_path / "vdsr_train.h5")
    return tmp_path


@pytest.fixture
def seen(monkeypatch) -> list:
    """The configurations and folders of the trainings that would have run, and whether a warm-up is fitted."""
    calls: list = []
    monkeypatch.setattr(
        "vdsr_train.run.train.run_training", lambda config, run, *, fit, **_: calls.append((config, run, fit))
    )
    return calls


@pytest.mark.slow
def test_the_package_waits_for_tensorflow_until_a_training_begins() -> None:
    code = (
        "import sys, vdsr_train; from vdsr_train import *; "
        "print(sorted({'tensorflow', 'keras', 'jax', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert {"train", "sweep", "Config", "PRESETS"} <= set(dir(vdsr_train))


def test_commands_and_functions_have_the_same_words() -> None:
    for name, function in (
        ("run", train), ("decay", decay), ("pack", pack), ("sweep", sweep),
    ):  # fmt: skip
        options = {param.name for param in main.commands[name].params}
        words = {word for word in inspect.signature(function).parameters if word not in ("fields", "config", "quiet")}
        assert words <= options
        if "fields" in inspect.signature(function).parameters:
            assert options - words == set(Config.__dataclass_fields__)
        else:
            assert options == words


@pytest.mark.slow
def test_a_training_from_start_to_resume(folder, capsys) -> None:
    pytest.importorskip("tensorflow")
    images(folder / "waves")
    run = train(**SMALL, validation=folder / "waves")
    assert run.run_dir.parent == Path("runs")
    assert run.weights == run.run_dir / "weights.h5"
    assert len(read_weights(run.weights)) == 3
    assert set(run.scores) == {2, 3, 4}
    out, _ = capsys.readouterr()
    assert out.startswith(f"run folder: {run.run_dir}\nrecipe: paper; unlike the paper: depth 3, channels 4, ")
    assert f"{run.scores[2]:.2f}" in out
    longer = train(resume=True, steps=6, quiet=True)  # the newest
    assert longer.run_dir == run.run_dir
    assert read_config(run.run_dir).steps == 6
    assert capsys.readouterr().out == ""
    assert train(resume=run.run_dir, quiet=True) == longer


def test_what_a_configuration_says_is_done(folder, seen) -> None:
    """By itself, changed by fields, of a preset, or of the default one."""
    config = replace(PRESETS["best"], channels=16)
    result = train(config, run_dir="here")
    assert result == vdsr_train.TrainedRun(Path("here"), Path("here/weights.h5"), {})
    train(config, theta=1e-3, clip="value")
    train(preset="quick", steps=9)
    train(warmup=5)
    assert seen[0] == (config, Path("here"), False)
    assert seen[1][0] == replace(config, theta=1e-3, clip="value")
    assert [(config, fit) for config, _, fit in seen[2:]] == [
        (replace(PRESETS["quick"], steps=9), True), (replace(PRESETS["best"], warmup=5), False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "worst"}, "preset: 'worst' is not allowed; give one of paper, vdsr-tf, best, quick"),
        ({"config": "train.h5"}, "config: 'train.h5' is not allowed; give a Config, or its fields by name"),
        ({"config": Config(), "preset": "paper"}, "preset: 'paper' is not allowed beside a config"),
        ({"thta": 1e-3}, "thta: no such field of Config; did you mean theta?"),
        ({"theta": -1}, "theta: -1 is not allowed; it must be a number, above 0"),
        ({"scales": [2]}, "--scales does nothing without --images; add --images FOLDER"),
        ({"theta": 1e-3}, r"--theta does nothing with --clip none (preset best); add --clip value or --clip norm"),
        ({"resume": ""}, "--resume: an empty name"),
        ({"resume": True}, "runs: no training below it to resume"),
        ({"resume": "a", "run_dir": "b"}, "leave out --run-dir and --preset"),
        ({"resume": "a", "config": Config()}, "--resume RUN_DIR goes on as it began: leave out the configuration"),
        ({"resume": "nowhere"}, "nowhere/config.json: no such file"),
        ({"file": "missing.h5"}, "missing.h5: no such training file"),
        ({"local_workers": 1}, "local_workers: 1 is not allowed; give a whole number, 2 or more"),
        ({"local_workers": 2, "batch_size": 63}, "cannot be shared equally by 2 devices"),
        ({"local_workers": 2, "preset": "quick", "steps": None}, "steps: None cannot be handed to local workers"),
        ({"local_workers": 2, "distribute": "mirrored"}, "--distribute does nothing with --local-workers"),
    ],
)
def test_what_is_refused(folder, arguments, message) -> None:
    with pytest.raises(VdsrError) as caught:
        train(**arguments)
    assert message in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["vdsr_train.h5"]


def test_a_resumed_training_keeps_what_moves_the_weights(folder, seen) -> None:
    Path("run").mkdir()
    replace(PRESETS["paper"], scales=(2, 3)).write(Path("run/config.json"))
    train(resume="run", threads=2, epochs=90)
    assert seen[0][0] == replace(PRESETS["paper"], scales=(2, 3), threads=2, epochs=90)
    with pytest.raises(VdsrError, match=r"run: was started with theta 0\.0001, not 0\.5, which"):
        train(resume="run", theta=0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"preset": "quick", "steps": 7, "symmetries": False},
        {"config": replace(PRESETS["quick"], images="sample", scales=(2, 4), ema=5, warmup=0)},
    ],
    ids=["a preset", "a configuration"],
)
def test_workers_are_given_all_that_has_an_effect(folder, seen, monkeypatch, arguments) -> None:
    words: list[str] = []
    monkeypatch.setattr("vdsr_train.run.commands.launch", lambda _, arguments: words.extend(arguments) or 3)
    with pytest.raises(LaunchError, match="the local workers ended with exit code 3"):
        train(**arguments, run_dir="here", local_workers=2, quiet=True)
    train(**arguments, run_dir="alone")
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}')
    assert main.main(words, "vdsr-train", standalone_mode=False) is None
    (alone, _, fits), (worker, run, fits_too) = seen
    assert run == Path("here")
    assert worker.distribute == "multi-worker"
    assert fits == fits_too
    for knob in vdsr_train.config.knobs():
        if knob.name != "distribute" and knob.acts(alone):
            assert getattr(worker, knob.name) == getattr(alone, knob.name), knob.name


def test_a_sweep_takes_several_values_in_lists(folder, monkeypatch) -> None:
    configs: dict = {}
    monkeypatch.setattr("vdsr_train.run.commands.run_sweep", lambda found, *_, **__: configs.update(found))
    runs = sweep("all", preset="vdsr-tf", theta=[1e-3, 9e-4], seed=(1, 2), steps=5)
    assert list(runs) == [f"theta={theta},seed={seed}" for theta in (1e-3, 9e-4) for seed in (1, 2)]
    assert runs["theta=0.001,seed=2"].run_dir == Path("all/theta=0.001,seed=2")
    assert configs["theta=0.0009,seed=1"] == replace(PRESETS["vdsr-tf"], theta=9e-4, seed=1, steps=5)
    for arguments, message in (
        ({"theta": 1e-3}, "a sweep wants several values"),
        ({"optimizer": ["sgd", "adam"]}, "optimizer: .* is not allowed"),
        ({"theta": [1e-3, 1e-4]}, "--theta does nothing"),
        ({"sed": [1, 2]}, "did you mean seed"),
    ):
        with pytest.raises(ArgumentError, match=message):
            sweep(**arguments)
