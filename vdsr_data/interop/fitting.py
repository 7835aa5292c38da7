"""What a resizer is, found from what it does: kernel, widening, shift, rule beyond the edge, order and rounding.

A resizer is taken for two passes of weighted sums. Its weights are read from one image of many impulses, the known
kernels are fitted to them, and what it makes of 8-bit noise tells how it rounds.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fit", "Resizing", "Rounding", "fit_resizer"]

Image = NDArray[Any]
Doubles = NDArray[np.float64]
Sized = Callable[[Image, tuple[int, int]], Image]
Kernel = Callable[[Doubles], Doubles]

LENGTH, EDGE = 40, 12  # pixels, and those from the edge whose kernels may reach beyond it
RESULTS = ((100, 20), (16, 30))  # pixels of the result, and columns for each impulse
FITS = {"f": 1e-3, "u": 0.015}  # weights may be off by this, of floats (TensorFlow has tables of them) and of 8 bits
KEYS = (-1.5, 0.5)  # where the parameter of a cubic is looked for
NICE = {"f": 0.003, "u": 0.03}  # how near it is taken for a multiple of 0.05, as people choose it
BLURRED = 0.2  # what is left of the finest stripes by a kernel that grows, at most
ROUNDS = 0.9  # part of the values that a rule of rounding must give


@dataclass(frozen=True)
class Fit:
    """How a resizer weighs pixels at one factor, down the image.

    Attributes
    ----------
    scale : float
    kernel : str
        "cubic", "linear", "box" (or the nearest pixel), "lanczos2", "lanczos3", "mitchell" or "spline"; empty if none
        of them fits.
    a : float or None
        The parameter of Keys' cubic; MATLAB's is -0.5. None of another kernel.
    widened : bool or None
        Whether the kernel grows as the image shrinks; of an unknown one, whether it takes out the finest stripes. None
        where the image does not shrink.
    border : str
        What lies beyond the edge: the image "mirrored", as in MATLAB; the edge pixel "repeated"; the image
        "reflected", mirrored without its edge pixel; "zero"; the other side ("around"); or nothing, where the kernel is
        "cut off" and the rest of it divided by its sum. Empty if it is none of these.
    shift : float
        By how many pixels of the source the result lies further down and right than MATLAB's, on average.
    corners : bool
        Whether the first and the last pixels lie on those of the source, and not their edges on its edges.
    error : float
        The largest difference between the weights and those of the fit.
    """

    scale: float
    kernel: str
    a: float | None
    widened: bool | None
    border: str
    shift: float
    corners: bool
    error: float


@dataclass(frozen=True)
class Rounding:
    """How a resizer makes 8-bit values.

    Attributes
    ----------
    times : int
        1 or 2, after each pass.
    order : str
        "rows first" or "columns first", where it rounds twice; else empty. Rows first is down the image first.
    rule : str
        "half up" (which is half away from zero), "half to even" or "truncated".
    share : float
        Part of the values of 8-bit noise that this gives.
    """

    times: int
    order: str
    rule: str
    share: float


@dataclass(frozen=True)
class Resizing:
    """What a resizer is: enlarging by 2.5, shrinking by 0.4, and its rounding; None where nothing fits."""

    enlarging: Fit | None
    shrinking: Fit | None
    rounding: Rounding | None


def fit_resizer(resize: Sized, dtype: type[np.generic]) -> Resizing:
    """Look at a resizer of (rows, columns) images of a dtype, float64 or uint8, to sizes (rows, columns).

    Its 8-bit values are looked at in any case, if it takes uint8.
    """
    fits: list[Fit | None] = []
    for out, step in RESULTS:
        try:
            weights = _weights(resize, out, step, np.dtype(dtype))
            fits.append(_fit(weights, np.dtype(dtype).kind, fits[0].border if fits and fits[0] else ""))
        except (Exception, SystemExit):  # whatever a function raises at this factor
            fits.append(None)
    try:
        rounding = _rounding(resize, [fit for fit in fits if fit and fit.kernel and fit.border])
    except (Exception, SystemExit):
        rounding = None
    return Resizing(fits[0], fits[1], rounding)


def _weights(resize: Sized, out: int, step: int, dtype: np.dtype[Any]) -> Doubles:
    """The weight of each of LENGTH pixels for each of `out` of the result, down the image.

    Each pixel has a block of `step` columns of its own where it alone is bright; before them lies a block without one,
    and behind them black and white, so that a resizer that clips to the range of the image clips nothing.
    """
    grey, amplitude, top = (120, 110, 255) if dtype.kind == "u" else (0.5, 0.25, 1)
    image = np.full((LENGTH, (LENGTH + 4) * step), grey, dtype)
    for pixel in range(LENGTH):
        image[pixel, (pixel + 1) * step : (pixel + 2) * step] = grey + amplitude
    image[:, -2 * step : -step], image[:, -step:] = 0, top
    width = step * out // LENGTH
    result = np.asarray(resize(image, (out, (LENGTH + 4) * width)), dtype=np.float64)
    blocks = result[:, width // 2 :: width][:, : LENGTH + 1]
    return np.asarray((blocks[:, 1:] - blocks[:, :1]) / amplitude)


def _fit(weights: Doubles, kind: str, likely: str) -> Fit:
    """The kernel, the positions and the rule beyond the edge that give these weights.

    Where several rules do, as at some factors, the `likely` one is taken.
    """
    out, index = len(weights), np.arange(LENGTH)
    scale = out / LENGTH
    matlab, corners = _positions(out, LENGTH)
    inside = (matlab >= EDGE) & (matlab < LENGTH - EDGE)
    within = weights[inside]
    centre = (within * index).sum(axis=1) / within.sum(axis=1)
    gaps = [centre - places[inside] for places in (matlab, corners)]
    at_corners = bool(np.ptp(gaps[1]) < np.ptp(gaps[0]) / 2)
    shift = round(float(gaps[at_corners].mean()), 2) + 0.0
    position = corners if at_corners else matlab
    tried = []
    for moved, stretch in product((0.0, shift), (1.0, scale) if scale < 1 else (1.0,)):
        distance = stretch * (position[inside, np.newaxis] + moved - index)
        for name, kernel, a in _kernels(distance, within, NICE[kind]):
            tried.append((float(np.abs(_normalised(kernel(distance)) - within).max()), name, kernel, a, stretch, moved))
    error, name, kernel, a, stretch, moved = min(tried, key=lambda one: one[0])
    if error > FITS[kind]:
        stripes = within @ (1 - index % 2 * 2)
        blurred = bool(np.sqrt((stripes * stripes).mean()) < BLURRED) if scale < 1 else None
        return Fit(scale, "", None, blurred, "", shift, at_corners, error)
    widened = stretch < 1 if scale < 1 else None
    shift, position = moved, position + moved  # the middle of a few pixels is no measure of a box
    errors = {rule: float(np.abs(_full(kernel, position, stretch, LENGTH, rule) - weights).max()) for rule in RULES}
    border = min(errors, key=lambda rule: errors[rule])
    if errors.get(likely, math.inf) <= errors[border] + FITS[kind] / 10:
        border = likely
    return Fit(scale, name, a, widened, border if errors[border] <= 4 * FITS[kind] else "", shift, at_corners, error)


def _positions(out: int, length: int) -> tuple[Doubles, Doubles]:
    """Where the pixels of a result lie in the source: as in MATLAB, and with the first and the last on its own."""
    index = np.arange(out)
    return (index + 0.5) * length / out - 0.5, index * (length - 1) / (out - 1)


def _kernels(distance: Doubles, weights: Doubles, nearly: float) -> Iterator[tuple[str, Kernel, float | None]]:
    """The kernels that are known, the cubic with the parameter that fits these weights best."""
    near, more = _keys(distance, 0.0), _keys(distance, 1.0) - _keys(distance, 0.0)
    slope = more - weights * more.sum(axis=1, keepdims=True)
    rest = weights * near.sum(axis=1, keepdims=True) - near
    if (square := float((slope * slope).sum())) > 1e-9:
        a = float((slope * rest).sum()) / square
        nice = round(a * 20) / 20
        a = nice if abs(a - nice) < nearly else a
        if KEYS[0] <= a <= KEYS[1]:
            yield "cubic", partial(_keys, a=a), round(a, 4)
    for name, kernel in KERNELS.items():
        yield name, kernel, None


def _keys(x: Doubles, a: float) -> Doubles:
    """Keys' cubic convolution kernel."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _b_spline(x: Doubles) -> Doubles:
    """The cubic B-spline."""
    x = np.abs(x)
    return np.where(x <= 1, (4 - 6 * x**2 + 3 * x**3) / 6, np.where(x < 2, (2 - x) ** 3 / 6, 0.0))


def _cardinal(x: Doubles) -> Doubles:
    """The cubic spline through the pixels, which weighs all of them, ever less."""
    pole = math.sqrt(3) - 2
    weights = [-6 * pole / (1 - pole * pole) * pole ** abs(k) for k in range(-12, 13)]
    return np.asarray(sum(weight * _b_spline(x - k) for k, weight in zip(range(-12, 13), weights, strict=True)))


KERNELS: dict[str, Kernel] = {
    "linear": lambda x: np.maximum(1 - np.abs(x), 0),
    "box": lambda x: np.where((x >= -0.5) & (x < 0.5), 1.0, 0.0),
    "lanczos2": lambda x: np.where(np.abs(x) < 2, np.sinc(x) * np.sinc(x / 2), 0.0),
    "lanczos3": lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0),
    "mitchell": lambda x: (_b_spline(x) + 2 * _keys(x, -0.5)) / 3,
    "spline": _cardinal,
}


def _normalised(weights: Doubles) -> Doubles:
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total != 0))


def _reflected(index: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    index = np.abs(index) % (2 * length - 2)
    return np.where(index < length, index, 2 * length - 2 - index)


RULES: dict[str, Callable[[NDArray[np.intp], int], NDArray[np.intp]] | None] = {
    "mirrored": lambda index, n: np.where(index % (2 * n) < n, index % (2 * n), 2 * n - 1 - index % (2 * n)),
    "repeated": lambda index, n: index.clip(0, n - 1),
    "cut off": None,
    "reflected": _reflected,
    "zero": None,
    "around": lambda index, n: index % n,
}


def _full(kernel: Kernel, position: Doubles, stretch: float, length: int, rule: str) -> Doubles:
    """The weights of all pixels, the edge included."""
    index = np.arange(-2 * length, 3 * length)
    found = kernel(stretch * (position[:, np.newaxis] - index))
    inside = (index >= 0) & (index < length)
    if rule == "cut off":
        return _normalised(found[:, inside])
    found = _normalised(found)
    wrap = RULES[rule]
    if wrap is None:
        return found[:, inside]
    weights = np.zeros((len(position), length))
    for column, pixel in zip(found.T, wrap(index, length).tolist(), strict=True):
        weights[:, pixel] += column
    return weights


def _matrix(fit: Fit, length: int, out: int) -> Doubles:
    """The weights of a fit for another length."""
    ends = _positions(out, length)[fit.corners]
    stretch = out / length if fit.widened else 1.0
    kernel = KERNELS[fit.kernel] if fit.a is None else partial(_keys, a=fit.a)
    return _full(kernel, ends + fit.shift, stretch, length, fit.border)


HALVES: dict[str, Callable[[Doubles], Doubles]] = {
    "half up": lambda x: np.floor(x + 0.5),
    "half to even": np.rint,
    "truncated": np.floor,
}


def _rounding(resize: Sized, fits: list[Fit]) -> Rounding | None:
    """How many roundings, in which order, by which rule, give what the resizer makes of 8-bit noise."""
    random = np.random.default_rng(0)
    agree = {(times, order, rule): 0
             for times, order in ((2, "rows first"), (2, "columns first"), (1, "")) for rule in HALVES}  # fmt: skip
    values = 0
    for fit in fits:
        # Weights of 2 and 1/2 are whole parts of 128, so that halves are frequent.
        for length, out in [(40, 80), (24, 60)] if fit.scale > 1 else [(80, 40), (80, 32)]:
            image = (random.integers(0, 4, (length, length)) * 64).astype(np.uint8)
            image[length // 2 :] = random.integers(0, 256, (length - length // 2, length))
            found = np.asarray(resize(image, (out, out)))
            weights = _matrix(fit, length, out)
            for times, order, rule in agree:
                near = HALVES[rule]

                def kept(x: Doubles, near: Callable[[Doubles], Doubles] = near) -> Doubles:
                    return near(np.round(x, 9)).clip(0, 255)  # the last bits are not those of the sums here

                x = image.astype(np.float64)
                if times == 1:
                    x = kept(weights @ x @ weights.T)
                elif order == "rows first":
                    x = kept(kept(weights @ x) @ weights.T)
                else:
                    x = kept(weights @ kept(x @ weights.T))
                agree[times, order, rule] += int((x == found).sum())
            values += found.size
    if not values:
        return None
    best = max(agree, key=lambda one: agree[one])
    share = agree[best] / values
    return Rounding(*best, share) if share >= ROUNDS else None
