"""`psnr` and `ssim` of two arrays, as MATLAB's functions of those names and as Wang's ``ssim_index.m``."""

import math
import warnings
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrWarning
from vdsr_data.limits import choice, number
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import LARGEST, RangeWarning, as_array, remark_layout
from vdsr_eval.metrics import _fidelity_kernels as _kernels

__all__ = ["SSIM_WINDOW", "SsimBorder", "SsimChannels", "psnr", "ssim"]

SsimBorder = Literal["replicate", "valid"]
SsimChannels = Literal["mean", "volume"]

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
K1, K2 = 0.01, 0.03
PEAKS = (1e-6, 1e100)  # whose square, and its quotient by any error, is a float
EIGHT_BIT = 200  # a peak from here on is for values of 8 bits or more


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
    ArgumentError
        If the shapes differ, the images are empty or `data_range` is not a number from 1e-6 to 1e100. It is a
        ValueError.

    Warns
    -----
    RangeWarning
        If `reference` clearly has another range than `data_range` says.
    VdsrWarning
        If the score is NaN or ``-inf``.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import psnr
    >>> round(psnr(np.full((8, 8), 110, np.uint8), np.full((8, 8), 100, np.uint8), data_range=255), 4)
    28.1308
    """
    a, b, peak = _checked(image, reference, data_range)
    error = float(_kernels.squared_errors(read_only(a.ravel()), read_only(b.ravel())).sum()) / a.size
    _remark_odd(error)
    if math.isinf(error):
        return -math.inf
    return 10 * math.log10(peak**2 / error) if error else math.inf


def ssim(
    image: NDArray[Any],
    reference: NDArray[Any],
    *,
    data_range: float,
    border: SsimBorder = "replicate",
    channels: SsimChannels = "mean",
) -> float:
    """Mean structural similarity with Wang's 11x11 Gaussian window, sigma 1.5, K1 = 0.01, K2 = 0.03.

    Parameters
    ----------
    image, reference : ndarray, shape (rows, columns) or (rows, columns, channels)
        Both of the same integer dtype, or both floats.
    data_range : float
        The peak: 255 for uint8 values, 1 for luma in [0, 1]. Never guessed.
    border : {"replicate", "valid"}, default "replicate"
        "replicate" repeats the edge pixels and averages over the whole image, as MATLAB's ``ssim(image, reference)``.
        "valid" averages where the window fits, as ``ssim_index.m``, which most super-resolution papers use.
    channels : {"mean", "volume"}, default "mean"
        Of an image with channels: "mean" is the mean of the channels' values, as nearly all Python libraries have it.
        "volume" lets the window run over the channels too (11x11x11, edges repeated), which is what MATLAB's ``ssim``
        does to an RGB image, taking it for a volume; it has no "valid" border.

    Returns
    -------
    float
        At most 1, which only equal images reach. NaN if a value is NaN or infinite.

    Raises
    ------
    TypeError
        If one is an integer image and the other is not, or of another width.
    ArgumentError
        If the shapes differ, are empty or have another number of dimensions; if `data_range` is not a number from 1e-6
        to 1e100; if `border` or `channels` is unknown; if the image is smaller than the window with "valid"; if
        "volume" is given for an image without channels, or with "valid". It is a ValueError.

    Warns
    -----
    RangeWarning, VdsrWarning
        As `psnr`.
    LayoutWarning
        If the images may be (channels, rows, columns).

    Notes
    -----
    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
    Wang's later ``ssim.m``, which first averages blocks of pixels of large images, is another measure.
    On one RGB image MATLAB printed 0.8433, which "volume" gives; "mean" gives 0.7573.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import ssim
    >>> ramp = np.tile(np.linspace(0, 1, 32), (32, 1))
    >>> round(ssim(ramp**2, ramp, data_range=1), 4), round(ssim(ramp**2, ramp, data_range=1, border="valid"), 4)
    (0.6406, 0.7049)
    """
    a, b, peak = _checked(image, reference, data_range)
    remark_layout(a.shape, "ssim")
    if a.ndim not in (2, 3):
        raise ArgumentError(f"ssim needs images of shape (rows, columns) or (rows, columns, channels), got {a.shape}")
    choice("border", border, get_args(SsimBorder))
    choice("channels", channels, get_args(SsimChannels))
    if channels == "volume" and (a.ndim != 3 or border == "valid"):
        raise ArgumentError("channels='volume' needs images of shape (rows, columns, channels) and border='replicate'")
    if border == "valid" and min(a.shape[:2]) < SSIM_WINDOW:
        raise ArgumentError(
            f"ssim with border='valid' needs at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels, got"
            f" {a.shape[0]}x{a.shape[1]}; border='replicate' takes any size"
        )
    if channels == "volume":
        value = _volume_ssim(a, b, peak)
    elif a.ndim == 3:
        value = float(np.mean([_mean_ssim(a[:, :, c], b[:, :, c], peak, border) for c in range(a.shape[2])]))
    else:
        value = _mean_ssim(a, b, peak, border)
    _remark_odd(value)
    return value


def _mean_ssim(a: NDArray[np.float64], b: NDArray[np.float64], data_range: float, border: SsimBorder) -> float:
    """SSIM of one channel."""
    constants = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    planes = read_only(np.ascontiguousarray(a)), read_only(np.ascontiguousarray(b))
    sums = _kernels.ssim_sums(*planes, _taps(), *constants, border == "replicate")
    rows = len(a) if border == "replicate" else len(a) - SSIM_WINDOW + 1
    return float(sums.sum()) / (rows * len(sums))


def _volume_ssim(a: NDArray[np.float64], b: NDArray[np.float64], data_range: float) -> float:
    """SSIM with a window over rows, columns and channels."""
    from scipy.ndimage import correlate1d

    def blurred(volume: NDArray[np.float64]) -> NDArray[np.float64]:
        for axis in range(3):
            volume = correlate1d(volume, _taps(), axis=axis, mode="nearest")
        return volume

    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_a, mean_b = blurred(a), blurred(b)
    variances = blurred(a * a) - mean_a**2 + blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return float(np.mean(luminance * (2 * covariance + c2) / (variances + c2)))


def _taps() -> NDArray[np.float64]:
    """Wang's Gaussian along one axis."""
    x = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    taps = np.exp(-(x**2) / (2 * SSIM_SIGMA**2))
    return np.asarray(taps / taps.sum())


def _checked(
    image: NDArray[Any], reference: NDArray[Any], data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Both images as float64, and the peak, if they can be compared."""
    a, b = as_array(image, "a score"), as_array(reference, "a score")
    if a.shape != b.shape:
        raise ArgumentError(f"image and reference differ in shape: {a.shape} and {b.shape}")
    if a.size == 0:
        raise ArgumentError(f"the images are empty: shape {a.shape}")
    for array in (a, b):
        if array.dtype.kind not in "uif":
            raise TypeError(f"images must be integers or floats, got {array.dtype}")
    if a.dtype.newbyteorder("=") != b.dtype.newbyteorder("=") and not a.dtype.kind == b.dtype.kind == "f":
        raise TypeError(f"image is {a.dtype} and reference is {b.dtype}: convert one, so that both have one range")
    peak = number("data_range", data_range, PEAKS)
    _remark_peak(b, peak)
    return a.astype(np.float64, copy=False), b.astype(np.float64, copy=False), peak


def _remark_peak(reference: NDArray[Any], peak: float) -> None:
    """Warn of values beyond the peak, of floats where it is no overshoot, and of floats up to 1 where it is 255."""
    most = float(reference.max())
    floats = reference.dtype.kind == "f"
    beyond = peak * LARGEST < most < math.inf if floats else most > peak
    below = floats and 0 < most <= 1 and peak >= EIGHT_BIT and (reference % 1 > 0).any()
    if beyond or below:
        line = f"the images' values reach {most:.4g}, and data_range is {peak:g}: the score is wrong"
        advice = "give what white is in them, such as 255 for 8 bits or 1 for floats in [0, 1]"
        warnings.warn(f"{line}; {advice}", RangeWarning, stacklevel=4)


def _remark_odd(value: float) -> None:
    """Warn of what NaN or infinity has made of an error or a score."""
    if not math.isfinite(value):
        warnings.warn("an image holds NaN or infinity, so that its score is none", VdsrWarning, stacklevel=3)
