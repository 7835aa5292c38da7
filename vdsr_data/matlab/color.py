"""MATLAB's `rgb2ycbcr`, `ycbcr2rgb`, `rgb2gray`, `im2double`, and the luma that super-resolution works on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError
from vdsr_data.matlab import _color_kernels
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import as_array, channels_first, remark_range
from vdsr_data.matlab.elementary import doubles

__all__ = ["im2double", "luma", "rgb2gray", "rgb2ycbcr", "to_double", "to_rgb", "to_ycbcr", "ycbcr2rgb"]

# ITU-R BT.601, as MATLAB's documentation of rgb2ycbcr gives it, for RGB in [0, 1] and YCbCr in [0, 255].
MATRIX = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
OFFSET = np.array([16.0, 128.0, 128.0])

# MATLAB multiplies by the rounded reciprocal; dividing by 255 changes a luma value in 47 of 357 benchmark images.
TO_YCBCR = MATRIX * (1 / 255)


# 255 * inv(MATRIX), inv(MATRIX) * OFFSET, with the last bits of a LAPACK that multiplies and adds at once, as MATLAB's:
# 0 of 386,523 doubles differ. They depend on the processor and the library, so they are written down.
TO_RGB = np.array([
    doubles("0x1.2a150a8542a16p+0 0x1.435471afe3b85p-22 0x1.989537d4a4be0p+0"),
    doubles("0x1.2a150a8542a16p+0 -0x1.912a330362bc6p-2 -0x1.a03d61470b151p-1"),
    doubles("0x1.2a150a8542a16p+0 0x1.0234addba8cccp+1 0x1.99efa26ce6ff2p-19"),
])  # fmt: skip
RGB_OFFSET = -np.array(doubles("0x1.bf9775a847201p-1 -0x1.1036d2e69c81fp-1 0x1.15ec04271e3bep+0"))

# First row of the inverse of NTSC's matrix [1 0.956 0.621; 1 -0.272 -0.647; 1 -1.106 1.703], correctly rounded.
TO_GRAY = np.array([[0.2989360212937754, 0.5870430744511212, 0.11402090425510332]])

# The largest value of each integer dtype that MATLAB's image functions take.
INTEGER_TOP = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


def rgb2ycbcr(image: NDArray[Any]) -> NDArray[Any]:
    """Convert RGB to YCbCr as MATLAB's ``rgb2ycbcr``.

    Parameters
    ----------
    image : ndarray, shape (rows, columns, 3)
        uint8; uint16; or float32, float64 in [0, 1] (other values are converted by the same formula, not clipped;
        a NaN or an infinity stays in its pixel). Any memory layout and byte order, may be empty, never modified.

    Returns
    -------
    ndarray
        Same shape and dtype. Y in [16, 235] for uint8, [4112, 60395] for uint16, [16/255, 235/255] for floats; Cb and
        Cr up to 240, 61680, 240/255. uint8 is equal to MATLAB's in every value, float64 in every bit; uint16 follows
        the documented range.

    Raises
    ------
    TypeError
        For another dtype.
    ArgumentError
        If the shape is not (rows, columns, 3).

    Warns
    -----
    RangeWarning
        If floats are above 2, such as those of an 8-bit image that was not divided by 255.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import rgb2ycbcr
    >>> rgb2ycbcr(np.array([[[255, 128, 0]]], dtype=np.uint8)).tolist()
    [[[146, 53, 193]]]
    """
    image = _checked(image, "rgb2ycbcr")
    remark_range(image, "rgb2ycbcr")
    return to_ycbcr(image, channels=3)


def luma(image: NDArray[Any]) -> NDArray[Any]:
    """Luma (Y) as ``rgb2ycbcr`` gives it; a grey image (rows, columns) is its own luma.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, 3)
        As for `rgb2ycbcr`.

    Returns
    -------
    ndarray, shape (rows, columns)
        Same dtype as the image. For a 2-D image, the image itself.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import luma
    >>> luma(np.array([[[255, 128, 0], [255, 255, 255]]], dtype=np.uint8)).tolist()
    [[146, 235]]
    """
    image = as_array(image, "luma")
    if image.ndim != 2:
        image = _checked(image, "luma")
    remark_range(image, "luma")
    return image if image.ndim == 2 else to_ycbcr(image, channels=1)[:, :, 0]


def ycbcr2rgb(image: NDArray[Any]) -> NDArray[Any]:
    """Convert YCbCr to RGB as MATLAB's ``ycbcr2rgb``: the inverse matrix, the result clipped to the range of the dtype.

    Parameters
    ----------
    image : ndarray, shape (rows, columns, 3)
        uint8 or uint16; or float32, float64 in [0, 1]. A NaN stays a NaN. Memory as for `rgb2ycbcr`.

    Returns
    -------
    ndarray
        Same shape and dtype. float64 is equal to MATLAB's in every bit; no MATLAB file was at hand to prove the
        integers.

    Raises
    ------
    TypeError
        For another dtype.
    ArgumentError
        If the shape is not (rows, columns, 3).

    Warns
    -----
    RangeWarning
        If floats are above 2.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import ycbcr2rgb
    >>> ycbcr2rgb(np.array([[[235, 128, 128]]], dtype=np.uint8)).tolist()
    [[[255, 255, 255]]]
    """
    image = _checked(image, "ycbcr2rgb")
    remark_range(image, "ycbcr2rgb")
    return to_rgb(image)


def rgb2gray(image: NDArray[Any]) -> NDArray[Any]:
    """Convert RGB to grey as MATLAB's ``rgb2gray``: 0.2989 R + 0.5870 G + 0.1140 B.

    The quality measures of images (SSIM, GMSD, NIQE) take this; super-resolution takes `luma`, which is another number.

    Parameters
    ----------
    image : ndarray, shape (rows, columns, 3)
        uint8 or uint16; or float32, float64 in [0, 1] (other values by the same formula, not clipped). Memory as for
        `rgb2ycbcr`.

    Returns
    -------
    ndarray, shape (rows, columns)
        Same dtype, integers rounded half up. No 8-bit colour lies so near to half a step that the last bits of the
        coefficients, which differ between computers, could decide.

    Raises
    ------
    TypeError
        For another dtype.
    ArgumentError
        If the shape is not (rows, columns, 3).

    Warns
    -----
    RangeWarning
        If floats are above 2.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import rgb2gray
    >>> rgb2gray(np.array([[[255, 128, 0], [255, 255, 255]]], dtype=np.uint8)).tolist()
    [[151, 255]]
    """
    image = _checked(image, "rgb2gray")
    remark_range(image, "rgb2gray")
    return _convert(image, TO_GRAY, np.zeros(1), clip=False)[:, :, 0]


def im2double(image: NDArray[Any]) -> NDArray[np.float64]:
    """Convert to float64 as MATLAB's ``im2double``: uint8 / 255, uint16 / 65535, floats unchanged (also NaN, -0.0).

    Takes arrays of any shape, memory layout and byte order; the result is always a new array.

    Raises
    ------
    TypeError
        For another dtype.

    Warns
    -----
    RangeWarning
        If floats are above 2.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import im2double
    >>> im2double(np.array([0, 51, 255], dtype=np.uint8)).tolist()
    [0.0, 0.2, 1.0]
    """
    image = as_array(image, "im2double")
    if image.dtype.newbyteorder("=") not in (*INTEGER_TOP, np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"im2double takes uint8, uint16, float32 or float64, got {image.dtype}")
    remark_range(image, "im2double")
    return to_double(image)


def to_double(image: NDArray[Any]) -> NDArray[np.float64]:
    """What `im2double` returns, of an array whose dtype and range have been looked at."""
    top = INTEGER_TOP.get(image.dtype.newbyteorder("="))
    return image.astype(np.float64) if top is None else np.asarray(image / top)


def _checked(image: NDArray[Any], function: str) -> NDArray[Any]:
    """The image in native byte order, if it has three channels and a dtype that MATLAB's function takes."""
    image = as_array(image, function)
    if image.ndim != 3 or image.shape[2] != 3:
        found = channels_first(image.shape) or image.shape
        raise ArgumentError(f"{function} needs an image of shape (rows, columns, 3), got {found}")
    dtype = image.dtype.newbyteorder("=")
    if dtype not in INTEGER_TOP and dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"{function} takes uint8, uint16, float32 or float64, got {image.dtype}; convert it first")
    return image.astype(dtype, copy=False)


def to_ycbcr(image: NDArray[Any], channels: int = 3) -> NDArray[Any]:
    """What `rgb2ycbcr` returns, or the first of its channels, of an image that has been looked at as `to_double`'s."""
    top = INTEGER_TOP.get(image.dtype)
    offset = OFFSET * (1 / 255 if top is None else top / 255)
    return _convert(image, TO_YCBCR[:channels], offset[:channels], clip=False)


def to_rgb(image: NDArray[Any]) -> NDArray[Any]:
    """What `ycbcr2rgb` returns, of an image that has been looked at as `to_double`'s."""
    return _convert(image, TO_RGB, RGB_OFFSET * INTEGER_TOP.get(image.dtype, 1.0), clip=True)


def _convert(image: NDArray[Any], matrix: NDArray[np.float64], offset: NDArray[np.float64], clip: bool) -> NDArray[Any]:
    """Multiply every pixel by `matrix` and add `offset`, in the dtype of the image."""
    dtype = image.dtype
    top = INTEGER_TOP.get(dtype)
    pixels = read_only(np.ascontiguousarray(image, dtype=None if top else np.float64).reshape(-1))
    out = np.empty(pixels.size // 3 * len(matrix), dtype=pixels.dtype)
    if top:
        _color_kernels.matrix_integer(pixels, matrix, offset, out, top)
    else:
        _color_kernels.matrix_float(pixels, matrix, offset, out, clip)
    return out.reshape(*image.shape[:2], len(matrix)).astype(dtype, copy=False)
