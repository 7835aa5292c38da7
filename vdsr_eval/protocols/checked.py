"""Images that are to be scored: refused where they can be none, and rounded as MATLAB rounds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError
from vdsr_data.matlab.arrays import as_array, channels_first, remark_range

__all__ = ["Floats", "checked_image", "checked_luma", "eight_bit", "rounded"]

Floats = NDArray[np.float64]


def checked_image(image: NDArray[Any], name: str) -> NDArray[Any]:
    """The image, if it is one of 8 or 16 bits; else an ArgumentError, by the name of the argument."""
    image = as_array(image, name)
    native = image.dtype.newbyteorder("=")
    if native not in (np.uint8, np.uint16) or image.shape[2:] not in ((), (3,)) or image.ndim < 2 or not image.size:
        raise ArgumentError(
            f"{name}: uint8 or uint16 of shape (rows, columns) or (rows, columns, 3) is needed, got {image.dtype} of"
            f" {channels_first(image.shape) or f'shape {image.shape}'}"
        )
    return image.astype(native, copy=False)


def checked_luma(luma: NDArray[Any], what: str = "the result") -> Floats:
    """What an upscaling function has returned, or a file holds, as float64, if it can be luma.

    Raises
    ------
    ArgumentError
        If it has another shape than (rows, columns), is not of floats, or holds NaN or infinity.

    Warns
    -----
    RangeWarning
        If it clearly lies in another range than [0, 1], such as 0 to 255.
    """
    luma = as_array(luma, what)
    if luma.ndim != 2 or luma.dtype.kind != "f":
        raise ArgumentError(
            f"{what} is {luma.dtype} of shape {luma.shape}; luma is needed, floats in [0, 1] of shape (rows, columns)"
        )
    if not np.isfinite(luma).all():
        raise ArgumentError(f"{what} holds NaN or infinity, as after damage or a training that diverged")
    remark_range(luma, what)
    return luma.astype(np.float64, copy=False)


def eight_bit(image: NDArray[Any]) -> NDArray[Any]:
    """MATLAB's im2uint8 of a uint8 or uint16 image."""
    image = checked_image(image, "image")
    return image if image.dtype == np.uint8 else rounded(image / 257).astype(np.uint8)


def rounded(values: Floats) -> Floats:
    """MATLAB's uint8(values), still as floats: halves away from zero, saturated."""
    return np.floor(values.clip(0, 255) + 0.5)
