"""Numba loops of imresize and the colour conversions: arrays in, arrays out; no checks, no files, never raises.

No fast-math and no fused multiply-add: every product is rounded before it is added, and sums run from the first tap to
the last, so that the compiled code is bit-identical to the slow twins in ``tests/reference.py`` and to MATLAB.
"""

import numpy as np
from numba import njit

# Rows per tile of the horizontal pass: two AVX-512 or four AVX2 registers of float64.
LANES = 16


@njit(inline="always")
def _round_half_up(value, top):
    """Round a float to the nearest integer in [0, top], halves up (all kept results are >= 0: half away from zero)."""
    value = min(max(value, 0.0), top)
    floor = np.floor(value)
    return floor + (1.0 if value - floor >= 0.5 else 0.0)


@njit(inline="always")
def _accumulate(source, index, weight, total, length):
    """total[:length] = sum over taps of weight[t] * source[index[t], :length], from the first tap to the last.

    Four taps per sweep: one sweep per tap spends its time storing and reloading the running sum.
    """
    taps = weight.size
    first = 4
    if taps >= 4:
        w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
        r0, r1, r2, r3 = index[0], index[1], index[2], index[3]
        for j in range(length):
            total[j] = w0 * source[r0, j] + w1 * source[r1, j] + w2 * source[r2, j] + w3 * source[r3, j]
    else:
        w0, r0 = weight[0], index[0]
        for j in range(length):
            total[j] = w0 * source[r0, j]
        first = 1
    while first + 4 <= taps:
        w0, w1, w2, w3 = weight[first], weight[first + 1], weight[first + 2], weight[first + 3]
        r0, r1, r2, r3 = index[first], index[first + 1], index[first + 2], index[first + 3]
        for j in range(length):
            total[j] = total[j] + w0 * source[r0, j] + w1 * source[r1, j] + w2 * source[r2, j] + w3 * source[r3, j]
        first += 4
    for t in range(first, taps):
        w0, r0 = weight[t], index[t]
        for j in range(length):
            total[j] = total[j] + w0 * source[r0, j]


@njit(cache=True, nogil=True)
def resize_rows_float(source, index, weight, out):
    """Resize along axis 0: source (n, m) float64 -> out (rows, m) float64."""
    for i in range(out.shape[0]):
        _accumulate(source, index[i], weight[i], out[i], out.shape[1])


@njit(cache=True, nogil=True)
def resize_rows_integer(source, index, weight, out, top):
    """Resize along axis 0 as `resize_rows_float`, rounding and saturating to [0, top]; unsigned integers."""
    length = out.shape[1]
    total = np.empty(length)
    for i in range(out.shape[0]):
        _accumulate(source, index[i], weight[i], total, length)
        for j in range(length):
            out[i, j] = _round_half_up(total[j], top)


@njit(cache=True, nogil=True)
def resize_columns(source, index, weight, out, top):
    """Resize along axis 1: source (m, n, c) -> out (m, columns, c); rounds and saturates to [0, top] unless top is 0.

    Works on tiles of LANES rows, transposed so that the rows of the image lie in the lanes of a vector register.
    """
    rows, columns, channels = out.shape
    length = source.shape[1]
    tile = np.zeros((length, LANES))
    total = np.empty((columns, LANES))
    for c in range(channels):
        for start in range(0, rows, LANES):
            count = min(LANES, rows - start)
            for lane in range(count):
                for j in range(length):
                    tile[j, lane] = source[start + lane, j, c]
            for j in range(columns):
                _accumulate(tile, index[j], weight[j], total[j], LANES)
            if top > 0.0:
                for j in range(columns):
                    for lane in range(LANES):
                        total[j, lane] = _round_half_up(total[j, lane], top)
            for lane in range(count):
                for j in range(columns):
                    out[start + lane, j, c] = total[j, lane]


@njit(cache=True, nogil=True)
def matrix_integer(source, matrix, offset, out, top):
    """Colour conversion of integers: source (n, 3) -> out (n, channels), rounded half up, saturated to [0, top]."""
    for k in range(out.shape[1]):
        a, b, c, d = matrix[k, 0], matrix[k, 1], matrix[k, 2], offset[k]
        for i in range(out.shape[0]):
            out[i, k] = _round_half_up(a * source[i, 0] + b * source[i, 1] + c * source[i, 2] + d, top)


@njit(cache=True, nogil=True)
def matrix_float(source, matrix, offset, out, clip):
    """Colour conversion of float64: source (n, 3) -> out (n, channels), clipped to [0, 1] if `clip`."""
    for k in range(out.shape[1]):
        a, b, c, d = matrix[k, 0], matrix[k, 1], matrix[k, 2], offset[k]
        for i in range(out.shape[0]):
            value = a * source[i, 0] + b * source[i, 1] + c * source[i, 2] + d
            if clip:
                value = 0.0 if value < 0.0 else (1.0 if value > 1.0 else value)  # a NaN stays a NaN
            out[i, k] = value
