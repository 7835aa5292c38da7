"""psnr and ssim against slow twins, scikit-image and the properties that every similarity has."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference import slow_psnr, slow_ssim, slow_volume_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from vdsr_data.errors import ArgumentError, VdsrWarning
from vdsr_data.images.files import read_image
from vdsr_data.matlab.arrays import LayoutWarning, RangeWarning
from vdsr_eval import psnr, ssim
from vdsr_eval.metrics import _fidelity_kernels as _kernels

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))


def noisy(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth image in [0, 1] and a disturbed one."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    clean = 0.5 + 0.3 * np.sin(x / 7) * np.cos(y / 5)
    return (clean + random.normal(0, 0.08, clean.shape)).clip(0, 1), clean


@pytest.mark.parametrize("shape", [(11, 11), (12, 31), (37, 23), (64, 48)])
@pytest.mark.parametrize("border", ["replicate", "valid"])
def test_ssim_equals_the_window_by_window_twin(shape: tuple[int, int], border: str) -> None:
    a, b = noisy(*shape)
    assert ssim(a, b, data_range=1, border=border) == pytest.approx(slow_ssim(a, b, 1, border), abs=1e-12)


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
    with pytest.raises(ValueError, match="at least 11x11 pixels, got 10x40"):
        ssim(image, image, data_range=1, border="valid")
    with pytest.raises(ValueError, match="border: 'same' is not allowed; give one of replicate, valid"):
        ssim(image, image, data_range=1, border="same")
    with pytest.raises(ValueError, match="shape"):
        ssim(np.zeros(5), np.zeros(5), data_range=1)


@pytest.mark.parametrize("shape", [(13, 12, 3), (4, 5, 2), (6, 5, 12)])
def test_ssim_of_a_volume_against_the_slow_twin(shape: tuple[int, ...]) -> None:
    a, b = np.random.default_rng(3).uniform(0, 255, (2, *shape))
    b = 0.7 * a + 0.3 * b
    assert ssim(a, b, data_range=255, channels="volume") == pytest.approx(slow_volume_ssim(a, b, 255), abs=1e-12)
    assert ssim(a, a, data_range=255, channels="volume") == 1


def test_ssim_of_a_volume_is_what_matlab_printed(reference_data: Path) -> None:
    """0.8433, by R2017b or thereabouts, for this pair; the mean over the channels is 0.7573."""
    folder = reference_data / "proofs" / "ssim"
    a, b = (read_image(folder / name) for name in ("HR0000001.jpg", "LR0000001.jpg"))
    assert f"{ssim(a, b, data_range=255, channels='volume'):.4f}" == "0.8433"
    assert f"{ssim(a, b, data_range=255):.4f}" == "0.7573"


def test_ssim_refuses_a_volume_that_is_none() -> None:
    for image, options in ((np.zeros((12, 12)), {}), (np.zeros((12, 12, 3)), {"border": "valid"})):
        with pytest.raises(ValueError, match="channels='volume' needs images of shape"):
            ssim(image, image, data_range=1, channels="volume", **options)
    with pytest.raises(ValueError, match="channels: 'each' is not allowed; give one of mean, volume"):
        ssim(np.zeros((12, 12, 3)), np.zeros((12, 12, 3)), data_range=1, channels="each")


def test_compiled_and_interpreted_kernels_give_the_same_bits() -> None:
    a, b = noisy(12, 14)
    x = np.arange(11) - 5.0
    taps = np.exp(-x * x / 4.5)
    for kernel, arguments in (
        (_kernels.ssim_sums, (a, b, taps / taps.sum(), 1e-4, 9e-4, False)),
        (_kernels.ssim_sums, (a, b, taps / taps.sum(), 1e-4, 9e-4, True)),
        (_kernels.squared_errors, (a.ravel(), b.ravel())),
    ):
        interpreted = getattr(kernel, "py_func", kernel)
        assert np.array_equal(kernel(*arguments), interpreted(*arguments))
