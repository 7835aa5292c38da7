"""`psnr` of two arrays, as MATLAB's, and `ssim` in the forms of MATLAB, of Wang's programs and of Python libraries."""

import math
import warnings
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrWarning
from vdsr_data.limits import choice, number, truth
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import LARGEST, RangeWarning, as_array, remark_layout
from vdsr_eval.metrics import _fidelity_kernels as _kernels

__all__ = [
    "SSIM_FORMS",
    "SSIM_WINDOW",
    "SsimBorder",
    "SsimForm",
    "SsimWindow",
    "block_means",
    "check_planes",
    "compared",
    "mean_ssim",
    "psnr",
    "remark_odd",
    "ssim",
]

SsimBorder = Literal["replicate", "valid", "reflect"]
SsimWindow = Literal["gaussian", "uniform-8", "uniform-7"]
SsimForm = Literal["valid", "replicate", "reflect", "volume", "downsample", "uniform-8", "uniform-7"]

# Keyword arguments of `ssim` for the forms in which SSIM is published.
SSIM_FORMS: dict[SsimForm, dict[str, Any]] = {
    "valid": {"border": "valid"},
    "replicate": {"border": "replicate"},
    "reflect": {"border": "reflect"},
    "volume": {"border": "replicate", "volume": True},
    "downsample": {"border": "valid", "downsample": True},
    "uniform-8": {"border": "valid", "window": "uniform-8"},
    "uniform-7": {"border": "valid", "window": "uniform-7"},
}

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
WINDOWS: dict[SsimWindow, int] = {"gaussian": SSIM_WINDOW, "uniform-8": 8, "uniform-7": 7}
DOWNSAMPLED = 256  # pixels that the smaller side is brought near to
K1, K2 = 0.01, 0.03
PEAKS = (1e-6, 1e100)  # whose square, and its quotient by any error, is a float
PART = 256 * _kernels.BLOCK  # values of a part: whole blocks, so that the sum is that of the whole line
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
    a, b, peak = compared(image, reference, data_range)
    error = _squared_error(a, b) / a.size
    remark_odd(error)
    if math.isinf(error):
        return -math.inf
    return 10 * math.log10(peak**2 / error) if error else math.inf


def _squared_error(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The sum over all values, part by part: all values of a crop in one line would be a copy of the whole image."""
    a, b = np.atleast_1d(a, b)
    width = a[0].size
    sums = []
    for start in range(0, a.size, PART):
        first = start // width
        part = slice(start - first * width, min(start + PART, a.size) - first * width)
        rows = slice(first, first + -(-part.stop // width))
        sums.append(_kernels.squared_errors(*(read_only(x[rows].ravel()[part]) for x in (a, b))))
    return float(np.concatenate(sums).sum())


def ssim(
    image: NDArray[Any],
    reference: NDArray[Any],
    *,
    data_range: float,
    border: SsimBorder = "replicate",
    volume: bool = False,
    downsample: bool = False,
    window: SsimWindow = "gaussian",
) -> float:
    """Mean structural similarity, K1 = 0.01 and K2 = 0.03, in each of the forms that are about.

    Parameters
    ----------
    image, reference : ndarray, shape (rows, columns) or (rows, columns, channels)
        Both of the same integer dtype, or both floats.
    data_range : float
        The peak: 255 for uint8 values, 1 for luma in [0, 1]. Never guessed.
    border : {"replicate", "valid", "reflect"}, default "replicate"
        "replicate" repeats the edge pixels and averages over the whole image, as MATLAB's ``ssim(image, reference)``.
        "valid" averages where the window fits, as ``ssim_index.m``, which most super-resolution papers use.
        "reflect" mirrors the image without its edge pixel, and averages over all of it, as torchmetrics since 1.4.2.
    volume : bool, default False
        Of an image with channels: False gives the mean of the channels' values, as nearly all Python libraries have it.
        True lets the window run over the channels too, under the same rule for the edges, which with "replicate" is
        what MATLAB's ``ssim`` does to an RGB image: it takes it for a volume.
    downsample : bool, default False
        First average f x f pixels, f = max(1, round(min(rows, columns) / 256)), and keep every f-th, as Wang's later
        ``ssim.m`` does, which has "valid" windows.
    window : {"gaussian", "uniform-8", "uniform-7"}, default "gaussian"
        Wang's 11 x 11 with sigma 1.5; the 8 x 8 box of his older code; or scikit-image's default, a 7 x 7 box with
        sample variances (divided by N - 1). The pixel of an 8 x 8 box is the fourth, as MATLAB's ``imfilter`` has it.

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
        to 1e100; if an option is unknown; if the image is smaller than `border` and `window` need; if `volume` is given
        for an image without channels, or with `downsample`. It is a ValueError.

    Warns
    -----
    RangeWarning, VdsrWarning
        As `psnr`.
    LayoutWarning
        If the images may be (channels, rows, columns).

    Notes
    -----
    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
    On one RGB image MATLAB printed 0.8433, which ``volume=True`` gives; the mean over the channels is 0.7573. MATLAB's
    own name for the latter is ``'DataFormat', 'SSC'``, in newer releases. `SSIM_FORMS` names the forms, and the page on
    SSIM in the documentation says which library computes which.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import ssim
    >>> ramp = np.tile(np.linspace(0, 1, 32), (32, 1))
    >>> round(ssim(ramp**2, ramp, data_range=1), 4), round(ssim(ramp**2, ramp, data_range=1, border="valid"), 4)
    (0.6406, 0.7049)
    """
    a, b, peak = compared(image, reference, data_range)
    remark_layout(a.shape, "ssim")
    check_planes(a.shape, "ssim")
    choice("border", border, get_args(SsimBorder))
    choice("window", window, get_args(SsimWindow))
    truth("volume", volume)
    truth("downsample", downsample)
    if volume and (a.ndim != 3 or downsample):
        raise ArgumentError("volume=True needs images of shape (rows, columns, channels), without downsample=True")
    _check_fit(a.shape if volume else a.shape[:2], border, window)
    if downsample:
        factor = max(1, math.floor(min(a.shape[:2]) / DOWNSAMPLED + 0.5))
        a, b = block_means(a, factor), block_means(b, factor)
    value = mean_ssim(a, b, peak, border=border, volume=volume, window=window)
    remark_odd(value)
    return value


def mean_ssim(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    peak: float,
    *,
    border: SsimBorder = "valid",
    volume: bool = False,
    window: SsimWindow = "gaussian",
    luminance: bool = True,
) -> float:
    """SSIM of images that were checked; without `luminance`, only its factor of contrast and structure."""
    size = WINDOWS[window]
    taps = _gaussian() if window == "gaussian" else np.full(size, 1 / size)
    down, across = (_covered(side, size, border) for side in a.shape[:2])
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    if window == "uniform-7":  # a factor N / (N - 1) on all variances is the same as its inverse on c2
        samples = size ** (3 if volume else 2)
        c2 *= (samples - 1) / samples
    planes = [np.moveaxis(np.atleast_3d(x), 2, 0) for x in (a, b)]
    sums = []
    if volume:
        planes = [read_only(np.ascontiguousarray(x)) for x in planes]
        deep = _covered(a.shape[2], size, border)
        for k in range(len(deep) - size + 1):
            mixture = np.bincount(deep[k : k + size], taps, a.shape[2])
            sums.append(_kernels.ssim_sums(*planes, mixture, down, across, taps, c1, c2, luminance))
    else:
        for pair in zip(*planes, strict=True):  # a channel at a time: a copy of all would double the peak of memory
            one, other = (read_only(np.ascontiguousarray(x)[None]) for x in pair)
            sums.append(_kernels.ssim_sums(one, other, np.ones(1), down, across, taps, c1, c2, luminance))
    return float(np.mean([line.sum() / (line.size * (len(down) - size + 1)) for line in sums]))


def block_means(image: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """``imfilter(image, fspecial('average', f), 'symmetric')``, every f-th pixel of it, and no other computed."""
    counts = [-(-side // factor) for side in image.shape[:2]]
    before = (factor - 1) // 2
    after = [max(count * factor - before - side, 0) for count, side in zip(counts, image.shape, strict=False)]
    beyond = [(before, after[0]), (before, after[1]), *[(0, 0)] * (image.ndim - 2)]
    padded = np.pad(image, beyond, mode="symmetric")[: counts[0] * factor, : counts[1] * factor]
    total = np.zeros((*counts, *image.shape[2:]))
    for column in range(factor):  # the order in which MATLAB adds
        for row in range(factor):
            total += 1 / factor**2 * padded[row::factor, column::factor]
    return total


def _check_fit(shape: tuple[int, ...], border: SsimBorder, window: SsimWindow) -> None:
    """Refuse an image that is too small for a window, or to be mirrored."""
    size = WINDOWS[window]
    least = {"valid": size, "reflect": size // 2 + 1, "replicate": 1}[border]
    if min(shape) < least:
        needed, found = ("x".join(map(str, sides)) for sides in ([least] * len(shape), shape))
        kind = f"border={border!r}, window={window!r}"
        raise ArgumentError(
            f"ssim with {kind} needs images of at least {needed}, got {found}; border='replicate' takes any size"
        )


def _covered(length: int, size: int, border: SsimBorder) -> NDArray[np.intp]:
    """Which pixels lie under windows of `size` as they move along `length` pixels."""
    if border == "valid":
        return np.arange(length)
    index = np.arange(-((size - 1) // 2), length + size // 2)
    if border == "replicate":
        return index.clip(0, length - 1)
    return np.asarray(np.abs(length - 1 - np.abs(length - 1 - index)))


def _gaussian() -> NDArray[np.float64]:
    """Wang's Gaussian along one axis."""
    x = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    taps = np.exp(-(x**2) / (2 * SSIM_SIGMA**2))
    return np.asarray(taps / taps.sum())


def compared(
    image: NDArray[Any], reference: NDArray[Any], data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Both images as float64, and the peak, if they can be compared; called by a metric that its user calls."""
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


def check_planes(shape: tuple[int, ...], metric: str) -> None:
    """Refuse what is no image."""
    if len(shape) not in (2, 3):
        raise ArgumentError(f"{metric} needs images of shape (rows, columns) or (rows, columns, channels), got {shape}")


def remark_odd(value: float) -> None:
    """Warn the caller of a metric of what NaN or infinity has made of an error or a score."""
    if not math.isfinite(value):
        warnings.warn("an image holds NaN or infinity, so that its score is none", VdsrWarning, stacklevel=3)
