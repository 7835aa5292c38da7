"""MATLAB's random numbers, number for number: those of `rng(seed)`, and of MATLAB 4, by `randn('seed', seed)`.

Arrays are filled as MATLAB fills them: down the first column, then the next.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import ArgumentError
from vdsr_data.matlab.elementary import exp, log

__all__ = ["Generator", "rand", "randi", "randn", "randperm", "randperm_inverse"]

Generator = Literal["twister", "v4"]
Sides = int | Sequence[int] | NDArray[Any]
Words = NDArray[np.uint64]

FRESH_SESSION_SEED = 5489
BLOCK = 2**18  # random numbers at a time
MOST = 2**40  # of them: no memory holds more
# MATLAB 4: Park and Miller's multiplicative generator, its seeds, and the one that 0 stands for.
FACTOR, PRIME = 16807, 2**31 - 1
V4_SEEDS, V4_ZERO = (0, PRIME - 1), 931316785
TAIL = 3.6541528853610088  # where the ziggurat's top layer ends
AREA = float.fromhex("0x1.43016a5a43735p-8")  # of each layer


def rand(shape: Sides, seed: int = 0, generator: Generator = "twister") -> NDArray[np.float64]:
    """Uniform random numbers between 0 and 1: MATLAB's ``rng(seed); rand(shape)``.

    Parameters
    ----------
    shape : int or sequence of int
        Of the array; filled in MATLAB's order, the first dimension first.
    seed : int, default 0
        As in ``rng(seed)``; 0 is a fresh MATLAB session. For "v4" as in ``rand('seed', seed)``, below 2**31 - 1.
    generator : {"twister", "v4"}, default "twister"
        The Mersenne Twister, MATLAB's since 2008; or that of ``rand('seed', seed)``, which is MATLAB 4's.

    Returns
    -------
    ndarray
        float64, larger than 0, below 1, in Fortran order.

    Raises
    ------
    ArgumentError
        If `shape`, `seed` or `generator` is not valid.

    Notes
    -----
    For "v4" a seed becomes the generator's first state, its 16 lower bits on top and the others below; 0 stands for
    931316785. So come the numbers that MATLAB printed for ``rand('seed', k)`` with k = 0, 1 and 2.

    Examples
    --------
    >>> from vdsr_data import rand
    >>> rand(4).round(4).tolist()
    [0.8147, 0.9058, 0.127, 0.9134]
    >>> rand(4, generator="v4").round(4).tolist()
    [0.219, 0.047, 0.6789, 0.6793]
    """
    sides, count = _shape(shape)
    if _checked(generator, seed) == "v4":
        return _filled(_congruential(seed, 0, count) / PRIME, sides)
    return _filled(_stream(count, seed).random_sample(count), sides)


def randi(most: Sides, shape: Sides, seed: int = 0) -> NDArray[np.int64]:
    """Random whole numbers: MATLAB's ``rng(seed); randi(most, shape)``.

    Parameters
    ----------
    most : int or pair of int
        The largest, from 1 on; or the smallest and the largest.
    shape, seed
        As for `rand`.

    Returns
    -------
    ndarray
        int64, in Fortran order.

    Raises
    ------
    ArgumentError
        If `most`, `shape` or `seed` is not valid.

    Examples
    --------
    >>> from vdsr_data import randi
    >>> randi(10, 5).tolist()
    [9, 10, 2, 10, 7]
    """
    pair = limits.several(most)
    pair = [1, *pair] if len(pair) == 1 else pair
    if len(pair) != 2:
        raise ArgumentError(f"randi needs the largest number, or the smallest and the largest, got {most!r}")
    low, high = (limits.whole("most", one, (-(2**53), 2**53)) for one in pair)
    if not low <= high or max(abs(low), abs(high)) >= 2**53:
        raise ArgumentError(f"randi needs a smallest and a largest number below 2**53, in this order, got {most!r}")
    return np.asarray(low + np.floor(rand(shape, seed) * (high - low + 1)), dtype=np.int64)


def randn(shape: Sides, seed: int = 0, generator: Generator = "twister") -> NDArray[np.float64]:
    """Normal random numbers: MATLAB's ``rng(seed); randn(shape)``, or ``randn('seed', seed); randn(shape)``.

    The test scripts of DnCNN, FFDNet, IRCNN, SRMD, RDN and RCAN make their noise by the latter, with the seed 0.

    Parameters
    ----------
    shape, seed, generator
        As for `rand`.

    Returns
    -------
    ndarray
        float64, mean 0 and variance 1, in Fortran order.

    Raises
    ------
    ArgumentError
        If `shape`, `seed` or `generator` is not valid.

    Notes
    -----
    "twister" is Marsaglia and Tsang's ziggurat of 256 layers ("The ziggurat method for generating random variables",
    2000) with MATLAB's table; "v4" Marsaglia's polar method, which keeps one number of two. 24 numbers that MATLAB
    printed with 17 digits are equal in every bit. Of "v4" the seed 0 is proved, by images of published papers; other
    seeds start as those of `rand` do, for which MATLAB's printed numbers speak, but none of its `randn` were at hand.

    Examples
    --------
    >>> from vdsr_data import randn
    >>> randn(3).tolist()
    [0.5376671395461, 1.8338850145950865, -2.258846861003648]
    >>> randn(4, generator="v4").round(4).tolist()
    [1.165, 0.6268, 0.0751, 0.3516]
    """
    sides, count = _shape(shape)
    return _filled(_polar(count, seed) if _checked(generator, seed) == "v4" else _ziggurat(count, seed), sides)


def randperm(n: int, seed: int = 0) -> NDArray[np.intp]:
    """A random permutation of 0 .. n - 1, in the order of MATLAB's ``randperm(n) - 1``.

    Parameters
    ----------
    n : int
        At least 0.
    seed : int, default 0
        As in ``rng(seed)``; 0 is a fresh MATLAB session (Mersenne Twister seeded with 5489).

    Returns
    -------
    ndarray, shape (n,), intp
        Zero-based, so that it indexes an array.

    Raises
    ------
    ArgumentError
        If `n` is negative, or `seed` is not in [0, 2**32 - 1].

    Examples
    --------
    >>> from vdsr_data import randperm
    >>> (randperm(10) + 1).tolist()
    [6, 3, 7, 8, 5, 1, 2, 4, 9, 10]
    """
    return np.argsort(_stream(n, seed).random_sample(n), kind="stable")


def randperm_inverse(n: int, seed: int = 0) -> NDArray[np.unsignedinteger]:
    """Where `randperm` puts each of n things: ``randperm_inverse(n)[randperm(n)]`` is 0 .. n - 1.

    Parameters and errors are those of `randperm`.

    Returns
    -------
    ndarray, shape (n,), uint32, or uint64 if n is above 2**32

    Notes
    -----
    Takes 7.5 bytes of memory for each of 35 million things; `randperm` and an assignment take 24. The numbers are drawn
    anew for each of 16 intervals, and only those in the interval are kept and sorted.
    """
    ranks: NDArray[np.unsignedinteger] = np.empty(n, dtype=np.uint32 if n <= 2**32 else np.uint64)
    intervals = 16 if n > BLOCK else 1
    done = 0
    for interval in range(intervals):
        generator = _stream(n, seed)
        kept: list[NDArray[np.unsignedinteger]] = []
        values: list[NDArray[np.float64]] = []
        for start in range(0, n, BLOCK):
            block = generator.random_sample(min(BLOCK, n - start))
            inside = np.flatnonzero((block * intervals).astype(np.uint8) == interval)
            kept.append((start + inside).astype(ranks.dtype))
            values.append(block[inside])
        if kept:
            order = np.argsort(np.concatenate(values), kind="stable")
            del values
            ranks[np.concatenate(kept)[order]] = np.arange(done, done + len(order), dtype=ranks.dtype)
            done += len(order)
    return ranks


def _shape(shape: Sides) -> tuple[list[int], int]:
    """The sides of an array, checked, and the number of its elements."""
    sides = [limits.whole("shape", side, (0, None)) for side in limits.several(shape)]
    count = math.prod(sides)
    if count > MOST:
        raise ArgumentError(f"shape: {count:.4g} random numbers are too many for any memory; draw them in parts")
    return sides, count


def _filled(values: NDArray[np.float64], sides: list[int]) -> NDArray[np.float64]:
    return values.reshape(sides, order="F")


def _checked(generator: str, seed: int) -> str:
    generator = limits.choice("generator", generator, get_args(Generator))
    limits.whole("seed", seed, V4_SEEDS if generator == "v4" else limits.SEEDS)
    return generator


def _stream(n: int, seed: int) -> np.random.RandomState:
    """MATLAB's generator, whose stream NumPy freezes."""
    limits.whole("n", n, (0, None))
    return np.random.RandomState(limits.whole("seed", seed, limits.SEEDS) or FRESH_SESSION_SEED)


def _v4_start(seed: int) -> int:
    """The state that MATLAB 4's generator starts from: the lower half of the seed's bits above the upper one."""
    upper, lower = divmod(seed or V4_ZERO, 2**16)
    sign = lower & 2**15  # would be the sign of 32 bits: it goes to the bit that the upper half does not use
    return (lower - sign) * 2**16 + sign + upper


def _congruential(seed: int, start: int, count: int) -> Words:
    """`count` numbers of MATLAB 4's generator after the first `start`: each is FACTOR times the one before."""
    powers = np.empty(min(count, BLOCK), dtype=np.uint64)  # FACTOR ** (k + 1), by doubling what is known
    if count:
        powers[0] = FACTOR
    known = 1
    while known < len(powers):
        more = min(known, len(powers) - known)
        powers[known : known + more] = powers[:more] * powers[known - 1] % np.uint64(PRIME)
        known += more
    out = np.empty(count, dtype=np.uint64)
    for at in range(0, count, BLOCK):
        state = pow(FACTOR, start + at, PRIME) * _v4_start(seed) % PRIME
        block = out[at : at + BLOCK]
        block[:] = powers[: len(block)] * np.uint64(state) % np.uint64(PRIME)
    return out


def _polar(count: int, seed: int) -> NDArray[np.float64]:
    """Normal numbers of MATLAB 4: points of a square that lie in the circle; the second coordinate is not used."""
    parts: list[NDArray[np.float64]] = []
    found = drawn = 0
    while found < count:
        pairs = min(int((count - found) * 1.3) + 16, BLOCK)  # pi / 4 of them lie in the circle
        u, v = (2.0 * _congruential(seed, drawn, 2 * pairs) / PRIME - 1.0).reshape(-1, 2).T
        r = u * u + v * v
        u, r = u[r < 1], r[r < 1]
        parts.append(u * np.sqrt(-2.0 * log(r) / r))
        found, drawn = found + len(u), drawn + 2 * pairs
    return np.concatenate([*parts, np.empty(0)])[:count]


@cache
def _layers() -> NDArray[np.float64]:
    """The widths of the ziggurat's layers, from the tip to the base, each rounded to 15 digits as MATLAB's table is."""

    def density(x: float) -> float:
        return float(exp(np.array([-0.5 * x * x]))[0])

    widths = [AREA / density(TAIL), TAIL]
    while len(widths) < 256:
        widths.append(math.sqrt(-2.0 * float(log(np.array([AREA / widths[-1] + density(widths[-1])]))[0])))
    return np.array([0.0, *(float(f"{width:.15g}") for width in reversed(widths))])


def _ziggurat(count: int, seed: int) -> NDArray[np.float64]:
    """Normal numbers of the Mersenne Twister.

    Nearly all take two of its 32-bit words, and no other number's choice changes where they lie; so blocks are computed
    as if all did, and then read from one rare exception to the next.
    """
    twister = np.random.MT19937()
    twister.state = cast(Any, _stream(count, seed).get_state(legacy=False))
    parts: list[NDArray[np.float64]] = []
    words = np.empty((0, 2), dtype=np.uint64)
    found = 0
    while found < count:
        more = min(count - found, BLOCK) + 64
        words = np.concatenate([words, twister.random_raw(2 * more).reshape(-1, 2)])
        values, used = _of_pairs(words)
        parts.append(values)
        found, words = found + len(values), words[used:]
    return np.concatenate([*parts, np.empty(0)])[:count]


def _of_pairs(words: Words) -> tuple[NDArray[np.float64], int]:
    """The normal numbers of pairs of words, and how many pairs they took; the last may be too few for one more."""
    x_layers = _layers()
    y_layers = exp(-0.5 * x_layers * x_layers)
    a, b = words.T
    layer = (b >> np.uint64(24)).astype(np.intp) + 1
    whole = (a >> np.uint64(3)) * np.uint64(2**24) + (b & np.uint64(2**24 - 1))
    x = (whole * 2.0**-52 - 1.0) * x_layers[layer]
    rare = np.flatnonzero(np.abs(x) > x_layers[layer - 1])
    rare = rare[rare + 1 < len(words)]  # each needs at least one pair more
    u = _uniform(words[rare + 1])
    i = layer[rare]
    below = y_layers[i] + u * (y_layers[i - 1] - y_layers[i]) < exp(-0.5 * x[rare] * x[rare])
    parts = []
    at, end = 0, len(words) - 1
    for k, accepted in zip(rare.tolist(), below.tolist(), strict=True):
        if k < at:  # a pair that the exception before has taken
            continue
        parts.append(x[at:k])
        if layer[k] == 256:
            tail = _tail(words[k + 1 :])
            if tail is None:
                end = k
                at = k
                break
            distance, taken = tail
            parts.append(np.array([math.copysign(distance, x[k])]))
            at = k + 1 + taken
        else:
            parts.append(x[k : k + accepted])
            at = k + 2
    parts.append(x[at:end])
    return np.concatenate(parts), max(at, end)


def _tail(words: Words) -> tuple[float, int] | None:
    """A number beyond the ziggurat and the pairs it took; None if there are too few."""
    for k in range(0, len(words) - 1, 2):
        u, v = _uniform(words[k : k + 2])
        x, y = log(np.array([u, v])) / np.array([TAIL, 1.0])
        if -2.0 * y > x * x:
            return TAIL - float(x), k + 2
    return None


def _uniform(words: Words) -> NDArray[np.float64]:
    """The numbers that `rand` makes of pairs of words."""
    high, low = (words >> np.array([5, 6], dtype=np.uint64)).T
    return np.asarray((high * 67108864.0 + low) / 9007199254740992.0)
