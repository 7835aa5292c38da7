"""imresize against its slow twin, its symmetries, and MATLAB's own files."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike
from reference import random_image, slow_imresize
from scipy.io import loadmat

from vdsr_data import imresize, modcrop, rgb2ycbcr
from vdsr_data.errors import ArgumentError
from vdsr_data.images.files import list_images, read_image
from vdsr_data.matlab import _resize_byte_kernels, _resize_kernels
from vdsr_data.matlab.arrays import LayoutWarning
from vdsr_data.matlab.resize import output_size
from vdsr_data.matlab.taps import periodic_columns, wrapped_taps

DTYPES = (np.uint8, np.uint16, np.float32, np.float64)
FACTORS = (1 / 4, 1 / 3, 1 / 2, 0.7, 0.9, 1.0, 1.3, 2.0, 3.0, 4.0)


@pytest.mark.slow
@given(
    st.integers(1, 20), st.integers(1, 20), st.sampled_from((None, 1, 3)), st.sampled_from(DTYPES),
    st.sampled_from(FACTORS), st.sampled_from(FACTORS), st.booleans(), st.sampled_from(("symmetric", "replicate")),
)  # fmt: skip
@example(33, 17, 3, np.uint8, 1 / 3, 1 / 3, True, "symmetric")
@example(35, 19, None, np.float64, 3.0, 2.0, True, "symmetric")
@example(40, 5, None, np.float64, 1 / 4, 4.0, True, "replicate")
@settings(max_examples=60)
def test_equals_slow_twin(rows, columns, channels, dtype, down, right, antialias, boundary):
    image = random_image((rows, columns) if channels is None else (rows, columns, channels), dtype)
    fast = imresize(image, (down, right), antialias=antialias, boundary=boundary)
    size = (math.ceil(down * rows), math.ceil(right * columns))
    slow = slow_imresize(image, (down, right), size, antialias, boundary)
    assert fast.dtype == image.dtype
    assert fast.shape == slow.shape
    assert fast.tobytes() == slow.tobytes()


@pytest.mark.slow
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.sampled_from(DTYPES))
@settings(max_examples=40)
def test_size_equals_slow_twin(rows, columns, out_rows, out_columns, dtype):
    image = random_image((rows, columns), dtype)
    fast = imresize(image, size=(out_rows, out_columns))
    slow = slow_imresize(image, (out_rows / rows, out_columns / columns), (out_rows, out_columns))
    assert fast.tobytes() == slow.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", FACTORS)
def test_constant_stays_constant(dtype, factor):
    value = 200 if np.dtype(dtype).kind == "u" else 0.7
    out = imresize(np.full((23, 31), value, dtype=dtype), factor)
    np.testing.assert_allclose(out, dtype(value), rtol=1e-15 if dtype == np.float64 else 0)


@pytest.mark.parametrize("factor", [1 / 4, 1 / 2, 2, 4])
def test_mirrored_image_gives_mirrored_result(factor):
    image = random_image((24, 32), np.float64)
    out, mirrored = imresize(image, factor), imresize(image[::-1, ::-1], factor)
    np.testing.assert_allclose(out[::-1, ::-1], mirrored, rtol=0, atol=1e-14)


def test_factor_one_copies():
    image = random_image((9, 7, 3), np.uint8)
    out = imresize(image, 1)
    assert (out == image).all()
    assert not np.shares_memory(out, image)


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_layout_does_not_matter(dtype):
    image = random_image((30, 26, 3), dtype)
    want = imresize(image, 1 / 2)
    read_only = image.copy()
    read_only.flags.writeable = False
    swapped = image.astype(image.dtype.newbyteorder())
    for other in (np.asfortranarray(image), image.repeat(2, axis=1)[:, ::2], read_only, swapped):
        got = imresize(other, 1 / 2)
        assert got.dtype == dtype
        assert got.tobytes() == want.tobytes()


@pytest.mark.jit
def test_each_loop_is_compiled_once_for_a_kind_of_pixels():
    """Whatever the sizes, factors and threads: it takes seconds."""
    for shape in ((9, 8), (1, 7), (7, 1), (12, 12, 3), (5, 70), (5, 70, 3)):
        for factor in (1 / 3, 2, 3.7, (0.7, 2)):
            for threads in (1, 2):
                imresize(random_image(shape, np.uint8), factor, threads=threads)
    for kernel in (_resize_kernels.resize_periodic_integer, _resize_kernels.resize_rows_integer,
                   _resize_kernels.resize_columns, _resize_byte_kernels.resize_bytes):  # fmt: skip
        kinds = [signature[0].dtype for signature in kernel.signatures]
        assert kinds
        assert len(kinds) == len(set(kinds))


def test_smaller_factor_goes_first():
    image = random_image((40, 40), np.uint8)
    by_hand = imresize(imresize(image, (1, 1 / 3)), (1 / 2, 1))
    other = imresize(imresize(image, (1 / 2, 1)), (1, 1 / 3))
    got = imresize(image, (1 / 2, 1 / 3))
    assert (got == by_hand).all()
    assert (got != other).any()


def test_integers_saturate():
    image = np.zeros((12, 12), dtype=np.uint8)
    image[:, 6:] = 255
    floats = imresize(image.astype(np.float64), 3)
    assert floats.min() < 0
    assert floats.max() > 255
    assert set(imresize(image, 3)[:, [0, -1]].ravel()) == {0, 255}


def test_one_row_and_one_pixel():
    assert imresize(np.array([[7]], dtype=np.uint8), 3).tolist() == [[7] * 3] * 3
    assert imresize(random_image((1, 100_000), np.float64), (1, 1 / 4)).shape == (1, 25_000)


def test_nan_stays_where_its_kernel_reaches():
    image = np.zeros((20, 20))
    image[10, 10] = np.nan
    out = imresize(image, 2)
    assert np.isnan(out[20, 20])
    assert np.isfinite(out[:16]).all()
    assert np.isfinite(out[26:]).all()


@given(
    st.integers(1, 60), st.integers(1, 60), st.sampled_from((None, 2, 3)), st.sampled_from(DTYPES),
    st.sampled_from((1 / 16, 1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 5, 16)), st.sampled_from(("symmetric", "replicate")),
)  # fmt: skip
@settings(max_examples=80)
def test_fused_and_separate_passes_agree(rows, columns, channels, dtype, factor, boundary):
    image = random_image((rows, columns) if channels is None else (rows, columns, channels), dtype)
    fused = imresize(image, factor, boundary=boundary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vdsr_data.matlab.resize.periodic_columns", lambda *_: None)
        assert imresize(image, factor, boundary=boundary).tobytes() == fused.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [1 / 3, 0.7, 2, (2, 1 / 2)])
@pytest.mark.parametrize("threads", [2, 3, 100])
def test_threads_change_nothing(dtype, factor, threads):
    image = random_image((37, 29, 3), dtype)
    assert imresize(image, factor, threads=threads).tobytes() == imresize(image, factor).tobytes()


@pytest.mark.parametrize("factor", [1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])
def test_whole_number_factors_are_fused(factor):
    out_length = math.ceil(factor * 120)
    columns = periodic_columns(120, out_length, factor, True, "symmetric")
    assert columns is not None
    assert len(columns.taps) * 120 == out_length * columns.step


def test_other_factors_are_not_fused():
    assert periodic_columns(120, 84, 0.7, True, "symmetric") is None


def test_tables_cannot_be_changed():
    index, weight = wrapped_taps(10, 5, 0.5, True, "symmetric")
    assert not index.flags.writeable
    assert not weight.flags.writeable


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (imresize, ArgumentError, "either scale or size"),
        (lambda image: imresize(image, 2, size=(4, 4)), ArgumentError, "either scale or size"),
        (lambda image: imresize(image, 0), ArgumentError, "scale must be"),
        (lambda image: imresize(image, -1), ArgumentError, "scale must be"),
        (lambda image: imresize(image, math.nan), ArgumentError, "scale must be"),
        (lambda image: imresize(image, math.inf), ArgumentError, "scale must be"),
        (lambda image: imresize(image, (1, 2, 3)), ArgumentError, "scale must be"),
        (lambda image: imresize(image, "half"), ArgumentError, "scale must be"),
        (lambda image: imresize(image, "2"), ArgumentError, "scale must be"),
        (lambda image: imresize(image, True), ArgumentError, "scale must be"),
        (lambda image: imresize(image, (2, None)), ArgumentError, "scale must be"),
        (lambda image: imresize(image, 10**400), ArgumentError, "scale must be"),
        (lambda image: imresize(image, size=(10**400, 2)), ArgumentError, "size must be"),
        (lambda image: imresize(image, size=("4", "4")), ArgumentError, "size must be"),
        (lambda image: imresize(image, 2, antialias="no"), ArgumentError, "antialias: .no. is not allowed"),
        (lambda image: imresize(image, 1e-6), ArgumentError, "scale must be at least 1e-05"),
        (lambda image: imresize(image, 1e300), ArgumentError, "too large for any memory"),
        (lambda image: imresize(image, size=(2**20, 2**21)), ArgumentError, "too large for any memory"),
        (lambda image: imresize(image, size=4), ArgumentError, "size must be"),
        (lambda image: imresize(image, size=(math.nan, 4)), ArgumentError, "size must be"),
        (lambda image: imresize(image, 2, threads=1.5), ArgumentError, "threads: 1.5 is not allowed"),
        (lambda image: imresize(image, size=(0, 4)), ArgumentError, "size must be"),
        (lambda image: imresize(image, size=(2.5, 4)), ArgumentError, "size must be"),
        (lambda image: imresize(image, 2, boundary="wrap"), ArgumentError, "boundary: 'wrap' is not allowed"),
        (lambda image: imresize(image, 2, threads=0), ArgumentError, "threads: 0 is not allowed"),
        (lambda image: imresize(image.astype(np.int32), 2), TypeError, "int32"),
        (lambda image: imresize(image[:0], 2), ArgumentError, "non-empty"),
        (lambda image: imresize(image[0], 2), ArgumentError, "non-empty"),
    ],
)
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call(random_image((8, 8), np.uint8))


def test_output_size_is_matlabs_ceil():
    assert output_size((10, 11), 1 / 3) == (4, 4)
    assert output_size((10, 11, 3), (2, 0.5)) == (20, 6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_uint8_equals_matlab(reference_data: Path, scale: int):
    originals = list_images(reference_data / "Set5")
    files = list_images(reference_data / "oracles/uint8_replicate" / f"x{scale}")
    for original, file in zip(originals, files, strict=True):
        got = imresize(modcrop(read_image(original), scale), 1 / scale, boundary="replicate")
        assert (got == read_image(file)).all(), file.name


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_float64_equals_matlab_bit_for_bit(reference_data: Path, scale: int):
    matlab = loadmat(reference_data / f"oracles/float_symmetric/butterfly_GT_x{scale}.mat")
    low = imresize(rgb2ycbcr(matlab["im_gt"] / 255), 1 / scale)
    assert np.count_nonzero(low != matlab["im_l_ycbcr"]) == 0
    assert np.count_nonzero(low[:, :, 0] * 255 != matlab["im_l_y"]) == 0
    assert np.count_nonzero(imresize(low, scale)[:, :, 0] * 255 != matlab["im_b_y"]) == 0


FORKING = """
import os, signal, sys
import numpy as np
from vdsr_data import imresize
image = np.random.default_rng(0).integers(0, 256, (90, 80), dtype=np.uint8)
expected = imresize(image, 2)
assert (imresize(image, 2, threads=2) == expected).all()
child = os.fork()
if not child:
    os._exit(0 if (imresize(image, 2, threads=2) == expected).all() else 1)
signal.alarm(30)  # ends this process, should the child hang
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert (imresize(image, 2, threads=2) == expected).all()
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_has_threads_of_its_own():
    """Which is how PyTorch and multiprocessing start workers on Linux."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_in_front_are_remarked_upon(channels: int):
    image = random_image((channels, 30, 40), np.uint8)
    with pytest.warns(LayoutWarning, match=rf"image of {channels} x 30 pixels with 40 channels; .*moveaxis") as caught:
        result = imresize(image, 2)
    assert (caught[0].filename, len(caught)) == (__file__, 1)
    assert result.shape == (2 * channels, 60, 40)  # the value is what it was


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3), (3, 40, 3), (30, 3, 40), (3, 40, 8), (6, 30, 40), (3, 40)])
def test_other_layouts_are_not(shape: tuple[int, ...]):
    imresize(random_image(shape, np.uint8), 2)  # a warning would be an error


@pytest.mark.parametrize("method", ["nearest", "box", "bilinear", "triangle", "lanczos2", "lanczos3"])
@pytest.mark.parametrize("factor", [1 / 3, 1 / 2, 0.7, 1.3, 3.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_other_methods_equal_slow_twins(method: str, factor: float, dtype: DTypeLike) -> None:
    image = random_image((17, 13, 3), dtype)
    antialias = method != "nearest"  # MATLAB's default
    found = imresize(image, factor, method=method)
    expected = slow_imresize(image, (factor, factor), output_size(image.shape, factor), antialias, method=method)
    if dtype is np.uint8 or not method.startswith("lanczos"):
        assert (found == expected).all()
    else:  # whose sines depend on the library
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_nearest_takes_the_middle_pixel_of_three() -> None:
    image = random_image((30, 33, 3), np.uint8)
    assert (imresize(image, 1 / 3, method="nearest") == image[1::3, 1::3]).all()
    assert (imresize(image, 3, method="nearest") == image.repeat(3, 0).repeat(3, 1)).all()


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ArgumentError, match="method: 'cubic' is not allowed; give one of bicubic"):
        imresize(np.zeros((4, 4)), 2, method="cubic")
