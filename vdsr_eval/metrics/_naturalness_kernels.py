"""Numba loops of NIQE and BRISQUE: arrays in, arrays filled in place; no checks, never raises.

No fast-math and no fused multiply-add, so that compiled and interpreted code give the same bits.
"""

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel

HALF = 3  # of the window of 7 rows and columns
SIZE = 7
ROUNDED = 2.0**-46  # of a mean: more than 7 x 7 products, their sum in any order, and the taps' own errors make of it


@njit(nogil=True)
def _seven(a, b, c, d, e, f, g, taps, out):
    """Weigh and add seven lines, symmetrically."""
    w0, w1, w2, w3 = taps[0], taps[1], taps[2], taps[3]
    for x in range(out.size):
        out[x] = w0 * (a[x] + g[x]) + w1 * (b[x] + f[x]) + w2 * (c[x] + e[x]) + w3 * d[x]


@kernel
def coefficients(image, taps, replicate, start, stop, out, undecided):
    """Fill rows of (image - mean) / (deviation + 1), and where rounding decides its sign: (n, m) float64 and bool.

    The window, `taps` (7,) symmetric times itself, is laid down and then across; beyond the edges are the edge pixels
    with `replicate`, else zeros.
    """
    rows, columns = image.shape
    nothing = np.zeros(columns)
    ring = np.empty((SIZE, 2, columns))  # the values and the squares of the last seven rows
    line = np.zeros(columns + 2 * HALF)
    mean, square = np.empty(columns), np.empty(columns)
    slot = np.empty(SIZE, dtype=np.intp)
    for i in range(start - HALF, stop + HALF):
        inside = 0 <= i < rows
        source = image[min(max(i, 0), rows - 1)] if inside or replicate else nothing
        values, squares = ring[i % SIZE, 0], ring[i % SIZE, 1]
        for x in range(columns):
            values[x] = source[x]
            squares[x] = source[x] * source[x]
        row = i - HALF
        if row < start:
            continue
        for t in range(SIZE):
            slot[t] = (row + t - HALF) % SIZE
        for m in range(2):
            _seven(ring[slot[0], m], ring[slot[1], m], ring[slot[2], m], ring[slot[3], m], ring[slot[4], m],
                   ring[slot[5], m], ring[slot[6], m], taps, line[HALF : HALF + columns])  # fmt: skip
            for x in range(HALF if replicate else 0):
                line[x] = line[HALF]
                line[HALF + columns + x] = line[HALF + columns - 1]
            _seven(line, line[1:], line[2:], line[3:], line[4:], line[5:], line[6:], taps, mean if m == 0 else square)
        for x in range(columns):
            apart = image[row, x] - mean[x]
            out[row, x] = apart / (np.sqrt(abs(square[x] - mean[x] * mean[x])) + 1.0)
            undecided[row, x] = abs(apart) < ROUNDED * mean[x]


@njit(nogil=True)
def _add(values, total):
    """Add a line to sums: see `block_sums`."""
    below = above = 0
    squares_below = squares_above = size = 0.0
    for value in values:
        low, high = min(value, 0.0), max(value, 0.0)
        below += value < 0.0
        above += value > 0.0
        squares_below += low * low
        squares_above += high * high
        size += high - low
    total[0] += below
    total[1] += squares_below
    total[2] += above
    total[3] += squares_above
    total[4] += size


@kernel
def block_sums(coefficients, top, height, width, start, stop, shifts, out):
    """Sum over rows start to stop of the blocks that begin in row `top`: -> (blocks, 5, 5) float64.

    Of the coefficients, and of their products with those that are circularly shifted in the block by each of `shifts`
    (4, 2): how many are negative, their squares; how many are positive, their squares; the sizes of all.
    """
    products = np.empty(width)
    for block in range(out.shape[0]):
        left = block * width
        for i in range(start, stop):
            line = coefficients[top + i, left : left + width]
            _add(line, out[block, 0])
            for s in range(4):
                other = coefficients[top + (i - shifts[s, 0]) % height, left : left + width]
                step = shifts[s, 1] % width
                for x in range(step):
                    products[x] = line[x] * other[width - step + x]
                for x in range(step, width):
                    products[x] = line[x] * other[x - step]
                _add(products, out[block, s + 1])


@kernel
def grey(image, weights, out):
    """Weigh the channels of 8-bit RGB as rgb2gray, rounded half up: (n, m, 3) uint8 -> (n, m) float64."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            value = weights[0] * image[i, j, 0] + weights[1] * image[i, j, 1] + weights[2] * image[i, j, 2]
            out[i, j] = np.floor(value + 0.5)
