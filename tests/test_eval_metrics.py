"""psnr and ssim against slow twins, scikit-image and the properties that every similarity has."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference import ordered_ssim, slow_gmsd, slow_ms_ssim, slow_psnr, slow_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vdsr_data import fspecial, imfilter, rgb2gray
from vdsr_data.errors import ArgumentError, VdsrWarning
from vdsr_data.images.files import read_image
from vdsr_data.matlab.arrays import LayoutWarning, RangeWarning
from vdsr_eval import SSIM_FORMS, gmsd, ms_ssim, psnr, ssim
from vdsr_eval.metrics import _fidelity_kernels as _kernels
from vdsr_eval.metrics.fidelity import SsimBorder, SsimForm, SsimWindow, block_means

BORDERS = get_args(SsimBorder)
WINDOWS = get_args(SsimWindow)
SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))


def noisy(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth image in [0, 1] and a disturbed one."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    clean = 0.5 + 0.3 * np.sin(x / 7) * np.cos(y / 5)
    return (clean + random.normal(0, 0.08, clean.shape)).clip(0, 1), clean


@pytest.mark.parametrize("shape", [(11, 11), (12, 31), (37, 23), (64, 48)])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("window", WINDOWS)
def test_ssim_equals_the_window_by_window_twin(shape: tuple[int, int], border: str, window: str) -> None:
    a, b = noisy(*shape)
    expected = slow_ssim(a, b, 1, border, window=window)
    assert ssim(a, b, data_range=1, border=border, window=window) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40)
@given(
    rows=st.integers(1, 20), columns=st.integers(1, 20), channels=st.sampled_from([None, 1, 3, 12]),
    border=st.sampled_from(BORDERS), window=st.sampled_from(WINDOWS), volume=st.booleans(), downsample=st.booleans(),
    dtype=st.sampled_from([np.uint8, np.float64]), seed=st.integers(0, 99),
)  # fmt: skip
def test_ssim_with_any_options_equals_the_twin_or_is_refused(
    rows: int, columns: int, channels: int | None, border: str, window: str, volume: bool, downsample: bool,
    dtype: type, seed: int,
) -> None:  # fmt: skip
    shape = (rows, columns, *([channels] if channels else []))
    a, b = (np.random.default_rng(seed + k).integers(0, 256, shape).astype(dtype) for k in (0, 1))
    options = {"border": border, "window": window, "volume": volume, "downsample": downsample}
    size = {"gaussian": 11, "uniform-8": 8, "uniform-7": 7}[window]
    least = {"valid": size, "reflect": size // 2 + 1, "replicate": 1}[border]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayoutWarning)
        if volume and (channels is None or downsample):
            with pytest.raises(ArgumentError, match="volume=True needs images of shape"):
                ssim(a, b, data_range=255, **options)
        elif min(shape if volume else shape[:2]) < least:
            with pytest.raises(
                ArgumentError, match=rf"needs images of at least {least}x{least}(x{least})?, got {rows}x"
            ):
                ssim(a, b, data_range=255, **options)
        else:
            expected = slow_ssim(a, b, 255, **options)
            assert ssim(a, b, data_range=255, **options) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("window", WINDOWS)
def test_ssim_of_images_wider_than_a_stripe_equals_the_twin(border: str, window: str) -> None:
    a, b = noisy(12, 1051)
    expected = slow_ssim(a, b, 1, border, window=window)
    assert ssim(a, b, data_range=1, border=border, window=window) == pytest.approx(expected, abs=1e-12)


@pytest.mark.jit
@pytest.mark.parametrize("shape", [(384, 399), (640, 641), (255, 700)])
def test_ssim_downsample_is_ssim_of_what_imfilter_averages(shape: tuple[int, int]) -> None:
    """640 pixels make a factor of 3, as MATLAB rounds 2.5; Python's round makes 2."""
    a, b = noisy(*shape)
    factor = {384: 2, 640: 3, 255: 1}[shape[0]]
    small = [imfilter(x, fspecial("average", factor), boundary="symmetric")[::factor, ::factor] for x in (a, b)]
    assert np.array_equal(block_means(a, factor), small[0])
    assert ssim(a, b, data_range=1, **SSIM_FORMS["downsample"]) == ssim(*small, data_range=1, border="valid")


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 4), (10, 40)])
def test_ssim_replicate_takes_images_smaller_than_the_window(shape: tuple[int, int]) -> None:
    a, b = noisy(*shape)
    assert ssim(a, b, data_range=1) == pytest.approx(slow_ssim(a, b, 1, "replicate"), abs=1e-12)


@settings(max_examples=30)
@given(st.data())
def test_ssim_of_uint8_equals_the_twin(data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    a, b = (data.draw(arrays(np.uint8, shape)) for _ in range(2))
    assert ssim(a, b, data_range=255) == pytest.approx(slow_ssim(a, b, 255, "replicate"), abs=1e-9)


def test_ssim_equals_scikit_image_inside_the_border() -> None:
    a, b = noisy(70, 53)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    assert ssim(a, b, data_range=1, border="valid") == pytest.approx(structural_similarity(a, b, **options), abs=1e-12)


def test_psnr_equals_scikit_image_and_the_twin() -> None:
    a, b = noisy(33, 40)
    assert psnr(a, b, data_range=1) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-12)
    assert psnr(a, b, data_range=1) == pytest.approx(slow_psnr(a, b, 1), abs=1e-10)


@settings(max_examples=30)
@given(st.data(), st.sampled_from([np.uint8, np.uint16]))
def test_psnr_of_integers_equals_the_twin(data: st.DataObject, dtype: type) -> None:
    shape = data.draw(SHAPES)
    top = np.iinfo(dtype).max
    a, b = (data.draw(arrays(dtype, shape)) for _ in range(2))
    expected = slow_psnr(a, b, top)
    assert psnr(a, b, data_range=top) == (expected if math.isinf(expected) else pytest.approx(expected, abs=1e-9))


@settings(max_examples=30)
@given(arrays(np.float64, st.tuples(st.integers(11, 20), st.integers(11, 20)), elements=st.floats(0, 1)))
def test_equal_images_are_perfect(image: np.ndarray) -> None:
    assert psnr(image, image, data_range=1) == math.inf
    assert ssim(image, image, data_range=1) == pytest.approx(1, abs=1e-12)


@settings(max_examples=30)
@given(st.integers(11, 40), st.integers(11, 40), st.integers(0, 99), st.sampled_from(["replicate", "valid"]))
def test_symmetries(rows: int, columns: int, seed: int, border: str) -> None:
    """Neither measure knows which image is the reference, nor left from right, nor rows from columns, nor the unit."""
    a, b = noisy(rows, columns, seed)
    value = ssim(a, b, data_range=1, border=border)
    assert value == pytest.approx(ssim(b, a, data_range=1, border=border), abs=1e-13)
    assert value == pytest.approx(ssim(a[:, ::-1], b[:, ::-1], data_range=1, border=border), abs=1e-12)
    assert value == pytest.approx(ssim(a.T, b.T, data_range=1, border=border), abs=1e-12)
    assert value == pytest.approx(ssim(a * 255, b * 255, data_range=255, border=border), abs=1e-11)
    assert value < 1
    assert psnr(a, b, data_range=1) == pytest.approx(psnr(b * 255, a * 255, data_range=255), abs=1e-10)


def test_ssim_of_colour_is_the_mean_over_the_channels() -> None:
    a, b = (np.dstack([plane, plane.T, plane**2]) for plane in noisy(32, 32))
    expected = np.mean([slow_ssim(a[:, :, c], b[:, :, c], 1, "valid") for c in range(3)])
    assert ssim(a, b, data_range=1, border="valid") == pytest.approx(expected, abs=1e-12)


def test_float32_is_computed_in_float64() -> None:
    a, b = (plane.astype(np.float32) for plane in noisy(40, 40))
    assert ssim(a, b, data_range=1) == ssim(a.astype(np.float64), b.astype(np.float64), data_range=1)
    assert psnr(a, b, data_range=1) == psnr(a.astype(np.float64), b.astype(np.float64), data_range=1)


def test_inputs_are_left_alone() -> None:
    a, b = noisy(20, 20)
    before = a.copy(), b.copy()
    psnr(a, b, data_range=1), ssim(a, b, data_range=1)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_what_cannot_be_compared_is_refused(measure) -> None:
    image = np.zeros((20, 20))
    with pytest.raises(TypeError):
        measure(image, image)
    with pytest.raises(ValueError, match=r"differ in shape: \(20, 20\) and \(20, 19\)"):
        measure(image, image[:, 1:], data_range=1)
    with pytest.raises(ValueError, match="empty"):
        measure(image[:0], image[:0], data_range=1)
    with pytest.raises(TypeError, match="uint8 and reference is float64"):
        measure(image.astype(np.uint8), image, data_range=255)
    with pytest.raises(TypeError, match="uint8 and reference is uint16"):
        measure(image.astype(np.uint8), image.astype(np.uint16), data_range=255)
    with pytest.raises(TypeError, match="complex"):
        measure(image.astype(complex), image.astype(complex), data_range=1)
    for data_range in (0, -1, math.nan, math.inf, 1e-200, "1", None, True):
        with pytest.raises(ArgumentError, match=r"data_range: .* is not allowed; give a number from 1e-06"):
            measure(image, image, data_range=data_range)
    with pytest.raises(ArgumentError, match="needs an array of numbers, whose rows have one length"):
        measure([[1, 2], [3]], [[1, 2], [3]], data_range=1)


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize(("factor", "dtype", "peak"), [(255, np.uint8, 1), (255, float, 1), (1, float, 255)])
def test_another_range_than_the_images_have_is_remarked_upon(measure, factor: int, dtype: type, peak: int) -> None:
    a, b = ((factor * image).astype(dtype) for image in noisy(20, 20))
    with pytest.warns(
        RangeWarning, match=rf"values reach [\d.]+, and data_range is {peak}: the score is wrong"
    ) as caught:
        measure(a, b, data_range=peak)
    assert caught[0].filename == __file__
    measure(a, b, data_range=factor)
    measure(a * 0, b * 0, data_range=peak)  # black has no range


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_no_number_is_remarked_upon(measure) -> None:
    a, b = noisy(20, 20)
    a[3, 4] = np.nan
    with pytest.warns(VdsrWarning, match="holds NaN or infinity") as caught:
        assert math.isnan(measure(a, b, data_range=1))
    assert caught[0].filename == __file__


def test_channels_that_come_first_are_remarked_upon() -> None:
    """By ssim: psnr does not depend on the order of axes."""
    a, b = (np.stack([image] * 3) for image in noisy(20, 20))
    with pytest.warns(LayoutWarning, match="ssim: an image of 3 x 20 pixels with 20 channels"):
        ssim(a, b, data_range=1)
    assert psnr(a, b, data_range=1) == psnr(np.moveaxis(a, 0, 2), np.moveaxis(b, 0, 2), data_range=1)


def test_ssim_refuses_what_the_window_does_not_fit() -> None:
    image = np.zeros((10, 40))
    with pytest.raises(ValueError, match="at least 11x11, got 10x40"):
        ssim(image, image, data_range=1, border="valid")
    with pytest.raises(ValueError, match="border: 'same' is not allowed; give one of replicate, valid"):
        ssim(image, image, data_range=1, border="same")
    with pytest.raises(ValueError, match="shape"):
        ssim(np.zeros(5), np.zeros(5), data_range=1)


@pytest.mark.jit
@pytest.mark.parametrize("form", SSIM_FORMS)
def test_each_form_has_a_value_of_its_own(form: SsimForm) -> None:
    a, b = (np.stack([x, x[::-1], x**2], axis=2) for x in noisy(400, 390))
    values = {name: ssim(a, b, data_range=1, **options) for name, options in SSIM_FORMS.items()}
    assert get_args(SsimForm) == tuple(SSIM_FORMS)
    assert [name for name, value in values.items() if abs(value - values[form]) < 1e-5] == [form]
    assert ssim(a, a, data_range=1, **SSIM_FORMS[form]) == pytest.approx(1, abs=1e-12)


def test_ssim_and_rgb2gray_are_what_matlab_printed(reference_data: Path) -> None:
    """For one pair; the last is of ``reshape(A, [], 3)``, an image of three columns."""
    folder = reference_data / "proofs" / "ssim"
    a, b = read_image(folder / "LR0000001.jpg"), read_image(folder / "HR0000001.jpg")
    assert f"{ssim(a, b, data_range=255, volume=True):.4f}" == "0.8433"
    assert f"{ssim(a, b, data_range=255):.4f}" == "0.7573"
    grey = rgb2gray(a), rgb2gray(b)
    assert f"{ssim(*grey, data_range=255):.4f}" == "0.7570"
    assert f"{ssim(*grey, data_range=255, border='valid'):.4f}" == "0.7574"
    flat = [x.reshape(-1, 3, order="F") for x in (a, b)]
    assert f"{ssim(*flat, data_range=255):.4f}" == "0.8670"


@pytest.mark.parametrize(
    ("name", "similarity", "multiscale"),
    [("I03", "0.6993", "0.6733"), ("I04", "0.9978", "0.9996"), ("I19", "0.6519", "0.8462")],
)
def test_what_the_authors_programs_printed(reference_data: Path, name: str, similarity: str, multiscale: str) -> None:
    """In MATLAB: ssim_index.m, msssim.m with 'wtd_sum', and GMSD.m of grey values."""
    folder = reference_data / "proofs" / "iqa"
    a, b = (rgb2gray(read_image(folder / kind / f"{name}.bmp")) for kind in ("distorted", "reference"))
    assert f"{ssim(a, b, data_range=255, border='valid'):.4f}" == similarity
    assert f"{ms_ssim(a, b, data_range=255, method='wtd_sum'):.4f}" == multiscale
    if name == "I03":
        assert gmsd(a, b, data_range=255) == pytest.approx(0.220347639470143, abs=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["product", "wtd_sum"])
def test_ms_ssim_equals_the_twin(method: str) -> None:
    a, b = noisy(177, 176)
    assert ms_ssim(a, b, data_range=1, method=method) == pytest.approx(slow_ms_ssim(a, b, 1, method), abs=1e-12)


@pytest.mark.jit
@pytest.mark.parametrize("method", ["product", "wtd_sum"])
def test_ms_ssim_of_colour_is_the_mean_over_the_channels(method: str) -> None:
    a, b = (np.stack([x, x**2], axis=2) for x in noisy(190, 180))
    expected = np.mean([ms_ssim(a[:, :, c], b[:, :, c], data_range=1, method=method) for c in range(2)])
    assert ms_ssim(a, b, data_range=1, method=method) == pytest.approx(expected, abs=1e-14)
    assert ms_ssim(a, a, data_range=1, method=method) == pytest.approx(1, abs=1e-12)


def test_ms_ssim_of_opposites_has_no_product() -> None:
    a = noisy(176, 176)[0]
    with pytest.warns(VdsrWarning, match="a factor is negative, whose power is no real number: NaN"):
        assert math.isnan(ms_ssim(a, 1 - a, data_range=1))
    assert ms_ssim(a, 1 - a, data_range=1, method="wtd_sum") < 0


@settings(max_examples=25)
@given(rows=st.integers(3, 12), columns=st.integers(3, 12), seed=st.integers(0, 99))
def test_gmsd_equals_the_twin(rows: int, columns: int, seed: int) -> None:
    a, b = (np.random.default_rng(seed + k).integers(0, 256, (rows, columns), np.uint8) for k in (0, 1))
    expected = slow_gmsd(a, b, 255)
    assert gmsd(a, b, data_range=255) == pytest.approx(expected, abs=1e-13)
    assert gmsd(a / 255, b / 255, data_range=1) == pytest.approx(expected, abs=1e-13)
    both = [np.stack([x, y], axis=2) for x, y in ((a, b), (b, b))]
    assert gmsd(*both, data_range=255) == pytest.approx(expected / 2, abs=1e-13)


def test_what_is_too_small_is_refused_by_one_line() -> None:
    small = np.zeros((175, 200))
    with pytest.raises(ArgumentError, match="ms_ssim needs images of at least 176x176, got 175x200"):
        ms_ssim(small, small, data_range=1)
    with pytest.raises(ArgumentError, match="gmsd needs images of at least 3x3, got 2x9"):
        gmsd(np.zeros((2, 9)), np.zeros((2, 9)), data_range=1)
    for measure in (ms_ssim, gmsd):
        with pytest.raises(ArgumentError, match=f"{measure.__name__} needs images of shape"):
            measure(np.zeros(500), np.zeros(500), data_range=1)
    with pytest.raises(ArgumentError, match="method: 'sum' is not allowed; give one of product, wtd_sum"):
        ms_ssim(np.zeros((176, 176)), np.zeros((176, 176)), data_range=1, method="sum")


@pytest.mark.parametrize("dtype", [float, np.uint8])
@pytest.mark.parametrize("mixtures", [[[1.0, 0.0], [0.0, 1.0]], [[0.7, 0.3]]])
@pytest.mark.parametrize("size", [7, 8, 11])
@pytest.mark.parametrize("luminance", [True, False])
def test_compiled_and_interpreted_ssim_give_the_same_bits(
    dtype: type, mixtures: list[list[float]], size: int, luminance: bool
) -> None:
    planes = np.stack([*noisy(12, 14), *noisy(12, 14, seed=1)], axis=2)
    planes = (planes * 255).clip(0, 255).astype(dtype)
    x = np.arange(size) - size // 2
    taps = np.exp(-x * x / 4.5) if size == 11 else np.ones(size)
    down, across = (np.arange(-2, side + 2).clip(0, side - 1) for side in planes.shape[:2])
    image, reference = (np.ascontiguousarray(planes[:, :, k : k + 2]).reshape(12, 28) for k in (0, 2))
    totals = np.zeros((2, len(mixtures), len(across) - size + 1))
    for kernel, total in zip((_kernels.ssim_sums, interpreted(_kernels.ssim_sums)), totals, strict=True):
        kernel(image, reference, np.array(mixtures), down, across, taps / taps.sum(), 6.5, 58.5, luminance, total)
    assert totals.all()
    assert np.array_equal(*totals)


def interpreted(kernel: Callable[..., Any]) -> Callable[..., Any]:
    return getattr(kernel, "py_func", kernel)


def test_compiled_and_interpreted_errors_give_the_same_bits() -> None:
    a, b = (x.ravel() for x in noisy(12, 14))
    assert np.array_equal(_kernels.squared_errors(a, b), interpreted(_kernels.squared_errors)(a, b))
    a, b = ((x * 255).clip(0, 255).astype(np.uint8) for x in (a, b))
    assert _kernels.squared_byte_errors(a, b) == interpreted(_kernels.squared_byte_errors)(a, b)
    assert _kernels.squared_byte_errors(a, b) == _kernels.squared_errors(a * 1.0, b * 1.0).sum()


@pytest.mark.parametrize("window", get_args(SsimWindow))
@pytest.mark.parametrize("border", get_args(SsimBorder))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, float])
@pytest.mark.parametrize("shape", [(569, 12), (11, 533), (299, 23, 3)])  # beyond a band of rows, a stripe of columns
def test_ssim_is_that_of_whole_planes_in_every_bit(
    shape: tuple[int, ...], dtype: type, border: SsimBorder, window: SsimWindow
) -> None:
    random = np.random.default_rng(0)
    b = random.integers(0, 256, shape)
    a = (b + random.normal(0, 20, shape)).clip(0, 255)
    peak = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    a, b = ((x * (peak / 255)).astype(dtype) for x in (a, b))
    for volume in (False, True)[: len(shape) - 1]:
        if volume and border != "replicate":  # for which there are too few channels
            continue
        how = {"border": border, "window": window, "volume": volume}
        assert ssim(a, b, data_range=peak, **how) == ordered_ssim(a, b, peak, **how)
