"""Numba loops of imresize: arrays in, arrays out; no checks, no files, never raises.

No fast-math and no fused multiply-add: every product is rounded before it is added, and sums run from the first tap to
the last, so that the compiled code is bit-identical to the slow twins in ``tests/reference.py`` and to MATLAB.

Whole-number factors take `resize_periodic_*`, both passes fused row by row so that the intermediate never leaves the
first-level cache; anything else takes one pass per dimension. Batches of patches, and gradients, take `resize_batch`.

Tried and dropped for float64 at x2, 1024 x 1024 on one thread of a Zen 4, where the kernel takes 4.4 ms and the fresh
memory of the result 3.4 ms more: bands of 2, 4 and 8 rows (4.1 ms, and nothing in the whole), tiles of 128 to 512
columns (7.1 to 9.9 ms).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vdsr_data.matlab._compile import kernel

# Rows per tile of the horizontal pass: two AVX-512 or four AVX2 registers of float64.
LANES = 16


class Columns(NamedTuple):
    """The horizontal pass of a whole-number factor, as vector loops over the output pixels k of one phase.

    Enlarging by P has P phases, output pixel P * k + p of phase p, and moves 1 pixel per k; shrinking to 1/S has one
    phase and moves S pixels per k. The input row is padded, and dealt out to `step` planes so that every tap reads
    neighbours in memory: padded pixel i is in plane i % step at i // step.

    The weights of a phase change their last bits along the row where the position crosses a power of two (at x3; at x2
    and x4 they are exact): a dozen runs, within each of which they are constant.
    """

    left: NDArray[np.intp]  # input pixels that pad the row on its left
    right: NDArray[np.intp]
    step: int
    taps: NDArray[np.intp]  # (phases,) how many taps the phase has
    offset: NDArray[np.intp]  # (phases, taps) padded pixel that tap t of the phase reads at k = 0
    runs: NDArray[np.intp]  # (runs + 1,) the k at which each run starts, and the end of the last
    weight: NDArray[np.float64]  # (runs, phases, taps)


@njit(inline="always")
def _round_half_up(value, top):
    """Round a float to the nearest integer in [0, top], halves up (all kept results are >= 0: half away from zero)."""
    value = min(max(value, 0.0), top)
    floor = np.floor(value)
    return floor + (1.0 if value - floor >= 0.5 else 0.0)


@njit(nogil=True)
def _accumulate(source, index, weight, total, length):
    """total[:length] = sum over taps of weight[t] * source[index[t], :length], from the first tap to the last.

    Up to eight taps per sweep: one sweep per tap spends its time storing and reloading the running sum.
    """
    taps = weight.size
    first = 4
    if taps >= 8:
        w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
        w4, w5, w6, w7 = weight[4], weight[5], weight[6], weight[7]
        a, b, c, d = source[index[0]], source[index[1]], source[index[2]], source[index[3]]
        e, f, g, h = source[index[4]], source[index[5]], source[index[6]], source[index[7]]
        for j in range(length):
            total[j] = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j] + w4 * e[j] + w5 * f[j] + w6 * g[j] + w7 * h[j]
        first = 8
    elif taps >= 4:
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


# The loops below run from 0 to a count over views that start at the run: over range(start, stop), whose start might be
# negative for all that the compiler knows, every index is checked for wrapping around and nothing is vectorised.


@njit(nogil=True)
def _phase(plane, offset, weight, taps, line, start, count):
    """line[k] = sum over taps of weight[t] * padded row[offset[t] + (start + k) * step], first tap to last."""
    step = plane.shape[0]
    first = 0
    if taps >= 8:
        i0, i1, i2, i3 = offset[0], offset[1], offset[2], offset[3]
        i4, i5, i6, i7 = offset[4], offset[5], offset[6], offset[7]
        a, b = plane[i0 % step, i0 // step + start :], plane[i1 % step, i1 // step + start :]
        c, d = plane[i2 % step, i2 // step + start :], plane[i3 % step, i3 // step + start :]
        e, f = plane[i4 % step, i4 // step + start :], plane[i5 % step, i5 // step + start :]
        g, h = plane[i6 % step, i6 // step + start :], plane[i7 % step, i7 // step + start :]
        w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
        w4, w5, w6, w7 = weight[4], weight[5], weight[6], weight[7]
        for k in range(count):
            line[k] = w0 * a[k] + w1 * b[k] + w2 * c[k] + w3 * d[k] + w4 * e[k] + w5 * f[k] + w6 * g[k] + w7 * h[k]
        first = 8
    while first + 4 <= taps:
        i0, i1, i2, i3 = offset[first], offset[first + 1], offset[first + 2], offset[first + 3]
        a, b = plane[i0 % step, i0 // step + start :], plane[i1 % step, i1 // step + start :]
        c, d = plane[i2 % step, i2 // step + start :], plane[i3 % step, i3 // step + start :]
        w0, w1, w2, w3 = weight[first], weight[first + 1], weight[first + 2], weight[first + 3]
        if first == 0:
            for k in range(count):
                line[k] = w0 * a[k] + w1 * b[k] + w2 * c[k] + w3 * d[k]
        else:
            for k in range(count):
                line[k] = line[k] + w0 * a[k] + w1 * b[k] + w2 * c[k] + w3 * d[k]
        first += 4
    for t in range(first, taps):
        a, w0 = plane[offset[t] % step, offset[t] // step + start :], weight[t]
        if t == 0:
            for k in range(count):
                line[k] = w0 * a[k]
        else:
            for k in range(count):
                line[k] = line[k] + w0 * a[k]


@njit(nogil=True)
def _two_phases(row, offset_p, weight_p, offset_q, weight_q, line, count):
    """Two phases of four taps, interleaved as they are computed: storing them apart first takes twice as long."""
    p0, p1, p2, p3 = row[offset_p[0] :], row[offset_p[1] :], row[offset_p[2] :], row[offset_p[3] :]
    q0, q1, q2, q3 = row[offset_q[0] :], row[offset_q[1] :], row[offset_q[2] :], row[offset_q[3] :]
    v0, v1, v2, v3 = weight_p[0], weight_p[1], weight_p[2], weight_p[3]
    w0, w1, w2, w3 = weight_q[0], weight_q[1], weight_q[2], weight_q[3]
    for k in range(count):
        line[2 * k] = v0 * p0[k] + v1 * p1[k] + v2 * p2[k] + v3 * p3[k]
        line[2 * k + 1] = w0 * q0[k] + w1 * q1[k] + w2 * q2[k] + w3 * q3[k]


@njit(nogil=True)
def _three_phases(row, offset, weight, line, count):
    """Three phases of four, one and four taps (at x3 the middle one lies on an input pixel), interleaved."""
    p0, p1, p2, p3 = row[offset[0, 0] :], row[offset[0, 1] :], row[offset[0, 2] :], row[offset[0, 3] :]
    q0, q1, q2, q3 = row[offset[2, 0] :], row[offset[2, 1] :], row[offset[2, 2] :], row[offset[2, 3] :]
    v0, v1, v2, v3 = weight[0, 0], weight[0, 1], weight[0, 2], weight[0, 3]
    w0, w1, w2, w3 = weight[2, 0], weight[2, 1], weight[2, 2], weight[2, 3]
    middle, m0 = row[offset[1, 0] :], weight[1, 0]
    for k in range(count):
        line[3 * k] = v0 * p0[k] + v1 * p1[k] + v2 * p2[k] + v3 * p3[k]
        line[3 * k + 1] = m0 * middle[k]
        line[3 * k + 2] = w0 * q0[k] + w1 * q1[k] + w2 * q2[k] + w3 * q3[k]


@njit(nogil=True)
def _phases(plane, taps, offset, runs, weights, apart, line):
    """All phases of a padded row, interleaved: line[P * k + p] for phase p."""
    phases = taps.size
    whole = line.size // phases
    four = plane.shape[0] == 1
    for p in range(phases):
        four = four and taps[p] == 4
    for r in range(len(weights)):
        weight, start = weights[r], runs[r]
        count = min(runs[r + 1], whole) - start
        row, part = plane[0, start:], line[phases * start :]
        if phases == 1:
            _phase(plane, offset[0], weight[0], taps[0], part, start, count)
        elif phases == 2 and four:
            _two_phases(row, offset[0], weight[0], offset[1], weight[1], part, count)
        elif phases == 3 and taps[0] == 4 and taps[1] == 1 and taps[2] == 4:
            _three_phases(row, offset, weight, part, count)
        elif phases == 4 and four:  # twice by two: LLVM's code for four interleaved streams takes twice as long
            _two_phases(row, offset[0], weight[0], offset[2], weight[2], apart[0, 2 * start :], count)
            _two_phases(row, offset[1], weight[1], offset[3], weight[3], apart[1, 2 * start :], count)
        else:
            for p in range(phases):
                _phase(plane, offset[p], weight[p], taps[p], apart[0], start, count)
                for k in range(count):
                    part[phases * k + p] = apart[0, k]
    if phases == 4 and four:
        even, odd = apart[0], apart[1]
        for k in range(2 * whole):
            line[2 * k] = even[k]
            line[2 * k + 1] = odd[k]
    for p in range(line.size - phases * whole):  # the pixels of a last, incomplete period
        _phase(plane, offset[p], weights[-1, p], taps[p], line[phases * whole + p :], whole, 1)


@njit(nogil=True)
def _deal(row, plane, left, right, channel, channels):
    """Pad one channel of a row and deal it out to the planes."""
    step, pad, width = plane.shape[0], left.size, row.size // channels
    if step == 1 and channels == 1:  # the common case of enlarging luma, as a plain copy
        line = plane[0, pad:]  # a loop, as Numba takes two seconds to compile the assignment of a slice
        for k in range(width):
            line[k] = row[k]
    else:
        for q in range(step):
            first = (q - pad) % step
            line = plane[q, (pad + first) // step :]
            for k in range((width - first + step - 1) // step):
                line[k] = row[(first + k * step) * channels + channel]
    for j in range(pad):
        plane[j % step, j // step] = row[left[j] * channels + channel]
    for j in range(right.size):
        i = pad + width + j
        plane[i % step, i // step] = row[right[j] * channels + channel]


@njit(nogil=True)
def _scratch(columns, width, out_width):
    """Planes of a padded row, and two lines for phases that are computed apart."""
    padded = columns.left.size + width + columns.right.size
    return np.zeros((columns.step, padded // columns.step + 1)), np.zeros((2, out_width // 2 + 2))


@kernel
def resize_periodic_float(source, index, weight, columns, out, channels):
    """Resize along axis 0, then along axis 1: source (n, m * channels) float64 -> out (rows, columns * channels)."""
    out_width = out.shape[1] // channels
    plane, apart = _scratch(columns, source.shape[1] // channels, out_width)
    row, lines = np.empty(source.shape[1]), np.empty((channels, out_width))
    for i in range(out.shape[0]):
        _accumulate(source, index[i], weight[i], row, row.size)
        target = out[i]
        if channels == 1:
            _deal(row, plane, columns.left, columns.right, 0, 1)
            _phases(plane, columns.taps, columns.offset, columns.runs, columns.weight, apart, target)
            continue
        for c in range(channels):
            _deal(row, plane, columns.left, columns.right, c, channels)
            _phases(plane, columns.taps, columns.offset, columns.runs, columns.weight, apart, lines[c])
        if channels == 3:
            a, b, c = lines[0], lines[1], lines[2]
            for j in range(out_width):
                target[3 * j] = a[j]
                target[3 * j + 1] = b[j]
                target[3 * j + 2] = c[j]
        else:
            for c in range(channels):
                for j in range(out_width):
                    target[j * channels + c] = lines[c, j]


@kernel
def resize_periodic_integer(source, index, weight, columns, out, channels, top):
    """Resize as `resize_periodic_float`, rounding and saturating to [0, top] after each pass; unsigned integers."""
    out_width = out.shape[1] // channels
    plane, apart = _scratch(columns, source.shape[1] // channels, out_width)
    row, lines = np.empty(source.shape[1]), np.empty((channels, out_width))
    for i in range(out.shape[0]):
        _accumulate(source, index[i], weight[i], row, row.size)
        for j in range(row.size):
            row[j] = _round_half_up(row[j], top)
        for c in range(channels):
            _deal(row, plane, columns.left, columns.right, c, channels)
            _phases(plane, columns.taps, columns.offset, columns.runs, columns.weight, apart, lines[c])
        target = out[i]
        if channels == 1:
            line = lines[0]
            for j in range(out_width):
                target[j] = _round_half_up(line[j], top)
        elif channels == 3:
            a, b, c = lines[0], lines[1], lines[2]
            for j in range(out_width):
                target[3 * j] = _round_half_up(a[j], top)
                target[3 * j + 1] = _round_half_up(b[j], top)
                target[3 * j + 2] = _round_half_up(c[j], top)
        else:
            for c in range(channels):
                for j in range(out_width):
                    target[j * channels + c] = _round_half_up(lines[c, j], top)


@kernel
def resize_rows_float(source, index, weight, out):
    """Resize along axis 0: source (n, m) float64 -> out (rows, m) float64."""
    for i in range(out.shape[0]):
        _accumulate(source, index[i], weight[i], out[i], out.shape[1])


@kernel
def resize_rows_integer(source, index, weight, out, top):
    """Resize along axis 0 as `resize_rows_float`, rounding and saturating to [0, top]; unsigned integers."""
    length = out.shape[1]
    total = np.empty(length)
    for i in range(out.shape[0]):
        _accumulate(source, index[i], weight[i], total, length)
        for j in range(length):
            out[i, j] = _round_half_up(total[j], top)


@kernel
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


@kernel
def resize_batch(source, row_index, row_weight, column_index, column_weight, out):
    """Resize along axis 1, then along axis 2: source (n, h, w, c) of floats -> out (n, rows, columns, c), in float64.

    In tiles of LANES rows as `resize_columns`, which the first pass fills, so that a patch costs a few microseconds.
    """
    count, rows, columns, channels = out.shape
    length = source.shape[2]
    flat = source.reshape(count, source.shape[1], length * channels)
    row = np.empty(length * channels)
    tile = np.zeros((length * channels, LANES))
    total = np.empty((columns, LANES))
    for n in range(count):
        for start in range(0, rows, LANES):
            lanes = min(LANES, rows - start)
            for lane in range(lanes):
                _accumulate(flat[n], row_index[start + lane], row_weight[start + lane], row, row.size)
                for j in range(row.size):
                    tile[j, lane] = row[j]
            for c in range(channels):
                for j in range(columns):
                    _accumulate(tile[c::channels], column_index[j], column_weight[j], total[j], LANES)
                for lane in range(lanes):
                    for j in range(columns):
                        out[n, start + lane, j, c] = total[j, lane]
