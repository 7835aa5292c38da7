"""The taps of imresize: which input pixels each output pixel weighs, and how much, in MATLAB's order of operations.

Built in NumPy with operations that every processor rounds alike, and kept for the next image of the same size.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import BOUNDARIES, Boundary
from vdsr_data.matlab._resize_kernels import Columns

__all__ = ["BOUNDARIES", "Boundary", "periodic_columns", "wrapped_taps"]

KERNEL_WIDTH = 4.0
KEPT_TABLES = 64  # a training set has a few image sizes, each in two orientations and three scales

# MATLAB's vector pow is correctly rounded at every |x| that whole-number factors need, but for this one value.
FIVE_THIRDS = float.fromhex("0x1.aaaaaaaaaaaabp+0")
FIVE_THIRDS_CUBED = float.fromhex("0x1.284bda12f684cp+2")


@lru_cache(KEPT_TABLES)
def wrapped_taps(
    in_length: int, out_length: int, scale: float, antialias: bool, boundary: Boundary
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Input indices and weights, each (out_length, taps), of every output pixel along one dimension; read-only."""
    tap, weight = _taps(out_length, scale, antialias)
    index = _wrap(tap, in_length, boundary)
    index.flags.writeable = weight.flags.writeable = False  # shared by every caller through the cache
    return index, weight


@lru_cache(KEPT_TABLES)
def periodic_columns(
    in_length: int, out_length: int, scale: float, antialias: bool, boundary: Boundary
) -> Columns | None:
    """The taps of a whole-number factor (or the inverse of one) as phases; None for any other factor."""
    phases = max(round(scale), 1)
    step = max(round(1 / scale), 1)
    tap, weight = _taps(out_length, scale, antialias)
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
    left = _wrap(np.arange(low, 0), in_length, boundary)
    right = _wrap(np.arange(in_length, high + 1), in_length, boundary)
    return Columns(left, right, step, taps, offset - low, runs, weights[runs[:-1]])


def _wrap(index: NDArray[np.intp], length: int, boundary: Boundary) -> NDArray[np.intp]:
    """Indices beyond the edge, mirrored with the edge pixel repeated, or held at the edge."""
    if boundary == "replicate":
        return index.clip(0, length - 1)
    index = index % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def _taps(out_length: int, scale: float, antialias: bool) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Input indices, which may lie beyond the edges, and weights; the order of the operations decides last bits."""
    stretch = scale if antialias and scale < 1 else 1.0
    width = KERNEL_WIDTH / stretch
    position = np.arange(1, out_length + 1) / scale + 0.5 * (1 - 1 / scale)
    taps = math.ceil(width) + 2
    tap = np.floor(position - width / 2)[:, np.newaxis] + np.arange(taps)
    weight = stretch * _cubic(stretch * (position[:, np.newaxis] - tap))
    total = weight[:, 0].copy()  # np.sum adds pairwise; MATLAB from the first to the last
    for column in weight.T[1:]:
        total += column
    weight /= total[:, np.newaxis]
    kept = weight.any(axis=0)
    # In C's order both: what a mask picks is in Fortran's, and Numba would compile every loop once more for that.
    return np.ascontiguousarray(tap[:, kept], np.intp) - 1, np.ascontiguousarray(weight[:, kept])


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = -0.5."""
    x = np.abs(x)
    square, cube = x * x, _cube(x)
    near = 1.5 * cube - 2.5 * square + 1
    far = -0.5 * cube + 2.5 * square - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _cube(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """X ** 3 rounded once, as MATLAB's ``.^3``: the same bits on every processor, which ``np.power`` does not promise.

    The square and the cube carry their rounding errors along (Dekker's exact product), about 106 bits in all.
    """
    square, square_error = _exact_product(x, x)
    cube, cube_error = _exact_product(square, x)
    return np.where(x == FIVE_THIRDS, FIVE_THIRDS_CUBED, cube + (cube_error + square_error * x))


def _exact_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded product and its rounding error, which together are a * b exactly."""
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Veltkamp's split of a float64 into two halves of at most 26 bits each."""
    scaled = 134217729.0 * x
    high = scaled - (scaled - x)
    return high, x - high
