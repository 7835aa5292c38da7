"""Winograd's transforms F(4 x 4, 3 x 3) of tiles, a vector of channels at a time.

Features are (lines, columns, channels) float32, a multiple of 16 channels; a strip is (36, tiles, channels). In LLVM's
own instructions: compilers do not see that what is read and what is written lie apart, and take one channel at a time.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from vdsr_data.matlab._compile import kernel
from vdsr_data.matlab._vectors import BYTES, WIDTH, load, store, vector

# The transforms of Lavin and Gray for F(4, 3), in one dimension, with their common terms computed once; without fused
# products, so that they give the same bits in whatever way they are compiled.


def input_transform(x0, x1, x2, x3, x4, x5):
    """B^T x."""
    four, five, two = np.float32(4), np.float32(5), np.float32(2)
    a, b, c, d = x4 - four * x2, x3 - four * x1, x4 - x2, two * (x3 - x1)
    return four * x0 - five * x2 + x4, a + b, a - b, c + d, c - d, four * x1 - five * x3 + x5


def output_transform(x0, x1, x2, x3, x4, x5):
    """A^T x."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    a, b, c, d = x1 + x2, x1 - x2, x3 + x4, x3 - x4
    return x0 + a + c, b + two * d, a + four * c, b + eight * d + x5


class _Value:
    """A vector in LLVM's code, with which the transforms compute as with numbers."""

    __array_ufunc__ = None  # NumPy's numbers leave arithmetic to it

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    def __add__(self, other):
        return _Value(self.builder, self.builder.fadd(self.value, other.value))

    def __sub__(self, other):
        return _Value(self.builder, self.builder.fsub(self.value, other.value))

    def __rmul__(self, number):
        factor = ir.Constant(self.value.type, [float(number)] * self.value.type.count)
        return _Value(self.builder, self.builder.fmul(factor, self.value))


def _places(builder, start, step, count):
    """Addresses at a distance of `step` bytes."""
    places = [start]
    for _ in range(count - 1):
        places.append(builder.add(places[-1], step))
    return places


@intrinsic
def _expand(typing, r0, r1, r2, r3, r4, r5, pixel, out, plane):  # noqa: ARG001 (the names and the number are Numba's)
    """B^T x B of 6 x 6 pixels, in lines at six addresses, to 36 places; distances in bytes."""

    def emit(context, builder, _, arguments):
        *lines, pixel, out, plane = arguments
        kind = vector(WIDTH)
        pixels = [_places(builder, line, pixel, 6) for line in lines]
        half = [
            input_transform(*(_Value(builder, load(builder, pixels[i][j], kind)) for i in range(6))) for j in range(6)
        ]
        results = [value for i in range(6) for value in input_transform(*(half[j][i] for j in range(6)))]
        for result, place in zip(results, _places(builder, out, plane, 36), strict=True):
            store(builder, result.value, place)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 9), emit


@intrinsic
def _contract(typing, tile, plane, bias, r0, r1, r2, r3, pixel):  # noqa: ARG001
    """A^T x A of a tile's 36 places plus the bias, where it is positive, to four lines; distances in bytes."""

    def emit(context, builder, _, arguments):
        tile, plane, bias, *lines, pixel = arguments
        kind = vector(WIDTH)
        places = _places(builder, tile, plane, 36)
        half = [
            output_transform(*(_Value(builder, load(builder, places[6 * i + j], kind)) for i in range(6)))
            for j in range(6)
        ]
        offset, zero = _Value(builder, load(builder, bias, kind)), ir.Constant(kind, None)
        for i, line in enumerate(lines):
            results = output_transform(*(half[j][i] for j in range(6)))
            for result, place in zip(results, _places(builder, line, pixel, 4), strict=True):
                value = (result + offset).value
                negative = builder.fcmp_ordered("<", value, zero)
                store(builder, builder.select(negative, zero, value), place)  # a NaN stays
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8), emit


@kernel
def expand(features, rows, column, count, strip):
    """B^T x B of the 6 x 6 pixels of tiles: from `column` on, in the lines `rows` of (lines, columns, channels)."""
    pixel, line, plane = features.shape[2] * BYTES, features.strides[0], strip.strides[0]
    start, out = features.ctypes.data + column * pixel, strip.ctypes.data
    for tile in range(count):
        place = start + 4 * tile * pixel
        for k in range(0, pixel, WIDTH * BYTES):
            _expand(
                place + rows[0] * line + k, place + rows[1] * line + k, place + rows[2] * line + k,
                place + rows[3] * line + k, place + rows[4] * line + k, place + rows[5] * line + k,
                pixel, out + tile * pixel + k, plane,
            )  # fmt: skip


@kernel
def contract(strip, bias, features, rows, column, count):
    """A^T x A of tiles, plus the bias, where it is positive: from `column` on, to the lines `rows` of features."""
    pixel, line, plane = features.shape[2] * BYTES, features.strides[0], strip.strides[0]
    start, tiles, offset = features.ctypes.data + column * pixel, strip.ctypes.data, bias.ctypes.data
    for tile in range(count):
        place = start + 4 * tile * pixel
        for k in range(0, pixel, WIDTH * BYTES):
            _contract(
                tiles + tile * pixel + k, plane, offset + k,
                place + rows[0] * line + k, place + rows[1] * line + k,
                place + rows[2] * line + k, place + rows[3] * line + k, pixel,
            )  # fmt: skip


if config.DISABLE_JIT:  # the same without a compiler

    def expand(features, rows, column, count, strip):
        """B^T x B of tiles."""
        pixels = [[features[i, column + j :][: 4 * count : 4] for j in range(6)] for i in rows]
        half = [input_transform(*(line[j] for line in pixels)) for j in range(6)]
        for i in range(6):
            for j, values in enumerate(input_transform(*(half[j][i] for j in range(6)))):
                strip[6 * i + j, :count] = values

    def contract(strip, bias, features, rows, column, count):
        """A^T x A of tiles, plus the bias, where it is positive."""
        half = [output_transform(*(strip[6 * i + j, :count] for i in range(6))) for j in range(6)]
        for i, row in enumerate(rows):
            for j, values in enumerate(output_transform(*(half[j][i] for j in range(6)))):
                offset = values + bias
                features[row, column + j :][: 4 * count : 4] = np.where(offset < 0, np.float32(0), offset)
