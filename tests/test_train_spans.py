"""Many steps in a call on images that the device holds: the crops of the host, and the bits of steps one by one."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from needs import needs
from train_fixtures import small, test_images

from vdsr_eval.networks.weights import read_weights
from vdsr_train.config import Config, read_config
from vdsr_train.loop.schedule import due
from vdsr_train.loop.spans import spans
from vdsr_train.run.log import read_log

needs("jax")


@pytest.mark.parametrize("most", [1, 4, 50])
@pytest.mark.parametrize("first", [0, 5])
def test_a_span_ends_where_something_is_due(most, first) -> None:
    config = Config(checkpoint_every=7, log_every=10, validate_every=16)
    found = list(spans(config, first, 33, steps_per_epoch=12, most=most))
    assert [step for span in found for step in span] == list(range(first, 33))
    assert all(1 <= len(span) <= most for span in found)
    ends = {span.stop for span in found}
    wanted = {done for done in range(first + 1, 34) if due(config, done, steps_per_epoch=12, total=33).logs}
    assert wanted <= ends
    assert all(len(one) == most or one.stop in wanted for one, _ in pairwise(found))
    assert list(spans(config, 33, 33, steps_per_epoch=12, most=most)) == []


# A backend is chosen once, so that one process trains all; on a processor only if it is asked to.
UNDER_JAX = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from train_fixtures import Recorder
from vdsr_data.errors import VdsrError
from vdsr_train.backends import backend, step_jax
from vdsr_train.config import read_config
from vdsr_train.loop import spans
from vdsr_train.run import train
from vdsr_train.run.record import Record
Record._draw = lambda _: None
whole, lengths = read_config("whole.json"), set()

def run(name, config, **options):
    console = options.pop("console", Recorder())
    train.run_training(config, Path(name), resume=options.pop("resume", False), console=console, **options)
    return console

run("host", whole)
backend.ON_PROCESSORS = True
called = spans.OnDevice.__call__
spans.OnDevice.__call__ = lambda self, read, rates: lengths.add(len(rates)) or called(self, read, rates)
run("many", whole)
assert max(lengths) == 5, lengths
spans.OnDevice.most = 1
run("single", whole)
spans.OnDevice.most = 50
level = replace(whole, schedule="stable", decay_from=0, steps=17)
run("parts", level)
run("parts", whole, resume=True)

def stop(step):
    if step >= 4:
        os.kill(os.getpid(), signal.SIGTERM)
try:
    run("stopped", replace(whole, log_every=50), console=Recorder(stop))
    raise SystemExit("was not stopped")
except train.Interrupted as stopped:
    print(stopped)
run("stopped", whole, resume=True)

console = run("timed", replace(whole, schedule="stable", decay_from=0), minutes=0.15)
print(*console.said)
run("counted", read_config("timed"))

step_jax._free = lambda: 10_000.0
print(*run("small", whole).warned)
step_jax._free = lambda: float("inf")

jit = step_jax.jax.jit
def full(*_):
    raise step_jax.jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate")
step_jax.jax.jit = lambda function, **options: full if "donate_argnums" in options else jit(function, **options)
try:
    run("full", whole)
except VdsrError as error:
    print(error)
step_jax.jax.jit = jit

config = replace(whole, precision="mixed_bfloat16")
run("bfloat16", config)
spans.OnDevice.most = 1
run("bfloat16-single", config)
import keras
assert keras.backend.backend() == "jax"
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, str]:
    """A folder with a training on the host's batches and several on the device's crops; and what was said."""
    folder = tmp_path_factory.mktemp("spans")
    test_images(folder / "waves")
    small(
        folder, images="waves", patch_size=12, downsizes=(1.0, 0.8), validation="none", schedule="linear",
        decay_from=20, steps=28, warmup=4, ema=5, optimizer="muon", clip="none", loss="absolute", learning_rate=2e-3,
        depth=4, batch_size=4,
    ).write(folder / "whole.json")  # fmt: skip
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", UNDER_JAX], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def state(run: Path) -> dict[str, np.ndarray]:
    """Every array of the last checkpoint."""
    with h5py.File(max((run / "checkpoints").iterdir())) as file:
        names: list[str] = []
        file.visit(names.append)
        return {name: file[name][()] for name in names if isinstance(file[name], h5py.Dataset)}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    assert len(one) > 20
    assert [name for name in one if one[name].tobytes() != other[name].tobytes()] == []


def weights(run: Path) -> list[np.ndarray]:
    return [array for layer in read_weights(run / "weights.h5") for array in layer]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("many", "single"),
        ("bfloat16", "bfloat16-single"),
        ("parts", "many"),  # a level training up to step 17, gone on with
        ("stopped", "many"),  # by a signal
        ("counted", "timed"),  # --minutes, and as many steps
        ("small", "host"),  # of a device with too little memory
    ],
)
def test_the_bits_are_those_of(trained, one, other) -> None:
    one, other = (state(trained[0] / run) for run in (one, other))
    assert one.keys() == other.keys()
    assert len(one) > 20
    assert [name for name in one if one[name].tobytes() != other[name].tobytes()] == []


@pytest.mark.slow
def test_batches_of_the_host_give_the_same_training(trained) -> None:
    """But for the order of sums: on a processor XLA computes a convolution in a loop by other code."""
    folder, _ = trained
    for one, other in zip(weights(folder / "many"), weights(folder / "host"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    rows = [read_log(folder / run / "log.csv") for run in ("many", "host")]
    for one, other in zip(*rows, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        for same in ("step", "epoch", "learning_rate", "clipped"):
            assert one[same] == other[same]
    assert any(
        not np.array_equal(one, other)
        for one, other in zip(weights(folder / "many"), weights(folder / "bfloat16"), strict=True)
    )


@pytest.mark.slow
def test_what_was_said(trained) -> None:
    folder, said = trained
    stopped, minutes, memory, full = said.splitlines()
    assert stopped.endswith("; go on with: vdsr-train --resume stopped")
    assert stopped.split()[3] == "7;"  # at the end of the steps of its call
    assert minutes.startswith("0.15 minutes: until step ")
    assert int(minutes.split()[4].rstrip(",")) >= read_config(folder / "timed").steps >= 5
    assert memory.startswith(
        "waves: 6.7e-05 GB of pixels leave the memory of the device too little room; they stay on the host, "
        "which sends it batches"
    )
    assert full == "the device has too little memory for this batch; use a smaller --batch-size"


def test_a_gpu_that_is_not_there(tmp_path) -> None:
    code = "from vdsr_train.backends.backend import start; start()"
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cuda",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "VdsrError: JAX_PLATFORMS=cuda: JAX finds no such device" in done.stderr
    assert "for the processor unset it" in done.stderr
