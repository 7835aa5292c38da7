"""Numba loops of imresize for 8-bit images and whole-number factors, in whole numbers of 16 bits; never raises.

All arithmetic is one loop: rows of bytes, each times a whole number, are added and their sum is divided. Down the image
it takes rows of the image; along a row, the same row moved by some pixels, for one phase of the result at a time, so
that colours need no loops of their own. The phases are then woven into one row (enlarging), or the row was dealt out
before (shrinking), 16 bytes by an instruction. `fixed_point` says why the bits are those of `resize_periodic_integer`.

Tried and dropped, for 1024 x 1024 RGB on one thread of a Zen 4: 16-bit products of the sum of two rows that have one
weight, as shrinking has (1/4 in 0.51 ms, where products of bytes take 0.40 ms); blocks of 128 pixels (no gain);
weaving 64 bytes by an instruction where a processor can (none either). Prefetching rows, as `_ahead` does, takes 5 %
where the image is in the cache, and saves up to half where it is not. What is left is arithmetic: RGB at 1/4, with two
sums of 8 pairs of rows, is the one of the six factors in which fast_image_resize, which rounds its weights, is as fast.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from vdsr_data.matlab._compile import kernel
from vdsr_data.matlab._vectors import I64, load, prefetch, store, there

BLOCK = 64  # pixels at once
LANES = 32 if there("avx512bw") else 16 if there("avx2") else 8  # 16-bit numbers in a register
CHUNK = 16  # bytes that one instruction can put in any order
I8, I16, I32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)
BYTES, WORDS, LONGS = ir.VectorType(I8, 2 * LANES), ir.VectorType(I16, LANES), ir.VectorType(I32, LANES)
PARTS = range(0, BLOCK, 2 * LANES)  # of a block, a register of bytes each


class Rule(NamedTuple):
    """A pixel is ((total * factor) >> 16 >> after) - low, total being sum + ((fine + half) >> shift) + bias.

    Without a fine sum, which is where shift is 0, total is sum + bias.
    """

    shift: int
    half: int
    bias: int
    factor: int
    after: int
    low: int


class WholeTaps(NamedTuple):
    """The taps of one dimension as whole numbers."""

    factor: NDArray[np.int8]  # (rows or phases, pairs of taps, 2, 2): of the sum, then of the fine sum, for both taps
    rule: Rule


def _splat(builder, value, kind):
    """A vector of equal elements."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, _order([0] * kind.count))


def _call(builder, name, kind, *arguments):
    """One of LLVM's own functions."""
    signature = ir.FunctionType(kind, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def _order(places):
    """Which elements of two vectors make a new one."""
    places = list(places)
    return ir.Constant(ir.VectorType(I32, len(places)), places)


if there("ssse3"):
    LOW, HIGH = (
        _order(k + i + 2 * LANES * row for k in range(half, 2 * LANES, 16) for i in range(8) for row in (0, 1))
        for half in (0, 8)
    )
    MULTIPLY = {32: "avx512.pmaddubs.w.512", 16: "avx2.pmadd.ub.sw", 8: "ssse3.pmadd.ub.sw.128"}[LANES]
    PACK = {32: "avx512.packuswb.512", 16: "avx2.packuswb", 8: "sse2.packuswb.128"}[LANES]

    def _products(builder, rows, weights):
        """rows[0] * low byte + rows[1] * high byte of each weight, by products of bytes that are added in pairs."""
        turns = [builder.shuffle_vector(*rows, order) for order in (LOW, HIGH)]
        for weight in weights:
            splat = builder.bitcast(_splat(builder, weight, WORDS), BYTES)
            yield from (_call(builder, f"llvm.x86.{MULTIPLY}", WORDS, turn, splat) for turn in turns)

    def _packed(builder, sums):
        """Two registers of words, in the order in which `_products` makes them, as bytes in that of the rows."""
        return _call(builder, f"llvm.x86.{PACK}", BYTES, *sums)

else:

    def _products(builder, rows, weights):
        """rows[0] * low byte + rows[1] * high byte of each weight, in whatever this processor has."""
        halves = [_order(range(start, start + LANES)) for start in (0, LANES)]
        words = [[builder.zext(builder.shuffle_vector(row, row, half), WORDS) for row in rows] for half in halves]
        for weight in weights:
            low, high = (builder.sext(builder.trunc(builder.lshr(weight, I16(at)), I8), I16) for at in (0, 8))
            low, high = _splat(builder, low, WORDS), _splat(builder, high, WORDS)
            yield from (builder.add(builder.mul(a, low), builder.mul(b, high)) for a, b in words)

    def _packed(builder, sums):
        """Two registers of words as bytes, those beyond a byte as the nearest one."""
        for name, bound in (("smax", 0), ("smin", 255)):
            bounds = ir.Constant(WORDS, [bound] * LANES)
            sums = [_call(builder, f"llvm.{name}.v{LANES}i16", WORDS, one, bounds) for one in sums]
        halves = [builder.trunc(one, ir.VectorType(I8, LANES)) for one in sums]
        return builder.shuffle_vector(*halves, _order(range(2 * LANES)))


def _block(*, fine):
    """Make the function of `BLOCK` pixels, with the fine sum or without; it takes two rows at a time."""

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
            old = [builder.phi(WORDS) for _ in range(2 * (1 + fine) * len(PARTS))]
            place = builder.add(starts, builder.shl(pair, I64(4)))
            rows = [builder.add(source, load(builder, builder.add(place, I64(8 * k)), I64)) for k in range(2)]
            place = builder.add(factors, builder.shl(pair, I64(2)))
            weights = [load(builder, builder.add(place, I64(2 * k)), I16) for k in range(1 + fine)]
            products = []
            for at in PARTS:
                both = [load(builder, builder.add(row, I64(at)), BYTES) for row in rows]
                products += _products(builder, both, weights)
            sums = [builder.add(*both) for both in zip(old, products, strict=True)]
            following = builder.add(pair, I64(1))
            for phi, new in zip([*old, pair], [*sums, following], strict=True):
                phi.add_incoming(ir.Constant(phi.type, None), before)
                phi.add_incoming(new, loop)
            builder.cbranch(builder.icmp_signed("<", following, pairs), loop, done)

            builder.position_at_end(done)
            wide_factor = builder.zext(factor, LONGS)
            for at in PARTS:
                totals, sums = sums[:2], sums[2:]
                if fine:
                    rounded = [builder.ashr(builder.add(one, half), shift) for one in sums[:2]]
                    totals, sums = [builder.add(*both) for both in zip(totals, rounded, strict=True)], sums[2:]
                pixels = []
                for total in totals:
                    wide = builder.mul(builder.zext(builder.add(total, bias), LONGS), wide_factor)
                    high = builder.trunc(builder.lshr(wide, ir.Constant(LONGS, [16] * LANES)), WORDS)
                    pixels.append(builder.sub(builder.lshr(high, after), low))
                store(builder, _packed(builder, pixels), builder.add(target, I64(at)))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4, rule, types.int64), emit

    return block


_coarse_block, _fine_block = _block(fine=False), _block(fine=True)


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
def _ahead(source, index, i):
    """Prefetch the rows below those of result i + 1 that result i + 2 needs: with many, no processor foresees them."""
    if i + 2 < len(index):
        for k in index[i + 2]:
            if k > index[i + 1, -1]:
                for at in range(0, source.shape[1], 64):
                    prefetch(source.ctypes.data + k * source.shape[1] + at)


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


def _mover(chunks):
    """Make the function that puts together `CHUNK` bytes after the other.

    Each of `chunks` is where they go and where they come from: (which target, offset), [(which source, offset), ...].
    """

    @intrinsic
    def move(typing, sources, targets):  # noqa: ARG001 (the names are Numba's)
        def emit(context, builder, _, arguments):
            sources, targets = (cgutils.unpack_tuple(builder, one) for one in arguments)
            kind = ir.VectorType(I8, CHUNK)
            zero = ir.Constant(kind, None)
            for (target, at), wanted in chunks:
                total, left = zero, dict(enumerate(wanted))
                while left:  # the next window begins at the first byte that is wanted still
                    source, start = min(left.values())
                    here = {i: offset - start for i, (one, offset) in left.items() if one == source}
                    here = {i: offset for i, offset in here.items() if offset < CHUNK}
                    window = load(builder, builder.add(sources[source], I64(start)), kind)
                    order = _order(here.get(i, CHUNK) for i in range(CHUNK))
                    total = builder.or_(total, builder.shuffle_vector(window, zero, order))
                    left = {i: place for i, place in left.items() if i not in here}
                store(builder, total, builder.add(targets[target], I64(at)))
            return context.get_dummy_value()

        return types.void(sources, targets), emit

    return move


def _weaver(phases, channels):
    """`CHUNK` pixels of each phase: pixel k of phase p becomes pixel k * phases + p."""
    pixels = range(CHUNK * phases)
    wanted = [(pixel % phases, pixel // phases * channels + c) for pixel in pixels for c in range(channels)]
    return _mover([((0, at), wanted[at : at + CHUNK]) for at in range(0, len(wanted), CHUNK)])


def _dealer(step, channels):
    """`CHUNK` * step pixels: pixel k * step + q becomes pixel k of plane q."""
    chunks = []
    for q in range(step):
        wanted = [(0, (k * step + q) * channels + c) for k in range(CHUNK) for c in range(channels)]
        chunks += [((q, at), wanted[at : at + CHUNK]) for at in range(0, len(wanted), CHUNK)]
    return _mover(chunks)


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

    def _ahead(source, index, i):
        """Nothing to prefetch."""

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
    """Resize as `resize_periodic_integer`: source (n, m * channels) uint8 -> out (rows, columns * channels).

    A row of the source has `BLOCK` bytes or more, and the columns of the result are a multiple of the phases.
    """
    length, step, phases = source.shape[1], columns.step, columns.taps.size
    left, right = columns.left, columns.right
    before = left.size * channels
    count = (before + length + right.size * channels) // (step * channels) + 1
    # Whole blocks and chunks are computed: what is beyond the end of a row is read, and becomes what nothing reads.
    room = (count + CHUNK) * channels + BLOCK
    row = np.zeros(step * room, np.uint8)
    planes = np.zeros((step, room), np.uint8) if step > 1 else row.reshape(1, room)
    part = out.shape[1] // phases
    lines = np.empty((phases, part + BLOCK), np.uint8)

    rows, dealt = source.reshape(-1), planes.reshape(-1)
    taps = max(index.shape[1], columns.offset.shape[1])
    place, starts, factors = np.empty(taps, np.int64), np.empty((taps, 2), np.int64), np.empty((taps, 2, 2), np.int8)
    phase_starts, phase_factors = np.empty((phases, taps, 2), np.int64), np.empty((phases, taps, 2, 2), np.int8)
    phase_pairs = np.empty(phases, np.int64)
    for p in range(phases):
        for t in range(columns.taps[p]):
            place[t] = columns.offset[p, t] % step * room + columns.offset[p, t] // step * channels
        phase_pairs[p] = _listed(place, columns.taps[p], along.factor[p], phase_starts[p], phase_factors[p])

    for i in range(out.shape[0]):
        _ahead(source, index, i)
        for t in range(index.shape[1]):
            place[t] = index[i, t] * length
        pairs = _listed(place, index.shape[1], down.factor[i], starts, factors)
        _blend(rows, starts, factors, pairs, down.rule, row[before:], length)
        for c in range(channels):
            for j in range(left.size):
                row[j * channels + c] = row[before + left[j] * channels + c]
            for j in range(right.size):
                row[before + length + j * channels + c] = row[before + right[j] * channels + c]
        if step > 1:
            _deal(row, channels, planes, count)
        for p in range(phases):
            _blend(dealt, phase_starts[p], phase_factors[p], phase_pairs[p], along.rule, lines[p], max(part, BLOCK))
        _weave(lines, channels, out[i])
