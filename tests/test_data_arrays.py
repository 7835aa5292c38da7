"""What is taken as an image, and what is said of one that looks odd; `modcrop`."""

import numpy as np
import pytest

from vdsr_data import im2double, luma, modcrop, rgb2ycbcr, ycbcr2rgb
from vdsr_data.errors import ArgumentError
from vdsr_data.matlab.arrays import LayoutWarning, RangeWarning, divisor

GREY = np.arange(35, dtype=np.uint8).reshape(5, 7)


def test_modcrop_takes_whole_numbers_and_images():
    for scale in (0, -1, 2.5, float("nan"), True, "2", None):
        with pytest.raises(ArgumentError, match="whole number"):
            modcrop(GREY, scale)
    assert modcrop(GREY, 2.0).shape == (4, 6)
    assert modcrop(GREY, 10**400).size == 0
    assert modcrop(GREY.tolist(), 2).tolist() == GREY[:4, :6].tolist()
    for image in (GREY[0], 3, "image", [1]):
        with pytest.raises(ArgumentError, match="2 dimensions"):
            modcrop(image, 2)
    with pytest.raises(ArgumentError, match="modcrop needs an array of numbers"):
        modcrop([[1], [2, 3]], 2)


def test_channels_in_front_are_cropped_but_remarked_upon():
    with pytest.warns(LayoutWarning, match="modcrop: an image of 3 x 41 pixels with 50 channels; .*moveaxis") as caught:
        assert modcrop(np.zeros((3, 41, 50)), 2).shape == (2, 40, 50)
    assert (caught[0].filename, len(caught)) == (__file__, 1)
    assert modcrop(np.zeros((3, 41, 3)), 2).shape == (2, 40, 3)  # a warning would be an error
    with pytest.raises(ArgumentError, match=r"got an image of 3 x 41 pixels with 50 channels; .*moveaxis"):
        rgb2ycbcr(np.zeros((3, 41, 50)))


@pytest.mark.parametrize("function", [rgb2ycbcr, ycbcr2rgb, luma, im2double])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_of_another_range_are_converted_but_remarked_upon(function, dtype):
    image = np.full((4, 5, 3), 0.5, dtype)
    for harmless in (-9, 1.72, 2, np.nan, np.inf):  # overshoot, and what is no matter of the range
        image[0, 0, 0] = harmless
        plain = function(image)
    image[0, 0, 0] = 200
    with pytest.warns(RangeWarning, match=f"{function.__name__}: floats up to 200, .* 0 to 1; divide by 255") as caught:
        found = function(image)
    assert (caught[0].filename, len(caught)) == (__file__, 1)
    assert (found[1:] == plain[1:]).all()


def test_the_range_of_grey_and_of_numbers_of_16_bits():
    with pytest.warns(RangeWarning, match="luma: floats up to 40000, .*; divide by 65535, or convert to uint16"):
        assert luma(np.full((2, 2), 4e4)).max() == 4e4
    with pytest.warns(RangeWarning, match="scale them"):
        luma(np.full((2, 2), 1e9))
    assert luma([[0.5, 1]]).tolist() == [[0.5, 1]]
    assert [divisor(most) for most in (2, 2.1, 262, 500, 1e5, 1e6)] == [None, 255, 255, 65535, 65535, None]
