"""`imresize`: MATLAB's image resizing, to the last bit.

Checks and the choice of the loop; the tables of weights are made in `taps` and `fixed_point`, the loops are in
`_resize_kernels` and `_resize_byte_kernels`.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError
from vdsr_data.limits import RESIZE_METHODS, WORKERS, Boundary, ResizeMethod, checked_boundary, choice, truth, whole
from vdsr_data.matlab import _resize_byte_kernels as _byte_kernels
from vdsr_data.matlab import _resize_kernels as _kernels
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import remark_layout
from vdsr_data.matlab.color import INTEGER_TOP
from vdsr_data.matlab.dlpack import Array, as_numpy
from vdsr_data.matlab.fixed_point import fixed_point
from vdsr_data.matlab.taps import periodic_columns, wrapped_taps

__all__ = ["FLOATS", "Boundary", "imresize", "in_bands", "output_size"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
LONGEST, MOST = 2**31, 2**40  # a side, and pixels, of a result: no memory holds more
SMALLEST = 1e-5  # of factors: a pixel of the result weighs 4 / factor others, one after the other


def imresize(
    image: Array,
    scale: float | Sequence[float] | None = None,
    *,
    size: Sequence[int] | None = None,
    antialias: bool | None = None,
    boundary: Boundary = "symmetric",
    method: ResizeMethod = "bicubic",
    threads: int = 1,
) -> Array:
    """Resize an image as MATLAB's ``imresize(image, scale, method)`` does.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, channels)
        uint8, uint16, float32 or float64; any memory layout, never modified. Floats may have any range; a NaN or an
        infinity spreads over the pixels whose kernel covers it. Also a PyTorch tensor or JAX array on the CPU, which
        is read where it is (DLPack), and anything else that NumPy takes for an array.
    scale : float or pair of float, optional
        Factor for both dimensions, or (rows, columns). The output has ``ceil(scale * size)`` pixels.
    size : pair of int, optional
        Output (rows, columns), instead of `scale`; the factor is then output / input in each dimension.
    antialias : bool, optional
        Widen the kernel when shrinking, MATLAB's ``'Antialiasing'``: by default for every method but "nearest".
    boundary : {"symmetric", "replicate"}, default "symmetric"
        Pixels beyond the edge: mirrored (MATLAB R2015b or earlier, up to today), or the edge pixel (older releases).
    method : {"bicubic", "bilinear", "box", "lanczos2", "lanczos3", "nearest", "triangle"}, default "bicubic"
        MATLAB's name of the kernel. "bicubic" is proved; "nearest" by factors of 1/3; the others follow MATLAB's
        documentation.
    threads : int, default 1
        Threads to work with; the result does not depend on their number.

    Returns
    -------
    ndarray, or what `image` was
        The resized image, same dtype, in native byte order, C-contiguous, always a new array; of a tensor a tensor.
        Integers are rounded half away from zero and saturated after each of the two passes, as MATLAB does. float32 is
        computed in float64. float64 is neither rounded nor clipped, and bit-identical to MATLAB's bicubic at any
        factor.

    Raises
    ------
    TypeError
        If the dtype is none of the four; if a tensor is on a GPU, or requires a gradient, which would be lost without
        a word; if a function is being traced by ``jax.jit`` or ``jax.grad``.
    ArgumentError
        If the image is empty or has another number of dimensions, if `scale`, `size`, `antialias`, `boundary`,
        `method` or `threads` is not valid, or if no memory could hold the result. It is a ValueError.

    Warns
    -----
    LayoutWarning
        If the image may be (channels, rows, columns), of which rows and channels would be resized.

    Notes
    -----
    Bicubic is Keys' kernel with a = -0.5 (Keys, "Cubic convolution interpolation for digital image processing",
    1981). The dimension with the smaller factor is resized first; rows first when they are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import imresize
    >>> imresize(np.array([[0, 100], [200, 250]], dtype=np.uint8), 2).tolist()
    [[0, 17, 69, 94], [33, 59, 112, 138], [153, 171, 208, 226], [216, 226, 248, 255]]
    """
    seen, back = as_numpy(image, "imresize")
    remark_layout(seen.shape, "imresize")
    return cast(Array, back(_resize(seen, scale, size, antialias, boundary, method, threads)))


def _resize(
    image: NDArray[Any],
    scale: float | Sequence[float] | None,
    size: Sequence[int] | None,
    antialias: bool | None,
    boundary: Boundary,
    method: ResizeMethod,
    threads: int,
) -> NDArray[Any]:
    """The work of `imresize`, on NumPy's arrays."""
    if image.ndim not in (2, 3) or image.size == 0:
        raise ArgumentError(
            f"imresize needs a non-empty (rows, columns) or (rows, columns, channels) image, got shape {image.shape}"
        )
    if image.dtype.newbyteorder("=") not in (*INTEGER_TOP, *FLOATS):
        raise TypeError(f"imresize takes uint8, uint16, float32 or float64, got {image.dtype}; convert it first")
    checked_boundary(boundary)
    method = choice("method", method, RESIZE_METHODS)
    antialias = method != "nearest" if antialias is None else truth("antialias", antialias)
    whole("threads", threads, WORKERS)
    scales, sizes = _plan(image.shape, scale, size)

    dtype = image.dtype.newbyteorder("=")
    top = INTEGER_TOP.get(dtype, 0.0)
    result = np.ascontiguousarray(image, dtype=dtype if top else np.float64)
    if result.ndim == 2:
        result = result[:, :, np.newaxis]
    columns = periodic_columns(result.shape[1], sizes[1], scales[1], antialias, boundary, method)
    if scales[0] <= scales[1] and columns is not None:
        rows = wrapped_taps(result.shape[0], sizes[0], scales[0], antialias, boundary, method)
        whole_taps = None
        if dtype == np.uint8 and result[0].size >= _byte_kernels.BLOCK:
            whole_taps = fixed_point(result.shape[:2], sizes, scales, antialias, boundary, method)
        result = _resize_both(result, *rows, columns, whole_taps, sizes[1], top, threads)
    else:
        for axis in sorted((0, 1), key=lambda axis: scales[axis]):  # a stable sort: rows first if the factors are equal
            table = wrapped_taps(result.shape[axis], sizes[axis], scales[axis], antialias, boundary, method)
            result = _resize_axis(result, axis, *table, top, threads)
    return result.reshape(*sizes, *image.shape[2:]).astype(dtype, copy=False)


def output_size(shape: Sequence[int], scale: float | Sequence[float]) -> tuple[int, int]:
    """Rows and columns that ``imresize(image, scale)`` returns for an image of this shape."""
    return _plan(shape, scale, None)[1]


def _plan(
    shape: Sequence[int], scale: float | Sequence[float] | None, size: Sequence[int] | None
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Scale factors and output size per dimension, from whichever of the two was given."""
    if (scale is None) == (size is None):
        raise ArgumentError("give either scale or size")
    try:
        given = np.atleast_1d(np.asarray(scale if size is None else size))
        texts_or_truths = given.dtype.kind in "SUb" or any(isinstance(one, (str, bytes, bool)) for one in given.flat)
        numbers = [] if texts_or_truths else given.astype(np.float64).tolist()
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if size is not None:
        if np.shape(numbers) != (2,) or any(not n >= 1 or n != np.floor(n) for n in numbers):
            raise ArgumentError(f"size must be two whole numbers of at least 1 (rows, columns), got {size!r}")
        lengths = numbers
        factors = numbers[0] / shape[0], numbers[1] / shape[1]
    else:
        if np.shape(numbers) not in ((1,), (2,)) or not all(math.isfinite(n) and n > 0 for n in numbers):
            raise ArgumentError(f"scale must be one positive number or a pair (rows, columns), got {scale!r}")
        factors = numbers[0], numbers[-1]
        lengths = [factors[0] * shape[0], factors[1] * shape[1]]
    if min(factors) < SMALLEST:
        raise ArgumentError(f"scale must be at least {SMALLEST:g}, got {min(factors):.3g}")
    if max(lengths) > LONGEST or lengths[0] * lengths[1] > MOST:
        raise ArgumentError(f"a result of {lengths[0]:.4g} x {lengths[1]:.4g} pixels is too large for any memory")
    return factors, (math.ceil(lengths[0]), math.ceil(lengths[1]))


def _resize_both(
    image: NDArray[Any],
    index: NDArray[np.intp],
    weight: NDArray[np.float64],
    columns: _kernels.Columns,
    whole_taps: tuple[_byte_kernels.WholeTaps, _byte_kernels.WholeTaps] | None,
    width: int,
    top: float,
    threads: int,
) -> NDArray[Any]:
    """Rows, then columns, of a C-contiguous (rows, columns, channels) image in one sweep."""
    channels = image.shape[2]
    source = read_only(image).reshape(len(image), -1)
    out = np.empty((len(index), width * channels), dtype=image.dtype)

    def work(band: slice) -> None:
        if whole_taps:
            down, along = whole_taps
            of_band = down._replace(factor=down.factor[band])
            _byte_kernels.resize_bytes(source, index[band], of_band, columns, along, out[band], channels)
        elif top:
            _kernels.resize_periodic_integer(source, index[band], weight[band], columns, out[band], channels, top)
        else:
            _kernels.resize_periodic_float(source, index[band], weight[band], columns, out[band], channels)

    in_bands(work, len(out), threads)
    return out


def _resize_axis(
    image: NDArray[Any], axis: int, index: NDArray[np.intp], weight: NDArray[np.float64], top: float, threads: int
) -> NDArray[Any]:
    """One pass over a C-contiguous (rows, columns, channels) image."""
    shape = list(image.shape)
    shape[axis] = len(index)
    out = np.empty(shape, dtype=image.dtype)
    image = read_only(image)
    source, target = image.reshape(len(image), -1), out.reshape(len(out), -1)

    def work(band: slice) -> None:
        if axis == 1:
            _kernels.resize_columns(image[band], index, weight, out[band], top)
        elif top:
            _kernels.resize_rows_integer(source, index[band], weight[band], target[band], top)
        else:
            _kernels.resize_rows_float(source, index[band], weight[band], target[band])

    in_bands(work, len(out), threads)
    return out


def in_bands(work: Callable[[slice], None], rows: int, threads: int) -> None:
    """Call `work` on `threads` bands of output rows at once; the kernels release the GIL and no band sees another."""
    if threads == 1:
        work(slice(0, rows))
        return
    bounds = np.linspace(0, rows, min(threads, rows) + 1).astype(int).tolist()
    first, *others = (slice(start, stop) for start, stop in pairwise(bounds))
    waiting = [_pool(threads).submit(work, band) for band in others]
    work(first)
    for future in waiting:
        future.result()


@lru_cache(1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that are kept for the next image: starting them takes as long as resizing a small one."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="imresize")


if hasattr(os, "register_at_fork"):  # a child has the pool, but none of its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
