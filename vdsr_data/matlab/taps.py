"""The taps of imresize: which input pixels each output pixel weighs, and how much, in MATLAB's order of operations.

Built in NumPy with operations that every processor rounds alike, and kept for the next image of the same size.
"""

import math
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import BOUNDARIES, Boundary, ResizeMethod
from vdsr_data.matlab._resize_kernels import Columns
from vdsr_data.matlab.elementary import cube, sin

__all__ = ["BOUNDARIES", "Boundary", "periodic_columns", "transposed_taps", "wrapped", "wrapped_taps"]

WIDTHS: dict[ResizeMethod, float] = {
    "nearest": 1.0, "box": 1.0, "bilinear": 2.0, "triangle": 2.0, "bicubic": 4.0, "lanczos2": 4.0, "lanczos3": 6.0,
}  # fmt: skip
KEPT_TABLES = 64  # a training set has a few image sizes, each in two orientations and three scales


@lru_cache(KEPT_TABLES)
def wrapped_taps(
    in_length: int,
    out_length: int,
    scale: float,
    antialias: bool,
    boundary: Boundary,
    method: ResizeMethod | str = "bicubic",
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Input indices and weights, each (out_length, taps), of every output pixel along one dimension; read-only.

    `method` may also be "blur SIGMA": a Gaussian of seven pixels, and then the nearest of its results.
    """
    tap, weight = _taps(out_length, scale, antialias, method)
    index = wrapped(tap, in_length, boundary)
    index.flags.writeable = weight.flags.writeable = False  # shared by every caller through the cache
    return index, weight


@lru_cache(KEPT_TABLES)
def transposed_taps(
    in_length: int,
    out_length: int,
    scale: float,
    antialias: bool,
    boundary: Boundary,
    method: ResizeMethod | str = "bicubic",
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """What `wrapped_taps` returns, transposed: output indices and weights, each (in_length, taps), of input pixels.

    A pixel that an output pixel weighs twice, mirrored at an edge, has the sum once; one with fewer taps has zeros.
    """
    index, weight = wrapped_taps(in_length, out_length, scale, antialias, boundary, method)
    pairs = index * out_length + np.arange(out_length)[:, np.newaxis]
    found, of = np.unique(pairs, return_inverse=True)
    sums = np.bincount(of.ravel(), weight.ravel())
    pixel, output = np.divmod(found, out_length)
    counts = np.bincount(pixel, minlength=in_length)
    place = np.arange(len(found)) - (np.cumsum(counts) - counts)[pixel]
    table = np.zeros((in_length, counts.max()), dtype=np.intp)
    weights = np.zeros(table.shape)
    table[pixel, place], weights[pixel, place] = output, sums
    table.flags.writeable = weights.flags.writeable = False
    return table, weights


@lru_cache(KEPT_TABLES)
def periodic_columns(
    in_length: int,
    out_length: int,
    scale: float,
    antialias: bool,
    boundary: Boundary,
    method: ResizeMethod | str = "bicubic",
) -> Columns | None:
    """The taps of a whole-number factor (or the inverse of one) as phases; None for any other factor."""
    phases = max(round(scale), 1)
    step = max(round(1 / scale), 1)
    tap, weight = _taps(out_length, scale, antialias, method)
    period = np.arange(out_length) // phases * step
    regular = tap - period[:, np.newaxis]
    if max(phases, step) > 16 or any((regular[p::phases] != regular[p : p + 1]).any() for p in range(phases)):
        return None
    length = -(-out_length // phases)
    taps = np.zeros(phases, dtype=np.intp)
    offset = np.zeros((phases, tap.shape[1]), dtype=np.intp)
    weights = np.zeros((length, phases, tap.shape[1]))
    low, high = 0, in_length - 1
    for p in range(min(phases, out_length)):
        of_phase = weight[p::phases]
        kept = of_phase.any(axis=0)
        taps[p] = np.count_nonzero(kept)
        offset[p, : taps[p]] = tap[p, kept]
        weights[:, p, : taps[p]] = of_phase[np.arange(length).clip(max=len(of_phase) - 1)][:, kept]
        low, high = min(low, tap[p, kept].min()), max(high, tap[p::phases][-1, kept].max())
    changes = np.flatnonzero((weights[1:] != weights[:-1]).any(axis=(1, 2))) + 1
    runs = np.array([0, *changes, length], dtype=np.intp)
    left = wrapped(np.arange(low, 0), in_length, boundary)
    right = wrapped(np.arange(in_length, high + 1), in_length, boundary)
    return Columns(left, right, step, taps, offset - low, runs, weights[runs[:-1]])


def wrapped(index: NDArray[np.intp], length: int, boundary: Boundary) -> NDArray[np.intp]:
    """Return indices beyond the edge mirrored with the edge pixel repeated, or held at the edge."""
    if boundary == "replicate":
        return index.clip(0, length - 1)
    index = index % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def _taps(
    out_length: int, scale: float, antialias: bool, method: ResizeMethod | str
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Input indices, which may lie beyond the edges, and weights; the order of the operations decides last bits."""
    if method.startswith("blur "):
        return _blurred(out_length, scale, float(method.removeprefix("blur ")))
    method = cast(ResizeMethod, method)
    stretch = scale if antialias and scale < 1 else 1.0
    width = WIDTHS[method] / stretch
    position = np.arange(1, out_length + 1) / scale + 0.5 * (1 - 1 / scale)
    taps = math.ceil(width) + 2
    tap = np.floor(position - width / 2)[:, np.newaxis] + np.arange(taps)
    weight = stretch * _kernel(stretch * (position[:, np.newaxis] - tap), method)
    total = weight[:, 0].copy()  # np.sum adds pairwise; MATLAB from the first to the last
    for column in weight.T[1:]:
        total += column
    weight /= total[:, np.newaxis]
    kept = weight.any(axis=0)
    # In C's order both: what a mask picks is in Fortran's, and Numba would compile every loop once more for that.
    return np.ascontiguousarray(tap[:, kept], np.intp) - 1, np.ascontiguousarray(weight[:, kept])


def _blurred(out_length: int, scale: float, sigma: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """As `_taps`, of ``fspecial('gaussian', 7, sigma)``, one of whose rows times one of whose columns it is."""
    tap, weight = _taps(out_length, scale, False, "nearest")
    nearest = np.take_along_axis(tap, weight.argmax(axis=1, keepdims=True), axis=1)
    steps = np.arange(-3, 4)
    weight = np.exp(-(steps**2) / (2 * sigma**2))
    return nearest + steps, np.tile(weight / weight.sum(), (out_length, 1))


def _kernel(x: NDArray[np.float64], method: ResizeMethod) -> NDArray[np.float64]:
    """How much a pixel weighs at a distance."""
    match method:
        case "bicubic":
            return _cubic(np.abs(x))
        case "bilinear" | "triangle":
            return np.where(np.abs(x) <= 1, 1 - np.abs(x), 0.0)
        case "nearest" | "box":
            return np.where((x >= -0.5) & (x < 0.5), 1.0, 0.0)
        case _:
            lobes = int(method[-1])
            eps = np.finfo(float).eps  # for 0 / 0 to be 1
            sines = sin(np.pi * x) * sin(np.pi * x / lobes)
            return np.where(np.abs(x) < lobes, (sines + eps) / (np.pi**2 * (x * x) / lobes + eps), 0.0)


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = -0.5, for x of at least 0."""
    square, power = x * x, cube(x)
    near = 1.5 * power - 2.5 * square + 1
    far = -0.5 * power + 2.5 * square - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
