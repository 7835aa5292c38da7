"""Numba loops of PSNR and SSIM: arrays in, one array out; no checks, never raises.

No fast-math and no fused multiply-add, so that compiled and interpreted code give the same bits.
"""

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel

LANES = 16  # sums run side by side: one running sum would wait for itself at every value
BLOCK = 4096
STRIPE = 512  # columns of windows whose products stay in the second-level cache
MOMENTS = 4  # a, b, a^2 + b^2 and a b, side by side: the four sums of a window are neighbours


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


@kernel
def squared_byte_errors(image, reference):
    """The same sum of two lines of bytes, which is a whole number in whatever order."""
    total = np.int64(0)
    for i in range(image.size):
        error = np.int32(image[i]) - np.int32(reference[i])
        total += error * error
    return total


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
def _eleven_twice(a, b, c, d, e, f, g, h, i, j, k, l, taps, first, second, count):  # noqa: E741
    """Two sums of eleven lines, of a to k and of b to l: read once for both, they take two thirds of the time."""
    w0, w1, w2, w3, w4, w5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    for x in range(count):
        first[x] = (
            w0 * (a[x] + k[x])
            + w1 * (b[x] + j[x])
            + w2 * (c[x] + i[x])
            + w3 * (d[x] + h[x])
            + w4 * (e[x] + g[x])
            + w5 * f[x]
        )
        second[x] = (
            w0 * (b[x] + l[x])
            + w1 * (c[x] + k[x])
            + w2 * (d[x] + j[x])
            + w3 * (e[x] + i[x])
            + w4 * (f[x] + h[x])
            + w5 * g[x]
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
def _place(turn, first, size):
    """Where in the ring the row lies that a box adds in this turn: they are added by row number modulo size."""
    return (first + (turn - first) % size) % (size + 1)


@njit(nogil=True)
def _moments(a, b, across, step, channel, out):
    """The four products whose window means make SSIM, of one of `step` channels at the columns `across`."""
    for x in range(across.size):
        at, to = across[x] * step + channel, MOMENTS * x
        p, q = np.float64(a[at]), np.float64(b[at])
        out[to] = p
        out[to + 1] = q
        out[to + 2] = p * p + q * q
        out[to + 3] = p * q


@njit(nogil=True)
def _mixed_moments(a, b, across, mixture, out):
    """The same of all channels together, each by its weight."""
    out[: MOMENTS * across.size] = 0.0
    for channel in range(mixture.size):
        weight = mixture[channel]
        if weight == 0.0:
            continue
        for x in range(across.size):
            at, to = across[x] * mixture.size + channel, MOMENTS * x
            p, q = np.float64(a[at]), np.float64(b[at])
            out[to] += weight * p
            out[to + 1] += weight * q
            out[to + 2] += weight * (p * p + q * q)
            out[to + 3] += weight * (p * q)


@njit(nogil=True, error_model="numpy")  # a check for zero, which no denominator is, would keep it from being vectorised
def _add_similarity(means, c1, c2, luminance, sums, count):
    """Add the SSIM of each window, of its four means."""
    for x in range(count):
        at = MOMENTS * x
        mean_a, mean_b, squares, both = means[at], means[at + 1], means[at + 2], means[at + 3]
        product, square = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
        numerator, denominator = 2.0 * (both - product) + c2, squares - square + c2
        if luminance:
            numerator, denominator = (2.0 * product + c1) * numerator, (square + c1) * denominator
        sums[x] += numerator / denominator


@kernel
def ssim_sums(image, reference, mixtures, down, across, taps, c1, c2, luminance, total):
    """Add the SSIM of each column of windows to total: image, reference (n, m * channels) -> (mixtures, columns).

    Images are of bytes or float64. A window has taps.size rows and columns: 11 with symmetric taps, or 7 or 8 with
    equal ones. `down` and `across` are the rows and columns of the image that windows cover, one after the other, with
    those beyond an edge as its rule has them; `mixtures` (mixtures, channels) is how much each channel weighs: one of
    them alone, or several. Without `luminance`, only contrast and structure are taken.

    The products of the last rows are kept in a ring, two rows are summed downwards at a time, then each across;
    everything but the images stays in the second-level cache, wide images being taken in stripes, and no filtered image
    is ever written. Called for bands of rows that begin every 56 windows, or a multiple, it makes the same sums.
    """
    size, held = taps.size, taps.size + 1
    columns, windows, channels = across.size - size + 1, down.size - size + 1, mixtures.shape[1]
    span = min(STRIPE, columns)
    ring = np.zeros((held, MOMENTS * (span + size - 1)))
    lines = np.empty((2, MOMENTS * (span + size - 1)))  # downward sums
    means = np.empty(MOMENTS * span)
    for number in range(len(mixtures)):
        mixture = mixtures[number]
        alone = np.flatnonzero(mixture)
        for start in range(0, columns, STRIPE):
            count = min(STRIPE, columns - start)
            covered = across[start : start + count + size - 1]
            width = MOMENTS * covered.size
            sums = total[number, start:]
            filled = 0
            for i in range(0, windows, 2):
                while filled < min(i + held, down.size):
                    a, b, products = image[down[filled]], reference[down[filled]], ring[filled % held]
                    if alone.size == 1:
                        _moments(a, b, covered, channels, alone[0], products)
                    else:
                        _mixed_moments(a, b, covered, mixture, products)
                    filled += 1
                if size == 11:
                    _eleven_twice(ring[i % 12], ring[(i + 1) % 12], ring[(i + 2) % 12], ring[(i + 3) % 12],
                                  ring[(i + 4) % 12], ring[(i + 5) % 12], ring[(i + 6) % 12], ring[(i + 7) % 12],
                                  ring[(i + 8) % 12], ring[(i + 9) % 12], ring[(i + 10) % 12], ring[(i + 11) % 12],
                                  taps, lines[0], lines[1], width)  # fmt: skip
                for k in range(min(2, windows - i)):  # of an odd number of rows the last is alone
                    line, j = lines[k], i + k
                    if size == 11:
                        _eleven(line, line[4:], line[8:], line[12:], line[16:], line[20:], line[24:], line[28:],
                                line[32:], line[36:], line[40:], taps, means, MOMENTS * count)  # fmt: skip
                    else:
                        _box(ring[_place(0, j, size)], ring[_place(1, j, size)], ring[_place(2, j, size)],
                             ring[_place(3, j, size)], ring[_place(4, j, size)], ring[_place(5, j, size)],
                             ring[_place(6, j, size)], ring[_place(size - 1, j, size)],
                             size, taps[0], line, width)  # fmt: skip
                        _box(line, line[4:], line[8:], line[12:], line[16:], line[20:], line[24:],
                             line[MOMENTS * (size - 1) :], size, taps[0], means, MOMENTS * count)  # fmt: skip
                    _add_similarity(means, c1, c2, luminance, sums, count)
