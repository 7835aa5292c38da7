"""Which recipe made these low-resolution images? All known ones are tried, MATLAB's and other libraries'."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import find_images
from vdsr_data.degradations.recipes import KINDS, NOISE, Crop, Degradation, crop_for, crop_lines
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import image_size, is_image_name, read_image
from vdsr_data.interop.resizers import resizers
from vdsr_data.io.ahead import Progress, ignore
from vdsr_data.limits import BOUNDARIES, SCALES, Boundary
from vdsr_data.matlab.arrays import colon, modcrop
from vdsr_data.matlab.color import luma
from vdsr_data.matlab.random import randn
from vdsr_data.matlab.resize import imresize

__all__ = ["Identified", "Recipe", "identify"]

Image = NDArray[np.uint8]
PROBES = 8  # small images, of which the one with most detail is tried
TRIED = 4  # scales, if none was given and the sizes allow several
CORNER = 256  # pixels of a low-resolution image on which recipes are first compared
RIM = 16  # pixels beside a cut that may see beyond it
DETAIL = 5.0  # standard deviation of a corner without which it tells nothing
SEEDS = (None, *range(10), 42, 100, 123, 1234)  # of noise: `randn('seed', 0)`, and those of `rng`
NUMBERS = 100_000  # by which a seed is recognised
NOISY = 2.0  # standard deviation from which differences may be noise
ALIKE = 0.1  # correlation of neighbours below which they look like it
SHOWN = 5
CROPS: dict[Crop | int, str] = {
    "modcrop": "cropped to multiples of the scale", "none": "not cropped", "meta-sr": "cropped as by Meta-SR",
    12: "cropped to multiples of 12",
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A way in which images may have been made, and how far those at hand are from what it gives.

    `differing` of `values` are not equal; the largest difference is `largest`, the mean absolute one `mean`.
    """

    name: str
    matlab: tuple[str, ...] = ()
    differing: int = 0
    values: int = 0
    largest: int = 0
    mean: float = 0.0
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"{self.name}: {self.differing:,} of {self.values:,} values differ"
        return line + (f", by up to {self.largest}, {self.mean:.3g} on average" if self.differing else "")


@dataclass(frozen=True)
class Identified:
    """What `identify` found: the scale, the number of images, and recipes, the nearest first.

    `guessed` is set if no recipe is exact, and the scale is only the nearest that the sizes allow.
    """

    scale: float
    images: int
    recipes: tuple[Recipe, ...]
    guessed: bool = False

    @property
    def exact(self) -> bool:
        """Whether the nearest recipe gives every value."""
        return self.recipes[0].differing == 0

    def __str__(self) -> str:
        images = f"{self.images} image{'s' * (self.images > 1)}, x{self.scale:g}"
        best, *others = self.recipes
        if self.exact:
            same = [f"  the same values: {one.name}" for one in others[:SHOWN] if not one.differing]
            return "\n".join([f"{images}: {best}", *(f"  {line}" for line in best.matlab), *same])
        lines = [f"{images}: no known recipe gives every value; the nearest:"]
        for recipe in self.recipes[:SHOWN]:
            lines += [f"  {recipe}", *(f"    {remark}" for remark in recipe.remarks)]
        if self.guessed:
            lines.append("the scale is what the sizes allow; name it with --scale if it is another")
        return "\n".join(lines)


def identify(lr: str | Path, gt: str | Path, *, scale: float | None = None, advance: Progress = ignore) -> Identified:
    """Find out how low-resolution images were made of their originals.

    Parameters
    ----------
    lr : str or path
        A low-resolution image, or a folder of them; 8-bit.
    gt : str or path
        Its original, or a folder, or the name of a set (see `open_set`). Of folders, images belong together whose names
        are the same, but for an ending such as ``x3`` or ``_LRBI_x3``.
    scale : float, optional
        Factor of reduction; by default what the sizes say.
    advance : callable
        Called with how many recipes have been tried since the last call, and how many there are.

    Returns
    -------
    Identified
        Its text is what `vdsr-data identify` prints.

    Raises
    ------
    ArgumentError
        If `scale` is not valid.
    VdsrError
        If an image cannot be read, is not of 8 bits, has no partner, or no scale fits the sizes.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import degrade, identify, write_image
    >>> hr = np.random.default_rng(0).integers(0, 256, (60, 66, 3), dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/hr.png", hr)
    ...     write_image(f"{folder}/lr.png", degrade(hr, "bd", 3))
    ...     print(identify(f"{folder}/lr.png", f"{folder}/hr.png").recipes[0])
    bd: 0 of 1,320 values differ
    """
    pairs = _pairs(Path(lr), gt)
    first = _probe(pairs)
    found: list[Identified] = []
    for one, crops in _scales([(image_size(low), image_size(high)) for low, high in pairs], scale):
        found.append(Identified(one, len(pairs), _recipes(pairs, first, one, crops, advance)))
        if found[-1].exact:
            break
    best = min(found, key=lambda answer: _rank(answer.recipes[0]))
    return best if best.exact or scale is not None else replace(best, guessed=True)


def _probe(pairs: Sequence[tuple[Path, Path]]) -> tuple[Image, Image]:
    """A small pair to try recipes on: of the smallest few, the one with most detail; a flat one tells nothing."""
    small = sorted(pairs, key=lambda pair: math.prod(image_size(pair[0])))[:PROBES]
    return max((_read(*pair)[:2] for pair in small), key=lambda pair: float(np.std(pair[0])))


def _recipes(
    pairs: Sequence[tuple[Path, Path]],
    first: tuple[Image, Image],
    scale: float,
    crops: Sequence[Crop | int],
    advance: Progress,
) -> tuple[Recipe, ...]:
    """The recipes at one scale, the nearest first; those that give every value alone, once there are any."""
    tried: list[tuple[float, _Way]] = []
    for stage in (_ways, _noisy, _fitted):
        ways = [replace(way, crop=crop) for crop in crops for way in stage(first, scale, crop)]
        means = []
        for way in ways:
            means.append(_mean(way, first, scale))
            advance(1, len(tried) + len(ways))
        tried += zip(means, ways, strict=True)
        exact = _over_all([way for mean, way in zip(means, ways, strict=True) if not mean], pairs, scale)
        if exact and not exact[0].differing:
            return tuple(recipe for recipe in exact if not recipe.differing)
    tried.sort(key=lambda one: one[0])
    enough = tried[min(2 * SHOWN, len(tried)) - 1][0]  # and all that are as near as the last of these
    return tuple(_over_all([way for mean, way in tried if mean <= enough], pairs, scale))


@dataclass(frozen=True)
class _Way:
    """A recipe to try: its name, what it does, its lines of MATLAB, and whether a corner is enough to compare it."""

    name: str
    make: Callable[[Image], Image]
    lines: tuple[str, ...] = ()
    local: bool = True
    crop: Crop | int = "none"


def _pairs(lr: Path, gt: str | Path) -> list[tuple[Path, Path]]:
    """Low-resolution images and their originals."""
    if lr.is_file() or (is_image_name(lr) and not lr.is_dir()):
        if not Path(gt).is_file():
            raise VdsrError(f"{lr} is an image, and so must be its original; {gt} is no file")
        return [(lr, Path(gt))]
    _, originals = find_images(gt, "test")
    _, small = find_images(lr, "test")
    left = dict.fromkeys(small)
    pairs = []
    for original in sorted(originals, key=lambda path: -len(path.stem)):
        same = [path for path in left if path.stem == original.stem]
        found = same or [path for path in left if _belongs(path.stem, original.stem)]
        if len(found) != 1:
            what = "no image" if not found else f"several images ({', '.join(path.name for path in found)})"
            raise VdsrError(f"{lr}: {what} of {original.name}; give folders whose images pair by their names")
        del left[found[0]]
        pairs.append((found[0], original))
    if left:
        raise VdsrError(f"{gt}: no original of {next(iter(left)).name}; give folders whose images pair by their names")
    return pairs


def _belongs(small: str, original: str) -> bool:
    """Whether the name of a small image is that of an original, with an ending such as x3 or _LRBI_x3."""
    ending = small[len(original) :]
    begins = small[: len(original)].lower() == original.lower()
    return begins and bool(re.match(r"$|[-_.]|x\d|LR", ending, re.IGNORECASE))


def _read(lr: Path, gt: Path) -> tuple[Image, Image, bool]:
    """A pair with the same channels: grey originals get three, for grey images luma is taken, which is said."""
    low, high = read_image(lr), read_image(gt)
    for path, image in ((lr, low), (gt, high)):
        if image.dtype != np.uint8:
            raise VdsrError(f"{path}: has 16 bits; only images of 8 bits can be identified")
    if low.ndim > high.ndim:
        high = np.repeat(high[:, :, np.newaxis], 3, axis=2)
    of_luma = low.ndim < high.ndim
    return low, luma(high) if of_luma else high, of_luma


def _scales(
    sizes: Sequence[tuple[tuple[int, int], tuple[int, int]]], scale: float | None
) -> list[tuple[float, list[Crop | int]]]:
    """The factors that fit all sizes, whole ones and the nearest first, and the ways of cropping that do."""
    (low, high), *_ = sizes
    ratio = high[0] / low[0]
    if scale is not None and not SCALES[0] <= scale <= SCALES[1]:
        raise ArgumentError(f"scale must be from {SCALES[0]} to {SCALES[1]}, got {scale!r}")
    whole = [float(s) for s in (round(ratio), math.floor(ratio), math.ceil(ratio)) if s >= 1]
    fractions = [*colon(1.1, 0.1, 4), *(k / 20 for k in range(21, 161))]
    nearest = sorted(fractions, key=lambda one: abs(one - ratio))
    found: list[tuple[float, list[Crop | int]]] = []
    for one in dict.fromkeys([*whole, *nearest] if scale is None else [float(scale)]):
        ways: list[Crop | int] = ["modcrop", "none", "meta-sr", 12] if one == int(one) else ["meta-sr", "none"]
        same: dict[Any, Crop | int] = {}  # ways that crop nothing differently are one
        for way in ways:
            if all(_fits(low, high, one, way) for low, high in sizes):
                same.setdefault(tuple(_size_after(high, one, way) for _, high in sizes), way)
        if same:
            found.append((int(one) if one == int(one) else one, list(same.values())))
        if len(found) == TRIED:
            break
    if not found:
        given = f"{low[0]} x {low[1]} of {high[0]} x {high[1]} pixels"
        if scale is None:
            raise VdsrError(f"no scale that is usual fits the sizes of the images ({given}); name it with --scale")
        raise VdsrError(
            f"not the scale {scale:g} fits the sizes of the images ({given}), with any known way of cropping"
        )
    return found


def _size_after(shape: tuple[int, ...], scale: float, crop: Crop | int) -> tuple[int, int]:
    return _cropped(np.broadcast_to(np.uint8(0), shape[:2]), scale, crop).shape


def _fits(low: tuple[int, ...], high: tuple[int, ...], scale: float, crop: Crop | int) -> bool:
    return tuple(math.ceil(side * (1 / scale)) for side in _size_after(high, scale, crop)) == low[:2]


def _cropped(image: Image, scale: float, crop: Crop | int) -> Image:
    return modcrop(image, crop) if isinstance(crop, int) else crop_for(image, scale, crop)


def _ways(_first: tuple[Image, Image], scale: float, _crop: Crop | int) -> Iterator[_Way]:
    """All known recipes without noise and fitted widths, but for the way of cropping."""
    if scale == 1:
        yield _Way("the original itself", lambda image: image)
        yield from (_of_paper(Degradation("jpeg", quality=quality), 1) for quality in range(1, 101))
        return
    for boundary in BOUNDARIES:
        yield _of_paper(Degradation("bi", boundary=boundary), scale)
        yield _of_paper(Degradation("bi-double", boundary=boundary), scale)
        for name, how in (("truncated", np.floor), ("rounded to even", np.rint)):
            make = partial(_in_floats, scale=scale, boundary=boundary, how=how)
            yield _Way(f"imresize in floating point, {boundary}, {name}", make)
    if scale == int(scale):
        yield _of_paper(Degradation("bd"), scale)
        step = int(scale)
        for start in sorted({0, (step - 1) // 2, step // 2}):
            yield _Way(f"image[{start}::{step}, {start}::{step}]", partial(_every, start=start, step=step))
    for method in ("bilinear", "box", "lanczos2", "lanczos3", "nearest"):
        line = f"LR = imresize(HR, 1/{scale!r}, '{method}');"
        yield _Way(f"imresize, {method}", partial(imresize, scale=1 / scale, method=method), (line,))
    line = f"LR = imresize(HR, 1/{scale!r}, 'bicubic', 'Antialiasing', false);"
    yield _Way("imresize without antialiasing", partial(imresize, scale=1 / scale, antialias=False), (line,))
    for name, resize in resizers().items():
        yield _Way(name, partial(_to_size, resize=resize, scale=scale))


def _of_paper(recipe: Degradation, scale: float) -> _Way:
    noisy = recipe.kind in {"dn", "noise"} or (recipe.kind == "srmd" and recipe.noise != 0)
    # Of noise each pixel has its own number.
    return _Way(str(recipe), partial(recipe.apply, scale=scale), tuple(recipe.explain(scale, "none")), local=not noisy)


def _fitted(first: tuple[Image, Image], scale: float, crop: Crop | int) -> Iterator[_Way]:
    """Gaussian blur, then every s-th pixel or bicubic, or after it, with the width that fits the images best."""
    if scale == int(scale) > 1:
        for recipe in (Degradation("bd"), Degradation("srmd", noise=0), Degradation("blur", sigma=1)):
            widths = _widths(recipe, first, scale, crop)
            ways = [_of_paper(replace(recipe, sigma=sigma), scale) for sigma in widths]
            yield min(ways, key=lambda way: _mean(replace(way, crop=crop), first, scale))


def _widths(recipe: Degradation, first: tuple[Image, Image], scale: float, crop: Crop | int) -> list[float]:
    """The width of a recipe's Gaussian that fits a pair best, with one, two and three digits."""
    from scipy.optimize import minimize_scalar

    def mean(sigma: float) -> float:
        return _mean(replace(_of_paper(replace(recipe, sigma=sigma), scale), crop=crop), first, scale)

    best = minimize_scalar(mean, bounds=(0.3, 6), method="bounded").x
    return _rounded(best, (1, 2, 3))


def _noisy(first: tuple[Image, Image], scale: float, crop: Crop | int) -> Iterator[_Way]:
    """MATLAB's noise of usual seeds, at the level that the images have, on what papers put it on."""
    if scale != int(scale):
        return
    low, high = first
    hr = _cropped(high, scale, crop)
    noise = _noise_in(low, Degradation().apply(hr, scale))
    if noise is None:
        return
    seed, numbers = noise

    def at_levels(recipe: Degradation, clean: Image) -> Iterator[_Way]:
        usual = KINDS[recipe.kind].noise
        for level in _rounded(_level(low, clean, numbers), (0, 1, 2)):
            if NOISE[0] < level <= NOISE[1]:
                yield _of_paper(replace(recipe, noise=None if level == usual else level, seed=seed), scale)

    if scale == 1:
        yield from at_levels(Degradation("noise"), hr)
        return
    for boundary in BOUNDARIES:
        clean = Degradation("bi", boundary=boundary).apply(hr, scale)
        yield from at_levels(Degradation("dn", boundary=boundary), clean)
    without = (low - _level(low, clean, numbers) * numbers).round().clip(0, 255).astype(np.uint8)
    for sigma in _widths(Degradation("srmd", noise=0), (without, high), scale, crop):
        for boundary in BOUNDARIES:
            blurred = Degradation("srmd", boundary=boundary, sigma=sigma, noise=0)
            yield from at_levels(blurred, blurred.apply(hr, scale))


def _noise_in(low: Image, clean: Image) -> tuple[int | None, NDArray[np.float64]] | None:
    """The usual seed whose random numbers are in an image, and the numbers; None if none are."""
    if low.shape != clean.shape:
        return None
    count = min(low.size, NUMBERS)
    values, apart = (part.ravel(order="F")[:count] for part in (low, low - clean.astype(np.float64)))
    whole = (values > 0) & (values < 255)
    alike = {}
    for seed in SEEDS:
        numbers = _randn(count, seed)[whole]
        scaled = float(np.linalg.norm(numbers) * np.linalg.norm(apart[whole]))
        alike[seed] = float(apart[whole] @ numbers) / scaled if scaled else 0.0
    seed = max(SEEDS, key=alike.__getitem__)
    return (seed, _randn(low.shape, seed)) if alike[seed] > max(0.1, 8 / math.sqrt(count)) else None


def _randn(shape: int | tuple[int, ...], seed: int | None) -> NDArray[np.float64]:
    return randn(shape, generator="v4") if seed is None else randn(shape, seed)


def _level(low: Image, clean: Image, numbers: NDArray[np.float64]) -> float:
    """By how much random numbers are in an image, where nothing was clipped."""
    whole = (low > 0) & (low < 255)
    return float(((low - clean.astype(np.float64)) * numbers)[whole].sum() / (numbers[whole] ** 2).sum())


def _rounded(value: float, digits: Sequence[int]) -> list[float]:
    """A number with so many digits each; whole ones as int."""
    found = dict.fromkeys(round(float(value), k) for k in digits)
    return [int(one) if one == int(one) else one for one in found]


def _in_floats(image: Image, scale: float, boundary: Boundary, how: Callable[..., NDArray[Any]]) -> Image:
    return how((imresize(image / 255, 1 / scale, boundary=boundary) * 255).clip(0, 255)).astype(np.uint8)


def _every(image: Image, start: int, step: int) -> Image:
    return image[start::step, start::step]


def _to_size(image: Image, resize: Callable[[Image, tuple[int, int]], Image], scale: float) -> Image:
    rows, columns = (math.ceil(side * (1 / scale)) for side in image.shape[:2])
    return resize(np.ascontiguousarray(image), (rows, columns))


def _mean(way: _Way, pair: tuple[Image, Image], scale: float) -> float:
    """Mean absolute difference of a pair, or of its upper left corner if that is enough."""
    low, high = pair
    large = scale == int(scale) and min(low.shape[:2]) > CORNER + RIM
    if way.local and large and np.std(low[:CORNER, :CORNER]) > DETAIL:
        beyond = (CORNER + RIM) * int(scale)
        low, high = low[:CORNER, :CORNER], high[:beyond, :beyond]
    return float(np.abs(_apart(way, low, high, scale)).mean())


def _apart(way: _Way, low: Image, high: Image, scale: float) -> NDArray[np.int16]:
    """What is in the small image less what the recipe makes, of which a corner may be used."""
    made = way.make(_cropped(high, scale, way.crop))[: low.shape[0], : low.shape[1]]
    return low.astype(np.int16) - made if made.shape == low.shape else np.full(low.shape, 255, np.int16)


def _rank(recipe: Recipe) -> tuple[bool, float]:
    return recipe.differing > 0, recipe.mean


def _over_all(ways: Sequence[_Way], pairs: Sequence[tuple[Path, Path]], scale: float) -> list[Recipe]:
    """Recipes with their differences over all images, and what is to be said about them, the nearest first."""
    counts = [_Differences() for _ in ways]
    grey = False
    for paths in pairs if ways else ():
        low, high, of_luma = _read(*paths)
        grey |= of_luma
        for way, count in zip(ways, counts, strict=True):
            count.add(low, _apart(way, low, high, scale))
    recipes = []
    for way, count in zip(ways, counts, strict=True):
        usual = way.crop == ("modcrop" if scale == int(scale) else "meta-sr")
        name = way.name if usual else f"{way.name}, {CROPS[way.crop]}"
        lines = [*(["HR = rgb2ycbcr(HR); HR = HR(:, :, 1);"] if grey else []), *_crop_of(way.crop, scale), *way.lines]
        mean, remarks = count.total / count.values, tuple(count.remarks(name))
        differing = count.differing, count.values, count.largest
        recipes.append(Recipe(name, tuple(lines if way.lines else ()), *differing, mean, remarks))
    return sorted(recipes, key=_rank)


@dataclass
class _Differences:
    """What is in small images less what a recipe makes of their originals, summed up."""

    values: int = 0
    differing: int = 0
    largest: int = 0
    total: int = 0
    inside: int = 0  # that differ, not at the rim
    up: int = 0
    squares: float = 0.0
    neighbours: float = 0.0  # products of differences side by side
    far: int = 0  # from 0 and 255, so that nothing was clipped
    far_squares: float = 0.0

    def add(self, low: Image, apart: NDArray[np.int16]) -> None:
        """Count another image."""
        differing = int(np.count_nonzero(apart))
        self.values += apart.size
        self.differing += differing
        self.largest = max(self.largest, int(np.abs(apart).max()))
        self.total += int(np.abs(apart, dtype=np.int64).sum())
        self.inside += int(np.count_nonzero(apart[3:-3, 3:-3])) if min(apart.shape[:2]) > 12 else differing
        self.up += int((apart > 0).sum())
        each = apart.astype(np.float64)
        self.squares += float((each * each).sum())
        self.neighbours += float((each[1:] * each[:-1]).sum() + (each[:, 1:] * each[:, :-1]).sum()) / 2
        made, reach = low - each, 3 * each.std()
        far = each[(made > reach) & (made < 255 - reach)]
        self.far += far.size
        self.far_squares += float((far * far).sum())

    def remarks(self, name: str) -> Iterator[str]:
        """Say what the differences look like."""
        if self.differing and not self.inside:
            yield "only at the rim, within 3 pixels: another rule beyond the edge"
        elif self.largest == 1:
            side = "all up" if self.up == self.differing else "all down" if self.up == 0 else "up and down"
            yield f"by 1 only, {side}: another rounding, or other last bits"
        elif self.squares > NOISY**2 * self.values and abs(self.neighbours) < ALIKE * self.squares and self.far:
            level = math.sqrt(self.far_squares / self.far)
            yield f"looks like {name} plus noise of standard deviation {level:.1f}"


def _crop_of(crop: Crop | int, scale: float) -> list[str]:
    """The lines of MATLAB that crop."""
    return [f"HR = modcrop(HR, {crop});"] if isinstance(crop, int) else crop_lines(scale, crop)
