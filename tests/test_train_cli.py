"""The command line: a training from start to resume, and friendly failures."""

import gc
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from train_fixtures import Fork, training_file, undraw

from vdsr_train.cli.main import main
from vdsr_train.config import knobs, read_config
from vdsr_train.presets import PRESETS, recipe
from vdsr_train.run.log import read_log

undrawn = pytest.fixture(autouse=True)(undraw)

SMALL = [
    "--depth=3", "--channels=4", "--batch-size=8", "--validation=none", "--steps=6", "--learning-rate=0.01",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    training_file(tmp_path / "vdsr_train.h5")
    return tmp_path


def run(*arguments: str, code: int = 0):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    if code:
        assert "Traceback" not in result.output
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result


@pytest.mark.slow
def test_a_training_from_start_to_finish(folder) -> None:
    pytest.importorskip("tensorflow")
    result = run(*SMALL, "--preset", "paper", "--log-every", "2")
    (run_folder,) = (folder / "runs").iterdir()
    assert f"run folder: runs/{run_folder.name}" in result.stdout
    lines = [line for line in result.stdout.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in lines] == ["2/6", "4/6", "6/6"]
    for word in ("loss", "rate 0.01", "clipped", "patches/s", "left"):
        assert all(word in line for line in lines)
    config = read_config(run_folder / "config.json")
    assert (config.depth, config.steps, config.learning_rate, config.file) == (3, 6, 0.01, "vdsr_train.h5")

    assert "complete" in run("--resume").stdout  # the newest run
    run("--resume", f"runs/{run_folder.name}", "--steps", "9")  # the step schedule may grow longer
    assert read_log(run_folder / "log.csv")[-1]["step"] == 9
    failed = run("--resume", f"runs/{run_folder.name}", "--theta", "0.5", code=1)
    assert "theta 0.0001, not 0.5" in failed.stderr
    failed = run(*SMALL, "--run-dir", f"runs/{run_folder.name}", code=1)
    assert "holds a training already" in failed.stderr


def test_a_cosine_may_not_be_made_longer(folder) -> None:
    pytest.importorskip("tensorflow")
    run(*SMALL, "--run-dir", "here")
    assert "steps 6, not 9" in run("--resume", "here", "--steps", "9", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.h5"], 1, r"missing\.h5: no such training file; build one with: vdsr-data build-train 291/"),
        (["--theta", "0"], 2, "--theta"),
        (["--learning-rate", "-1"], 2, "--learning-rate"),
        (["--learning-rate", "nan"], 1, "learning_rate"),
        (["--batch-size", "0"], 2, "--batch-size"),
        (["--steps", "0"], 2, "--steps"),
        (["--steps", "many"], 2, "--steps"),
        (["--optimizer", "rmsprop"], 2, "sgd"),
        (["--batch-sise", "3"], 2, "--batch-size"),
        (["--resume", "nowhere"], 1, r"nowhere/config\.json: no such file"),
        (["--resume"], 1, "runs: no training below it"),
        (["--resume", "a", "--run-dir", "b"], 2, "leave out --run-dir"),
        (["vdsr_train.h5", "--images", "291"], 2, r"FILE \(vdsr_train\.h5\) does nothing with --images 291"),
        (["--images", "missing"], 1, "missing: no such data set"),
        (["--scales", "2,2"], 2, "--scales"),
        (["--preset", "worst"], 2, "--preset"),
        (["one.h5", "two.h5"], 2, r"two\.h5"),
        (["--theta", "1e-3", "9e-4"], 2, r"--theta takes one value; .*: vdsr-train sweep --theta"),
        (["--theta=1e-3", "9e-4", "8e-4"], 2, r"--theta takes one value"),
        (["--theta", "1e-3,9e-4"], 2, r"--theta takes one value; .*: vdsr-train sweep --theta"),
        (["--theta=1e-3,9e-4"], 2, r"--theta takes one value"),
        (["--depth", "2.5"], 2, r"--depth.*whole numbers from 2 on"),
        (["--local-workers", "2", "--batch-size", "63"], 1, "cannot be shared equally by 2 devices"),
        (["--run-dir", ""], 2, "an empty name"),
        (["--resume", ""], 2, "--resume: an empty name"),
        (["--run-dir", os.fsdecode(b"r\xe9")], 1, "its name is not text"),
        (["convrt", "a", "b.h5"], 2, r"convrt: no such command or file; did you mean convert\?"),
        (["--local-workers", "2", "--distribute", "mirrored"], 2, "--distribute does nothing with --local-workers"),
    ],
)
def test_friendly_failures(folder, arguments, code, message) -> None:
    assert re.search(message, run(*arguments, code=code).stderr)
    assert sorted(path.name for path in folder.iterdir()) == ["vdsr_train.h5"]


@pytest.mark.parametrize("left", ["checkpoints/step-000000006.h5", "log.csv", "weights.h5"])
def test_what_is_left_of_a_training_is_not_overwritten(folder, left) -> None:
    path = folder / "old" / left
    path.parent.mkdir(parents=True)
    path.write_bytes(b"precious")
    failed = run(*SMALL, "--run-dir", "old", code=1)
    assert f"old: holds what is left of a training ({path.name}); name another folder" in failed.stderr
    assert [found for found in (folder / "old").rglob("*") if found.is_file()] == [path]
    assert path.read_bytes() == b"precious"


def test_a_file_that_is_not_a_training_file(folder) -> None:
    pytest.importorskip("tensorflow")
    (folder / "vdsr_train.h5").write_bytes(b"not hdf5")
    assert "vdsr_train.h5" in run(*SMALL, code=1).stderr
    assert not (folder / "runs").exists()


def test_weights_that_do_not_fit(folder) -> None:
    pytest.importorskip("tensorflow")
    assert "mine.h5: no such file" in run(*SMALL, "--weights", "mine.h5", code=1).stderr
    assert "give --depth 20 --channels 64" in run(*SMALL, "--weights", "default", code=1).stderr
    assert sorted(path.name for path in folder.iterdir()) == ["vdsr_train.h5"]


def test_the_log_file_of_this_command_is_in_nobodys_way(folder, monkeypatch) -> None:
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda *_, **__: None)
    (folder / "run").mkdir()
    run("--run-dir", "run", "--log-file", "run/said.txt")
    failed = run("convert", "default", "out.h5", "--log-file", "out.h5", code=1)
    assert "out.h5: is the --log-file of this command" in failed.stderr


IDLE = [
    (["--theta", "1e-3"], r"--theta does nothing with --clip none \(preset best\); add --clip value or --clip norm"),
    (["--theta", "1e-3", "--preset", "paper", "--clip", "none"], r"--theta does nothing with --clip none; add"),
    (["--scales", "2"], "--scales does nothing without --images; add --images FOLDER"),
    (["--patch-size", "41"], "--patch-size does nothing without --images"),
    (["--downsizes", "1"], "--downsizes does nothing without --images"),
    (["--images", "sample", "--no-symmetries"], "--no-symmetries does nothing with --images sample; crops"),
    (["--images", "sample", "--symmetries"], "--symmetries does nothing with --images sample"),
    (["--optimizer", "sgd", "--beta-2", "0.9"], "--beta-2 does nothing with --optimizer sgd; add"),
    (["--decay-every", "2"], r"--decay-every does nothing with --schedule cosine \(preset best\); add"),
    (["--decay-factor", "2"], r"--decay-factor does nothing with --schedule cosine \(preset best\)"),
    (["--preset", "quick", "--epochs", "3"], r"--epochs does nothing with --steps 7500 \(preset quick\); give"),
    (["--validation", "None", "--validate-every", "1"], "--validate-every does nothing with --validation none"),
    (["--weights", "default", "--last-layer", "he"], "--last-layer does nothing with --weights default"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), IDLE, ids=[options[-2].strip("-") for options, _ in IDLE])
def test_an_option_that_would_do_nothing_is_refused(folder, options, message) -> None:
    assert re.search(message, run(*options, code=2).stderr)
    if "--images" not in options:
        two = [*options[:-1], options[-1], "--seed", "1", "2"]
        assert re.search(message, run("sweep", *two, code=2).stderr)
    assert sorted(path.name for path in folder.iterdir()) == ["vdsr_train.h5"]


def test_presets_are_never_refused(folder, monkeypatch) -> None:
    """They set values that have no effect in them, such as theta where nothing is clipped."""
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda *_, **__: None)
    for preset in PRESETS:
        for options in ([], ["--images", "sample"], ["--weights", "default"], ["--optimizer", "sgd"], ["--steps", "5"]):
            run("--preset", preset, *options)


def test_an_option_of_a_resumed_training_that_does_nothing_is_refused(folder) -> None:
    for name, images in (("of_file", None), ("of_images", "sample")):
        (folder / name).mkdir()
        replace(PRESETS["best"], images=images).write(folder / name / "config.json")
    failed = run("--resume", "of_images", "vdsr_train.h5", code=2)
    assert "FILE (vdsr_train.h5) does nothing with --images sample (as it began)" in failed.stderr
    failed = run("--resume", "of_file", "--theta", "1e-4", code=2)
    assert "--theta does nothing with --clip none (as it began)" in failed.stderr


def test_a_warm_up_that_nobody_asked_for_is_fitted(folder, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda *_, fit, **__: seen.append(fit))
    monkeypatch.setattr("vdsr_train.run.commands.run_sweep", lambda *_, fit, **__: seen.append(fit))
    run()
    run("--warmup", "5")
    run("sweep", "--seed", "1", "2")
    run("sweep", "--warmup", "5", "6")
    assert seen == [True, False, True, False]


def test_a_number_may_be_the_name_of_a_file(folder, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda config, *_, **__: seen.append(config))
    training_file(folder / "2024")
    run("--steps", "5", "2024")
    assert (seen[0].steps, seen[0].file) == (5, "2024")


def test_the_newest_run_is_the_one_that_was_started_or_resumed_last(folder, monkeypatch) -> None:
    """Whatever else was written there since."""
    for age, name in enumerate(("new", "old")):
        path = folder / "runs" / name / "config.json"
        path.parent.mkdir(parents=True)
        PRESETS["paper"].write(path)
        os.utime(path, (10**9 - age, 10**9 - age))
    (folder / "runs" / "old" / "notes.txt").touch()
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda *_, **__: None)
    assert "resuming: runs/new" in run("--resume").stdout


def test_every_hyper_parameter_is_an_option() -> None:
    text = run("--help").stdout
    assert text.startswith("Usage: main [OPTIONS] [FILE]")
    for knob in knobs():
        if knob.name != "file":
            assert "--" + knob.name.replace("_", "-") in text


def test_numbers_are_shown_as_numbers() -> None:
    """0 and 1 are equal to False and True, but not the same to a reader."""
    text = " ".join(run("--help").stdout.split())
    assert "of the patches and the symmetries. [default: 0]" in text
    assert "paper: 1; vdsr-tf: 1; best: 1,0.8,0.6; quick: 1,0.8,0.6" in text
    assert "weight_decay 0," in recipe(PRESETS["best"])
    assert "downsizes 1,0.8,0.6" in recipe(replace(PRESETS["best"], images="sample"))
    assert recipe(PRESETS["paper"]) == "as in the paper"
    best = replace(PRESETS["best"], weights="default")
    assert "last_layer" not in recipe(best)
    assert "downsizes" not in recipe(best)  # which is for images
    assert "warmup 1000 or a tenth of the steps" in recipe(best, fit=True)


def test_workers_are_given_every_value_unchanged(folder, monkeypatch) -> None:
    words, seen = [], []
    monkeypatch.setattr("vdsr_train.run.commands.launch", lambda count, arguments: words.extend(arguments) or 0)
    options = ["--theta=1.23456789e-4", "--clip=norm", "--no-symmetries", "--seed=0", "--ema=1"]
    run("vdsr_train.h5", *options, "--local-workers=2", "--run-dir=here", "--quiet", "--log-file=log.txt")
    assert words[-3:] == ["--quiet", "--log-file", str(folder / "log.txt")]
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda config, folder, **_: seen.append((config, folder)))
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}')
    run(*words)
    changes = {"theta": 1.23456789e-4, "clip": "norm", "symmetries": False, "seed": 0, "ema": 1}
    assert seen == [(replace(PRESETS["best"], **changes, distribute="multi-worker"), Path("here"))]


def test_workers_are_given_lists_unchanged(folder, monkeypatch) -> None:
    words = []
    monkeypatch.setattr("vdsr_train.run.commands.launch", lambda count, arguments: words.extend(arguments) or 0)
    run("--images=sample", "--downsizes=1,0.333333333333", "--local-workers=2", "--run-dir=here")
    assert words[words.index("--downsizes") + 1] == "1.0,0.333333333333"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_options_build_exactly_the_preset(folder, monkeypatch, preset) -> None:
    seen = []
    monkeypatch.setattr("vdsr_train.run.train.run_training", lambda config, *_, **__: seen.append(config))
    run("--preset", preset)
    run("--preset", preset.upper(), "--no-symmetries", "--clip", "norm", "--theta", "1e-4")
    run("--preset", preset, "--downsizes", "1,0.5", "--images", "sample")
    assert seen == [
        PRESETS[preset],
        replace(PRESETS[preset], symmetries=False, clip="norm", theta=1e-4),
        replace(PRESETS[preset], downsizes=(1.0, 0.5), images="sample"),
    ]


@pytest.mark.slow
def test_the_recipe_is_shown_and_saved(folder) -> None:
    pytest.importorskip("tensorflow")
    assert "recipe: best; unlike the paper: depth 3, channels 4, last_layer zero" in run(*SMALL).stdout.replace(
        "\n", " "
    )
    assert "recipe: as it began" in run("--resume").stdout


def test_without_tensorflow_there_is_a_hint(folder, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert 'pip install "vdsr-toolkit[train]"' in run(*SMALL, code=1).stderr
    assert gc.isenabled()  # which waits while TensorFlow is imported
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert "KERAS_BACKEND=torch" in run(*SMALL, code=1).stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vdsr_train.cli.main import main; main(['--help'], standalone_mode=False); "
        "print(sorted({'tensorflow', 'keras', 'numba', 'scipy', 'h5py', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_parts_without_a_network_import_without_tensorflow() -> None:
    parts = (
        "config presets loop.schedule loop.batches loop.checkpoint loop.crops run.validate run.log run.train run.sweep "
        "run.commands cli.main backends.backend backends.distribute backends.interface"
    )
    code = "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; " + "; ".join(
        f"import vdsr_train.{part}" for part in parts.split()
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_ctrl_c_saves_and_says_how_to_go_on(folder) -> None:
    """In a process of its own: exit code 130, one line, a checkpoint."""
    pytest.importorskip("tensorflow")
    process = Fork(folder, *SMALL[:-2], "--learning-rate=0.01", "--steps=100000", "--run-dir=run")
    process.until_step(1)
    os.kill(process.pid, signal.SIGINT)
    code, _, errors = process.wait()
    assert code == 130
    assert re.fullmatch(r"stopped after step \d+; go on with: vdsr-train --resume run\n", errors)
    assert len(list((folder / "run" / "checkpoints").iterdir())) >= 1
