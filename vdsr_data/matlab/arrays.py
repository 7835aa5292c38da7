"""Arrays that people hand in as images: which are taken, remarks on a layout or range that looks wrong, `modcrop`."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import ArgumentError, VdsrWarning

__all__ = ["LARGEST", "LayoutWarning", "RangeWarning", "as_array", "channels_first", "colon", "divisor", "modcrop",
           "remark_layout", "remark_range"]  # fmt: skip

# Floats are [0, 1], as MATLAB's images of class double. Two bicubic resizings bring these to 1.72 at most, so that what
# is larger than 2 is no overshoot.
LARGEST = 2.0
TOPS = (255, 65535)


class LayoutWarning(VdsrWarning):
    """An image looks as if its channels came first."""


class RangeWarning(VdsrWarning):
    """Floats, of which images are in [0, 1], look as if they were in another range."""


def as_array(image: Any, function: str) -> NDArray[Any]:
    """The image as an array of NumPy; ArgumentError, which names the function, if it is none, such as a ragged list."""
    try:
        return np.asarray(image)
    except ValueError:
        raise ArgumentError(f"{function} needs an array of numbers, whose rows have one length") from None


def channels_first(shape: Sequence[int]) -> str:
    """What looks wrong about the shape of an image (rows, columns, channels), and what to do; empty if nothing does."""
    if len(shape) != 3 or shape[0] not in (1, 3, 4) or min(shape[1:]) <= 8:
        return ""
    advice = "if its channels come first, move them to the end (np.moveaxis(image, 0, 2))"
    return f"an image of {shape[0]} x {shape[1]} pixels with {shape[2]} channels; {advice}"


def remark_layout(shape: Sequence[int], function: str) -> None:
    """Warn the caller of `function`, by a LayoutWarning, of what `channels_first` finds."""
    if found := channels_first(shape):
        warnings.warn(f"{function}: {found}", LayoutWarning, stacklevel=3)


def divisor(most: float) -> int | None:
    """By what values are to be divided of which this is the largest; None if it is small enough, or beyond 16 bits."""
    return next((top for top in TOPS if LARGEST < most <= 1.72 * top), None)


def remark_range(image: NDArray[Any], function: str) -> None:
    """Warn the caller of `function`, by a RangeWarning, of floats above 2; never of NaN, infinities or other dtypes."""
    most = float(np.fmax.reduce(image, axis=None, initial=0)) if image.dtype.kind == "f" else 0.0
    if LARGEST < most < np.inf:
        top = divisor(most)
        advice = f"divide by {top}, or convert to uint{8 if top == TOPS[0] else 16}" if top else "scale them"
        line = f"{function}: floats up to {most:g}, but those of images are 0 to 1; {advice}"
        warnings.warn(line, RangeWarning, stacklevel=3)


def modcrop(image: NDArray[Any], scale: int) -> NDArray[Any]:
    """Crop the bottom and the right so that rows and columns are multiples of `scale`; returns a view.

    It is ``modcrop.m`` of the original's scripts.

    Parameters
    ----------
    image : ndarray, shape (rows, columns, ...)
        An array of any library, or what NumPy takes for one, of any values.
    scale : int
        1 or more; a side that is shorter becomes empty.

    Returns
    -------
    ndarray, shape (rows - rows % scale, columns - columns % scale, ...)

    Raises
    ------
    ArgumentError
        If `scale` is not a whole number of at least 1, or the image has fewer than 2 dimensions.

    Warns
    -----
    LayoutWarning
        If the image may be (channels, rows, columns), of which channels and rows would be cropped.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import modcrop
    >>> modcrop(np.zeros((100, 51, 3)), 3).shape
    (99, 51, 3)
    """
    plain = isinstance(scale, (int, float, np.integer, np.floating)) and not isinstance(scale, bool)
    if not plain or not scale >= 1 or scale == math.inf or int(scale) != scale:
        raise ArgumentError(f"scale must be a whole number of at least 1, got {scale!r}")
    image = image if hasattr(image, "ndim") else as_array(image, "modcrop")
    if image.ndim < 2:
        raise ArgumentError(f"modcrop needs an image of at least 2 dimensions, got shape {image.shape}")
    remark_layout(image.shape, "modcrop")
    rows, columns = image.shape[0], image.shape[1]
    return image[: rows - rows % int(scale), : columns - columns % int(scale)]


def colon(start: float, step: float, stop: float) -> list[float]:
    """Return the numbers that MATLAB's ``for x = start:step:stop`` runs through.

    Each is ``start + k * step``, so that the second of ``1.1:0.1:4`` is 1.2000000000000002, and not 1.2. The last may
    miss `stop` by a rounding error.

    Parameters
    ----------
    start, step, stop : float
        Finite; `step` is not 0, and leads from `start` to `stop`.

    Raises
    ------
    ArgumentError
        If there are no such numbers, or more than a million.

    Notes
    -----
    Low-resolution images that Meta-SR's authors made in such a loop have 0 differing values. The list that MATLAB makes
    of ``x = 1.1:0.1:4`` is another: from the middle on it counts backwards from `stop`, which changes 21 values at 2.6.

    Examples
    --------
    >>> from vdsr_data import colon
    >>> colon(1.1, 0.1, 1.4)
    [1.1, 1.2000000000000002, 1.3, 1.4000000000000001]
    """
    numbers = [
        limits.number(name, x, (-1e300, 1e300)) for name, x in (("start", start), ("step", step), ("stop", stop))
    ]
    start, step, stop = (float(x) for x in numbers)
    slack = 2 * np.finfo(float).eps * max(abs(start), abs(stop))
    steps = (stop - start) / step if step else math.nan
    if not -slack <= steps <= 1e6:
        raise ArgumentError(f"{start:g}:{step:g}:{stop:g} has no numbers, or more than a million")
    count = round(steps)
    if math.copysign(1, step) * (start + count * step - stop) > slack:
        count -= 1
    return [start + k * step for k in range(count + 1)]
