"""Numbers and arrays that code is seldom tried with: every public function does what its docstring says."""

import math
import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reference import slow_imresize, slow_psnr, slow_ssim, slow_ycbcr

from vdsr_data import VdsrWarning, im2double, imresize, luma, modcrop, randperm, rgb2ycbcr, ycbcr2rgb
from vdsr_data.matlab import resize
from vdsr_eval import psnr, ssim

Layout = Callable[[np.ndarray], np.ndarray]


def scattered(image: np.ndarray) -> np.ndarray:
    """The same values, not contiguous, read backwards."""
    wide = np.zeros((2 * image.shape[0], 3 * image.shape[1], *image.shape[2:]), image.dtype)
    view = wide[::-2, ::3]
    view[...] = image
    return view


def read_only(image: np.ndarray) -> np.ndarray:
    copy = image.copy()
    copy.flags.writeable = False
    return copy


class Subclass(np.ndarray):
    pass


LAYOUTS: dict[str, Layout] = {
    "Fortran": np.asfortranarray,
    "scattered": scattered,
    "read-only": read_only,
    "byte-swapped": lambda image: image.astype(image.dtype.newbyteorder(">")),
    "subclass": lambda image: image.copy().view(Subclass),
}
DTYPES = ("uint8", "uint16", "float32", "float64")
FUNCTIONS: dict[str, Callable[[np.ndarray], object]] = {
    "imresize": lambda image: imresize(image, 0.5),
    "imresize larger": lambda image: imresize(image, 3),
    "rgb2ycbcr": rgb2ycbcr,
    "ycbcr2rgb": ycbcr2rgb,
    "luma": luma,
    "im2double": im2double,
    "modcrop": lambda image: modcrop(image, 3),
    "psnr": lambda image: psnr(image, image[::-1], data_range=1),
    "ssim": lambda image: ssim(image, image[::-1], data_range=1),
}


def picture(*shape: int, dtype: str = "float64") -> np.ndarray:
    values = np.random.default_rng(3).random(shape)
    return values.astype(dtype) if dtype[0] == "f" else (values * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture(autouse=True)
def silence() -> None:
    """No function warns of any number, but by the toolkit's own remarks."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", VdsrWarning)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_memory_layout_changes_nothing(name: str, layout: str, dtype: str):
    plain = picture(13, 12, 3, dtype=dtype)
    image = LAYOUTS[layout](plain)
    before = image.copy()
    expected, result = FUNCTIONS[name](plain), FUNCTIONS[name](image)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(image, before)
    if name != "modcrop" and isinstance(result, np.ndarray):
        assert result.dtype.isnative
        assert not np.shares_memory(result, image)


def test_memmap_is_read_where_it_is(tmp_path: Path):
    plain = picture(12, 11, 3, dtype="uint8")
    (tmp_path / "raw").write_bytes(plain.tobytes())
    image = np.memmap(tmp_path / "raw", np.uint8, "r", shape=plain.shape)
    for function in FUNCTIONS.values():
        np.testing.assert_array_equal(function(image), function(plain))
    assert (tmp_path / "raw").read_bytes() == plain.tobytes()


def test_views_are_views():
    image = picture(7, 8)
    assert luma(image) is image
    assert np.shares_memory(modcrop(image, 3), image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (13, 17), (1, 1, 3), (2, 1, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
@pytest.mark.parametrize("scale", [1 / 3, 0.5, 1, 2, 3.7])
def test_small_odd_and_prime_sizes(shape: tuple[int, ...], dtype: str, scale: float):
    image = picture(*shape, dtype=dtype)
    size = tuple(math.ceil(scale * length) for length in image.shape[:2])
    np.testing.assert_array_equal(imresize(image, scale), slow_imresize(image, (scale, scale), size))


@pytest.mark.slow
def test_very_long_lines():
    image = picture(1, 100_000, dtype="uint8")
    assert imresize(image, 0.5).shape == (1, 50_000)
    assert imresize(image, 2).shape == (2, 200_000)
    np.testing.assert_array_equal(imresize(image, 2)[:, :40], slow_imresize(image[:, :30], (2, 2), (2, 60))[:, :40])
    colors = picture(1, 100_000, 3, dtype="uint8")
    assert rgb2ycbcr(colors).shape == ycbcr2rgb(colors).shape == colors.shape
    assert luma(colors).shape == modcrop(colors, 1).shape[:2] == (1, 100_000)
    assert psnr(image, image, data_range=255) == math.inf
    assert ssim(image, image, data_range=255) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 2.5, 0.1, 5e-324, 1e-310, 1e300])
def test_constant_images_stay_constant(value: float):
    image = np.full((9, 10), value)
    for scale in (0.5, 2, 3):
        np.testing.assert_allclose(imresize(image, scale), value, rtol=1e-14, atol=2e-323)
    assert psnr(image, image, data_range=1) == math.inf
    np.testing.assert_array_equal(im2double(image), image)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NumPy's, of kernels as plain Python
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_bad_value_spreads_only_as_far_as_the_kernel(value: float):
    image = picture(40, 40)
    image[20, 20] = value
    result = imresize(image, 0.5)
    assert not np.isfinite(result[8:12, 8:12]).all()
    good = imresize(picture(40, 40), 0.5)
    np.testing.assert_array_equal(result[:4], good[:4])
    assert math.isnan(ssim(image, picture(40, 40), data_range=1))
    expected = math.nan if math.isnan(value) else -math.inf
    np.testing.assert_equal(psnr(image, picture(40, 40), data_range=1), expected)
    assert math.isnan(psnr(image, image, data_range=1))


@pytest.mark.parametrize("convert", [rgb2ycbcr, ycbcr2rgb, luma])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bad_values_stay_in_their_pixel(convert: Callable[[np.ndarray], np.ndarray], dtype: str):
    image = picture(6, 5, 3, dtype=dtype)
    expected = convert(image)
    image[2, 3] = np.nan
    result = convert(image)
    assert np.isnan(result[2, 3]).all()
    result[2, 3] = expected[2, 3]
    np.testing.assert_array_equal(result, expected)


def test_im2double_keeps_every_float():
    values = np.array([[math.nan, math.inf, -math.inf, -0.0, 5e-324, -7.0, 1e300]])
    result = im2double(values)
    assert result.tobytes() == values.tobytes()
    assert not np.shares_memory(result, values)


def test_values_outside_the_range():
    image = np.array([[[-1.0, 2.0, 0.5], [1e6, -1e6, 0.0]]])
    expected = [[[slow_ycbcr(tuple(p), c, integer=False) for c in range(3)] for p in row] for row in image.tolist()]
    np.testing.assert_allclose(rgb2ycbcr(image), expected, rtol=1e-12)
    assert ycbcr2rgb(image).min() >= 0
    assert ycbcr2rgb(image).max() <= 1


def test_scores_of_extreme_values():
    a, b = picture(12, 13) * 1e-150, picture(13, 12).T * 1e-150
    assert (
        psnr(a, b, data_range=1) == pytest.approx(slow_psnr(a, b, 1), rel=1e-6) or psnr(a, b, data_range=1) == math.inf
    )
    a, b = 3 - 5 * picture(12, 13), 2 + picture(13, 12).T
    assert psnr(a, b, data_range=1) == pytest.approx(slow_psnr(a, b, 1), rel=1e-12)
    assert ssim(a, b, data_range=1) == pytest.approx(slow_ssim(a, b, 1, "replicate"), rel=1e-9)
    zero = np.zeros((11, 11))
    assert psnr(zero, -zero, data_range=1) == math.inf
    assert ssim(zero, -zero, data_range=1) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (0, 5, 3)])
def test_empty_images(shape: tuple[int, ...]):
    empty = np.zeros(shape)
    with pytest.raises(ValueError, match="empty"):
        imresize(empty, 2)
    for score in (psnr, ssim):
        with pytest.raises(ValueError, match="empty"):
            score(empty, empty, data_range=1)
    assert im2double(empty).shape == modcrop(empty, 2)[:0].shape[:0] + shape
    if len(shape) == 3:
        assert rgb2ycbcr(empty).shape == ycbcr2rgb(empty).shape == shape
        assert luma(empty).shape == shape[:2]


@pytest.mark.parametrize("scale", [0, -1, 1.5, math.nan, math.inf])
def test_modcrop_by_no_whole_number(scale: float):
    with pytest.raises(ValueError, match="whole number"):
        modcrop(picture(4, 4), scale)


@pytest.mark.parametrize("scale", [0, -1, math.nan, math.inf, -math.inf, (2, math.nan), ()])
def test_imresize_by_no_number(scale: object):
    with pytest.raises(ValueError, match="scale"):
        imresize(picture(4, 4), scale)


@pytest.mark.parametrize("data_range", [0, -1, math.nan, math.inf])
def test_data_range_that_is_none(data_range: float):
    for score in (psnr, ssim):
        with pytest.raises(ValueError, match="data_range"):
            score(picture(11, 11), picture(11, 11), data_range=data_range)


def test_randperm_of_few_and_of_no_number():
    assert randperm(0).tolist() == []
    assert randperm(1).tolist() == [0]
    for arguments in ((-1,), (3, -1), (3, 2**32)):
        with pytest.raises(ValueError):
            randperm(*arguments)


FACTORS = (1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 5)


def test_bytes_are_resized_as_in_float64(amount: Callable[[int, int], int], chance: random.Random) -> None:
    """Few values that lie far apart make ties and sums out of range."""
    for _ in range(amount(200, 100_000)):
        shape = chance.randint(1, 8), chance.randint(22, 70), chance.choice((1, 3, 3, 4))
        image = np.frombuffer(chance.randbytes(math.prod(shape)), np.uint8).reshape(shape)
        step = chance.choice((1, 1, 2, 16, 51, 255))
        image = image // step * step
        scale = sorted(chance.choices(FACTORS, k=2) if chance.random() < 0.2 else [chance.choice(FACTORS)])
        options = {"antialias": chance.random() < 0.8, "boundary": chance.choice(("symmetric", "replicate"))}
        quick = imresize(image, scale, **options)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resize, "fixed_point", lambda *_: None)
            assert (quick == imresize(image, scale, **options)).all(), (shape, step, scale, options)
