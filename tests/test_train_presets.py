"""The recipes by name."""

from vdsr_train.config import Config
from vdsr_train.presets import DEFAULT_PRESET, PRESETS, differences


def test_the_paper_is_the_default_configuration() -> None:
    assert PRESETS["paper"] == Config()
    assert differences(PRESETS["paper"]) == {}


def test_vdsr_tensorflow_differs_by_its_clipping_and_its_loss() -> None:
    assert differences(PRESETS["vdsr-tf"]) == {"loss": "total", "clip": "norm", "theta": 9e-4}


def test_quick_is_best_in_short() -> None:
    assert DEFAULT_PRESET == "best"
    quick = differences(PRESETS["quick"], PRESETS["best"])
    assert quick.keys() == {"channels", "batch_size", "steps", "warmup", "validate_every"}
