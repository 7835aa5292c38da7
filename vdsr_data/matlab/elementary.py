"""MATLAB's power, exponential, logarithm and sine: those of Sun's fdlibm, bit for bit, as Java's StrictMath has them.

Every library rounds some results another way, and a last bit decides how a pixel is rounded. So they are computed here,
by NumPy's sums, products and quotients, which every processor rounds alike.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["cube", "doubles", "exp", "log", "sin"]

Doubles = NDArray[np.float64]


def doubles(text: str) -> tuple[float, ...]:
    """Numbers whose last bits matter, as ``float.hex`` writes them."""
    return tuple(float.fromhex(word) for word in text.split())


# ln 2, and as a short part and the rest: for `log` and `exp`, and for `cube`.
LN2_HIGH, LN2_LOW = doubles("0x1.62e42feep-1 0x1.a39ef35793c76p-33")
LN2, LN2_SHORT, LN2_REST = doubles("0x1.62e42fefa39efp-1 0x1.62e43p-1 -0x1.05c610ca86c39p-29")
# 2 / (3 ln 2) and log2(1.5), as a short part and the rest.
THIRDS, THIRDS_SHORT, THIRDS_REST = doubles("0x1.ec709dc3a03fdp-1 0x1.ec709ep-1 -0x1.e2fe0145b01f5p-28")
LOG2_SHORT, LOG2_REST = doubles("0x1.2b8034p-1 0x1.cfdeb43cfd006p-27")
# The polynomials of exp, in the square of its argument, and of log2 and log, in the square of (a - b) / (a + b).
EXP = doubles("0x1.555555555553ep-3 -0x1.6c16c16bebd93p-9 0x1.1566aaf25de2cp-14 -0x1.bbd41c5d26bf1p-20"
               " 0x1.6376972bea4d0p-25")  # fmt: skip
LOG2 = doubles("0x1.3333333333303p-1 0x1.b6db6db6fabffp-2 0x1.55555518f264dp-2 0x1.17460a91d4101p-2"
                " 0x1.d864a93c9db65p-3 0x1.a7e284a454eefp-3")  # fmt: skip
LOG = doubles("0x1.5555555555593p-1 0x1.999999997fa04p-2 0x1.2492494229359p-2 0x1.c71c51d8e78afp-3"
               " 0x1.7466496cb03dep-3 0x1.39a09d078c69fp-3 0x1.2f112df3e5244p-3")  # fmt: skip
# Those of sin and cos, and pi / 2 as a short part and the rest, three times as exact.
SIN = doubles("-0x1.5555555555549p-3 0x1.111111110f8a6p-7 -0x1.a01a019c161d5p-13 0x1.71de357b1fe7dp-19"
    " -0x1.ae5e68a2b9cebp-26 0x1.5d93a5acfd57cp-33")  # fmt: skip
COS = doubles("0x1.555555555554cp-5 -0x1.6c16c16c15177p-10 0x1.a01a019cb159p-16 -0x1.27e4f809c52adp-22"
    " 0x1.1ee9ebdb4b1c4p-29 -0x1.8fae9be8838d4p-37")  # fmt: skip
HALF_PI = doubles("0x1.921fb544p+0 0x1.0b4611a626331p-34 0x1.0b4611a6p-34 0x1.3198a2e037073p-69"
    " 0x1.3198a2ep-69 0x1.b839a252049c1p-104")  # fmt: skip
TWO_OVER_PI = float.fromhex("0x1.45f306dc9c883p-1")


def cube(x: Doubles) -> Doubles:
    """X ** 3 as MATLAB's ``x .^ 3``, for zeros and normal numbers up to 2 ** 300.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data.matlab.elementary import cube
    >>> float(cube(np.array([5 / 3]))[0]).hex()
    '0x1.284bda12f684cp+2'
    """
    high, low = _log2(np.where(x > 0, x, 1.0))
    return np.where(x > 0, _exp2(3 * high, 3 * low), 0.0)


def exp(x: Doubles) -> Doubles:
    """E ** x as MATLAB's ``exp(x)``, for finite numbers up to 709.78; below about -745 it is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data.matlab.elementary import exp
    >>> float(exp(np.array([-0.5]))[0])
    0.6065306597126334
    """
    word = _upper(np.abs(x))
    far = np.trunc(x / LN2 + np.copysign(0.5, x))
    times = np.where(word <= 0x3FD62E42, 0.0, np.where(word < 0x3FF0A2B2, np.copysign(1.0, x), far))  # 0.5, 1.5 ln 2
    high, low = x - times * LN2_HIGH, times * LN2_LOW
    rest = high - low
    square = rest * rest
    even = rest - square * _polynomial(EXP, square)
    product = rest * even
    reduced = 1.0 - ((low - product / (2.0 - even)) - high)
    unscaled = np.where(times == 0, 1.0 - (product / (even - 2.0) - rest), reduced)
    unscaled = np.where(np.abs(x) < 2.0**-28, 1.0 + x, unscaled)
    return np.ldexp(unscaled, times.clip(-2000, 2000).astype(np.int32))


def log(x: Doubles) -> Doubles:
    """Natural logarithm as MATLAB's ``log(x)``, for positive normal numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data.matlab.elementary import log
    >>> float(log(np.array([10.0]))[0])
    2.302585092994046
    """
    a, exponent = np.frexp(x)
    a, n = a * 2, exponent - 1.0  # a in [1, 2)
    word = _upper(a) & 0xFFFFF
    halved = word >= 0x6A09C  # about sqrt(2)
    f, n = np.where(halved, a * 0.5, a) - 1.0, n + halved
    high, low = n * LN2_HIGH, n * LN2_LOW
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    series = z * _polynomial(LOG[::2], w) + w * _polynomial(LOG[1::2], w)
    half = 0.5 * f * f
    middle = high - ((half - (s * (half + series) + low)) - f)
    outer = high - ((s * (f - series) - low) - f)
    tiny = high - ((f * f * (0.5 - 1 / 3 * f) - low) - f)
    result = np.where((word > 0x6147A) & (word < 0x6B851), middle, outer)
    return np.where((word + 2) & 0xFFFFF < 3, tiny, result)


def sin(x: Doubles) -> Doubles:
    """Sine as MATLAB's ``sin(x)``, for numbers of a size up to a million.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data.matlab.elementary import sin
    >>> float(sin(np.array([1.0]))[0])
    0.8414709848078965
    """
    size = np.abs(x)
    n = np.floor(size * TWO_OVER_PI + 0.5)
    n[_upper(size) <= 0x3FE921FB] = 0  # pi / 4
    n[(_upper(size) > 0x3FE921FB) & (_upper(size) < 0x4002D97C)] = 1  # 3 pi / 4
    first, first_rest, second, second_rest, third, third_rest = HALF_PI
    r, w = size - n * first, n * first_rest
    y = r - w
    lost = (_upper(size) >> 20) - ((_upper(y) >> 20) & 0x7FF)
    again = (lost > 16) & ((n >= 32) | (_upper(size) == _upper(n * (np.pi / 2)))) & (n > 0)
    for bits, part, rest in ((16, second, second_rest), (49, third, third_rest)):
        again &= lost > bits
        t = r
        shorter = t - n * part
        w = np.where(again, n * rest - ((t - shorter) - n * part), w)
        r = np.where(again, shorter, r)
        y = r - w
        lost = (_upper(size) >> 20) - ((_upper(y) >> 20) & 0x7FF)
    tail = (r - y) - w
    z = y * y
    v = z * y
    series = _polynomial(SIN[1:], z)
    sine = np.where(n == 0, y + v * (SIN[0] + z * series), y - ((z * (0.5 * tail - v * series) - tail) - v * SIN[0]))
    series = z * _polynomial(COS, z)
    word = _upper(np.abs(y))
    quarter = np.where(word > 0x3FE90000, 0.28125, ((word - 0x200000) << 32).view(np.float64))
    quarter = np.where(word < 0x3FD33333, 0.0, quarter)
    cosine = (1.0 - quarter) - ((0.5 * z - quarter) - (z * series - y * tail))
    turn = n % 4
    value = np.where(turn % 2 == 0, sine, cosine)
    return np.where((turn >= 2) != (x < 0), -value, value)


def _log2(x: Doubles) -> tuple[Doubles, Doubles]:
    """The logarithm to base 2 of positive numbers, as a short number and the rest."""
    a, exponent = np.frexp(x)
    a, n = a * 2, exponent - 1.0  # a in [1, 2)
    word = _upper(a) & 0xFFFFF
    from_three_halves = (word > 0x3988E) & (word < 0xBB67A)
    halved = word >= 0xBB67A
    a, n = np.where(halved, a * 0.5, a), n + halved
    b = np.where(from_three_halves, 1.5, 1.0)
    u, v = a - b, 1.0 / (a + b)
    s = u * v
    s_high = _short(s)
    t_high = ((_upper(a) >> 1) | 0x20000000) + 0x80000 + 0x40000 * from_three_halves
    t_high = (t_high << 32).view(np.float64)
    t_low = a - (t_high - b)
    s_low = v * ((u - s_high * t_high) - s_high * t_low)
    square = s * s
    rest = square * square * _polynomial(LOG2, square) + s_low * (s_high + s)
    square = s_high * s_high
    t_high = _short(3.0 + square + rest)
    t_low = rest - ((t_high - 3.0) - square)
    u, v = s_high * t_high, s_low * t_high + t_low * s
    high = _short(u + v)
    low = v - (high - u)
    z_high = THIRDS_SHORT * high
    z_low = THIRDS_REST * high + low * THIRDS + np.where(from_three_halves, LOG2_REST, 0.0)
    offset = np.where(from_three_halves, LOG2_SHORT, 0.0)
    short = _short(((z_high + z_low) + offset) + n)
    return short, z_low - (((short - n) - offset) - z_high)


def _exp2(high: Doubles, low: Doubles) -> Doubles:
    """2 ** (high + low)."""
    total = low + high
    times = np.where(np.abs(total) > 0.5, np.trunc(total + np.copysign(0.5, total)), 0.0)
    high = high - times
    t = _short(low + high)
    u, v = t * LN2_SHORT, (low - (t - high)) * LN2 + t * LN2_REST
    z = u + v
    w = v - (z - u)
    square = z * z
    c = z - square * _polynomial(EXP, square)
    r = (z * c) / (c - 2.0) - (w + z * w)
    return np.ldexp(1.0 - (r - z), times.astype(np.int32))


def _polynomial(factors: tuple[float, ...], x: Doubles) -> Doubles:
    """Horner's sum, from the last factor to the first."""
    total = np.full_like(x, factors[-1])
    for factor in factors[-2::-1]:
        total = factor + x * total
    return total


def _upper(x: Doubles) -> NDArray[np.int64]:
    """The upper words of doubles."""
    return np.ascontiguousarray(x).view(np.int64) >> 32


def _short(x: Doubles) -> Doubles:
    """The doubles with their lower words set to zero."""
    return (_upper(x) << 32).view(np.float64)
