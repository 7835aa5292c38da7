"""`psnr` of two arrays, as MATLAB's, and `ssim` in the forms of MATLAB, of Wang's programs and of Python libraries."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
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
    "Pixels",
    "SsimBorder",
    "SsimForm",
    "SsimWindow",
    "as_floats",
    "block_means",
    "check_planes",
    "compared",
    "decibels",
    "mean_squared_error",
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
PART = 64 * _kernels.BLOCK  # values of a part: whole blocks, so that the sum is that of the whole line
BAND = 5 * 7 * 8  # rows of windows whose pixels are float64 at a time; whole turns of both boxes, see `_place`
EIGHT_BIT = 200  # a peak from here on is for values of 8 bits or more


def as_floats(values: NDArray[Any]) -> NDArray[np.float64]:
    """The same values as float64."""
    return values.astype(np.float64, copy=False)


@dataclass(frozen=True)
class Pixels:
    """An image that is to be compared: as it is kept, in few bytes, and what its values are.

    `make` turns a band of rows, (rows, columns) or (rows, columns, channels), into float64 of that shape.
    """

    kept: NDArray[Any]
    make: Callable[[NDArray[Any]], NDArray[np.float64]] = as_floats

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns and channels."""
        return self.kept.shape

    def __getitem__(self, part: Any) -> "Pixels":
        return Pixels(self.kept[part], self.make)

    def floats(self) -> NDArray[np.float64]:
        """All values; the very array that is kept, if it holds them."""
        return self.make(self.kept)


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
    error = mean_squared_error(a, b)
    remark_odd(error)
    return decibels(error, peak)


def decibels(error: float, peak: float) -> float:
    """PSNR of a mean squared error."""
    if math.isinf(error):
        return -math.inf
    return 10 * math.log10(peak**2 / error) if error else math.inf


def mean_squared_error(a: Pixels, b: Pixels) -> float:
    """The mean over all values of images that were checked, part by part: float64 of a whole image is a large copy."""
    a, b = (Pixels(np.atleast_1d(x.kept), x.make) for x in (a, b))
    size, width = a.kept.size, a.kept[0].size
    sums = []
    for start in range(0, size, PART):
        first = start // width
        part = slice(start - first * width, min(start + PART, size) - first * width)
        rows = slice(first, first + -(-part.stop // width))
        sums.append(_squared_errors(*(band.reshape(-1)[part] for band in _bands(a, b, rows))))
    return float(np.concatenate(sums).sum()) / size


def _squared_errors(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Sums over blocks of two lines, or of bytes their sum."""
    return np.ravel(_kernels.squared_byte_errors(a, b) if a.dtype == np.uint8 else _kernels.squared_errors(a, b))


def _bands(a: Pixels, b: Pixels, rows: slice) -> list[NDArray[Any]]:
    """Some rows of both for a kernel, contiguous: bytes where both are that, else float64."""
    a, b = a[rows], b[rows]
    bytes_ = all(x.make is as_floats and x.kept.dtype == np.uint8 for x in (a, b))
    return [read_only(np.ascontiguousarray(x.kept if bytes_ else x.floats())) for x in (a, b)]


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
    if volume and (len(a.shape) != 3 or downsample):
        raise ArgumentError("volume=True needs images of shape (rows, columns, channels), without downsample=True")
    _check_fit(a.shape if volume else a.shape[:2], border, window)
    value = mean_ssim(a, b, peak, border=border, volume=volume, downsample=downsample, window=window)
    remark_odd(value)
    return value


def mean_ssim(
    a: Pixels,
    b: Pixels,
    peak: float,
    *,
    border: SsimBorder = "valid",
    volume: bool = False,
    downsample: bool = False,
    window: SsimWindow = "gaussian",
    luminance: bool = True,
) -> float:
    """SSIM of images that were checked; without `luminance`, only its factor of contrast and structure."""
    if downsample:
        factor = max(1, math.floor(min(a.shape[:2]) / DOWNSAMPLED + 0.5))
        a, b = (Pixels(block_means(x.floats(), factor)) for x in (a, b))
    size = WINDOWS[window]
    taps = _gaussian() if window == "gaussian" else np.full(size, 1 / size)
    down, across = (_covered(side, size, border) for side in a.shape[:2])
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    if window == "uniform-7":  # a factor N / (N - 1) on all variances is the same as its inverse on c2
        samples = size ** (3 if volume else 2)
        c2 *= (samples - 1) / samples
    channels = a.shape[2] if len(a.shape) == 3 else 1
    mixtures = np.eye(channels)
    if volume and channels > 1:
        deep = _covered(channels, size, border)
        mixtures = np.array([np.bincount(deep[k : k + size], taps, channels) for k in range(len(deep) - size + 1)])
    windows, columns = len(down) - size + 1, len(across) - size + 1
    total = np.zeros((len(mixtures), columns))
    for start in range(0, windows, BAND):
        rows = down[start : start + BAND + size - 1]
        first = int(rows.min())
        lines = (band.reshape(len(band), -1) for band in _bands(a, b, slice(first, int(rows.max()) + 1)))
        _kernels.ssim_sums(*lines, mixtures, rows - first, across, taps, c1, c2, luminance, total)
    return float(np.mean([line.sum() / (columns * windows) for line in total]))


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
    image: NDArray[Any] | Pixels, reference: NDArray[Any] | Pixels, data_range: float
) -> tuple[Pixels, Pixels, float]:
    """Both images and the peak, if they can be compared; called by a metric that its user calls."""
    given = [x if isinstance(x, Pixels) else as_array(x, "a score") for x in (image, reference)]
    a, b = (x if isinstance(x, Pixels) else Pixels(x) for x in given)
    if a.shape != b.shape:
        raise ArgumentError(f"image and reference differ in shape: {a.shape} and {b.shape}")
    if a.kept.size == 0:
        raise ArgumentError(f"the images are empty: shape {a.shape}")
    one, other = (np.dtype(float) if isinstance(x, Pixels) else x.dtype for x in given)
    for dtype in (one, other):
        if dtype.kind not in "uif":
            raise TypeError(f"images must be integers or floats, got {dtype}")
    if one.newbyteorder("=") != other.newbyteorder("=") and not one.kind == other.kind == "f":
        raise TypeError(f"image is {one} and reference is {other}: convert one, so that both have one range")
    peak = number("data_range", data_range, PEAKS)
    if b.make is as_floats:
        _remark_peak(b.kept, peak)
    return a, b, peak


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
