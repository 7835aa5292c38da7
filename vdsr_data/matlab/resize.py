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
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError
from vdsr_data.limits import (
    RESIZE_METHODS,
    TENSOR_LAYOUTS,
    WORKERS,
    Boundary,
    ResizeMethod,
    TensorLayout,
    checked_boundary,
    choice,
    several,
    truth,
    whole,
)
from vdsr_data.matlab import _resize_byte_kernels as _byte_kernels
from vdsr_data.matlab import _resize_kernels as _kernels
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import remark_layout
from vdsr_data.matlab.color import INTEGER_TOP
from vdsr_data.matlab.dlpack import Array, as_numpy, differentiable
from vdsr_data.matlab.fixed_point import fixed_point
from vdsr_data.matlab.taps import periodic_columns, transposed_taps, wrapped_taps

__all__ = ["FLOATS", "Boundary", "Plan", "image_view", "imresize", "in_bands", "output_size", "resize_by"]

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
    layout: TensorLayout | None = None,
    threads: int | None = None,
) -> Array:
    """Resize an image as MATLAB's ``imresize(image, scale, method)`` does.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, channels), or that of `layout`
        uint8, uint16, float32 or float64; any strides, never modified. Floats may have any range; a NaN or an
        infinity spreads over the pixels whose kernel covers it. Also a PyTorch tensor or JAX array on the CPU, which
        is read where it is (DLPack), and anything else that NumPy takes for an array. Their floats, float16 and
        bfloat16 too, may have gradients, be on any device, and be traced by ``jax.jit``, ``torch.compile``, ``vmap``.
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
    layout : {"HWC", "CHW", "NHWC", "NCHW"}, optional
        What the dimensions are: N images, C channels, H rows, W columns. It must be said of four, which are never
        guessed; without it, two are rows and columns, and the third the channels.
    threads : int, optional
        Threads to work with; the result does not depend on their number. By default 1; for PyTorch's floats as many as
        ``torch.get_num_threads()`` says. JAX has its own.

    Returns
    -------
    ndarray, or what `image` was
        The resized image, same dtype, in native byte order, C-contiguous, always a new array; of a tensor a tensor.
        Integers are rounded half away from zero and saturated after each of the two passes, as MATLAB does. float32 is
        computed in float64. float64 is neither rounded nor clipped, and bit-identical to MATLAB's bicubic at any
        factor. These are also the values of PyTorch's on the CPU, compiled or not, and of JAX's float64 there; see
        "Resize inside a training" for what else there is.

    Raises
    ------
    TypeError
        If the dtype is none of those; if a tensor is sparse or has no values; if integers are on a GPU or traced.
    ArgumentError
        If the image is empty or has other dimensions than `layout`, if `scale`, `size`, `antialias`, `boundary`,
        `method`, `layout` or `threads` is not valid, or if no memory could hold the result. It is a ValueError.

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
    seen, back = (image, None) if differentiable(image) else as_numpy(image, "imresize")
    shape = cast(Any, seen).shape
    view, first = image_view(shape, layout, "imresize")
    if layout is None:
        remark_layout(shape, "imresize")
    plan = _checked_plan(view[1:3], scale, size, antialias, boundary, method)
    threads = threads if threads is None else whole("threads", threads, WORKERS)
    result = resize_by(plan, seen, view, first, threads)
    return cast(Array, back(result) if back else result)


class Plan(NamedTuple):
    """What is done along rows and columns; tables and compiled functions are kept by it."""

    lengths: tuple[int, int]
    sizes: tuple[int, int]
    scales: tuple[float, float]
    antialias: bool
    boundary: Boundary
    method: ResizeMethod | str  # that of `wrapped_taps`

    @property
    def order(self) -> tuple[int, int]:
        """The axes, 0 rows and 1 columns, in the order in which they are resized."""
        return (0, 1) if self.scales[0] <= self.scales[1] else (1, 0)

    def taps(self, axis: int, transposed: bool = False) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Indices and weights of an axis, (pixels, taps); `transposed`, those of the gradient."""
        table = transposed_taps if transposed else wrapped_taps
        return table(self.lengths[axis], self.sizes[axis], self.scales[axis], *self[3:])


def _checked_plan(
    lengths: tuple[int, int],
    scale: float | Sequence[float] | None,
    size: Sequence[int] | None,
    antialias: bool | None,
    boundary: Boundary,
    method: ResizeMethod,
) -> Plan:
    """Check the arguments of `imresize`, for images of these rows and columns."""
    checked_boundary(boundary)
    method = choice("method", method, RESIZE_METHODS)
    antialias = method != "nearest" if antialias is None else truth("antialias", antialias)
    scales, sizes = _plan(lengths, scale, size)
    return Plan(lengths, sizes, scales, antialias, boundary, method)


def image_view(
    shape: Sequence[int], layout: TensorLayout | None, function: str
) -> tuple[tuple[int, int, int, int], int]:
    """The array as (images, rows, columns, channels), which needs no copy, and the axis of its rows."""
    if layout is not None:
        choice("layout", layout, TENSOR_LAYOUTS)
    elif len(shape) == 4:
        raise ArgumentError(f"{function}: the four dimensions {tuple(shape)} need layout='NCHW' or layout='NHWC'")
    axes = str(layout or "HWC"[: max(len(shape), 2)])
    if len(axes) != len(shape) or 0 in shape:
        wanted = layout or "(rows, columns) or (rows, columns, channels)"
        raise ArgumentError(f"{function} needs a non-empty {wanted} image, got shape {tuple(shape)}")
    first = axes.index("H")
    return (math.prod(shape[:first]), shape[first], shape[first + 1], math.prod(shape[first + 2 :])), first


def resize_by(plan: Plan, image: Any, view: tuple[int, int, int, int], first: int, threads: int | None) -> Any:
    """Resize an array of any library, of whose axes `first` is the rows and the next the columns; see `image_view`."""
    match differentiable(image):
        case "torch":
            from vdsr_data.matlab.torch_resize import resize
        case "jax":
            from vdsr_data.matlab.jax_resize import resize
        case _:
            resize = _resize
    shape = (*image.shape[:first], *plan.sizes, *image.shape[first + 2 :])
    return resize(image, view, plan, threads).reshape(shape)


def _resize(array: NDArray[Any], view: tuple[int, int, int, int], plan: Plan, threads: int | None) -> NDArray[Any]:
    """The work of `imresize`, on NumPy's arrays, seen as (images, rows, columns, channels)."""
    images = array.reshape(view)
    dtype = images.dtype.newbyteorder("=")
    if dtype not in (*INTEGER_TOP, *FLOATS):
        raise TypeError(f"imresize takes uint8, uint16, float32 or float64, got {images.dtype}; convert it first")
    results = [_resize_one(image, plan, INTEGER_TOP.get(dtype, 0.0), threads or 1) for image in images]
    return (results[0] if len(results) == 1 else np.stack(results)).astype(dtype, copy=False)


def _resize_one(image: NDArray[Any], plan: Plan, top: float, threads: int) -> NDArray[Any]:
    """One image (rows, columns, channels), integers that saturate at `top`, or floats; these come as float64."""
    result = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("=") if top else np.float64)
    columns = periodic_columns(plan.lengths[1], plan.sizes[1], plan.scales[1], *plan[3:])
    if plan.order == (0, 1) and columns is not None:
        eight_bit = image.dtype == np.uint8 and result[0].size >= _byte_kernels.BLOCK
        whole_taps = fixed_point(*plan) if eight_bit else None
        both = _resize_both(result, *plan.taps(0), columns, whole_taps, plan.sizes[1], top, threads)
        return both.reshape(*plan.sizes, -1)
    for axis in plan.order:
        result = _resize_axis(result, axis, *plan.taps(axis), top, threads)
    return result


def output_size(shape: Sequence[int], scale: float | Sequence[float]) -> tuple[int, int]:
    """Rows and columns that ``imresize(image, scale)`` returns for an image of this shape."""
    return _plan(shape, scale, None)[1]


def _plan(
    shape: Sequence[int], scale: float | Sequence[float] | None, size: Sequence[int] | None
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Scale factors and output size per dimension, from whichever of the two was given."""
    if (scale is None) == (size is None):
        raise ArgumentError("give either scale or size")
    what = scale if size is None else size
    given = [what] if isinstance(what, (int, float)) else several(what)  # in words that torch.compile understands
    texts_or_truths = any(isinstance(one, (str, bytes, bool, np.bool_)) for one in given)
    try:
        numbers = [] if texts_or_truths else [float(one) for one in given]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if size is not None:
        if len(numbers) != 2 or any(not (n >= 1 and n % 1 == 0) for n in numbers):
            raise ArgumentError(f"size must be two whole numbers of at least 1 (rows, columns), got {size!r}")
        lengths = numbers
        factors = numbers[0] / shape[0], numbers[1] / shape[1]
    else:
        if len(numbers) not in {1, 2} or not all(0 < n < math.inf for n in numbers):
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
