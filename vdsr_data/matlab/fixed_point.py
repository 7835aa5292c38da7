"""Weights of imresize as whole numbers over one denominator, for 8-bit images: sums in 16 bits, and the same pixels.

The weights of whole-number factors are fractions n / d: d is 128 at x2, 1024 at x4, 256 and 4096 at 1/2 and 1/4, 27 at
x3 and 81 at 1/3. A pixel is N / d, N the sum of the numerators times the pixels below it, rounded half up.

- d a power of two: the weights in float64 are these fractions exactly, and so are all products and sums of theirs with
  bytes, in float64 as in whole numbers. Both round the same number.
- d odd: N / d is never half way between two whole numbers but 1 / (2 d) or more from there. The weights in float64, and
  the sums, are off by less than 1e-9. Both round to the same side.

What fits neither (x6, whose d is even and its weights are not exact) stays in float64.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import Boundary, ResizeMethod
from vdsr_data.matlab._resize_byte_kernels import Part, Rule
from vdsr_data.matlab.taps import KEPT_TABLES, periodic_columns, wrapped_taps

__all__ = ["fixed_point"]

DENOMINATORS = (*(2**k for k in range(6, 15)), 27, 81, 125)
WORD = 2**16


@lru_cache(KEPT_TABLES)
def fixed_point(
    shape: tuple[int, int],
    size: tuple[int, int],
    scales: tuple[float, float],
    antialias: bool,
    boundary: Boundary,
    method: ResizeMethod,
) -> tuple[Part, Part] | None:
    """`wrapped_taps` down and `periodic_columns` along as whole numbers, (rows, taps) and (phases, taps); else None."""
    columns = periodic_columns(shape[1], size[1], scales[1], antialias, boundary, method)
    down = _whole(wrapped_taps(shape[0], size[0], scales[0], antialias, boundary, method)[1])
    along = None if columns is None else _whole(columns.weight)
    if down is None or along is None or size[1] % along.factor.shape[1] or (along.factor != along.factor[0]).any():
        return None
    return down, along._replace(factor=along.factor[0])


def _whole(weight: NDArray[np.float64]) -> Part | None:
    """Weights (any shape, taps last) as whole numbers; None if they are not such fractions, or 16 bits do not do."""
    for denominator in DENOMINATORS:
        numerator = np.rint(weight * denominator)
        error = np.abs(weight * denominator - numerator).sum(axis=-1).max()
        if error == 0 or (denominator % 2 and error < 1e-9):
            return _fitted(numerator.astype(np.int64), denominator)
    return None


def _fitted(numerator: NDArray[np.int64], denominator: int) -> Part | None:
    """Split the numerators n = 2**shift * a + b so that sums of a and of b fit into 16 bits, with the way back.

    floor((N + half) / d) = floor((A + floor((B + half) / 2**shift)) / (d / 2**shift)), A and B the sums of a and b.
    """
    shift = 0 if denominator % 2 else max(0, denominator.bit_length() - 8)  # which leaves 128
    half, divisor = denominator // 2, denominator >> shift
    coarse = (numerator + (1 << shift >> 1)) >> shift
    fine = numerator - (coarse << shift)
    least, most = (_extreme(coarse, sign) for sign in (-1, 1))
    if shift:
        ends = [_extreme(fine, sign) + half for sign in (-1, 1)]
        if not -WORD // 2 <= ends[0] <= ends[1] < WORD // 2:
            return None
        least, most = least + (ends[0] >> shift), most + (ends[1] >> shift)
    else:
        least, most = least + half, most + half
    low = max(0, -(least // divisor))
    most += low * divisor
    # The quotient of any sum: (sum * factor) >> (16 + after), where factor is a little more than 2 ** .. / divisor.
    after = (divisor - 1).bit_length() - 1
    factor = -(-(WORD << after) // divisor)
    if most >= WORD or most * (factor * divisor - (WORD << after)) >= WORD << after:
        return None
    taps = numerator.shape[-1]
    both = np.zeros((*numerator.shape[:-1], (taps + 1) // 2, 2, 2), np.int64)
    for t in range(taps):
        both[..., t // 2, :, t % 2] = np.stack([coarse[..., t], fine[..., t]], axis=-1)
    # Every pair of products is added in 16 bits that saturate.
    if max(_extreme(both, sign) * sign for sign in (-1, 1)) > WORD // 2 - 1 or np.abs(both).max() > 127:
        return None
    bias = low * divisor + (0 if shift else half)
    return Part(both.astype(np.int8), Rule(shift, half, bias, factor, after, low))


def _extreme(factor: NDArray[np.int64], sign: int) -> int:
    """The least (-1) or the greatest (1) sum of these factors times bytes."""
    return sign * 255 * int((sign * factor).clip(min=0).sum(axis=-1).max())
