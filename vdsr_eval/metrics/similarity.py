"""`ms_ssim` and `gmsd` of two arrays, as their authors' MATLAB programs."""

import math
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrWarning
from vdsr_data.limits import choice
from vdsr_data.matlab.arrays import remark_layout
from vdsr_eval.metrics.fidelity import SSIM_WINDOW, Pixels, block_means, check_planes, compared, mean_ssim, remark_odd

__all__ = ["gmsd", "ms_ssim"]

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])  # of the scales, the finest first
SMALLEST = SSIM_WINDOW << len(WEIGHTS) - 1
GMSD_SMALLEST = 3  # pixels a side, so that a map has a deviation
GMSD_CONSTANT = 170.0  # for a peak of 255


def ms_ssim(
    image: NDArray[Any],
    reference: NDArray[Any],
    *,
    data_range: float,
    method: Literal["product", "wtd_sum"] = "product",
) -> float:
    """Multi-scale structural similarity over five scales, as Wang's ``msssim.m``.

    Parameters
    ----------
    image, reference : ndarray, shape (rows, columns) or (rows, columns, channels)
        At least 176 x 176, both of the same integer dtype, or both floats. Of channels, the mean of their values.
    data_range : float
        The peak: 255 for uint8 values, 1 for floats in [0, 1]. Never guessed.
    method : {"product", "wtd_sum"}, default "product"
        How the scales are joined, in the words of ``msssim.m``: "product" multiplies their powers, as the paper does;
        "wtd_sum" adds them by weight.

    Returns
    -------
    float
        At most 1. NaN if a value is NaN or infinite, or if a factor of the product is negative, whose power is no real
        number.

    Raises
    ------
    TypeError, ArgumentError
        As `ssim`, and if a side is smaller than 176, which leaves no window at the coarsest scale.

    Warns
    -----
    RangeWarning, LayoutWarning, VdsrWarning
        As `ssim`, and VdsrWarning of a negative factor.

    Notes
    -----
    Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", 2003. Each scale is the
    mean of 2 x 2 pixels of the one before, every second one kept; contrast and structure count of the first four, SSIM
    of the last, where the window fits. The weights 0.0448, 0.2856, 0.3001, 0.2363, 0.1333 add up to 1.0001, by which
    "wtd_sum" divides. For three pairs the program printed 0.6733, 0.9996 and 0.8462 in MATLAB, which "wtd_sum" gives;
    "product" gives 0.6700, 0.9996 and 0.8418.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import ms_ssim
    >>> ramp = np.tile(np.linspace(0, 1, 176), (176, 1))
    >>> round(ms_ssim(ramp**2, ramp, data_range=1), 4)
    0.9244
    """
    one, other, peak = compared(image, reference, data_range)
    a, b = one.floats(), other.floats()
    remark_layout(a.shape, "ms_ssim")
    check_planes(a.shape, "ms_ssim")
    choice("method", method, ("product", "wtd_sum"))
    if min(a.shape[:2]) < SMALLEST:
        raise ArgumentError(f"ms_ssim needs images of at least {SMALLEST}x{SMALLEST}, got {a.shape[0]}x{a.shape[1]}")
    planes = (np.moveaxis(np.atleast_3d(x), 2, 0) for x in (a, b))
    scales = np.array([_scales(plane, other, peak) for plane, other in zip(*planes, strict=True)])
    remark_odd(scales.sum())
    if method == "wtd_sum":
        return float(np.mean(scales @ WEIGHTS / WEIGHTS.sum()))
    if (scales < 0).any():
        line = "ms_ssim: the images are so unlike that a factor is negative, whose power is no real number: NaN"
        warnings.warn(f"{line}; method='wtd_sum' has a value", VdsrWarning, stacklevel=2)
        return math.nan
    return float(np.mean(np.prod(scales**WEIGHTS, axis=1)))


def gmsd(image: NDArray[Any], reference: NDArray[Any], *, data_range: float) -> float:
    """Gradient magnitude similarity deviation, as Xue's ``GMSD.m``: 0 for equal images, larger the worse.

    Parameters
    ----------
    image, reference : ndarray, shape (rows, columns) or (rows, columns, channels)
        At least 3 x 3, both of the same integer dtype, or both floats. Of channels, the mean of their values; the
        authors take `rgb2gray`.
    data_range : float
        The peak: 255 for uint8 values, 1 for floats in [0, 1]. Never guessed.

    Returns
    -------
    float
        At least 0. NaN if a value is NaN or infinite.

    Raises
    ------
    TypeError, ArgumentError
        As `ssim`, and if a side is smaller than 3.

    Warns
    -----
    RangeWarning, LayoutWarning, VdsrWarning
        As `ssim`.

    Notes
    -----
    Xue, Zhang, Mou, Bovik, "Gradient magnitude similarity deviation", 2014: the mean of 2 x 2 pixels, every second one
    kept; Prewitt's gradients, divided by 3; constant 170 for a peak of 255; the standard deviation of the map, divided
    by N - 1. Beyond the edges is zero, as MATLAB's ``conv2`` has it. For one pair the authors' program printed
    0.220347639470143, which this gives in every digit.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import gmsd
    >>> ramp = np.tile(np.linspace(0, 1, 32), (32, 1))
    >>> round(gmsd(ramp**2, ramp, data_range=1), 4)
    0.1984
    """
    one, other, peak = compared(image, reference, data_range)
    a, b = one.floats(), other.floats()
    remark_layout(a.shape, "gmsd")
    check_planes(a.shape, "gmsd")
    if min(a.shape[:2]) < GMSD_SMALLEST:
        raise ArgumentError(
            f"gmsd needs images of at least {GMSD_SMALLEST}x{GMSD_SMALLEST}, got {a.shape[0]}x{a.shape[1]}"
        )
    first, second = _gradients(a), _gradients(b)
    constant = GMSD_CONSTANT * (peak / 255) ** 2
    alike = (2 * first * second + constant) / (first**2 + second**2 + constant)
    value = float(np.mean(np.std(alike, axis=(0, 1), ddof=1)))
    remark_odd(value)
    return value


def _scales(a: NDArray[np.float64], b: NDArray[np.float64], peak: float) -> list[float]:
    """Contrast and structure of each scale but the last, and SSIM of that."""
    values = []
    for _ in WEIGHTS[1:]:
        values.append(mean_ssim(Pixels(a), Pixels(b), peak, luminance=False))
        a, b = block_means(a, 2), block_means(b, 2)
    return [*values, mean_ssim(Pixels(a), Pixels(b), peak)]


def _gradients(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Prewitt's gradient magnitude of an image that is halved; beyond its edges is zero, before it is halved too."""
    rest = [(0, 0)] * (image.ndim - 2)
    small = block_means(np.pad(image, [(0, image.shape[0] % 2), (0, image.shape[1] % 2), *rest]), 2)
    padded = np.pad(small, [(1, 1), (1, 1), *rest])
    down = padded[:-2] + padded[1:-1] + padded[2:]
    across = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(np.hypot(down[:, 2:] - down[:, :-2], across[2:] - across[:-2]) / 3)
