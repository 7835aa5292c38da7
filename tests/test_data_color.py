"""Colour conversion against its slow twin and MATLAB's own files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference import slow_gray, slow_luma, slow_ycbcr
from scipy.io import loadmat
from skimage.color import rgb2ycbcr as peer_ycbcr

from vdsr_data import im2double, imresize, luma, rgb2gray, rgb2ycbcr, ycbcr2rgb

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))


@given(arrays(np.uint8, SHAPES))
def test_uint8_equals_slow_twin(image):
    got = rgb2ycbcr(image).reshape(-1, 3).tolist()
    pixels = image.reshape(-1, 3).astype(float).tolist()
    assert got == [[slow_ycbcr(tuple(pixel), k, True) for k in range(3)] for pixel in pixels]
    assert (luma(image) == slow_luma(image)).all()


@given(arrays(np.uint8, SHAPES))
def test_rgb2gray_equals_exact_arithmetic(image):
    assert (rgb2gray(image) == slow_gray(image)).all()
    deep = rgb2gray(image.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - slow_gray(image)).max() <= 0.5 + 1e-9
    for dtype, apart in ((np.float64, 1e-12), (np.float32, 1e-4)):
        grey = rgb2gray((image / 255).astype(dtype))
        assert grey.dtype == dtype
        assert np.abs(grey * 255 - slow_gray(image)).max() <= 0.5 + apart


@given(arrays(np.float64, SHAPES, elements=st.floats(0, 1)))
def test_float_equals_slow_twin(image):
    got = rgb2ycbcr(image).reshape(-1, 3).tolist()
    assert got == [[slow_ycbcr(tuple(pixel), k, False) for k in range(3)] for pixel in image.reshape(-1, 3).tolist()]
    assert (luma(image) == rgb2ycbcr(image)[:, :, 0]).all()


def test_agrees_with_scikit_image():
    image = np.random.default_rng(0).random((40, 30, 3))
    np.testing.assert_allclose(rgb2ycbcr(image) * 255, peer_ycbcr(image), rtol=0, atol=1e-11)


@given(arrays(np.float64, SHAPES, elements=st.floats(0, 1)))
def test_there_and_back(image):
    np.testing.assert_allclose(ycbcr2rgb(rgb2ycbcr(image)), image, rtol=0, atol=2e-15)


def test_there_and_back_in_integers_loses_at_most_two_steps():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.abs(ycbcr2rgb(rgb2ycbcr(image)).astype(int) - image).max() <= 2
    deep = image.astype(np.uint16) * 257
    assert np.abs(ycbcr2rgb(rgb2ycbcr(deep)).astype(int) - deep).max() <= 2


def test_documented_ranges():
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)
    assert rgb2ycbcr(ends).tolist() == [[[16, 128, 128], [235, 128, 128]]]
    assert rgb2ycbcr(ends.astype(np.uint16) * 257).tolist() == [[[4112, 32896, 32896], [60395, 32896, 32896]]]
    np.testing.assert_allclose(rgb2ycbcr(ends / 255)[0, :, 0], [16 / 255, 235 / 255])


def test_result_is_clipped():
    assert ycbcr2rgb(np.ones((1, 1, 3))).max() == 1
    assert ycbcr2rgb(np.zeros((1, 1, 3))).min() == 0
    assert np.isnan(ycbcr2rgb(np.full((1, 1, 3), np.nan))).all()


def test_float32_is_computed_in_float64():
    image = np.random.default_rng(0).random((9, 9, 3), dtype=np.float32)
    got = rgb2ycbcr(image)
    assert got.dtype == np.float32
    assert (got == rgb2ycbcr(image.astype(np.float64)).astype(np.float32)).all()


def test_grey_is_its_own_luma():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert luma(image) is image


def test_im2double():
    assert im2double(np.array([0, 51, 255], dtype=np.uint8)).tolist() == [0, 0.2, 1]
    assert im2double(np.array([0, 13107, 65535], dtype=np.uint16)).tolist() == [0, 0.2, 1]
    assert im2double(np.array([0.25, 1.5], dtype=np.float32)).tolist() == [0.25, 1.5]
    with pytest.raises(TypeError, match="int64"):
        im2double(np.array([1]))


@pytest.mark.parametrize("function", [rgb2ycbcr, ycbcr2rgb, luma])
def test_bad_arguments(function):
    with pytest.raises(ValueError, match="shape"):
        function(np.zeros((4, 4, 4)))
    with pytest.raises(TypeError, match="int32"):
        function(np.zeros((4, 4, 3), dtype=np.int32))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_equals_matlab(reference_data: Path, scale: int):
    matlab = loadmat(reference_data / f"oracles/float_symmetric/butterfly_GT_x{scale}.mat")
    ycbcr = rgb2ycbcr(im2double(matlab["im_gt"]))
    assert np.count_nonzero(ycbcr[:, :, 0] * 255 != matlab["im_gt_y"]) == 0
    enlarged = imresize(matlab["im_l_ycbcr"], scale)
    assert np.count_nonzero(ycbcr2rgb(enlarged) * 255 != matlab["im_b"]) == 0
    assert np.count_nonzero(ycbcr2rgb(matlab["im_l_ycbcr"]) * 255 != matlab["im_l"]) == 0
