"""The trial that chooses the convolutions of a training: it leaves no trace, and its choice is in the record."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from train_fixtures import Recorder, small, test_images, training_file, undraw

from vdsr_eval.networks.weights import read_weights
from vdsr_train.config import read_config
from vdsr_train.run import trial
from vdsr_train.run.sweep import run_sweep
from vdsr_train.run.train import run_training

pytest.importorskip("tensorflow")
undrawn = pytest.fixture(autouse=True)(undraw)

MUON = {"optimizer": "muon", "clip": "none", "loss": "absolute", "learning_rate": 2e-3, "ema": 5}


@pytest.fixture
def data(tmp_path, monkeypatch) -> Iterator:
    training_file(tmp_path / "train.h5")
    test_images(tmp_path / "waves")
    monkeypatch.setattr(trial, "SECONDS", 0.05)
    monkeypatch.setattr("vdsr_train.run.train.WORTH_A_TRIAL", 30)
    return tmp_path


def options(data, **more):
    return small(data, **(MUON | {"channels": 16, "validation": "none", "convolution": "auto"} | more))


@pytest.mark.slow
@pytest.mark.parametrize("faster", ["direct", "winograd"])
def test_a_training_after_a_trial_is_that_of_the_convolution_chosen(data, monkeypatch, faster) -> None:
    honest = trial.trial

    def biased(*arguments):
        paces, _ = honest(*arguments)
        assert all(pace > 0 for pace in paces.values())
        step = trial.backend.steps(faster).compile_step(*arguments[:3])
        return {name: 1.0 + (name == faster) for name in paces}, step

    monkeypatch.setattr(trial, "trial", biased)
    console = Recorder()
    run_training(options(data), data / "tried", resume=False, console=console)
    assert f"convolution: {faster}, the faster in a trial" in "\n".join(console.said)
    assert read_config(data / "tried").convolution == faster
    run_training(options(data, convolution=faster), data / "told", resume=False, console=Recorder())
    for file in ("weights.h5", "averaged.h5"):
        for layer, twin in zip(*(read_weights(data / run / file) for run in ("tried", "told")), strict=True):
            assert all(a.tobytes() == b.tobytes() for a, b in zip(layer, twin, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"channels": 8}, {"precision": "mixed_bfloat16"}, {"steps": 29}], ids=lambda change: next(iter(change))
)
def test_nothing_is_tried_where_there_is_no_choice_or_no_time(data, monkeypatch, change) -> None:
    monkeypatch.setattr(trial, "trial", None)
    run_training(replace(options(data), **change), data / "run", resume=False, console=Recorder())
    assert read_config(data / "run").convolution == "direct"


def test_a_training_recorded_before_there_was_a_choice_was_direct(tmp_path) -> None:
    (tmp_path / "config.json").write_text('{"depth": 3}')
    assert read_config(tmp_path).convolution == "direct"


@pytest.mark.slow
def test_a_sweep_goes_on_with_what_was_chosen(data) -> None:
    configs = {f"seed={seed}": options(data, seed=seed) for seed in (0, 1)}
    for _ in range(2):
        console = Recorder()
        run_sweep(configs, data / "sweep", console=console)
    assert sum("complete" in text for text in console.said) == 2
