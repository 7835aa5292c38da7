"""Numba loops of imresize for 8-bit images and whole-number factors, in whole numbers of 16 bits; never raises.

Every loop over pixels is a sum of rows of bytes, each times a whole number, of which a quotient is rounded: down the
image over its rows, along a row over the same row moved by some pixels, so that colours need no loops of their own.
`fixed_point` says why the result is the one of `resize_periodic_integer`.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import binding, ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from vdsr_data.matlab._compile import kernel
from vdsr_data.matlab._vectors import I64, load, store, there

BLOCK = 64
LANES = 32 if there("avx512bw") else 16 if there("avx2") else 8  # 16-bit numbers in a register
I8, I16, I32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)
BYTES, WORDS, LONGS = ir.VectorType(I8, 2 * LANES), ir.VectorType(I16, LANES), ir.VectorType(I32, LANES)
PARTS = range(0, BLOCK, 2 * LANES)  # of a block
# Bytes that one instruction can put in any order.
CHUNK = 64 if there("avx512vbmi") else 16


class Rule(NamedTuple):
    """How a pixel is made of two sums: ((sum + ((fine + half) >> shift) + bias) * factor >> 16 >> after) - low."""

    shift: int
    half: int
    bias: int
    factor: int
    after: int
    low: int


class Part(NamedTuple):
    """The taps of one dimension as whole numbers."""

    factor: NDArray[np.int8]  # (pixels or phases, pairs of taps, 2, 2): for each pair, of the sum and of the fine sum
    rule: Rule


def _splat(builder, value, kind):
    """A vector of equal elements."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, kind.count), None))


def _call(builder, name, kind, *arguments):
    """One of LLVM's own functions."""
    signature = ir.FunctionType(kind, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def _order(*places):
    """Which elements of two vectors make a new one."""
    return ir.Constant(ir.VectorType(I32, len(places)), list(places))


if there("ssse3"):
    # The bytes of two rows in turn, multiplied and added two by two: half as many instructions as by 16-bit products.
    SIXTEENS = range(0, 2 * LANES, 16)
    LOW, HIGH = ([k + i + 2 * LANES * row for k in SIXTEENS for i in range(half, half + 8) for row in (0, 1)]
                 for half in (0, 8))  # fmt: skip
    MULTIPLY = {32: "avx512.pmaddubs.w.512", 16: "avx2.pmadd.ub.sw", 8: "ssse3.pmadd.ub.sw.128"}[LANES]
    PACK = {32: "avx512.packuswb.512", 16: "avx2.packuswb", 8: "sse2.packuswb.128"}[LANES]

    def _products(builder, rows, weights):
        """Two rows of bytes, for each of some weights: rows[0] * its low byte + rows[1] * its high byte."""
        turns = [builder.shuffle_vector(*rows, _order(*places)) for places in (LOW, HIGH)]
        for weight in weights:
            splat = builder.bitcast(_splat(builder, weight, WORDS), BYTES)
            yield [_call(builder, f"llvm.x86.{MULTIPLY}", WORDS, turn, splat) for turn in turns]

    def _packed(builder, sums):
        """Words as bytes, in the order that `_products` took them from; saturated."""
        return _call(builder, f"llvm.x86.{PACK}", BYTES, *sums)

else:

    def _products(builder, rows, weights):
        """Two rows of bytes, for each of some weights: rows[0] * its low byte + rows[1] * its high byte."""
        halves = [_order(*range(start, start + LANES)) for start in (0, LANES)]
        words = [[builder.zext(builder.shuffle_vector(row, row, half), WORDS) for row in rows] for half in halves]
        for weight in weights:
            factors = [builder.sext(builder.trunc(one, I8), I16) for one in (weight, builder.lshr(weight, I16(8)))]
            splats = [_splat(builder, factor, WORDS) for factor in factors]
            yield [
                builder.add(*(builder.mul(x, factor) for x, factor in zip(pair, splats, strict=True))) for pair in words
            ]

    def _packed(builder, sums):
        """Words as bytes, saturated."""
        bounds = [("smax", 0), ("smin", 255)]
        for name, bound in bounds:
            constant = ir.Constant(WORDS, [bound] * LANES)
            sums = [_call(builder, f"llvm.{name}.v{LANES}i16", WORDS, one, constant) for one in sums]
        halves = [builder.trunc(one, ir.VectorType(I8, LANES)) for one in sums]
        return builder.shuffle_vector(*halves, _order(*range(2 * LANES)))


def _sums(*, fine):
    """Make the function of `BLOCK` pixels, with the fine sum or without; of two rows at a time."""

    @intrinsic
    def block(typing, source, starts, factors, pairs, rule, target):  # noqa: ARG001 (the names are Numba's)
        def emit(context, builder, signature, arguments):
            source, starts, factors, pairs, rule, target = arguments
            shift, half, bias, factor, after, low = (
                _splat(builder, context.cast(builder, value, kind, types.int16), WORDS)
                for value, kind in zip(cgutils.unpack_tuple(builder, rule), signature.args[4], strict=True)
            )
            before, loop, done = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(loop)
            builder.position_at_end(loop)
            pair = builder.phi(I64)
            totals = [[[builder.phi(WORDS) for _ in range(2)] for _ in range(1 + fine)] for _ in PARTS]
            place = builder.add(starts, builder.shl(pair, I64(4)))
            rows = [builder.add(source, load(builder, builder.add(place, I64(8 * k)), I64)) for k in range(2)]
            place = builder.add(factors, builder.shl(pair, I64(2)))
            weights = [load(builder, builder.add(place, I64(2 * k)), I16) for k in range(1 + fine)]
            sums = []
            for at, olds in zip(PARTS, totals, strict=True):
                products = _products(builder, [load(builder, builder.add(row, I64(at)), BYTES) for row in rows], weights)
                sums.append([])
                for old, product in zip(olds, products, strict=True):
                    sums[-1].append([builder.add(*both) for both in zip(old, product, strict=True)])
                    for phi, new in zip(old, sums[-1][-1], strict=True):
                        phi.add_incoming(ir.Constant(WORDS, None), before)
                        phi.add_incoming(new, loop)
            following = builder.add(pair, I64(1))
            pair.add_incoming(I64(0), before)
            pair.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, pairs), loop, done)

            builder.position_at_end(done)
            wide_factor, sixteen = builder.zext(factor, LONGS), ir.Constant(LONGS, [16] * LANES)
            for at, (total, *rest) in zip(PARTS, sums, strict=True):
                for ones in rest:
                    ones = [builder.ashr(builder.add(one, half), shift) for one in ones]
                    total = [builder.add(*both) for both in zip(total, ones, strict=True)]
                result = []
                for one in total:
                    one = builder.add(one, bias)
                    if fine:
                        one = builder.lshr(one, ir.Constant(WORDS, [7] * LANES))
                    else:
                        wide = builder.lshr(builder.mul(builder.zext(one, LONGS), wide_factor), sixteen)
                        one = builder.lshr(builder.trunc(wide, WORDS), after)
                    result.append(builder.sub(one, low))
                store(builder, _packed(builder, result), builder.add(target, I64(at)))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4, rule, types.int64), emit

    return block


_coarse_block, _fine_block = _sums(fine=False), _sums(fine=True)


@njit(nogil=True)
def _blend(source, starts, factors, pairs, rule, target, length):
    """target[:length], which is BLOCK or more, of source[starts[t] : starts[t] + length] times factors[t]."""
    data, first, weights, out = source.ctypes.data, starts.ctypes.data, factors.ctypes.data, target.ctypes.data
    blocks = -(-length // BLOCK)
    if rule.shift:
        for k in range(blocks):
            at = min(k * BLOCK, length - BLOCK)
            _fine_block(data + at, first, weights, pairs, rule, out + at)
    else:
        for k in range(blocks):
            at = min(k * BLOCK, length - BLOCK)
            _coarse_block(data + at, first, weights, pairs, rule, out + at)


@njit(nogil=True)
def _listed(place, taps, factors, starts, kept):
    """List the pairs of taps that have a factor; how many they are."""
    pairs = 0
    for t in range((taps + 1) // 2):
        one = factors[t]
        if one[0, 0] != 0 or one[0, 1] != 0 or one[1, 0] != 0 or one[1, 1] != 0:
            starts[pairs, 0], starts[pairs, 1] = place[2 * t], place[min(2 * t + 1, taps - 1)]
            for k in range(2):
                for row in range(2):
                    kept[pairs, k, row] = one[k, row]
            pairs += 1
    return pairs


def _moved(places):
    """Make the function that stores, `CHUNK` after `CHUNK`, the bytes that lie at these offsets of some addresses.

    `places` has a line for each chunk, of pairs (which address, offset).
    """

    @intrinsic
    def move(typing, sources, targets):  # noqa: ARG001 (the names are Numba's)
        def emit(context, builder, _, arguments):
            sources, targets = (cgutils.unpack_tuple(builder, one) for one in arguments)
            kind = ir.VectorType(I8, CHUNK)
            zero = ir.Constant(kind, None)
            for (target, at), chunk in places:
                total = zero
                wanted = dict(enumerate(chunk))
                while wanted:  # a window that begins at the first byte that is wanted still
                    which, start = min(wanted.values())
                    value = load(builder, builder.add(sources[which], I64(start)), kind)
                    mask = [CHUNK] * CHUNK
                    for i, (address, offset) in list(wanted.items()):
                        if address == which and offset - start < CHUNK:
                            mask[i] = offset - start
                            del wanted[i]
                    picked = builder.shuffle_vector(value, zero, ir.Constant(ir.VectorType(I32, CHUNK), mask))
                    total = builder.or_(total, picked)
                store(builder, total, builder.add(targets[target], I64(at)))
            return context.get_dummy_value()

        return types.void(sources, targets), emit

    return move


def _weaver(phases, channels):
    """Of `CHUNK` pixels of each phase: pixel k of phase p becomes pixel k * phases + p."""
    where = [
        (pixel % phases, pixel // phases * channels + c) for pixel in range(CHUNK * phases) for c in range(channels)
    ]
    return _moved([((0, at), where[at : at + CHUNK]) for at in range(0, len(where), CHUNK)])


def _dealer(step, channels):
    """Of `CHUNK` * step pixels: pixel k * step + q becomes pixel k of plane q."""
    chunks = []
    for q in range(step):
        where = [(0, (k * step + q) * channels + c) for k in range(CHUNK) for c in range(channels)]
        chunks += [((q, at), where[at : at + CHUNK]) for at in range(0, len(where), CHUNK)]
    return _moved(chunks)


_weave_2_1, _weave_3_1, _weave_4_1 = (_weaver(phases, 1) for phases in (2, 3, 4))
_weave_2_3, _weave_3_3, _weave_4_3 = (_weaver(phases, 3) for phases in (2, 3, 4))
_deal_2_1, _deal_3_1, _deal_4_1 = (_dealer(step, 1) for step in (2, 3, 4))
_deal_2_3, _deal_3_3, _deal_4_3 = (_dealer(step, 3) for step in (2, 3, 4))


@njit(nogil=True)
def _weave(lines, channels, target):
    """Pixel k of lines[p] becomes pixel k * phases + p of the target."""
    phases = len(lines)
    count = target.size // (phases * channels)
    if phases == 1:
        line = lines[0]
        for k in range(target.size):
            target[k] = line[k]
        return
    if channels not in (1, 3) or phases > 4 or count < CHUNK:
        for p in range(phases):
            for k in range(count):
                for c in range(channels):
                    target[(k * phases + p) * channels + c] = lines[p, k * channels + c]
        return
    start, apart, out = lines.ctypes.data, lines.shape[1], target.ctypes.data
    for block in range(-(-count // CHUNK)):
        k = min(block * CHUNK, count - CHUNK) * channels
        first = start + k
        sources = first, first + apart, first + 2 * apart, first + 3 * apart
        targets = (out + k * phases,)
        if channels == 1:
            if phases == 2:
                _weave_2_1(sources, targets)
            elif phases == 3:
                _weave_3_1(sources, targets)
            else:
                _weave_4_1(sources, targets)
        elif phases == 2:
            _weave_2_3(sources, targets)
        elif phases == 3:
            _weave_3_3(sources, targets)
        else:
            _weave_4_3(sources, targets)


@njit(nogil=True)
def _deal(row, channels, planes, count):
    """Pixel k * step + q of the row becomes pixel k of planes[q]; both have room for `CHUNK` pixels * step more."""
    step = len(planes)
    if channels not in (1, 3) or step > 4:
        for q in range(step):
            for k in range(count):
                for c in range(channels):
                    planes[q, k * channels + c] = row[(k * step + q) * channels + c]
        return
    start, out, apart = row.ctypes.data, planes.ctypes.data, planes.shape[1]
    for block in range(-(-count // CHUNK)):
        k = block * CHUNK * channels
        first = out + k
        sources, targets = (start + k * step,), (first, first + apart, first + 2 * apart, first + 3 * apart)
        if channels == 1:
            if step == 2:
                _deal_2_1(sources, targets)
            elif step == 3:
                _deal_3_1(sources, targets)
            else:
                _deal_4_1(sources, targets)
        elif step == 2:
            _deal_2_3(sources, targets)
        elif step == 3:
            _deal_3_3(sources, targets)
        else:
            _deal_4_3(sources, targets)


if config.DISABLE_JIT:  # the same without a compiler

    def _blend(source, starts, factors, pairs, rule, target, length):
        """Sums of rows, in 16 bits that wrap around."""
        pixels = np.array([[source[start:][:length] for start in both] for both in starts[:pairs]], np.int16)
        total, fine = np.einsum("prk,pfr->fk", pixels, factors[:pairs], dtype=np.int16)
        if rule.shift:
            total += (fine + np.int16(rule.half)) >> rule.shift
        total = (total.view(np.uint16) + np.uint16(rule.bias)).astype(np.uint32)
        target[:length] = ((total * rule.factor >> 16 >> rule.after).astype(np.int32) - rule.low).clip(0, 255)

    def _weave(lines, channels, target):
        """Pixels of several lines in turn."""
        phases = len(lines)
        target.reshape(-1, phases, channels)[:] = (
            lines[:, : target.size // phases].reshape(phases, -1, channels).swapaxes(0, 1)
        )

    def _deal(row, channels, planes, count):
        """Pixels to several planes in turn."""
        step = len(planes)
        pixels = row[: count * step * channels].reshape(count, step, channels).swapaxes(0, 1)
        planes[:, : count * channels] = pixels.reshape(step, -1)


@kernel
def resize_bytes(source, index, down, columns, along, out, channels):
    """Resize as `resize_periodic_integer`: source (n, m * channels) uint8 -> out (rows, columns * channels)."""
    length, step, phases = source.shape[1], columns.step, columns.taps.size
    left, right = columns.left, columns.right
    before = left.size * channels
    count = (before + length + right.size * channels) // (step * channels) + 1
    # What is beyond the row is read, and becomes what nothing reads.
    room = count * channels + CHUNK * channels + BLOCK
    row = np.zeros(step * room, np.uint8)
    planes = row.reshape(1, -1) if step == 1 else np.zeros((step, room), np.uint8)
    flat = planes.reshape(-1)
    part = out.shape[1] // phases
    lines = np.empty((phases, part + BLOCK), np.uint8)
    flat_source = source.reshape(-1)
    taps = max(index.shape[1], columns.offset.shape[1])
    place, starts, factors = np.empty(taps, np.int64), np.empty((taps, 2), np.int64), np.empty((taps, 2, 2), np.int8)
    for i in range(out.shape[0]):
        for t in range(index.shape[1]):
            place[t] = index[i, t] * length
        pairs = _listed(place, index.shape[1], down.factor[i], starts, factors)
        _blend(flat_source, starts, factors, pairs, down.rule, row[before:], length)
        for j in range(left.size):
            for c in range(channels):
                row[j * channels + c] = row[before + left[j] * channels + c]
        for j in range(right.size):
            for c in range(channels):
                row[before + length + j * channels + c] = row[before + right[j] * channels + c]
        if step > 1:
            _deal(row, channels, planes, count)
        for p in range(phases):
            for t in range(columns.taps[p]):
                place[t] = columns.offset[p, t] % step * room + columns.offset[p, t] // step * channels
            pairs = _listed(place, columns.taps[p], along.factor[p], starts, factors)
            _blend(flat, starts, factors, pairs, along.rule, lines[p], max(part, BLOCK))
        _weave(lines, channels, out[i])
