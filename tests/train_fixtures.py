"""Small training data for the tests of vdsr_train: smooth images and their blurred twins."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from vdsr_train.config import Config


def smooth(random: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Images of a few random waves, in [0, 1]."""
    axis = np.arange(size) / size
    images = np.zeros((count, size, size))
    for _ in range(4):
        frequency, phase = random.uniform(2, 12, (2, count, 1, 1)), random.uniform(0, 6, (count, 1, 1))
        images += np.sin(frequency[0] * axis[:, None] * 2 + frequency[1] * axis[None, :] * 2 + phase)
    return (images / 8 + 0.5).clip(0, 1)


def blur(images: np.ndarray) -> np.ndarray:
    """A 3x3 mean, what the network has to undo."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows, columns = images.shape[1:]
    return sum(padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)) / 9


def training_file(path: Path, *, count: int = 96, size: int = 11, keys=("lr", "gt"), change=None) -> Path:
    """Write a training file as vdsr-data does: (N, 1, column, row), float32; `change` makes other lr and gt of them."""
    gt = smooth(np.random.default_rng(1), count, size)
    pair = blur(gt), gt
    with h5py.File(path, "w") as file:
        for key, patches in zip(keys, change(*pair) if change else pair, strict=True):
            file[key] = patches.transpose(0, 2, 1)[:, None].astype(np.float32)
    return path


def test_images(folder: Path) -> Path:
    """Write two small grey images."""
    folder.mkdir()
    for number, image in enumerate(smooth(np.random.default_rng(2), 2, 36)):
        Image.fromarray((image * 255).round().astype(np.uint8)).save(folder / f"wave{number}.png")
    return folder


test_images.__test__ = False  # type: ignore[attr-defined]


def small(folder: Path, **changes: object) -> Config:
    """A training of a second: three layers on `training_file` and `test_images` in `folder`."""
    values = {
        "file": str(folder / "train.h5"), "validation": str(folder / "waves"), "depth": 3, "channels": 8,
        "batch_size": 8, "steps": 30, "log_every": 5, "checkpoint_every": 7, "theta": 1e-2,
    }  # fmt: skip
    return Config(**(values | changes))  # type: ignore[arg-type]


def undraw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have neither curves nor TensorBoard, which take most of a small training; ``undo()`` brings them back."""
    monkeypatch.setattr("vdsr_train.run.record.open_board", lambda *_: None)
    monkeypatch.setattr("vdsr_train.run.record.Record._draw", lambda _: None)


class Recorder:
    """A console that remembers, and can do something at a step."""

    def __init__(self, at=None) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.rows: list[dict[str, float]] = []
        self.at = at

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def progress(self, row, *, total: int, seconds_left: float, logged: bool) -> None:
        assert 0 <= row["step"] <= total
        assert seconds_left >= 0
        if logged:
            self.rows.append(dict(row))
        if self.at is not None:
            self.at(row["step"])
