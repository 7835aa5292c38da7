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

BLOCK = 64  # sums at once: two AVX-512 or four AVX2 registers
LANES = 32 if there("avx512bw") else 16 if there("avx2") else 8  # 16-bit numbers in a register
I8, I16, I32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)
BYTES, WORDS, LONGS = (ir.VectorType(kind, LANES) for kind in (I8, I16, I32))
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

    factor: NDArray[np.int16]  # (pixels or phases, taps, 2) of the sum and of the fine sum
    paired: bool  # whether the factors from the last tap to the first are the same
    rule: Rule


def _splat(builder, value, kind):
    """A vector of equal elements."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, kind.count), None))


def _sums(*, fine):
    """Make the function of `BLOCK` pixels, with the fine sum or without: of single taps, then of pairs."""

    @intrinsic
    def block(typing, source, starts, factors, single, pairs, rule, target):  # noqa: ARG001 (the names are Numba's)
        def emit(context, builder, signature, arguments):
            source, starts, factors, single, pairs, rule, target = arguments
            shift, half, bias, factor, after, low = (
                _splat(builder, context.cast(builder, value, kind, types.int16), WORDS)
                for value, kind in zip(cgutils.unpack_tuple(builder, rule), signature.args[5], strict=True)
            )
            zero = ir.Constant(WORDS, None)
            sums = [[zero] * (BLOCK // LANES) for _ in range(1 + fine)]
            for rows, count in ((1, single), (2, pairs)):
                *sums, starts, factors = _add_taps(builder, sums, source, starts, factors, rows, count)

            kind = ir.FunctionType(WORDS, [WORDS] * 2)
            minus, least = (
                cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}i16")
                for name in ("usub.sat", "umin")
            )
            wide_factor, sixteen = builder.zext(factor, LONGS), ir.Constant(LONGS, [16] * LANES)
            for k, total in enumerate(sums[0]):
                if fine:
                    total = builder.add(total, builder.ashr(builder.add(sums[1][k], half), shift))  # noqa: PLW2901
                wide = builder.mul(builder.zext(builder.add(total, bias), LONGS), wide_factor)
                quotient = builder.lshr(builder.trunc(builder.lshr(wide, sixteen), WORDS), after)
                result = builder.call(minus, [quotient, low])
                result = builder.call(least, [result, ir.Constant(WORDS, [255] * LANES)])
                store(builder, builder.trunc(result, BYTES), builder.add(target, I64(k * LANES)))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5, rule, types.int64), emit

    return block


def _add_taps(builder, sums, source, starts, factors, rows, count):
    """Add, `count` times, the next `rows` rows times the next factors; the sums, and where the lists go on."""
    before = builder.block
    loop, body, done = (builder.append_basic_block() for _ in range(3))
    builder.branch(loop)
    builder.position_at_end(loop)
    entering = [*(old for registers in sums for old in registers), starts, factors, I64(0)]
    *totals, start, factor, tap = (builder.phi(value.type) for value in entering)
    builder.cbranch(builder.icmp_signed("<", tap, count), body, done)

    builder.position_at_end(body)
    pixels = []
    for at in range(0, BLOCK, LANES):
        bytes_of = [builder.add(source, load(builder, builder.add(start, I64(8 * k)), I64)) for k in range(rows)]
        words = [builder.zext(load(builder, builder.add(place, I64(at)), BYTES), WORDS) for place in bytes_of]
        pixels.append(words[0] if rows == 1 else builder.add(*words))
    leaving = []
    for k in range(len(sums)):
        weight = _splat(builder, load(builder, builder.add(factor, I64(2 * k)), I16), WORDS)
        for old, x in zip(totals[k * len(pixels) :], pixels, strict=False):
            leaving.append(builder.add(old, builder.mul(x, weight)))
    leaving += [builder.add(start, I64(8 * rows)), builder.add(factor, I64(4)), builder.add(tap, I64(1))]
    for phi, first, following in zip((*totals, start, factor, tap), entering, leaving, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(following, body)
    builder.branch(loop)
    builder.position_at_end(done)
    return *(totals[k : k + len(pixels)] for k in range(0, len(totals), len(pixels))), start, factor


_coarse_block, _fine_block = _sums(fine=False), _sums(fine=True)


@njit(nogil=True)
def _blend(source, starts, factors, single, pairs, rule, target, length):
    """target[:length], which is BLOCK or more, of source[starts[t] : starts[t] + length] times factors[t]."""
    data, first, weights, out = source.ctypes.data, starts.ctypes.data, factors.ctypes.data, target.ctypes.data
    blocks = -(-length // BLOCK)
    if rule.shift:
        for k in range(blocks):
            at = min(k * BLOCK, length - BLOCK)
            _fine_block(data + at, first, weights, single, pairs, rule, out + at)
    else:
        for k in range(blocks):
            at = min(k * BLOCK, length - BLOCK)
            _coarse_block(data + at, first, weights, single, pairs, rule, out + at)


@njit(nogil=True)
def _listed(place, factors, paired, starts, kept):
    """List the taps that have a factor, single ones first, then pairs of one factor; their numbers."""
    taps, single, pairs = len(factors), 0, 0
    for t in range(taps // 2 if paired else 0, taps - taps // 2 if paired else taps):
        a, b = factors[t, 0], factors[t, 1]
        if a != 0 or b != 0:
            starts[single], kept[single, 0], kept[single, 1] = place[t], a, b
            single += 1
    for t in range(taps // 2 if paired else 0):
        k = single + pairs
        starts[single + 2 * pairs], starts[single + 2 * pairs + 1] = place[t], place[taps - 1 - t]
        kept[k, 0], kept[k, 1] = factors[t, 0], factors[t, 1]
        pairs += 1
    return single, pairs


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

    def _blend(source, starts, factors, single, pairs, rule, target, length):
        """Sums of rows, in 16 bits that wrap around."""
        rows = np.array([source[start:][:length] for start in starts[: single + 2 * pairs]], np.int16)
        pixels = np.concatenate([rows[:single], rows[single::2] + rows[single + 1 :: 2]])
        total, fine = np.einsum("tp,tk->kp", pixels, factors[: single + pairs])
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
    place, starts, factors = np.empty(taps, np.int64), np.empty(taps, np.int64), np.empty((taps, 2), np.int16)
    for i in range(out.shape[0]):
        for t in range(index.shape[1]):
            place[t] = index[i, t] * length
        single, pairs = _listed(place, down.factor[i], down.paired, starts, factors)
        _blend(flat_source, starts, factors, single, pairs, down.rule, row[before:], length)
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
            single, pairs = _listed(place, along.factor[p, : columns.taps[p]], along.paired, starts, factors)
            _blend(flat, starts, factors, single, pairs, along.rule, lines[p], max(part, BLOCK))
        _weave(lines, channels, out[i])
