"""The 36 matrix products of Winograd's convolutions, whose matrices are too small for a BLAS to be at its best.

One block of the result stays in vector registers while all its products are added up, in the order of the columns of a:
whatever the size of a block, the bits are the same. Compilers do not find that form by themselves, so it is written in
LLVM's own instructions, for any processor.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from vdsr_data.matlab._compile import kernel
from vdsr_data.matlab._vectors import BYTES, F32, I64, WIDTH, fused, load, store, vector

MULTIPLE = 16  # of channels, and 4 of rows: what the blocks can be put together for
# Rows of a block and the vectors in each, as many sums as there are registers for: 32, or the 16 of AVX2.
TALL, ACROSS = {16: (12, 2), 8: (6, 2), 4: (6, 4)}[WIDTH]
WIDE = ACROSS * WIDTH


def _block(rows, vectors, *, fresh):
    """Make the function of one size of block, `rows` by `vectors`, which begins at zero where it is `fresh`."""
    kind = vector(WIDTH)

    @intrinsic
    def block(typing, a, a_row, a_next, b, c, line, count):  # noqa: ARG001 (the names and the number are Numba's)
        """Add a @ b to c: (rows, count), (count, columns), (rows, columns) float32.

        Given are addresses, and distances in bytes: between the rows and the columns of a, and the rows of b and c.
        """

        def emit(context, builder, _, arguments):
            a, a_row, a_next, b, c, line, count = arguments
            fma = fused(builder, kind)
            left, out = [a], [c]
            for _ in range(rows - 1):
                left.append(builder.add(left[-1], a_row))
                out.append(builder.add(out[-1], line))
            places = [builder.add(row, I64(k * WIDTH * BYTES)) for row in out for k in range(vectors)]
            sums = [ir.Constant(kind, None) if fresh else load(builder, place, kind) for place in places]
            before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(loop)

            builder.position_at_end(loop)
            state = []  # what one round leaves to the next: the round, the row of b, the columns of a, the sums
            for start in (I64(0), b, *left, *sums):
                state.append(builder.phi(start.type))
                state[-1].add_incoming(start, before)
            number, row, columns, totals = state[0], state[1], state[2 : 2 + rows], state[2 + rows :]
            right = [load(builder, builder.add(row, I64(k * WIDTH * BYTES)), kind) for k in range(vectors)]
            lanes, none = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), None), ir.Constant(kind, ir.Undefined)
            results = []
            for k, column in enumerate(columns):
                lone = builder.insert_element(none, load(builder, column, F32), ir.IntType(32)(0))
                equal = builder.shuffle_vector(lone, none, lanes)
                sums = totals[k * vectors : (k + 1) * vectors]
                results += [builder.call(fma, [equal, *pair]) for pair in zip(right, sums, strict=True)]
            steps = [builder.add(number, I64(1)), builder.add(row, line)]
            steps += [builder.add(column, a_next) for column in columns]
            for variable, value in zip(state, [*steps, *results], strict=True):
                variable.add_incoming(value, loop)
            builder.cbranch(builder.icmp_signed("<", steps[0], count), loop, after)

            builder.position_at_end(after)
            for place, result in zip(places, results, strict=True):
                store(builder, result, place)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), emit

    return block


# By whether it begins at zero, high or low, wide or narrow.
_set, _set_narrow, _set_low, _set_low_narrow = (
    _block(rows, vectors, fresh=True) for rows in (TALL, 4) for vectors in (ACROSS, 1)
)
_add, _add_narrow, _add_low, _add_low_narrow = (
    _block(rows, vectors, fresh=False) for rows in (TALL, 4) for vectors in (ACROSS, 1)
)


@kernel
def put(a, a_row, a_next, b, c, rows, columns, count):
    """Set c to a @ b: addresses, distances in bytes, sizes; `rows` a multiple of 4, `columns` one of 16."""
    line = columns * BYTES
    high, wide = rows - rows % 12, columns - columns % WIDE  # 12 is a multiple of every TALL, and of 4
    for column in range(0, wide * BYTES, WIDE * BYTES):
        for row in range(0, high, TALL):
            _set(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)
        for row in range(high, rows, 4):
            _set_low(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)
    for column in range(wide * BYTES, line, WIDTH * BYTES):
        for row in range(0, high, TALL):
            _set_narrow(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)
        for row in range(high, rows, 4):
            _set_low_narrow(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)


@kernel
def add(a, a_row, a_next, b, c, rows, columns, count):
    """Add a @ b to c, as `put` sets it."""
    line = columns * BYTES
    high, wide = rows - rows % 12, columns - columns % WIDE
    for column in range(0, wide * BYTES, WIDE * BYTES):
        for row in range(0, high, TALL):
            _add(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)
        for row in range(high, rows, 4):
            _add_low(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)
    for column in range(wide * BYTES, line, WIDTH * BYTES):
        for row in range(0, high, TALL):
            _add_narrow(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)
        for row in range(high, rows, 4):
            _add_low_narrow(a + row * a_row, a_row, a_next, b + column, c + row * line + column, line, count)


@kernel
def product(a, b, c):
    """Set c to a @ b: (rows, n), (n, columns), (rows, columns), as `put` wants them."""
    put(a.ctypes.data, a.shape[1] * BYTES, BYTES, b.ctypes.data, c.ctypes.data, len(a), b.shape[1], len(b))


@kernel
def multiply(a, b, c, count):
    """Set c to a @ b, rows up to `count` rounded up to a multiple of 4: (36, rows, C), (36, C, C), (36, rows, C)."""
    channels = a.shape[2]
    for k in range(36):
        left, right, out = a[k].ctypes.data, b[k].ctypes.data, c[k].ctypes.data
        put(left, channels * BYTES, BYTES, right, out, count + -count % 4, channels, channels)


@kernel
def accumulate(a, b, c, count):
    """Add a^T @ b, of the rows up to `count`, to c: (36, rows, C), (36, rows, C), (36, C, C)."""
    channels = a.shape[2]
    for k in range(36):
        left, right, out = a[k].ctypes.data, b[k].ctypes.data, c[k].ctypes.data
        add(left, BYTES, channels * BYTES, right, out, channels, channels, count)


if config.DISABLE_JIT:  # the same without a compiler

    def product(a, b, c):
        """Set c to a @ b."""
        np.matmul(a, b, out=c)

    def multiply(a, b, c, count):
        """Set c to a @ b."""
        np.matmul(a[:, :count], b, out=c[:, :count])

    def accumulate(a, b, c, count):
        """Add a^T @ b to c."""
        c += a[:, :count].transpose(0, 2, 1) @ b[:, :count]
