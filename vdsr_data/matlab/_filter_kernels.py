"""Numba loops of imfilter: arrays in, arrays filled in place; no checks, no files, never raises.

No fast-math and no fused multiply-add. The taps of a kernel are added in MATLAB's order, down its columns, without
those that are zero. Rows of the image become float64, and get what lies beyond their ends, as they are needed: there is
a ring of as many as the kernel has.
"""

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel
from vdsr_data.matlab._resize_kernels import _round_half_up


@njit(nogil=True)
def _widen(row, columns, channels, fill, line):
    """Line = the row as float64, where `columns` has its pixels; -1 is beyond the edge: `fill`."""
    for j in range(columns.size):
        start = columns[j] * channels
        for c in range(channels):
            line[j * channels + c] = row[start + c] if start >= 0 else fill


@njit(nogil=True)
def _fill(source, rows, columns, channels, fill, ring, i):
    """Put padded row i into the ring."""
    line = ring[i % ring.shape[0]]
    if rows[i] < 0:
        line[:] = fill
    else:
        _widen(source[rows[i]], columns, channels, fill, line)


@njit(nogil=True)
def _add(ring, at, offset, weight, total):
    """Total = sum over taps t of weight[t] * ring[at[t], offset[t]:], from the first to the last.

    Eight taps per sweep: one sweep per tap spends its time storing and reloading the running sum.
    """
    length = total.size
    whole = weight.size // 8 * 8
    total[:] = 0.0
    for t in range(0, whole, 8):
        a, b = ring[at[t], offset[t] :], ring[at[t + 1], offset[t + 1] :]
        c, d = ring[at[t + 2], offset[t + 2] :], ring[at[t + 3], offset[t + 3] :]
        e, f = ring[at[t + 4], offset[t + 4] :], ring[at[t + 5], offset[t + 5] :]
        g, h = ring[at[t + 6], offset[t + 6] :], ring[at[t + 7], offset[t + 7] :]
        w0, w1, w2, w3 = weight[t], weight[t + 1], weight[t + 2], weight[t + 3]
        w4, w5, w6, w7 = weight[t + 4], weight[t + 5], weight[t + 6], weight[t + 7]
        for j in range(length):
            value = total[j] + w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]
            total[j] = value + w4 * e[j] + w5 * f[j] + w6 * g[j] + w7 * h[j]
    for t in range(whole, weight.size):
        a, w0 = ring[at[t], offset[t] :], weight[t]
        for j in range(length):
            total[j] += w0 * a[j]


@njit(nogil=True)
def _round(total, top, out):
    for j in range(total.size):
        out[j] = np.int32(_round_half_up(total[j], top))


@kernel
def filter_float(source, rows, columns, channels, fill, tap_row, offset, weight, out):
    """Filter source (n, m * channels) into out, both float64; `rows` and `columns` say what is where."""
    height = rows.size - out.shape[0] + 1
    ring = np.empty((height, columns.size * channels))
    for i in range(height - 1):
        _fill(source, rows, columns, channels, fill, ring, i)
    for i in range(out.shape[0]):
        _fill(source, rows, columns, channels, fill, ring, i + height - 1)
        _add(ring, (i + tap_row) % height, offset, weight, out[i])


@kernel
def filter_integer(source, rows, columns, channels, fill, tap_row, offset, weight, out, top):
    """Filter unsigned integers as `filter_float`, rounded half away from zero and saturated to [0, top]."""
    height = rows.size - out.shape[0] + 1
    ring = np.empty((height, columns.size * channels))
    total = np.empty(out.shape[1])
    for i in range(height - 1):
        _fill(source, rows, columns, channels, fill, ring, i)
    for i in range(out.shape[0]):
        _fill(source, rows, columns, channels, fill, ring, i + height - 1)
        _add(ring, (i + tap_row) % height, offset, weight, total)
        _round(total, top, out[i])


@kernel
def filter_separable(source, rows, columns, channels, fill, tap_row, offset, weight, out, top, down, across, apart):
    """Filter as `filter_integer`, in two passes, `down` and `across`, which differ from one by less than `apart`.

    Only so near to a half they can round another way: what is there is summed anew in one pass.
    """
    height = rows.size - out.shape[0] + 1
    width = columns.size * channels
    ring, lines = np.empty((height, width)), np.empty((1, width))
    total = np.empty(out.shape[1])
    every, ahead = np.arange(height), np.arange(across.size) * channels
    none, first = np.zeros(height, np.int64), np.zeros(across.size, np.int64)
    for i in range(height - 1):
        _fill(source, rows, columns, channels, fill, ring, i)
    for i in range(out.shape[0]):
        _fill(source, rows, columns, channels, fill, ring, i + height - 1)
        _add(ring, (i + every) % height, none, down, lines[0])
        _add(lines, first, ahead, across, total)
        ties = 0
        for j in range(total.size):
            ties += abs(total[j] - np.floor(total[j]) - 0.5) < apart
        if ties:
            for j in range(total.size):
                if abs(total[j] - np.floor(total[j]) - 0.5) < apart:
                    total[j] = 0.0
                    for t in range(weight.size):
                        total[j] += weight[t] * ring[(i + tap_row[t]) % height, offset[t] + j]
        _round(total, top, out[i])
