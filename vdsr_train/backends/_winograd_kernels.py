"""Numba loops of the Winograd convolutions: arrays in, arrays filled in place; no checks, never raises.

Images are (patches, rows, columns, channels) float32: a whole number of tiles of 4 x 4 pixels in a margin of one pixel
of zeros; what of the last tiles lies outside the patch is zero too. A strip is some of the tiles that follow each other
through all patches, from tile `start` on: (36, tiles, channels).
"""

from functools import cache
from types import SimpleNamespace

import numpy as np
from numba import njit

from vdsr_data.matlab._compile import kernel
from vdsr_eval.networks._winograd_transforms import contract as transform_back
from vdsr_eval.networks._winograd_transforms import expand as transform

ZERO, TWO, FOUR, FIVE, EIGHT = (np.float32(value) for value in (0, 2, 4, 5, 8))


# The adjoints of Lavin and Gray's transforms for F(4, 3), in one dimension, with their common terms computed once.


@njit(inline="always")
def _input_adjoint(x0, x1, x2, x3, x4, x5):
    """B x."""
    a, b, c, d = x1 + x2, x1 - x2, x3 + x4, TWO * (x3 - x4)
    return FOUR * x0, FOUR * (x5 - b) - d, -FIVE * x0 - FOUR * a - c, b + d - FIVE * x5, x0 + a + c, x5


@njit(inline="always")
def _output_adjoint(x0, x1, x2, x3):
    """A x."""
    a, b, c, d = x0 + x2, x1 + x3, x0 + FOUR * x2, TWO * x1 + EIGHT * x3
    return x0, a + b, a - b, c + d, c - d, x3


@njit(inline="always")
def _corner(images, number):
    """Patch, row and column of the 6 x 6 pixels around a tile."""
    down, across = (images.shape[1] - 2) // 4, (images.shape[2] - 2) // 4
    patch, place = divmod(number, down * across)
    return patch, 4 * (place // across), 4 * (place % across)


@njit(inline="always")
def _positive(x):
    return ZERO if x < ZERO else x  # max() would hide a NaN


@kernel
def expand(images, start, count, strip):
    """B^T x B of the 6 x 6 pixels around each tile."""
    tile, across, lines = 0, (images.shape[2] - 2) // 4, np.empty(6, np.int64)
    while tile < count:
        patch, row, column = _corner(images, start + tile)
        run = min(count - tile, across - column // 4)
        for i in range(6):
            lines[i] = row + i
        transform(images[patch], lines, column, run, strip[:, tile:])
        tile += run


@kernel
def contract(strip, start, count, bias, images):
    """A^T x A of each tile, plus the bias, where it is positive."""
    tile, across, lines = 0, (images.shape[2] - 2) // 4, np.empty(4, np.int64)
    while tile < count:
        patch, row, column = _corner(images, start + tile)
        run = min(count - tile, across - column // 4)
        for i in range(4):
            lines[i] = row + 1 + i  # inside the margin
        transform_back(strip[:, tile:], bias, images[patch], lines, column + 1, run)
        tile += run


@cache
def kernels(channels):
    """Compile the loops for a number of channels.

    It is a constant in them: only then does the compiler see that runs of `channels` values in a small buffer do not
    overlap, and works on whole vectors.
    """
    C = channels  # noqa: N806 (as short as an index, which it is a part of everywhere)
    C4, C6 = 4 * C, 6 * C  # noqa: N806

    @kernel
    def gather(strip, start, count, images):
        """The adjoint of `expand`: B x B^T of each tile, added where the 6 x 6 pixels overlap."""
        half = np.empty(6 * C6, np.float32)
        for tile in range(count):
            patch, row, column = _corner(images, start + tile)
            lines = images[patch].reshape(images.shape[1], images.shape[2] * C)
            for j in range(6):
                m0, m1, m2 = strip[j, tile], strip[6 + j, tile], strip[12 + j, tile]
                m3, m4, m5 = strip[18 + j, tile], strip[24 + j, tile], strip[30 + j, tile]
                m = j * C
                for i in range(C):
                    (
                        half[m + i], half[C6 + m + i], half[2 * C6 + m + i],
                        half[3 * C6 + m + i], half[4 * C6 + m + i], half[5 * C6 + m + i],
                    ) = _input_adjoint(m0[i], m1[i], m2[i], m3[i], m4[i], m5[i])  # fmt: skip
            for line in range(6):
                out, m = lines[row + line, column * C :], line * C6
                for i in range(C):
                    y0, y1, y2, y3, y4, y5 = _input_adjoint(
                        half[m + i], half[m + C + i], half[m + 2 * C + i],
                        half[m + 3 * C + i], half[m + 4 * C + i], half[m + 5 * C + i],
                    )  # fmt: skip
                    out[i] += y0
                    out[C + i] += y1
                    out[2 * C + i] += y2
                    out[3 * C + i] += y3
                    out[4 * C + i] += y4
                    out[5 * C + i] += y5

    @kernel
    def spread(images, start, count, strip):
        """The adjoint of `contract`: A x A^T of each tile."""
        half, full = np.empty(6 * C4, np.float32), np.empty(6 * C6, np.float32)
        for tile in range(count):
            patch, row, column = _corner(images, start + tile)
            row, column = row + 1, column + 1  # inside the margin
            lines = images[patch].reshape(images.shape[1], images.shape[2] * C)
            m = column * C
            r0, r1, r2, r3 = lines[row, m:], lines[row + 1, m:], lines[row + 2, m:], lines[row + 3, m:]
            for i in range(C4):
                (
                    half[i], half[C4 + i], half[2 * C4 + i], half[3 * C4 + i], half[4 * C4 + i], half[5 * C4 + i],
                ) = _output_adjoint(r0[i], r1[i], r2[i], r3[i])  # fmt: skip
            for line in range(6):
                m, n = line * C4, line * C6
                for i in range(C):
                    (
                        full[n + i], full[n + C + i], full[n + 2 * C + i],
                        full[n + 3 * C + i], full[n + 4 * C + i], full[n + 5 * C + i],
                    ) = _output_adjoint(
                        half[m + i], half[m + C + i], half[m + 2 * C + i], half[m + 3 * C + i]
                    )  # fmt: skip
            for k in range(36):
                out = strip[k, tile]
                for i in range(C):
                    out[i] = full[k * C + i]

    @kernel
    def trim(images, rows, columns):
        """Zero what of the last tiles lies outside the image."""
        for patch in range(images.shape[0]):
            images[patch, rows + 1 :] = ZERO
            images[patch, :, columns + 1 :] = ZERO

    @kernel
    def rectify(images, features, bias):
        """Let `images`, a gradient, pass where `features` are positive, and add its sums over all pixels to `bias`."""
        gradients, values = images.reshape(images.size // C, C), features.reshape(images.size // C, C)
        for pixel in range(len(values)):
            g, x = gradients[pixel], values[pixel]
            for i in range(C):
                g[i] = g[i] if x[i] > ZERO else ZERO
                bias[i] += g[i]

    @kernel
    def first(lr, weights, bias, images):
        """The first layer: lr (patches, rows, columns) with a margin of one pixel; weights (9, channels)."""
        sums = np.empty(C, np.float32)
        for patch in range(lr.shape[0]):
            for row in range(lr.shape[1] - 2):
                for column in range(lr.shape[2] - 2):
                    for i in range(C):
                        sums[i] = bias[i]
                    for k in range(9):
                        x, w = lr[patch, row + k // 3, column + k % 3], weights[k]
                        for i in range(C):
                            sums[i] += x * w[i]
                    out = images[patch, row + 1, column + 1]
                    for i in range(C):
                        out[i] = _positive(sums[i])

    @kernel
    def first_adjoint(lr, images, weights):
        """Add to `weights` the gradient of the first layer's, where `images` is that of its result."""
        for patch in range(lr.shape[0]):
            for row in range(lr.shape[1] - 2):
                for column in range(lr.shape[2] - 2):
                    g = images[patch, row + 1, column + 1]
                    for k in range(9):
                        x, w = lr[patch, row + k // 3, column + k % 3], weights[k]
                        for i in range(C):
                            w[i] += x * g[i]

    @kernel
    def last(images, weights, bias, residual):
        """The last layer: residual (patches, rows, columns); weights (9, channels)."""
        sums = np.empty(C, np.float32)
        for patch in range(residual.shape[0]):
            for row in range(residual.shape[1]):
                for column in range(residual.shape[2]):
                    sums[:] = ZERO
                    for k in range(9):
                        x, w = images[patch, row + k // 3, column + k % 3], weights[k]
                        for i in range(C):
                            sums[i] += x[i] * w[i]
                    residual[patch, row, column] = sums.sum() + bias

    @kernel
    def last_adjoint(residual, images, weights, into_images, into_weights):
        """Add the gradients of the last layer's input and weights, where `residual` is that of its result."""
        for patch in range(residual.shape[0]):
            for row in range(residual.shape[1]):
                for column in range(residual.shape[2]):
                    g = residual[patch, row, column]
                    for k in range(9):
                        x, w = images[patch, row + k // 3, column + k % 3], weights[k]
                        to_x, to_w = into_images[patch, row + k // 3, column + k % 3], into_weights[k]
                        for i in range(C):
                            to_w[i] += g * x[i]
                        for i in range(C):
                            to_x[i] += g * w[i]

    return SimpleNamespace(
        gather=gather, spread=spread, trim=trim, rectify=rectify, first=first, first_adjoint=first_adjoint,
        last=last, last_adjoint=last_adjoint,
    )  # fmt: skip
