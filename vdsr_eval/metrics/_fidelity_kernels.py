"""Numba loops of PSNR and SSIM: arrays in, one array out; no checks, never raises.

No fast-math and no fused multiply-add, so that compiled and interpreted code give the same bits.
"""

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel

HALF = 5  # of the window of 11 rows and columns
SIZE = 11
LANES = 16  # sums run side by side: one running sum would wait for itself at every value
BLOCK = 4096
STRIPE = 1024  # columns of windows whose products stay in the second-level cache


@kernel
def squared_errors(image, reference):
    """Sum (image - reference)^2 over blocks of values: two lines (n,) -> (blocks, LANES) float64."""
    blocks = (image.size + BLOCK - 1) // BLOCK
    sums = np.zeros((blocks, LANES))
    for block in range(blocks):
        a, b, total = image[block * BLOCK :], reference[block * BLOCK :], sums[block]
        count = min(BLOCK, a.size)
        for i in range(count // LANES):
            x, y = a[i * LANES :], b[i * LANES :]
            for lane in range(LANES):
                error = np.float64(x[lane]) - np.float64(y[lane])
                total[lane] += error * error
        for i in range(count - count % LANES, count):
            error = np.float64(a[i]) - np.float64(b[i])
            total[0] += error * error
    return sums


@njit(nogil=True)
def _eleven(a, b, c, d, e, f, g, h, i, j, k, taps, out, count):
    """Weigh and add eleven lines, symmetrically, in one sweep: a sweep per tap would store and reload the sum."""
    w0, w1, w2, w3, w4, w5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    for x in range(count):
        out[x] = (
            w0 * (a[x] + k[x])
            + w1 * (b[x] + j[x])
            + w2 * (c[x] + i[x])
            + w3 * (d[x] + h[x])
            + w4 * (e[x] + g[x])
            + w5 * f[x]
        )


@njit(nogil=True)
def _moments(a, b, out):
    """The four products whose window means make SSIM: a, b, a^2 + b^2 and a b."""
    for x in range(a.size):
        out[0, x] = a[x]
        out[1, x] = b[x]
        out[2, x] = a[x] * a[x] + b[x] * b[x]
        out[3, x] = a[x] * b[x]


@kernel
def ssim_sums(image, reference, taps, c1, c2, replicate):
    """Sum the SSIM of each column of windows: image, reference (n, m) float64, taps (11,) symmetric -> (columns,).

    With `replicate` the edges are repeated and there is a window around every pixel, else only where it fits. The
    products of the last eleven rows are kept in a ring, each row is summed downwards, then across; everything but the
    images stays in the second-level cache, wide images being taken in stripes, and no filtered image is ever written.
    """
    rows, width = image.shape
    margin = 0 if replicate else HALF
    columns = width - 2 * margin
    span = min(STRIPE, columns)
    ring = np.empty((SIZE, 4, span + 2 * HALF))
    line = np.empty(span + 2 * HALF)  # downward sums, with the edges repeated
    means = np.empty((4, span))
    slot = np.empty(SIZE, dtype=np.intp)
    total = np.zeros(columns)
    for start in range(0, columns, STRIPE):
        count = min(STRIPE, columns - start)
        first = start + margin - HALF  # the column that the first window begins at
        low, high = max(first, 0), min(first + count + 2 * HALF, width)
        before, after = low - first, high - first  # what lies outside the image on either side is repeated
        sums = total[start:]
        ready = 0
        for i in range(margin, rows - margin):
            while ready < min(i + HALF + 1, rows):
                _moments(image[ready, low:high], reference[ready, low:high], ring[ready % SIZE])
                ready += 1
            for t in range(SIZE):
                slot[t] = min(max(i + t - HALF, 0), rows - 1) % SIZE
            for m in range(4):
                _eleven(ring[slot[0], m], ring[slot[1], m], ring[slot[2], m], ring[slot[3], m], ring[slot[4], m],
                        ring[slot[5], m], ring[slot[6], m], ring[slot[7], m], ring[slot[8], m], ring[slot[9], m],
                        ring[slot[10], m], taps, line[before:], high - low)  # fmt: skip
                for x in range(before):
                    line[x] = line[before]
                for x in range(after, count + 2 * HALF):
                    line[x] = line[after - 1]
                _eleven(line, line[1:], line[2:], line[3:], line[4:], line[5:], line[6:], line[7:], line[8:], line[9:],
                        line[10:], taps, means[m], count)  # fmt: skip
            mean_a, mean_b, squares, products = means[0], means[1], means[2], means[3]
            for x in range(count):
                product, square = mean_a[x] * mean_b[x], mean_a[x] * mean_a[x] + mean_b[x] * mean_b[x]
                numerator = (2.0 * product + c1) * (2.0 * (products[x] - product) + c2)
                sums[x] += numerator / ((square + c1) * (squares[x] - square + c2))
    return total
