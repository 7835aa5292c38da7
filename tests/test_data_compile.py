"""Kernels are compiled but once, for Pillow's arrays and for others, and the cache gives each process its own code."""

import importlib.util
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vdsr_data import imresize, luma
from vdsr_data.matlab import _color_kernels, _resize_byte_kernels, _resize_kernels
from vdsr_data.matlab._compile import read_only
from vdsr_eval import psnr, ssim
from vdsr_eval.metrics import _fidelity_kernels


@pytest.mark.parametrize("kind", ["integer", "float"])
def test_kernels_get_read_only_arrays(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = set()

    def watched(kernel, source, *others):
        called.add(kernel.__name__)
        assert not source.flags.writeable
        return kernel(source, *others)

    for module in (_color_kernels, _resize_kernels, _resize_byte_kernels, _fidelity_kernels):
        for name, kernel in list(vars(module).items()):
            if name.startswith(("matrix_", "resize_", "ssim_", "squared_")):
                monkeypatch.setattr(module, name, partial(watched, kernel))
    image = np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8)
    plane = luma(image if kind == "integer" else image / 255)
    for scale in (2, 0.7):
        imresize(plane, scale)
    imresize(image if kind == "integer" else plane, 2)
    peak = 255 if kind == "integer" else 1
    assert psnr(plane, plane // 2, data_range=peak) < ssim(plane, plane, data_range=peak) * 100
    assert called == {
        *(f"{name}_{kind}" for name in ("matrix", "resize_periodic", "resize_rows")),
        *("resize_columns", "ssim_sums"),
        *(["resize_bytes", "squared_byte_errors"] if kind == "integer" else ["squared_errors"]),
    }


def test_a_read_only_view_shares_memory_and_leaves_the_array_as_it_was() -> None:
    array = np.zeros(3)
    view = read_only(array)
    assert np.shares_memory(view, array)
    assert array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1


MODULE = """
from vdsr_data.matlab._compile import kernel

def adding(constant):
    @kernel
    def add(value):
        return value + constant
    return add
"""


@pytest.mark.jit
def test_two_processes_that_compile_at_once_keep_their_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adding.py").write_text(MODULE)
    spec = importlib.util.spec_from_file_location("adding", tmp_path / "adding.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    one, two = module.adding(1), module.adding(2)
    ours, theirs = one._cache._cache_file, two._cache._cache_file
    write = ours._save_data

    def meanwhile(name, data):
        with monkeypatch.context() as patch:
            patch.setattr(theirs, "_load_index", dict)  # it had looked before our entry was there
            two(0)
        write(name, data)

    monkeypatch.setattr(ours, "_save_data", meanwhile)
    assert one(0) == 1
    assert list((tmp_path / "__pycache__").glob("*.nbc"))
    assert [module.adding(constant)(0) for constant in (1, 2)] == [1, 2]


FIRST_USE = """
import sys
import numpy as np
from vdsr_data import imresize
from vdsr_eval import psnr
half = imresize(np.arange(64.0).reshape(8, 8), 0.5)
assert "scipy.linalg" not in sys.modules or len(sys.argv) == 1
print(half.tobytes().hex(), psnr(half, half + 1, data_range=63))

from numba import njit
print(njit(lambda a: np.dot(a, a).sum())(half))  # what a user compiles afterwards finds the compiler ready
"""


@pytest.mark.jit
def test_kernels_on_disk_are_loaded_without_the_compiler() -> None:
    first, second = (
        subprocess.run([sys.executable, "-c", FIRST_USE, *words], capture_output=True, text=True, check=True).stdout
        for words in ([], ["kept"])
    )
    assert first == second
