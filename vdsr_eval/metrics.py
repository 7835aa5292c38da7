"""`psnr` and `ssim` of two arrays, as MATLAB's functions of those names and as Wang's ``ssim_index.m``."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError
from vdsr_eval import _kernels

__all__ = ["SSIM_WINDOW", "SsimBorder", "psnr", "ssim"]

SsimBorder = Literal["replicate", "valid"]

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
K1, K2 = 0.01, 0.03


def psnr(image: NDArray[Any], reference: NDArray[Any], *, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB, the mean taken over all values, as MATLAB's ``psnr(image, reference)``.

    Parameters
    ----------
    image, reference : ndarray, same shape
        Both of the same integer dtype, or both floats. Compared in float64; not clipped, not rounded.
    data_range : float
        The peak: 255 for uint8 values, 1 for luma in [0, 1]. Never guessed.

    Returns
    -------
    float
        ``inf`` for equal images; NaN if a value is NaN or both are the same infinity, else ``-inf`` for an infinity.

    Raises
    ------
    TypeError
        If one is an integer image and the other is not, or of another width.
    ValueError
        If the shapes differ, the images are empty or `data_range` is not a positive number.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import psnr
    >>> round(psnr(np.full((8, 8), 110, np.uint8), np.full((8, 8), 100, np.uint8), data_range=255), 4)
    28.1308
    """
    a, b = _checked(image, reference, data_range)
    error = float(_kernels.squared_errors(a.ravel(), b.ravel()).sum()) / a.size
    if math.isinf(error):
        return -math.inf
    return 10 * math.log10(data_range**2 / error) if error else math.inf


def ssim(image: NDArray[Any], reference: NDArray[Any], *, data_range: float, border: SsimBorder = "replicate") -> float:
    """Mean structural similarity with Wang's 11x11 Gaussian window, sigma 1.5, K1 = 0.01, K2 = 0.03.

    Parameters
    ----------
    image, reference : ndarray, shape (rows, columns) or (rows, columns, channels)
        Both of the same integer dtype, or both floats. With channels: the mean of the channels' values.
    data_range : float
        The peak: 255 for uint8 values, 1 for luma in [0, 1]. Never guessed.
    border : {"replicate", "valid"}, default "replicate"
        "replicate" repeats the edge pixels and averages over the whole image, as MATLAB's ``ssim(image, reference)``.
        "valid" averages where the window fits, as ``ssim_index.m``, which most super-resolution papers use.

    Returns
    -------
    float
        At most 1, which only equal images reach. NaN if a value is NaN or infinite.

    Raises
    ------
    TypeError
        If one is an integer image and the other is not, or of another width.
    ValueError
        If the shapes differ, are empty or have another number of dimensions; if `data_range` is not a positive
        number; if `border` is unknown; if the image is smaller than the window with "valid".

    Notes
    -----
    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
    Wang's later ``ssim.m``, which first averages blocks of pixels of large images, is another measure.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import ssim
    >>> ramp = np.tile(np.linspace(0, 1, 32), (32, 1))
    >>> round(ssim(ramp**2, ramp, data_range=1), 4), round(ssim(ramp**2, ramp, data_range=1, border="valid"), 4)
    (0.6406, 0.7049)
    """
    a, b = _checked(image, reference, data_range)
    if a.ndim not in (2, 3):
        raise ArgumentError(f"ssim needs images of shape (rows, columns) or (rows, columns, channels), got {a.shape}")
    if border not in ("replicate", "valid"):
        raise ArgumentError(f"border must be 'replicate' or 'valid', got {border!r}")
    if border == "valid" and min(a.shape[:2]) < SSIM_WINDOW:
        raise ArgumentError(
            f"ssim with border='valid' needs at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels, got"
            f" {a.shape[0]}x{a.shape[1]}; border='replicate' takes any size"
        )
    if a.ndim == 3:
        return float(np.mean([_mean_ssim(a[:, :, c], b[:, :, c], data_range, border) for c in range(a.shape[2])]))
    return _mean_ssim(a, b, data_range, border)


def _mean_ssim(a: NDArray[np.float64], b: NDArray[np.float64], data_range: float, border: SsimBorder) -> float:
    """SSIM of one channel."""
    x = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    taps = np.exp(-(x**2) / (2 * SSIM_SIGMA**2))
    constants = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    planes = np.ascontiguousarray(a), np.ascontiguousarray(b)
    sums = _kernels.ssim_sums(*planes, taps / taps.sum(), *constants, border == "replicate")
    rows = len(a) if border == "replicate" else len(a) - SSIM_WINDOW + 1
    return float(sums.sum()) / (rows * len(sums))


def _checked(
    image: NDArray[Any], reference: NDArray[Any], data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both images as float64, if they can be compared."""
    a, b = np.asarray(image), np.asarray(reference)
    if a.shape != b.shape:
        raise ArgumentError(f"image and reference differ in shape: {a.shape} and {b.shape}")
    if a.size == 0:
        raise ArgumentError(f"the images are empty: shape {a.shape}")
    for array in (a, b):
        if array.dtype.kind not in "uif":
            raise TypeError(f"images must be integers or floats, got {array.dtype}")
    if a.dtype.newbyteorder("=") != b.dtype.newbyteorder("=") and not a.dtype.kind == b.dtype.kind == "f":
        raise TypeError(f"image is {a.dtype} and reference is {b.dtype}: convert one, so that both have one range")
    if not (math.isfinite(data_range) and data_range > 0):
        raise ArgumentError(f"data_range must be a positive number such as 1 or 255, got {data_range}")
    return a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)
