"""The taps of imresize as whole numbers, for 8-bit images: sums in 16 bits, and the same pixels.

The weights of whole-number factors are fractions n / d: d is 128 at x2, 1024 at x4, 256 at 1/2, 4096 at 1/4, 27 at x3
and 81 at 1/3. A pixel is N / d, rounded half up, where N is the sum of the n times the pixels below it. Why float64,
and so MATLAB, rounds to the same pixel:

- Where d is a power of two, the weights in float64 are these fractions to the last bit, and so are all products of
  theirs with bytes and all sums of those. The same number is rounded.
- Where d is odd, N / d is never half way between two whole numbers, but 1 / (2 d) away from it, 1 / 250 or more. The
  weights in float64 and the sums of their products are off by less than a millionth. They lie on the same side.

Anything else stays in float64, as x6 does: its d is even, so there are ties, and its weights are not exact.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import Boundary, ResizeMethod
from vdsr_data.matlab._resize_byte_kernels import Rule, WholeTaps
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
) -> tuple[WholeTaps, WholeTaps] | None:
    """The weights of `wrapped_taps` down the image and of the phases of `periodic_columns` along it; None if not so."""
    columns = periodic_columns(shape[1], size[1], scales[1], antialias, boundary, method)
    down = _whole(wrapped_taps(shape[0], size[0], scales[0], antialias, boundary, method)[1])
    along = None if columns is None else _whole(columns.weight)
    if down is None or along is None:
        return None
    phases = along.factor[0]  # of the first run of columns, and of all, as weights differ by their last bits
    return None if (along.factor != phases).any() or size[1] % len(phases) else (down, along._replace(factor=phases))


def _whole(weight: NDArray[np.float64]) -> WholeTaps | None:
    """Weights, taps last, as whole numbers; None if they are not such fractions, or 16 bits are not enough."""
    for denominator in DENOMINATORS:
        numerator = np.rint(weight * denominator)
        error = np.abs(weight * denominator - numerator).sum(axis=-1).max()
        if error == 0 or (denominator % 2 and error < 1e-9):
            return _in_words(numerator.astype(np.int64), denominator)
    return None


def _in_words(numerator: NDArray[np.int64], denominator: int) -> WholeTaps | None:
    """Split large n into 2**shift * a + b, for N / d rounded in 16 bits; None if these are not enough.

    With A and B the sums of the a and of the b times the pixels, and half of d to be added before it is divided by,
    floor((N + half) / d) = floor((A + floor((B + half) / 2**shift)) / divisor), where divisor is d / 2**shift.
    """
    shift = 0 if denominator % 2 else max(0, denominator.bit_length() - 8)  # which leaves 128
    half, divisor = denominator // 2, denominator >> shift
    coarse = (numerator + (1 << shift >> 1)) >> shift
    both = np.stack([coarse, numerator - (coarse << shift)])
    (least, finest), (most, fine_most) = ([_extreme(sums, sign) for sums in both] for sign in (-1, 1))
    least, most = least + (finest + half >> shift), most + (fine_most + half >> shift)

    # Sums start at 0 when `low` times the divisor is added, and `low` is taken off their quotient again.
    low = max(0, -(least // divisor))
    most += low * divisor
    # x // divisor is x * factor >> 16 + after: factor is too large by less than 1, which is too little to be seen.
    after = (divisor - 1).bit_length() - 1
    factor = -(-(WORD << after) // divisor)
    too_much = factor * divisor - (WORD << after)

    pairs = np.concatenate([both, np.zeros_like(both[..., : both.shape[-1] % 2])], axis=-1)
    pairs = np.moveaxis(pairs.reshape(*pairs.shape[:-1], -1, 2), 0, -2)
    enough = (
        most < WORD
        and most * too_much < WORD << after
        and -WORD // 2 <= finest + half <= fine_most + half < WORD // 2
        and np.abs(pairs).max() < 128
        # The instruction that multiplies bytes and adds two products stops at the ends of 16 bits.
        and -WORD // 2 <= _extreme(pairs, -1) <= _extreme(pairs, 1) < WORD // 2
    )
    rule = Rule(shift, half, low * divisor + (0 if shift else half), factor, after, low)
    # In C's order, as Numba would compile every loop once more for another.
    return WholeTaps(np.ascontiguousarray(pairs, np.int8), rule) if enough else None


def _extreme(factors: NDArray[np.int64], sign: int) -> int:
    """The least (-1) or the greatest (1) sum of some factors times bytes."""
    return sign * 255 * int((sign * factors).clip(min=0).sum(axis=-1).max())
