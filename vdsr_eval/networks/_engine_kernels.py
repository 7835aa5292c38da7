"""Numba loops of the engine: all layers of a network, a few rows at a time; no checks, never raises.

Step by step, every layer computes four rows, a row further up than those of the layer before: so it finds what
its tiles need in these four and the last two of the step before, and no layer keeps more than `LINES` rows.
In the same way a block of columns ends a column further left in each layer, and its neighbour goes on there. Tiles lie
in the same places of an image whatever the block and the thread, so that every pixel has the same bits.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from vdsr_data.matlab._compile import kernel
from vdsr_data.matlab._vectors import BYTES, I64, fused, load, vector
from vdsr_eval.networks._winograd_products import add, multiply
from vdsr_eval.networks._winograd_transforms import contract, expand

LINES = 6  # rows of features that a layer keeps, in the place row % LINES
MARGIN = 4  # columns to the left of the image: of the first tile and of what it needs
ZERO = np.float32(0)
LANES = 16  # of the sums over channels, on every processor: their order makes the bits


@intrinsic
def _dot(typing, x0, x1, x2, weights, length):  # noqa: ARG001 (the names and the number are Numba's)
    """The sum of the products of three lines with three that follow each other; addresses, and bytes of a line."""

    def emit(_, builder, __, arguments):
        *lines, weights, length = arguments
        kind = vector(LANES)
        fma = fused(builder, kind)
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)

        builder.position_at_end(loop)
        at, sums, totals = builder.phi(I64), [builder.phi(kind) for _ in lines], []
        place = builder.add(weights, at)
        for line, total in zip(lines, sums, strict=True):
            factors = [load(builder, builder.add(line, at), kind), load(builder, place, kind)]
            totals.append(builder.call(fma, [*factors, total]))
            total.add_incoming(ir.Constant(kind, None), before)
            total.add_incoming(totals[-1], loop)
            place = builder.add(place, length)
        following = builder.add(at, I64(LANES * BYTES))
        at.add_incoming(I64(0), before)
        at.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, length), loop, after)

        builder.position_at_end(after)
        result, width = builder.fadd(builder.fadd(totals[0], totals[1]), totals[2]), LANES
        while width > 1:  # one half to the other
            width //= 2
            halves = [list(range(width)), list(range(width, 2 * width))]
            masks = [ir.Constant(ir.VectorType(ir.IntType(32), width), half) for half in halves]
            result = builder.fadd(*(builder.shuffle_vector(result, result, mask) for mask in masks))
        return builder.extract_element(result, ir.IntType(32)(0))

    return types.float32(*[types.int64] * 5), emit


@kernel
def _begin(row, left, right, image, weights, bias, features):
    """The first layer, of the pixels from `left` to `right` in a row."""
    channels = features.shape[2]
    pixel, line = channels * BYTES, image.shape[1] * BYTES
    for column in range(left, right):
        pixels = features[row % LINES, column + MARGIN]
        for i in range(channels):
            pixels[i] = bias[i]
    x, w = image.ctypes.data + row * line + (left - 1 + MARGIN) * BYTES, weights.ctypes.data
    y = features[row % LINES, left + MARGIN :].ctypes.data
    for tap in range(3):
        add(x + tap * line, BYTES, BYTES, w + 3 * tap * pixel, y, right - left, channels, 3)
    for column in range(left, right):
        pixels = features[row % LINES, column + MARGIN]
        for i in range(channels):
            pixels[i] = ZERO if pixels[i] < ZERO else pixels[i]  # max() would hide a NaN


@kernel
def _finish(row, left, right, image, weights, bias, features, out):
    """The last layer and the skip, of the pixels from `left` to `right` in a row."""
    pixel, line = features.shape[2] * BYTES, features.shape[1] * features.shape[2] * BYTES
    start, w = features.ctypes.data, weights.ctypes.data
    x0, x1, x2 = (row - 1) % LINES * line, row % LINES * line, (row + 1) % LINES * line
    for column in range(left, right):
        place = start + (column - 1 + MARGIN) * pixel
        residual = _dot(place + x0, place + x1, place + x2, w, 3 * pixel)
        out[row, column] = residual + image[row + 1, column + MARGIN] + bias


if config.DISABLE_JIT:  # the same without a compiler

    def _begin(row, left, right, image, weights, bias, features):
        """The first layer."""
        taps = [image[row + k // 3, left - 1 + MARGIN + k % 3 :][: right - left, np.newaxis] for k in range(9)]
        sums = bias + sum(x * w for x, w in zip(taps, weights, strict=True))
        features[row % LINES, left + MARGIN : right + MARGIN] = np.where(sums < 0, ZERO, sums)

    def _finish(row, left, right, image, weights, bias, features, out):
        """The last layer and the skip."""
        lines = features[[(row - 1 + k // 3) % LINES for k in range(9)]]
        taps = [lines[k, left - 1 + MARGIN + k % 3 :][: right - left] @ weights[k] for k in range(9)]
        out[row, left:right] = sum(taps) + image[row + 1, left + MARGIN : right + MARGIN] + bias


@kernel
def advance(step, first, last, image, weights, factors, biases, ring, strips, out):
    """Compute four rows of every layer, tiles from `first` up to `last`.

    image (rows + 2, columns + two margins) in zeros; weights (2, 9, channels) of the first and the last layer;
    factors (layers - 2, 36, channels, channels); biases (layers, channels); ring (layers - 1, LINES, columns + two
    margins, channels), zero at first; strips (2, 36, tiles, channels); out (rows, columns).
    """
    layers = len(biases)
    rows, columns = out.shape
    lines = np.empty(6, np.int64)
    for layer in range(layers):
        top = 4 * step - layer
        begin, end = max(first, layer // 4), min(last, (columns + layer + 3) // 4)
        if top + 4 <= 0 or top > rows or begin >= end:
            continue
        left, right = 4 * begin - layer, 4 * end - layer
        inside = range(max(top, 0), min(top + 4, rows))
        if layer == layers - 1:
            for row in inside:
                a, b = max(left, 0), min(right, columns)
                _finish(row, a, b, image, weights[1], biases[layer, 0], ring[layer - 1], out)
            continue
        if layer == 0:
            for row in inside:
                _begin(row, left, right, image, weights[0], biases[0], ring[0])
        elif top < rows:
            for i in range(6):
                lines[i] = (top - 1 + i) % LINES
            expand(ring[layer - 1], lines, left - 1 + MARGIN, end - begin, strips[0])
            multiply(strips[0], factors[layer - 1], strips[1], end - begin)
            contract(strips[1], biases[layer], ring[layer], lines[1:5], left + MARGIN, end - begin)
        # What lies outside the image is zero to the next layer.
        for row in range(top, top + 4):
            pixels = ring[layer, row % LINES]
            if row < 0 or row >= rows:
                pixels[left + MARGIN : right + MARGIN] = ZERO
            else:
                pixels[left + MARGIN : max(MARGIN, left + MARGIN)] = ZERO
                pixels[min(columns, right) + MARGIN : right + MARGIN] = ZERO
