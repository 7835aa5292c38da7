"""Numba loops of PSNR and SSIM: arrays in, one array out; no checks, never raises.

No fast-math and no fused multiply-add, so that compiled and interpreted code give the same bits.
"""

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel

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
def _box(a, b, c, d, e, f, g, h, size, weight, out, count):
    """Add seven lines, or eight, which all weigh the same."""
    for x in range(count):
        out[x] = weight * (a[x] + b[x] + c[x] + d[x] + e[x] + f[x] + g[x])
    if size == 8:
        for x in range(count):
            out[x] += weight * h[x]


@njit(nogil=True)
def _moments(a, b, across, out):
    """The four products whose window means make SSIM: a, b, a^2 + b^2 and a b, at the columns `across`."""
    for x in range(across.size):
        p, q = a[across[x]], b[across[x]]
        out[0, x] = p
        out[1, x] = q
        out[2, x] = p * p + q * q
        out[3, x] = p * q


@njit(nogil=True)
def _add_moments(a, b, across, weight, out):
    """Add as much of them as one channel weighs; with one channel alone, this would take 5 % more of all time."""
    for x in range(across.size):
        p, q = a[across[x]], b[across[x]]
        out[0, x] += weight * p
        out[1, x] += weight * q
        out[2, x] += weight * (p * p + q * q)
        out[3, x] += weight * (p * q)


@kernel
def ssim_sums(image, reference, mixture, down, across, taps, c1, c2, luminance):
    """Sum the SSIM of each column of windows: image, reference (channels, n, m) float64 -> (columns,).

    A window has taps.size rows and columns: 11 with symmetric taps, or 7 or 8 with equal ones. `down` and `across` are
    the rows and columns of the image that windows cover, one after the other, with those beyond an edge as its rule has
    them; `mixture` (channels,) is how much each channel weighs. Without `luminance`, only contrast and structure are
    taken.

    The products of the last rows are kept in a ring, each row is summed downwards, then across; everything but the
    images stays in the second-level cache, wide images being taken in stripes, and no filtered image is ever written.
    """
    size = taps.size
    columns = across.size - size + 1
    span = min(STRIPE, columns)
    ring = np.empty((size, 4, span + size - 1))
    line = np.empty(span + size - 1)  # downward sums
    means = np.empty((4, span))
    total = np.zeros(columns)
    for start in range(0, columns, STRIPE):
        count = min(STRIPE, columns - start)
        covered = across[start : start + count + size - 1]
        sums = total[start:]
        for i in range(down.size):
            row, products = down[i], ring[i % size]
            if mixture.size == 1:
                _moments(image[0, row], reference[0, row], covered, products)
            else:
                products[:] = 0.0
                for c in range(mixture.size):
                    if mixture[c] != 0.0:
                        _add_moments(image[c, row], reference[c, row], covered, mixture[c], products)
            if i < size - 1:
                continue
            for m in range(4):
                if size == 11:
                    _eleven(ring[(i + 1) % 11, m], ring[(i + 2) % 11, m], ring[(i + 3) % 11, m], ring[(i + 4) % 11, m],
                            ring[(i + 5) % 11, m], ring[(i + 6) % 11, m], ring[(i + 7) % 11, m], ring[(i + 8) % 11, m],
                            ring[(i + 9) % 11, m], ring[(i + 10) % 11, m], ring[i % 11, m],
                            taps, line, covered.size)  # fmt: skip
                    _eleven(line, line[1:], line[2:], line[3:], line[4:], line[5:], line[6:], line[7:], line[8:],
                            line[9:], line[10:], taps, means[m], count)  # fmt: skip
                else:
                    _box(ring[0, m], ring[1, m], ring[2, m], ring[3, m], ring[4, m], ring[5, m], ring[6, m],
                         ring[size - 1, m], size, taps[0], line, covered.size)  # fmt: skip
                    _box(line, line[1:], line[2:], line[3:], line[4:], line[5:], line[6:], line[size - 1 :], size,
                         taps[0], means[m], count)  # fmt: skip
            mean_a, mean_b, squares, both = means[0], means[1], means[2], means[3]
            for x in range(count):
                product, square = mean_a[x] * mean_b[x], mean_a[x] * mean_a[x] + mean_b[x] * mean_b[x]
                numerator, denominator = 2.0 * (both[x] - product) + c2, squares[x] - square + c2
                if luminance:
                    numerator, denominator = (2.0 * product + c1) * numerator, (square + c1) * denominator
                sums[x] += numerator / denominator
    return total
