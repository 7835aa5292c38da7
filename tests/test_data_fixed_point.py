"""8-bit images in whole numbers: the pixels of the loops in float64, and of fractions, on any processor."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from llvmlite import binding
from reference import random_image

from vdsr_data import imresize
from vdsr_data.matlab.fixed_point import fixed_point
from vdsr_data.matlab.taps import wrapped_taps

FACTORS = (1 / 4, 1 / 3, 1 / 2, 2, 3, 4)


def in_float64(image: np.ndarray, *arguments: object, **options: object) -> np.ndarray:
    """Imresize by the loops in float64."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vdsr_data.matlab.resize.fixed_point", lambda *_: None)
        return imresize(image, *arguments, **options)


def planned(factor: float, antialias: bool = True, method: str = "bicubic", rows: int = 48, columns: int = 60):
    size = math.ceil(rows * factor), math.ceil(columns * factor)
    return fixed_point((rows, columns), size, (factor, factor), antialias, "symmetric", method)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("factor", [*FACTORS, 1, 5, 8])
def test_these_factors_are_whole_numbers(factor: float, antialias: bool):
    assert planned(factor, antialias) is not None


@pytest.mark.parametrize("factor", [6, 7, 1 / 6, 0.7, 1.3])
def test_these_stay_in_float64(factor: float):
    assert planned(factor) is None


def test_so_do_sines():
    assert planned(2, method="lanczos3") is None


@given(
    st.integers(1, 20), st.integers(16, 70), st.sampled_from((None, 2, 3)),
    st.sampled_from((*FACTORS, 1, 5, 8)), st.sampled_from((*FACTORS, 0.7, 1, 5)),
    st.booleans(), st.sampled_from(("symmetric", "replicate")),
    st.sampled_from(("bicubic", "bilinear", "box")), st.sampled_from((1, 16, 64, 255)),
)  # fmt: skip
@example(4, 64, None, 4, 4, True, "symmetric", "bicubic", 255)
@example(17, 65, 3, 1 / 4, 1 / 4, True, "replicate", "bicubic", 1)
@settings(max_examples=60, deadline=None)
def test_equals_float64(rows, columns, channels, along, down, antialias, boundary, method, step):
    """Coarse steps between values make more ties, and sums that leave the range."""
    image = random_image((rows, columns) if channels is None else (rows, columns, channels), np.uint8) // step * step
    options = {"antialias": antialias, "boundary": boundary, "method": method}
    scale = min(down, along), along
    assert imresize(image, scale, **options).tobytes() == in_float64(image, scale, **options).tobytes()


@pytest.mark.parametrize("factor", FACTORS)
def test_ties_and_extremes_are_rounded_as_fractions(factor: float):
    """Of many rows, those with the most ties, which there are where the denominator is a power of two."""
    random, length = np.random.default_rng(0), 96
    out_length = math.ceil(factor * length)
    index, weight = wrapped_taps(length, out_length, factor, True, "symmetric")
    denominator = {3: 27, 1 / 3: 81}.get(factor, 4096)
    numerator = np.rint(weight * denominator).astype(np.int64)
    ties = 0
    for values in (256, 2, 256):
        lines = random.integers(0, values, (400, length), dtype=np.uint8) * (255 // (values - 1))
        sums = (lines.astype(np.int64)[:, index] * numerator).sum(axis=-1)
        tied = 2 * sums % (2 * denominator) == denominator
        ties += np.count_nonzero(tied)
        kept = np.argsort(-np.count_nonzero(tied, axis=1), kind="stable")[:70]
        exact = ((2 * sums[kept] + denominator) // (2 * denominator)).clip(0, 255).tolist()
        if factor < 1:  # rows first, and the other dimension as it is
            assert imresize(lines[kept].T, (factor, 1)).T.tolist() == exact
        else:
            assert imresize(lines[kept], (1, factor)).tolist() == exact
    assert ties if denominator == 4096 else not ties


@pytest.mark.parametrize("factor", [*FACTORS, 1, 5, 8])
def test_every_sum_is_divided_exactly(factor: float):
    for taps in planned(factor):
        rule = taps.rule
        divisor = next(d for d in (64, 128, 27, 81, 125) if rule.bias - rule.low * d in (0, d // 2))
        highest = 255 * taps.factor[..., 0, :].astype(int).clip(min=0).sum(axis=(-2, -1)).max()
        sums = np.arange(min(highest + rule.bias, 2**16))
        assert (sums * rule.factor >> 16 >> rule.after == sums // divisor).all()


@pytest.mark.parametrize("threads", [2, 3, 100])
@pytest.mark.parametrize("factor", FACTORS)
def test_threads_change_nothing(factor: float, threads: int):
    image = random_image((23, 40, 3), np.uint8)
    assert imresize(image, factor, threads=threads).tobytes() == in_float64(image, factor).tobytes()


HASH = """
import hashlib
import numpy as np
from reference import random_image
from test_data_fixed_point import FACTORS
from vdsr_data import imresize
from vdsr_data.matlab import _resize_byte_kernels
found = hashlib.sha256()
for factor in FACTORS:
    for shape in ((20, 70), (20, 70, 3), (5, 64, 2)):
        found.update(imresize(random_image(shape, np.uint8), factor))
print(_resize_byte_kernels.LANES, found.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize(("without", "lanes"), [("avx512", 16), ("avx", 8), ("sse4 ssse3 avx", 8)])
def test_bits_do_not_depend_on_the_processor(without: str, lanes: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Compiled as for a processor without AVX-512, without AVX, or of another kind."""
    there = binding.get_host_cpu_features()
    if not there.get("avx2"):
        pytest.skip("this processor has no AVX2")
    off = {name for name in there if any(word in name for word in without.split())}
    left = ",".join(f"{'+' if found and name not in off else '-'}{name}" for name, found in there.items())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    environment |= {"NUMBA_CPU_FEATURES": left, "NUMBA_CPU_NAME": "generic"}
    done = subprocess.run([sys.executable, "-c", HASH], env=environment, capture_output=True, text=True, check=False)
    exec(HASH, {})
    assert done.stdout.split() == [str(lanes), capsys.readouterr().out.split()[1]], done.stderr
