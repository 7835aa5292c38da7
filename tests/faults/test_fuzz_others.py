"""Damaged files of all other kinds: .mat, weights of other libraries, config.json, the registry; and command lines."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SEED
from fuzz import campaign, made, reader_of
from fuzz_others import READERS, checkpoint_seeds, checkpoint_variables, read_checkpoint, repair_checkpoint

from vdsr_data.errors import VdsrError

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")]

COUNTS = {"mat": 50_000, "mat 7.3": 50_000, "octave": 50_000, "MatConvNet": 50_000, "npz": 50_000,
          "safetensors": 50_000, "torch": 20_000, "torch stream": 50_000, "pickle": 50_000, "checkpoint": 100,
          "config": 100_000, "registry": 250_000}  # fmt: skip
COMMANDS = {
    "png": ("vdsr_data", "imresize", "@", "out.png", "--scale", "2"),
    "tif": ("vdsr_data", "imresize", "@", "out.png", "--scale", "2"),
    "training": ("vdsr_data", "info", "@"),
    "test": ("vdsr_eval", "--model", "bicubic", "--dataset", "@", "--scale", "2"),
}


@pytest.mark.parametrize("kind", READERS)
def test_damaged(kind: str, amount: Callable[[int, int], int], tried: Callable[..., None]):
    if kind == "checkpoint":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    if kind == "safetensors":
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    number, problems = campaign(kind, str(SEED), amount(min(100, COUNTS[kind] // 100), COUNTS[kind]), seconds=300)
    tried(f"fuzz: {kind}", number)
    assert not problems


@pytest.mark.parametrize("kind", COMMANDS)
def test_command_lines_say_one_line(
    kind: str, tmp_path: Path, amount: Callable[[int, int], int], chance: random.Random, tried: Callable[..., None]
):
    reader = reader_of(kind)
    seeds = reader.seeds()
    package, *arguments = COMMANDS[kind]
    for _ in range(amount(1, 50)):
        suffix, data = made(reader, kind, str(SEED), chance.randrange(10**9), seeds)
        path = tmp_path / f"damaged{suffix}"
        path.write_bytes(data)
        words = [str(path) if word == "@" else word for word in arguments]
        command = [sys.executable, "-m", package, *words]
        tried("fuzz: commands")
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode in (0, 1), done
        assert "Traceback" not in done.stderr
        *remarks, last = done.stderr.splitlines() or [""]
        if kind == "test":  # an image that is too small is left out with a remark
            remarks = [line for line in remarks if ": left out, " not in line]
        assert done.returncode == 0 or (last.startswith(f"python -m {package}: ") and not remarks), done.stderr
        (tmp_path / "out.png").unlink(missing_ok=True)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["png", "registry", "config"])
def test_guided(kind: str, tmp_path: Path, amount: Callable[[int, int], int], tried: Callable[..., None]):
    """Inputs that atheris chooses by the branches that they reach."""
    pytest.importorskip("atheris", reason="atheris is not installed: pip install 'vdsr-toolkit[torture]'")
    command = [sys.executable, Path(__file__).with_name("fuzz.py"), kind, str(SEED + 1), "--guided",
               str(amount(1, 30)), tmp_path]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    executed = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    tried(f"atheris: {kind}", int(executed[0].split()[-1]))


def test_a_checkpoint_at_which_tensorflow_ends_the_process(tmp_path: Path):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    variables = checkpoint_variables()
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "v"), tensor_names=[*variables], shape_and_slices=[""] * 4, tensors=[*variables.values()]
    )
    whole = (tmp_path / "v.index").read_bytes() + (tmp_path / "v.data-00000-of-00001").read_bytes()
    assert checkpoint_seeds() == [repair_checkpoint(whole)] == [whole]
    path = tmp_path / "a.both"
    path.write_bytes(repair_checkpoint(whole.replace(b"\x08\x01\x12\x04", b"\xff\xff\xff\xff")))
    with pytest.raises(VdsrError, match=r"a: cannot be read as weights \(TensorFlow crashes at it\)"):
        read_checkpoint(path)
