"""The 36 matrix products of Winograd's convolutions, whose matrices are too small for a BLAS to be at its best.

One block of the result, 4 rows by 16 columns, stays in vector registers while all its products are added up. Compilers
do not find that form by themselves, so it is written in LLVM's own instructions, for any processor.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from vdsr_data.matlab._compile import kernel

ROWS, LANES = 4, 16
BYTES = 4  # of a float32

_I64, _F32 = ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_F32, LANES)


@intrinsic
def _block(typing, a, a_row, a_next, b, c, line, count):  # noqa: ARG001 (the names and the number are Numba's)
    """Add a @ b to c: (4, count), (count, 16), (4, 16) float32.

    Given are addresses, and distances in bytes: between the rows and the columns of a, and the rows of b and c.
    """

    def emit(context, builder, _, arguments):
        a, a_row, a_next, b, c, line, count = arguments
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f32"
        )

        def load(address, kind):
            value = builder.load(builder.inttoptr(address, kind.as_pointer()))
            value.align = BYTES
            return value

        left, out = [a], [c]
        for _ in range(ROWS - 1):
            left.append(builder.add(left[-1], a_row))
            out.append(builder.add(out[-1], line))
        sums = [load(address, _VECTOR) for address in out]
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)

        builder.position_at_end(loop)
        state = []  # what one round leaves to the next: the round, the row of b, the columns of a, the sums
        for start in (_I64(0), b, *left, *sums):
            state.append(builder.phi(start.type))
            state[-1].add_incoming(start, before)
        number, row, columns, totals = state[0], state[1], state[2 : 2 + ROWS], state[2 + ROWS :]
        right, lanes = load(row, _VECTOR), ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        results = []
        for column, total in zip(columns, totals, strict=True):
            lone = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), load(column, _F32), ir.IntType(32)(0))
            equal = builder.shuffle_vector(lone, ir.Constant(_VECTOR, ir.Undefined), lanes)
            results.append(builder.call(fma, [equal, right, total]))
        steps = [builder.add(number, _I64(1)), builder.add(row, line)]
        steps += [builder.add(column, a_next) for column in columns]
        for variable, value in zip(state, [*steps, *results], strict=True):
            variable.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", steps[0], count), loop, after)

        builder.position_at_end(after)
        for address, result in zip(out, results, strict=True):
            builder.store(result, builder.inttoptr(address, _VECTOR.as_pointer())).align = BYTES
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), emit


@kernel
def multiply(a, b, c, count):
    """Set c to a @ b, rows up to `count` rounded up to a multiple of 4: (36, rows, C), (36, C, C), (36, rows, C)."""
    line = a.shape[2] * BYTES
    for k in range(36):
        c[k, : count + -count % ROWS] = np.float32(0)
        left, right, out = a[k].ctypes.data, b[k].ctypes.data, c[k].ctypes.data
        for column in range(0, line, LANES * BYTES):
            for row in range(0, count * line, ROWS * line):
                _block(left + row, line, BYTES, right + column, out + row + column, line, a.shape[2])


@kernel
def accumulate(a, b, c, count):
    """Add a^T @ b, of the rows up to `count`, to c: (36, rows, C), (36, rows, C), (36, C, C)."""
    line = a.shape[2] * BYTES
    for k in range(36):
        left, right, out = a[k].ctypes.data, b[k].ctypes.data, c[k].ctypes.data
        for column in range(0, line, LANES * BYTES):
            for row in range(0, a.shape[2], ROWS):
                _block(left + row * BYTES, BYTES, line, right + column, out + row * line + column, line, count)


if config.DISABLE_JIT:  # the same without a compiler

    def multiply(a, b, c, count):
        """Set c to a @ b."""
        np.matmul(a[:, :count], b, out=c[:, :count])

    def accumulate(a, b, c, count):
        """Add a^T @ b to c."""
        c += a[:, :count].transpose(0, 2, 1) @ b[:, :count]
