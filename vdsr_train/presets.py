"""Recipes by name, each a frozen configuration; every option changes one value of the preset it starts from."""

from dataclasses import asdict, replace
from typing import Any

from vdsr_data.errors import one_line
from vdsr_train.config import Config, knobs

__all__ = ["DEFAULT_PRESET", "PRESETS", "differences", "recipe", "shown"]

PAPER = Config()

# Muon with a rate that decays to zero, from a network that starts as bicubic; no decay, since such networks underfit.
# Loss, optimizer and rate won a search that was scored on images in no benchmark (docs/recipe.md).
BEST = replace(
    PAPER, last_layer="zero", symmetries=True, downsizes=(1.0, 0.8, 0.6), loss="absolute", optimizer="muon",
    momentum=0.95, beta_2=0.99, weight_decay=0.0, clip="none", learning_rate=2e-3, schedule="cosine", warmup=1000,
)  # fmt: skip

PRESETS = {
    # Kim, Lee, Lee (CVPR 2016). They give no theta: 1e-4 keeps the first steps in bounds, which 1e-3 does not.
    "paper": PAPER,
    # The code of VDSR-TensorFlow, but for its clipping of the output inside the graph and its fixed order of patches.
    "vdsr-tf": replace(PAPER, loss="total", clip="norm", theta=9e-4),
    "best": BEST,
    # A quarter of an hour on two cores (docs/quick-run). Half the channels: a step takes a third of the time, and so
    # short a training wants steps (64 channels and 2,300 steps, as long, ended at 35.44 / 32.07 / 30.22 dB on Set5).
    "quick": replace(BEST, channels=32, batch_size=16, steps=7500, warmup=200, validate_every=1500),
}
DEFAULT_PRESET = "best"


def differences(config: Config, other: Config = PAPER) -> dict[str, object]:
    """Return the values of `config` that are not those of `other`, by default the paper's."""
    before = asdict(other)
    return {name: value for name, value in asdict(config).items() if value != before[name]}


def recipe(config: Config, *, fit: bool = False) -> str:
    """Return in words where `config` leaves the paper, but for what has no effect in it; `fit` is that of `train`."""
    acting = {knob.name for knob in knobs() if knob.acts(config)}
    changes = [f"{name} {shown(value)}" for name, value in differences(config).items() if name in acting]
    if fit:
        changes = [f"{text} or a tenth of the steps" if text.startswith("warmup ") else text for text in changes]
    return one_line(f"unlike the paper: {', '.join(changes)}") if changes else "as in the paper"


def shown(value: Any) -> str:
    """Return the value of a field as the command line has it."""
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
