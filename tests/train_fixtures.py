"""What the tests of vdsr_train share: small data, a small configuration, and processes that import nothing anew."""

import atexit
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
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
        "convolution": "direct",
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


# Imports TensorFlow without using it; each line from the tests starts a fork that runs code, or waits for one.
PARENT = """
import gc, json, os, signal, sys, traceback
gc.disable()
import tensorflow, keras
from vdsr_train.backends import model, optimizer, predict, step
from vdsr_train.run import train
gc.freeze()
gc.enable()
for line in sys.stdin:
    job = json.loads(line)
    if "wait" in job:
        print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
        continue
    process = os.fork()
    if process:
        print(process, flush=True)
        continue
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor in (1, 2):
        os.dup2(os.open(job["said"][descriptor - 1], os.O_WRONLY), descriptor)
    os.chdir(job["folder"])
    os.environ.update(job["environment"])
    sys.argv = ["vdsr-train", *job["words"]]
    code = 0
    try:
        exec(job["code"], {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
"""
COMMAND = "from vdsr_train.cli.main import main; main()"


@cache
def _parent() -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", PARENT], env=environment, stdin=pipe, stdout=pipe, text=True)
    atexit.register(process.communicate)
    return process


def _ask(**job: object) -> int:
    process = _parent()
    print(json.dumps(job), file=process.stdin, flush=True)
    return int(process.stdout.readline())


class Fork:
    """A process with TensorFlow imported that runs `code`, by default the command vdsr-train, in `folder`."""

    def __init__(
        self, folder: Path, *words: str, code: str = COMMAND, environment: Mapping[str, str] | None = None
    ) -> None:
        self._said = [folder / f".said{time.monotonic_ns()}.{number}" for number in (1, 2)]
        for path in self._said:
            path.touch()
        said = list(map(str, self._said))
        self.pid = _ask(code=code, words=words, folder=str(folder), environment=dict(environment or {}), said=said)

    def wait(self) -> tuple[int, str, str]:
        """Its exit code (minus the signal), and what it wrote to stdout and stderr."""
        code = _ask(wait=self.pid)
        return code, *(path.read_text() for path in self._said)

    def said(self) -> str:
        """What it has written to stdout so far."""
        return self._said[0].read_text()

    def until_step(self, step: int) -> None:
        """Return once it has shown a row of the log of `step` or a later one."""
        until = time.monotonic() + 60
        while not any(
            line.startswith("step ") and int(line[5:].partition("/")[0]) >= step
            for line in self.said().splitlines(keepends=True)
            if line.endswith("\n")
        ):
            assert time.monotonic() < until, [path.read_text() for path in self._said]
            time.sleep(0.02)
