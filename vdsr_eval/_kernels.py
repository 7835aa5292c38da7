"""Numba loop of SSIM: arrays in, one array out; no checks, never raises.

No fast-math and no fused multiply-add, so that compiled and interpreted code give the same bits.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def ssim_map(image, reference, taps, c1, c2, out):
    """SSIM of every full window: image, reference (n, m) float64, taps (k,) symmetric -> out (n - k + 1, m - k + 1).

    The five local moments of one output row are summed downwards into one buffer row each, then across: the buffers
    stay in the first-level cache, where five filtered images would each go through memory twice.
    """
    size = taps.size
    half = size // 2
    width = image.shape[1]
    rows = np.empty((5, width))
    sums = np.empty((5, out.shape[1]))
    for i in range(out.shape[0]):
        centre = taps[half]
        for j in range(width):
            a, b = image[i + half, j], reference[i + half, j]
            rows[0, j] = centre * a
            rows[1, j] = centre * b
            rows[2, j] = centre * (a * a)
            rows[3, j] = centre * (b * b)
            rows[4, j] = centre * (a * b)
        for t in range(half):
            tap = taps[t]
            top, bottom = i + t, i + size - 1 - t
            for j in range(width):
                a, b, c, d = image[top, j], reference[top, j], image[bottom, j], reference[bottom, j]
                rows[0, j] += tap * (a + c)
                rows[1, j] += tap * (b + d)
                rows[2, j] += tap * (a * a + c * c)
                rows[3, j] += tap * (b * b + d * d)
                rows[4, j] += tap * (a * b + c * d)
        for moment in range(5):
            for j in range(out.shape[1]):
                sums[moment, j] = taps[half] * rows[moment, j + half]
            for t in range(half):
                tap = taps[t]
                for j in range(out.shape[1]):
                    sums[moment, j] += tap * (rows[moment, j + t] + rows[moment, j + size - 1 - t])
        for j in range(out.shape[1]):
            mean_a, mean_b = sums[0, j], sums[1, j]
            product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
            covariance, variances = sums[4, j] - product, sums[2, j] + sums[3, j] - squares
            out[i, j] = ((2.0 * product + c1) * (2.0 * covariance + c2)) / ((squares + c1) * (variances + c2))
