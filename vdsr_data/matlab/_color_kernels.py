"""Numba loops of the colour conversions: arrays in, arrays out; no checks, no files, never raises.

No fast-math and no fused multiply-add, as in `_kernels`: bit-identical to the slow twins and to MATLAB.
"""

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel

# Pixels whose colours are converted at a time: they stay in the first-level cache.
BLOCK = 512


@njit(nogil=True)
def _apart(pixels, r, g, b, count):
    """Pull interleaved channels apart; in one loop with the arithmetic, LLVM would make scalar code of both."""
    for i in range(count):
        r[i] = pixels[3 * i]
        g[i] = pixels[3 * i + 1]
        b[i] = pixels[3 * i + 2]


@njit(nogil=True)
def _together(x, y, z, pixels, count):
    for i in range(count):
        pixels[3 * i] = x[i]
        pixels[3 * i + 1] = y[i]
        pixels[3 * i + 2] = z[i]


@kernel
def matrix_integer(source, matrix, offset, out, top):
    """Colour conversion of integers, rounded half up and saturated to [0, top].

    source (3 n,) -> out (3 n,) with a matrix (3, 3), or its first channel, out (n,), with a matrix (1, 3).
    """
    apart, result = np.empty((3, BLOCK), dtype=source.dtype), np.empty((3, BLOCK), dtype=source.dtype)
    r, g, b = apart[0], apart[1], apart[2]
    x, y, z = result[0], result[1], result[2]
    x0, x1, x2, x3 = matrix[0, 0], matrix[0, 1], matrix[0, 2], offset[0]
    for start in range(0, source.size // 3, BLOCK):
        count = min(BLOCK, source.size // 3 - start)
        _apart(source[3 * start :], r, g, b, count)
        if len(matrix) == 1:
            line = out[start:]
            for i in range(count):
                line[i] = np.int32(min(max(x0 * r[i] + x1 * g[i] + x2 * b[i] + x3, 0.0), top) + 0.5)
            continue
        y0, y1, y2, y3 = matrix[1, 0], matrix[1, 1], matrix[1, 2], offset[1]
        z0, z1, z2, z3 = matrix[2, 0], matrix[2, 1], matrix[2, 2], offset[2]
        for i in range(count):
            p, q, s = np.float64(r[i]), np.float64(g[i]), np.float64(b[i])
            x[i] = np.int32(min(max(x0 * p + x1 * q + x2 * s + x3, 0.0), top) + 0.5)
            y[i] = np.int32(min(max(y0 * p + y1 * q + y2 * s + y3, 0.0), top) + 0.5)
            z[i] = np.int32(min(max(z0 * p + z1 * q + z2 * s + z3, 0.0), top) + 0.5)
        _together(x, y, z, out[3 * start :], count)


@kernel
def matrix_float(source, matrix, offset, out, clip):
    """Colour conversion of float64 as `matrix_integer`, not rounded, clipped to [0, 1] if `clip`; a NaN stays a NaN."""
    apart, result = np.empty((3, BLOCK)), np.empty((3, BLOCK))
    r, g, b = apart[0], apart[1], apart[2]
    for start in range(0, source.size // 3, BLOCK):
        count = min(BLOCK, source.size // 3 - start)
        _apart(source[3 * start :], r, g, b, count)
        for k in range(len(matrix)):
            line = result[k]
            w0, w1, w2, w3 = matrix[k, 0], matrix[k, 1], matrix[k, 2], offset[k]
            for i in range(count):
                line[i] = w0 * r[i] + w1 * g[i] + w2 * b[i] + w3
            if clip:
                for i in range(count):
                    line[i] = 0.0 if line[i] < 0.0 else line[i]
                    line[i] = 1.0 if line[i] > 1.0 else line[i]
        if len(matrix) == 1:
            out[start : start + count] = result[0, :count]
        else:
            _together(result[0], result[1], result[2], out[3 * start :], count)
