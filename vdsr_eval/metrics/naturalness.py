"""`niqe` and `brisque`: how natural one image looks, without an original, as the authors' MATLAB code computes it.

Both take an image minus its local mean, by its local deviation, and describe how these coefficients and the products of
neighbours are distributed. Their models are fetched, never shipped.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrWarning
from vdsr_data.limits import WORKERS, whole
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.arrays import as_array
from vdsr_data.matlab.color import rgb2gray
from vdsr_data.matlab.filters import fspecial
from vdsr_data.matlab.resize import imresize, in_bands
from vdsr_eval.metrics import _naturalness_kernels as _kernels
from vdsr_eval.metrics.naturalness_models import FEATURES, brisque_model, niqe_model

__all__ = ["NATURALNESS", "Naturalness", "brisque", "niqe"]

Doubles = NDArray[np.float64]
Score = Callable[[Sequence[Doubles]], float]  # of what `_sums` makes of both scales

WINDOW, SIGMA = 7, 7 / 6
BLOCK = 96  # rows and columns, of NIQE
NIQE_SHIFTS = np.array([[0, 1], [1, 0], [1, 1], [1, -1]])  # of the neighbours: down, right
BRISQUE_SHIFTS = np.array([[0, 1], [1, 0], [1, 1], [-1, 1]])
STRIP = 96  # rows that are summed by one thread
NOISE = 1e-14  # size of a coefficient that rounding makes
PASSES = 4  # over the levels, while they change something


@dataclass(frozen=True)
class Naturalness:
    """A score of one image, and how far rounding alone can move it; ``float(score)`` is its value.

    Attributes
    ----------
    value : float
        The score, lower is better; NaN if the image is flat all over.
    low, high : float
        The least and the greatest value that were found by a search: both are `value` where nothing is undecided.
    flat : float
        Which part of the pixels have a coefficient whose sign is decided by rounding, 0 to 1.

    Notes
    -----
    Where an image is flat, a coefficient is zero, and computed it is some 1e-14, or nothing, by the order in which a
    filter adds. Both measures count how many coefficients, and products of neighbours, are below and above zero; so two
    right implementations differ. Undecided is each coefficient that is less than
    2**-46 of the local mean: that is more than all roundings of 49 taps, in any order, and those of the taps.
    Undecided pixels of one grey level have the same neighbours and so the same sign in any program that does the same
    for each pixel: negative, zero or positive. The search gives each level each of the three, the most frequent first,
    keeps what lowers (for `high`: raises) the score, and goes round until nothing changes. So `low` and `high` are
    scores that signs of these levels make, not a proof that none lies beyond.

    Examples
    --------
    >>> from vdsr_eval import Naturalness
    >>> print(Naturalness(8.69570, 8.54854, 9.31436, 0.3019))
    8.6957, between 8.5485 and 9.3144: 30 % of the picture is flat
    """

    value: float
    low: float
    high: float
    flat: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        if self.low == self.high or math.isnan(self.value):
            return f"{self.value:.4f}"
        reach = f"between {self.low:.4f} and {self.high:.4f}"
        return f"{self.value:.4f}, {reach}: {100 * self.flat:.0f} % of the picture is flat"


def niqe(image: NDArray[Any], *, model: Path | str | None = None, threads: int = 1) -> Naturalness:
    """Score one image by NIQE: how far its statistics are from those of 125 natural photographs.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, 3)
        uint8, 0 to 255, grey or RGB, of which rgb2gray is taken; at least two blocks of 96 x 96 pixels. What is beyond
        the last whole block is left out.
    model : path, optional
        The authors' ``modelparameters.mat``; by default the one that ``vdsr-data fetch niqe`` brought.
    threads : int, default 1
        Threads to work with; the result does not depend on their number.

    Returns
    -------
    Naturalness
        The value, from 0 on, lower is better; and how far rounding can move it, where the image is flat.

    Raises
    ------
    TypeError
        If the image is not uint8.
    ArgumentError
        If its shape is another, or it is too small. It is a ValueError.
    VdsrError
        If the model was not fetched, or the file is none.

    Warns
    -----
    VdsrWarning
        If fewer than two blocks have a deviation, so that the score is NaN.

    Notes
    -----
    Mittal, Soundararajan, Bovik, "Making a 'completely blind' image quality analyzer", 2013, as in the authors' release
    for MATLAB. MATLAB's own ``niqe`` has another model, which is not public. Of an image without flat areas MATLAB
    printed 3.65492152353770, which comes out to 1e-12.

    Examples
    --------
    >>> from vdsr_data import open_set
    >>> from vdsr_eval import niqe
    >>> for name, pixels in open_set("Set5"):  # doctest: +SKIP
    ...     print(name, niqe(pixels))
    """
    grey, threads = _grey(image, "niqe"), whole("threads", threads, WORKERS)
    rows, columns = (side // BLOCK for side in grey.shape)
    if rows * columns < 2:
        size = f"{grey.shape[0]}x{grey.shape[1]}"
        raise ArgumentError(f"niqe needs at least two blocks of {BLOCK}x{BLOCK} pixels, such as 96x192, got {size}")
    mean, covariance = niqe_model(model)
    grey = np.ascontiguousarray(grey[: rows * BLOCK, : columns * BLOCK])
    planes = [
        _plane(pixels, True, (side, side), NIQE_SHIFTS, threads)
        for pixels, side in ((grey, BLOCK), (imresize(grey, 0.5, threads=threads), BLOCK // 2))
    ]

    def score(sums: Sequence[Doubles]) -> float:
        found = np.concatenate([_niqe_features(one, plane.area) for one, plane in zip(sums, planes, strict=True)], 1)
        whole_rows = found[~np.isnan(found).any(axis=1)]
        if len(whole_rows) < 2:
            return math.nan
        apart = mean - np.nanmean(found, axis=0)
        middle = (covariance + np.cov(whole_rows.T)) / 2
        norm = np.linalg.norm(middle, 2)
        inverse = np.linalg.pinv(middle, rcond=FEATURES * np.spacing(norm) / norm)
        return math.sqrt(float(apart @ inverse @ apart))

    return _judged(planes, score, threads, "niqe")


def brisque(image: NDArray[Any], *, model: Path | str | None = None, threads: int = 1) -> Naturalness:
    """Score one image by BRISQUE: what people would say of it, as learnt from the LIVE database.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, 3)
        uint8, 0 to 255, grey or RGB, of which rgb2gray is taken; at least 7 x 7 pixels.
    model : path, optional
        The folder of the authors' ``allmodel`` and ``allrange``; by default the one that ``vdsr-data fetch brisque``
        brought.
    threads : int, default 1
        Threads to work with; the result does not depend on their number.

    Returns
    -------
    Naturalness
        The value, mostly from 0, the best, to 100, of six digits, as svm-predict prints it; and how far rounding can
        move it, where the image is flat.

    Raises
    ------
    TypeError
        If the image is not uint8.
    ArgumentError
        If its shape is another, or it is too small. It is a ValueError.
    VdsrError
        If the model was not fetched, or a file is none.

    Warns
    -----
    VdsrWarning
        If the image is flat all over, so that the score is NaN.

    Notes
    -----
    Mittal, Moorthy, Bovik, "No-reference image quality assessment in the spatial domain", 2012, as in the authors'
    release for MATLAB, whose features go through files of six decimals, and scaled of six digits. MATLAB's own
    ``brisque`` has another model, which is not public. Of an image without flat areas MATLAB printed -0.107618, which
    is what comes out.

    Examples
    --------
    >>> from vdsr_data import open_set
    >>> from vdsr_eval import brisque
    >>> for name, pixels in open_set("Set5"):  # doctest: +SKIP
    ...     print(name, brisque(pixels))
    """
    grey, threads = _grey(image, "brisque"), whole("threads", threads, WORKERS)
    if min(grey.shape) < WINDOW:
        size = f"{grey.shape[0]}x{grey.shape[1]}"
        raise ArgumentError(f"brisque needs at least {WINDOW}x{WINDOW} pixels, got {size}")
    machine = brisque_model(model)
    planes = [
        _plane(pixels, False, pixels.shape, BRISQUE_SHIFTS, threads)
        for pixels in (grey, imresize(grey, 0.5, threads=threads))
    ]

    def score(sums: Sequence[Doubles]) -> float:
        found = [_brisque_features(one, plane.area) for one, plane in zip(sums, planes, strict=True)]
        return float(machine.predict(np.concatenate(found)))

    return _judged(planes, score, threads, "brisque")


NATURALNESS: dict[str, Callable[..., Naturalness]] = {"niqe": niqe, "brisque": brisque}


class _Plane(NamedTuple):
    """One scale of an image: pixels, coefficients, which of them rounding decides, and the blocks to describe."""

    pixels: Doubles
    coefficients: Doubles
    undecided: NDArray[np.bool_]
    block: tuple[int, int]
    shifts: NDArray[np.int64]

    @property
    def area(self) -> int:
        """Pixels of a block."""
        return self.block[0] * self.block[1]


def _grey(image: NDArray[Any], function: str) -> Doubles:
    """The image as MATLAB's ``double(rgb2gray(image))``."""
    image = as_array(image, function)
    if image.dtype != np.uint8:
        raise TypeError(f"{function} takes uint8, 0 to 255, got {image.dtype}; convert it first")
    if image.ndim != 2 and image.shape[2:] != (3,):
        raise ArgumentError(f"{function} needs an image (rows, columns) or (rows, columns, 3), got {image.shape}")
    return (image if image.ndim == 2 else rgb2gray(image)).astype(np.float64)


def _plane(pixels: Doubles, replicate: bool, block: tuple[int, int], shifts: NDArray[np.int64], threads: int) -> _Plane:
    """Compute the coefficients."""
    out, undecided = np.empty(pixels.shape), np.empty(pixels.shape, np.bool_)
    taps = fspecial("gaussian", (WINDOW, 1), SIGMA).ravel()

    def work(band: slice) -> None:
        _kernels.coefficients(read_only(pixels), taps, replicate, band.start, band.stop, out, undecided)

    in_bands(work, len(pixels), threads)
    return _Plane(pixels, out, undecided, block, shifts)


def _sums(plane: _Plane, coefficients: Doubles, threads: int) -> Doubles:
    """What `block_sums` counts and adds, of each block: (blocks, 5, 5)."""
    height, width = plane.block
    strips = -(-height // STRIP)
    down, across = coefficients.shape[0] // height, coefficients.shape[1] // width
    out = np.zeros((down, strips, across, 5, 5))

    def work(band: slice) -> None:
        for place in range(band.start, band.stop):
            row, strip = divmod(place, strips)
            start, stop = strip * STRIP, min((strip + 1) * STRIP, height)
            _kernels.block_sums(
                read_only(coefficients), row * height, height, width, start, stop, plane.shifts, out[row, strip]
            )

    in_bands(work, down * strips, threads)
    found: Doubles = out.sum(axis=1)
    return found.reshape(-1, 5, 5)


def _judged(planes: Sequence[_Plane], score: Score, threads: int, name: str) -> Naturalness:
    """The score, and its extremes over the signs of what rounding decides."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the mean of nothing but NaN
        value = score([_sums(plane, plane.coefficients, threads) for plane in planes])
        undecided = any(plane.undecided.any() for plane in planes)
        low, high = _extremes(planes, score, threads) if undecided and not math.isnan(value) else (value, value)
    if math.isnan(value):
        warnings.warn(f"{name}: the image is flat, so that it has no score", VdsrWarning, stacklevel=3)
    return Naturalness(value, min(low, value), max(high, value), float(planes[0].undecided.mean()))


def _extremes(planes: Sequence[_Plane], score: Score, threads: int) -> tuple[float, float]:
    """The least and the greatest score that signs of the undecided levels make, as `Naturalness` tells."""
    found = np.concatenate([np.rint(plane.pixels[plane.undecided]) for plane in planes])
    levels, count = np.unique(found, return_counts=True)
    parts = []
    for plane in planes:
        decided = np.where(plane.undecided, 0.0, plane.coefficients)
        parts.append((_sums(plane, decided, threads), *_products(plane, levels)))

    def of_signs(signs: NDArray[np.int8]) -> float:
        signs = np.concatenate([signs, np.array([-1, 0, 1], np.int8)])
        sums = []
        for base, place, one, other, number in parts:
            total = base.copy().reshape(-1, 5)
            sign = signs[one] * signs[other]
            for column, hit in ((0, sign < 0), (2, sign > 0)):
                more = np.bincount(place[hit], number[hit], len(total))
                total[:, [column, column + 1, 4]] += np.outer(more, [1, NOISE**2, NOISE])
            sums.append(total.reshape(base.shape))
        return score(sums)

    uniform = [np.full(len(levels), sign, np.int8) for sign in (-1, 0, 1)]
    scored = [(value, signs) for signs in uniform if not math.isnan(value := of_signs(signs))]
    if not scored:
        return math.nan, math.nan
    ends = []
    for direction in (-1.0, 1.0):
        best, signs = max(((direction * value, signs) for value, signs in scored), key=lambda pair: pair[0])
        for _ in range(PASSES):
            before = best
            for level in np.argsort(-count, kind="stable"):
                for sign in {-1, 0, 1} - {int(signs[level])}:
                    tried = signs.copy()
                    tried[level] = sign
                    value = direction * of_signs(tried)
                    if value > best:
                        best, signs = value, tried
            if best == before:
                break
        ends.append(direction * best)
    return ends[0], ends[1]


def _products(plane: _Plane, levels: Doubles) -> tuple[NDArray[np.int64], ...]:
    """Coefficients and products with an undecided sign: which sum, whose two signs multiply, and how many there are.

    A sign is the index of a level, and behind these of one that is negative, zero or positive.
    """
    kinds = len(levels) + 3
    height, width = plane.block
    sign = np.where(
        plane.undecided,
        np.searchsorted(levels, np.rint(plane.pixels)),
        len(levels) + 1 + np.sign(plane.coefficients).astype(np.int64),
    )
    blocks = np.ascontiguousarray(
        sign.reshape(-1, height, sign.shape[1] // width, width).swapaxes(1, 2).reshape(-1, height, width)
    )
    keys = []
    for kind, shift in enumerate([None, *plane.shifts.tolist()]):
        other = np.full_like(blocks, kinds - 1) if shift is None else np.roll(blocks, shift, (1, 2))
        block, row, column = np.nonzero((blocks < len(levels)) | (other < len(levels)))
        place = block * 5 + kind
        keys.append((place * kinds + blocks[block, row, column]) * kinds + other[block, row, column])
    key, number = np.unique(np.concatenate(keys), return_counts=True)
    return key // kinds**2, key // kinds % kinds, key % kinds, number


class _Shapes(NamedTuple):
    """Of the shapes 0.2, 0.201 to 10 of a generalised Gaussian: what moments tell of each, and its constants."""

    shape: Doubles
    asymmetric: Doubles  # G(2/a)^2 / (G(1/a) G(3/a)), rising
    symmetric: Doubles  # its inverse, falling
    scale: Doubles  # sqrt(G(1/a) / G(3/a))
    slope: Doubles  # G(2/a) / G(1/a)


@lru_cache
def _shapes() -> _Shapes:
    """The shapes, as MATLAB's 0.2:0.001:10 counts them from both ends."""
    k = np.arange(9801)
    shape = np.where(k <= 4900, 0.2 + k * 0.001, 10 - (9800 - k) * 0.001)
    one, two, three = (np.array([math.gamma(n / a) for a in shape.tolist()]) for n in (1, 2, 3))
    return _Shapes(shape, two**2 / (one * three), one * three / two**2, np.sqrt(one / three), two / one)


def _nearest(table: Doubles, wanted: Doubles) -> NDArray[np.intp]:
    """Where in a rising table the values nearest to those wanted are; 0 for NaN, as MATLAB's min has it."""
    after = np.searchsorted(table, wanted).clip(1, len(table) - 1)
    found = after - (wanted - table[after - 1] <= table[after] - wanted)
    return np.where(np.isnan(wanted), 0, found)


def _fits(sums: Doubles, area: int) -> tuple[NDArray[np.intp], Doubles, Doubles]:
    """Fit asymmetric generalised Gaussians: which of the shapes, the left and the right deviation."""
    left, right = np.sqrt(sums[..., 1] / sums[..., 0]), np.sqrt(sums[..., 3] / sums[..., 2])
    ratio = left / right
    moments = (sums[..., 4] / area) ** 2 / ((sums[..., 1] + sums[..., 3]) / area)
    wanted = moments * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    return _nearest(_shapes().asymmetric, wanted), left, right


def _niqe_features(sums: Doubles, area: int) -> Doubles:
    """18 features of each block: (blocks, 5, 5) -> (blocks, 18)."""
    index, left, right = _fits(sums, area)
    shapes = _shapes()
    shape, left, right = shapes.shape[index], left * shapes.scale[index], right * shapes.scale[index]
    features = np.stack([shape, (right - left) * shapes.slope[index], left, right], axis=-1)
    first = np.stack([shape[:, 0], (left[:, 0] + right[:, 0]) / 2], axis=-1)
    return np.concatenate([first, features[:, 1:].reshape(len(sums), -1)], axis=1)


def _brisque_features(sums: Doubles, area: int) -> Doubles:
    """18 features of the one block: (1, 5, 5) -> (18,)."""
    shapes, (first, *_) = _shapes(), sums[0]
    square = (first[1] + first[3]) / area
    index = len(shapes.shape) - 1 - _nearest(shapes.symmetric[::-1], square / (first[4] / area) ** 2)
    at, left, right = _fits(sums[0, 1:], area)
    middle = (right - left) * shapes.slope[at] * shapes.scale[at]
    features = np.stack([shapes.shape[at], middle, left**2, right**2], axis=-1)
    return np.concatenate([[shapes.shape[index], square], features.ravel()])
