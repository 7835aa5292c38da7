"""MATLAB's `fspecial` and `imfilter`: the kernels that papers blur with, and the filter that applies them."""

import math
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import ArgumentError
from vdsr_data.matlab import _filter_kernels as _kernels
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import as_array, remark_layout
from vdsr_data.matlab.color import INTEGER_TOP
from vdsr_data.matlab.dlpack import Array, as_numpy
from vdsr_data.matlab.elementary import exp
from vdsr_data.matlab.resize import FLOATS, in_bands
from vdsr_data.matlab.taps import wrapped

__all__ = ["Padding", "SpecialKind", "checked_kernel", "fspecial", "imfilter"]

SpecialKind = Literal["average", "disk", "gaussian", "laplacian", "log", "motion", "prewitt", "sobel", "unsharp"]
Padding = Literal["replicate", "symmetric", "circular"]
SEPARABLE_FROM = 25  # taps: for smaller kernels one pass is as fast
PRODUCT = 1e-13  # how far a product may be from the kernel, as a part of its sum
NEAREST = 0.01  # how far two passes may be from one: of larger kernels too many values would be summed anew
LARGEST_FILL = 1e300


def fspecial(kind: SpecialKind, *parameters: float | Sequence[int] | NDArray[Any]) -> NDArray[np.float64]:
    """Make a kernel as MATLAB's ``fspecial(kind, parameters...)``.

    Parameters
    ----------
    kind : {"average", "disk", "gaussian", "laplacian", "log", "motion", "prewitt", "sobel", "unsharp"}
        What the kernel does.
    *parameters
        As in MATLAB, and with its defaults: ``"average", size``; ``"disk", radius``; ``"gaussian", size, sigma``;
        ``"laplacian", alpha``; ``"log", size, sigma``; ``"motion", length, degrees``; ``"unsharp", alpha``. A size is a
        whole number, or (rows, columns).

    Returns
    -------
    ndarray, shape (rows, columns), float64
        The sum is 1, or 0 for "laplacian", "log", "prewitt" and "sobel". A "gaussian" so narrow that all its values
        are 0, as of an even size with a tiny sigma, stays 0, as in MATLAB.

    Raises
    ------
    ArgumentError
        If `kind` or a parameter is not valid, or there are too many.

    Notes
    -----
    "gaussian" is proved: the images that RDN's authors blurred with it have 0 differing values. "motion" has the digits
    that MATLAB prints for a length of 3 and 45 degrees, and the sizes that are known for others; by its documentation
    alone the ends of the line would be heavier, and GNU Octave's is another kernel. The last bits are not proved. The
    other kinds follow MATLAB's documentation.

    Examples
    --------
    >>> from vdsr_data import fspecial
    >>> fspecial("gaussian", 3, 0.5).round(4).tolist()
    [[0.0113, 0.0838, 0.0113], [0.0838, 0.6193, 0.0838], [0.0113, 0.0838, 0.0113]]
    """
    kind = limits.choice("kind", kind, get_args(SpecialKind))
    defaults: dict[str, tuple[Any, ...]] = {
        "average": (3,), "disk": (5.0,), "gaussian": (3, 0.5), "laplacian": (0.2,), "log": (5, 0.5),
        "motion": (9.0, 0.0), "unsharp": (0.2,),
    }  # fmt: skip
    known = defaults.get(kind, ())
    if len(parameters) > len(known):
        raise ArgumentError(f"fspecial {kind} has {len(known)} parameters, got {len(parameters)}")
    first, second = (*parameters, *known[len(parameters) :], 0, 0)[:2]
    match kind:
        case "average":
            rows, columns = _size(first)
            return np.full((rows, columns), 1 / (rows * columns))
        case "disk":
            return _disk(limits.number("radius", first, (0.01, 1000)))
        case "gaussian":
            return _gaussian(_size(first), limits.number("sigma", second, (1e-3, 1e6)))
        case "log":
            return _log(_size(first), limits.number("sigma", second, (1e-3, 1e6)))
        case "motion":
            return _motion(limits.number("length", first, (0, 10_000)), limits.number("degrees", second, (-1e6, 1e6)))
        case "laplacian" | "unsharp":
            alpha = limits.number("alpha", first, (0, 1))
            edge, corner = (1 - alpha) / (alpha + 1), alpha / (alpha + 1)
            middle = -4 / (alpha + 1)
            laplacian = np.array([[corner, edge, corner], [edge, middle, edge], [corner, edge, corner]])
            return laplacian if kind == "laplacian" else np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]) - laplacian
        case _:
            side = 2.0 if kind == "sobel" else 1.0
            return np.array([[1.0, side, 1.0], [0.0, 0.0, 0.0], [-1.0, -side, -1.0]])


def _size(value: Any) -> tuple[int, int]:
    """Rows and columns of a kernel."""
    sides = limits.several(value)
    if len(sides) not in (1, 2):
        raise ArgumentError(f"size must be a whole number or (rows, columns), got {value!r}")
    rows, columns = (limits.whole("size", side, (1, 10_000)) for side in (sides[0], sides[-1]))
    return rows, columns


def _grid(size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each element of a kernel is from its middle, downwards and across."""
    rows, columns = ((side - 1) / 2 for side in size)
    y, x = np.mgrid[-rows : rows + 0.5, -columns : columns + 0.5]
    return y, x


def _bell(size: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    y, x = _grid(size)
    bell = exp(-(x * x + y * y) / (2 * sigma * sigma))
    bell[bell < np.finfo(float).eps * bell.max()] = 0
    return bell


def _total(kernel: NDArray[np.float64]) -> float:
    """The sum in MATLAB's order, down the columns, one after the other."""
    return float(np.cumsum(kernel.ravel(order="F"))[-1])


def _gaussian(size: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    bell = _bell(size, sigma)
    total = _total(bell)
    return bell / total if total else bell


def _log(size: tuple[int, int], sigma: float) -> NDArray[np.float64]:
    """Laplacian of the Gaussian, shifted so that its sum is zero."""
    y, x = _grid(size)
    bell = _gaussian(size, sigma)
    kernel = bell * (x * x + y * y - 2 * sigma * sigma) / sigma**4
    return kernel - _total(kernel) / kernel.size


def _disk(radius: float) -> NDArray[np.float64]:
    """What part of a disk lies in each pixel: the integral of its height over the pixel's columns, exact."""
    reach = int(np.ceil(radius - 0.5))
    edges = np.arange(-reach, reach + 2) - 0.5

    def area(x: NDArray[np.float64], y: float) -> NDArray[np.float64]:
        """Area of the quarter disk x > 0, y > 0 within [0, x] x [0, y], for x and y of at least 0."""
        x = np.minimum(x, radius)
        y = min(y, radius)
        bend = np.sqrt(radius * radius - y * y)  # from here on the disk is lower than y

        def below(t: NDArray[np.float64]) -> NDArray[np.float64]:
            return (t * np.sqrt(radius * radius - t * t) + radius * radius * np.arcsin(t / radius)) / 2

        return np.where(x <= bend, x * y, bend * y + below(x) - below(np.minimum(bend, x)))

    corner = np.array([np.sign(y) * np.sign(edges) * area(np.abs(edges), abs(y)) for y in edges.tolist()])
    parts = np.diff(np.diff(corner, axis=0), axis=1)
    return np.asarray(parts / parts.sum())


def _motion(length: float, degrees: float) -> NDArray[np.float64]:
    """A line: each pixel weighs by how near it is, from 1 on the line down to 0 at a distance of one pixel.

    As in MATLAB a pixel that is as far from the middle as the ends of the line, or farther, has the distance to an end,
    also where another point of the line is nearer.
    """
    half = max((length - 1) / 2, 0.0)
    angle = np.deg2rad(degrees % 180)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    # Less than a pixel beyond the ends.
    rows, columns = (math.ceil(half * abs(part) - 1e-12) for part in (sine, cosine))
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1].astype(float)
    along, across = x * cosine - y * sine, x * sine + y * cosine
    beyond = np.where(np.sqrt(x * x + y * y) >= half, np.abs(along) - half, 0)
    kernel = np.maximum(1 - np.hypot(across, beyond), 0)
    kernel[kernel < 1e-10] = 0
    return np.asarray(kernel / kernel.sum())


def imfilter(
    image: Array,
    kernel: NDArray[Any],
    *,
    boundary: Padding | float = 0,
    convolve: bool = False,
    full: bool = False,
    threads: int = 1,
) -> Array:
    """Filter an image as MATLAB's ``imfilter(image, kernel, boundary)``.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, channels)
        uint8, uint16, float32 or float64, any range; any memory layout, never modified. Each channel is filtered.
        Also a tensor, as for `imresize`.
    kernel : ndarray, shape (rows, columns)
        Any size, even or odd, also larger than the image; finite. The middle of an even side is the pixel before it.
    boundary : number or {"replicate", "symmetric", "circular"}, default 0
        Pixels beyond the edge: a value, the edge pixel, the mirrored image, or the image again.
    convolve : bool, default False
        Turn the kernel by half a turn, as ``'conv'`` does; else it is a correlation.
    full : bool, default False
        Return all pixels that the kernel reaches, as ``'full'`` does: kernel - 1 more in each dimension.
    threads : int, default 1
        Threads to work with; the result does not depend on their number.

    Returns
    -------
    ndarray, or what `image` was
        Same dtype as the image, in native byte order, C-contiguous, always a new array. Sums are float64, of the taps
        that are not zero, down the kernel's columns; integers are then rounded half away from zero and saturated.

    Raises
    ------
    TypeError
        If the image has another dtype, or is a tensor that `imresize` refuses.
    ArgumentError
        If the image is empty or has another number of dimensions, or if `kernel` or an option is not valid.

    Warns
    -----
    LayoutWarning
        If the image may be (channels, rows, columns), of which rows and channels would be filtered.

    Notes
    -----
    Proved for 8-bit images, "replicate" and 7 x 7, and for [0, 1] images, "circular" and 12 kernels of 15 x 15, whose
    results were rounded to 8 bits: 0 differing values. MATLAB may take other orders for floats, in their last bits.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import fspecial, imfilter
    >>> imfilter(np.array([[0, 90, 0]], np.uint8), fspecial("average", (1, 3)), boundary="replicate").tolist()
    [[30, 30, 30]]
    """
    seen, back = as_numpy(image, "imfilter")
    remark_layout(seen.shape, "imfilter")
    return cast(Array, back(_filtered(seen, kernel, boundary, convolve, full, threads)))


def _filtered(
    image: NDArray[Any], kernel: NDArray[Any], boundary: Padding | float, convolve: bool, full: bool, threads: int
) -> NDArray[Any]:
    """The work of `imfilter`, on NumPy's arrays."""
    if image.ndim not in (2, 3) or image.size == 0:
        raise ArgumentError(
            f"imfilter needs a non-empty (rows, columns) or (rows, columns, channels) image, got shape {image.shape}"
        )
    dtype = image.dtype.newbyteorder("=")
    if dtype not in (*INTEGER_TOP, *FLOATS):
        raise TypeError(f"imfilter takes uint8, uint16, float32 or float64, got {image.dtype}; convert it first")
    top = INTEGER_TOP.get(dtype, 0.0)
    taps = checked_kernel(kernel)
    taps = taps[::-1, ::-1] if limits.truth("convolve", convolve) else taps
    padding, fill = _padding(boundary, top)
    rows, columns = (
        _padded(side, length, padding, limits.truth("full", full))
        for side, length in zip(image.shape, taps.shape, strict=False)
    )

    source = np.ascontiguousarray(image, dtype=dtype if top else np.float64)
    channels = source.shape[2] if source.ndim == 3 else 1
    plane = read_only(source).reshape(len(source), -1)
    column, row = np.nonzero(taps.T)
    weight, offset = np.ascontiguousarray(taps[row, column]), column * channels
    height, width = len(rows) - taps.shape[0] + 1, len(columns) - taps.shape[1] + 1
    out = np.empty((height, width * channels), dtype=source.dtype)
    passes = _passes(taps, top) if top and weight.size >= SEPARABLE_FROM else None

    def work(band: slice) -> None:
        padded = rows[band.start : band.stop + taps.shape[0] - 1]
        image = plane, padded, columns, channels, fill
        if not top:
            _kernels.filter_float(*image, row, offset, weight, out[band])
        elif passes is None:
            _kernels.filter_integer(*image, row, offset, weight, out[band], top)
        else:
            _kernels.filter_separable(*image, row, offset, weight, out[band], top, *passes)

    in_bands(work, height, limits.whole("threads", threads, limits.WORKERS))
    return out.reshape(height, width, *image.shape[2:]).astype(dtype, copy=False)


def checked_kernel(kernel: Any) -> NDArray[np.float64]:
    """Return the kernel in float64; ArgumentError if it is no non-empty array (rows, columns) of finite numbers."""
    found = as_array(kernel, "imfilter")
    needed = "kernel must be finite numbers (rows, columns)"
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "buif":
        raise ArgumentError(f"{needed}, got shape {found.shape} of {found.dtype}")
    if not np.isfinite(found).all():
        raise ArgumentError(f"{needed}, but it has NaN or infinities")
    return found.astype(np.float64)


def _padding(boundary: Padding | float, top: float) -> tuple[str, float]:
    """The name of the rule, and the value beyond the edges if it is "value", in the image's class."""
    if isinstance(boundary, str):
        return limits.choice("boundary", boundary, get_args(Padding)), 0.0
    fill = float(limits.number("boundary", boundary, (-LARGEST_FILL, LARGEST_FILL)))
    return "value", min(max(np.floor(fill + 0.5), 0.0), top) if top else fill


def _padded(side: int, length: int, padding: str, full: bool) -> NDArray[np.intp]:
    """Which pixels lie under a kernel of `length` as it moves along `side` of them; -1 is beyond the edge."""
    before, after = (length - 1, length - 1) if full else ((length - 1) // 2, length // 2)
    index = np.arange(-before, side + after)
    match padding:
        case "value":
            return np.where((index >= 0) & (index < side), index, -1)
        case "circular":
            return index % side
        case _:
            return wrapped(index, side, "replicate" if padding == "replicate" else "symmetric")


def _passes(taps: NDArray[np.float64], top: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """A column and a row whose product the kernel is, and more than two passes of pixels up to `top` differ from one.

    None if there are none, or two passes would not be faster.
    """
    row, column = np.unravel_index(np.abs(taps).argmax(), taps.shape)
    most = float(abs(taps[row, column])) * taps.size * top  # which may be infinite
    apart = most * (PRODUCT + 4 * taps.size * float(np.finfo(float).eps))
    if min(taps.shape) == 1 or not 0 < apart < NEAREST:
        return None
    down, across = taps[:, column].copy(), taps[row] / taps[row, column]
    product = np.abs(np.outer(down, across) - taps).sum() <= PRODUCT * np.abs(taps).sum()
    return (down, across, apart) if product else None
