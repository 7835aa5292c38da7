"""The search through all rules for those that give a claimed number."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import chain, product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import Benchmark, Original
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.io.ahead import Progress, ignore, in_order
from vdsr_data.limits import BOUNDARIES
from vdsr_data.matlab.arrays import RangeWarning
from vdsr_eval.metrics.fidelity import SSIM_FORMS, SSIM_WINDOW, Pixels
from vdsr_eval.networks.network import Upscaler
from vdsr_eval.protocols.pair import Enlarged, Pair, as_colours, as_scored, enlarge, ground_truth, pair_of, score
from vdsr_eval.protocols.protocol import PROTOCOLS, Protocol, nearest, varied
from vdsr_eval.scoring.claims import Claims, Explanation, Way
from vdsr_eval.scoring.methods import Method, SmallImage, bicubic, method
from vdsr_eval.scoring.results import Results

__all__ = ["explain_claim", "fitting", "remembered"]

LOW = ("source", "boundary", "resizer", "crop", "grey")  # rules on which the low resolution depends
BORDERS: tuple[Any, ...] = (None, 0, "scale+6", 4, 6, 8, 12)
KEPT = 8  # ways that are named, of those that are nearest
HELD = 2**28  # bytes of originals, and of a network's results, that are kept; what is more is read, or made, again

T = TypeVar("T")


def fitting(rules: Mapping[str, Any]) -> Protocol:
    """The first protocol that these rules go with; ArgumentError if there is none."""
    problems = []
    for name in PROTOCOLS:
        try:
            return varied(name, rules=rules)[0]
        except ArgumentError as error:
            problems.append(error)
    raise problems[0]


def explain_claim(
    benchmark: Benchmark,
    run: Method,
    claims: Claims,
    *,
    scale: float,
    fixed: Mapping[str, Any],
    lr: Callable[[Original], NDArray[Any]] | None = None,
    dear: bool = True,
    advance: Progress = ignore,
) -> Explanation:
    """Try all rules, and find those that give every digit of what was claimed.

    First those ways of making the low resolution that the named protocols have; all others only if nothing does.

    Parameters
    ----------
    benchmark : Benchmark
    run : Method
        Gives what is to be scored.
    claims : mapping of str to Claim
    scale : float
    fixed : mapping
        Rules that are not varied.
    lr : callable, optional
        Gives the low-resolution image of an original.
    dear : bool
        For a network or a function: it is called from this thread, and no further low resolution is tried as soon as
        one of the named protocols fits.
    advance : callable
        Called with 1 for each image of each low resolution, and how many there will be as far as is known.

    Raises
    ------
    VdsrError
        If no image can be scored under any rules, with the reason under the first.
    """
    small = benchmark.most_pixels * 3 * len(benchmark) <= HELD
    grid = _Grid(list(benchmark) if small else benchmark, run, claims, scale, dict(fixed), lr, not dear)
    tried: list[_Tried] = []
    found: list[Way] = []
    steps = total = 0
    whole = True
    for stage in grid.stages():
        total += len(stage) * len(benchmark)
        for low in stage:
            if dear and any(_complexity(way)[0] == 0 for way in found):
                whole = False
                break
            new = grid.psnrs(low, partial(advance, 1, total))
            steps += len(benchmark)
            tried += new
            if fits := [one for one in new if one.fits]:
                found += [way for way in grid.ways(fits) if _all_hold(claims, way)]
        if found:
            break
    if not tried:
        raise VdsrError(f"{benchmark.name}: no image can be scored at x{scale:g} under any rules; {grid.problem}")
    count = sum(len(one.forms) for one in tried)
    close: list[Way] = []
    if not found:
        near = grid.simplest(sorted(tried, key=lambda one: one.gap)[: 8 * KEPT])
        near = sorted(near, key=lambda one: one.gap)[:KEPT]
        close = sorted(grid.ways(near), key=lambda way: (_gap(claims, way), _complexity(way)))
    simple = _simplest(found, _scores, _complexity)
    return Explanation(claims, tuple(simple), tuple(close[:KEPT]), count, whole, steps)


def remembered(upscale: Upscaler | SmallImage) -> Method:
    """The method of an upscaling function that runs once for each image that it is given, as far as memory goes."""
    if upscale is bicubic or isinstance(upscale, SmallImage):
        return method(upscale)
    results: dict[bytes, NDArray[np.floating]] = {}

    def run(ilr: NDArray[np.float64], scale: float) -> NDArray[np.floating]:
        key = hashlib.sha256(np.ascontiguousarray(ilr).data).digest()
        sr = results[key] if key in results else upscale(ilr, scale)
        if sum(known.nbytes for known in results.values()) < HELD:
            results[key] = sr
        return sr

    return method(run)


@dataclass(frozen=True)
class _Tried:
    """Rules but for the form of SSIM, and the PSNR of each image."""

    low: dict[str, Any]
    rules: dict[str, Any]
    forms: tuple[str, ...]
    psnr: dict[str, float]
    fits: bool
    gap: float


@dataclass
class _Grid:
    """All rules for one method on one set."""

    originals: Iterable[Original]
    run: Method
    claims: Claims
    scale: float
    fixed: dict[str, Any]
    lr: Callable[[Original], NDArray[Any]] | None
    threaded: bool
    problem: str = field(default="", init=False)  # the first thing that kept an image from being scored

    def stages(self) -> Iterator[list[dict[str, Any]]]:
        """Rules of the low resolution: those of the named protocols, then all others."""
        named = [{rule: getattr(protocol, rule) for rule in LOW} for protocol in PROTOCOLS.values()]
        resizers = ("pillow", "opencv", "torch", "torch-antialias", "skimage")
        matlab = product(
            ("luma", "rgb", "rgb-float", "rgb-once"), BOUNDARIES, ("matlab",), ("scale", 12, "none", "resize")
        )
        others = product(("rgb",), ("symmetric",), resizers, ("scale", "resize"))
        every = [
            dict(zip(LOW, (*rules, grey), strict=True)) for rules in (*matlab, *others) for grey in ("keep", "rgb")
        ]
        seen: set[tuple[Any, ...]] = set()
        for stage in (named, every):
            chosen = []
            for rules in stage:
                low = _apart({**rules, **{rule: self.fixed[rule] for rule in LOW if rule in self.fixed}})
                key = self._same(low) if self._possible(low) else None
                if key is not None and key not in seen:
                    seen.add(key)
                    chosen.append(low)
            yield chosen

    def _same(self, low: dict[str, Any]) -> tuple[Any, ...]:
        """What tells low resolutions apart on these images: no crop that crops as another, no grey where none is."""
        some = Protocol(name="", luma="float", result="rgb", ssim="valid", reproduces="", **low)
        cut = replace(some, crop="scale") if some.crop == "resize" else some
        crop: list[Any] = []
        for shape in self._shapes:
            left = ground_truth(np.broadcast_to(np.uint8(0), shape[:2]), scale=self.scale, protocol=cut).shape
            crop.append((left, some.crop == "resize" and left != shape[:2]))
        grey = low["grey"] if self._grey else None
        if isinstance(self.run, Results):
            return *crop, grey
        if self.lr is not None or "degradation" in self.fixed:
            return *crop, grey, low["boundary"], low["source"] == "luma"
        return *crop, grey, low["source"], low["boundary"], low["resizer"]

    def _idle(self) -> tuple[str, ...]:
        """Rules without effect on these images and these results."""
        idle = [
            *(["source", "boundary", "resizer"] if isinstance(self.run, Results) else []),
            *([] if self._grey else ["grey"]),
        ]
        return tuple(rule for rule in [*idle, *([] if self._by_ssim else ["ssim"])] if rule not in self.fixed)

    @cached_property
    def _shapes(self) -> list[tuple[int, ...]]:
        return [original.pixels.shape for original in self.originals]

    @property
    def _grey(self) -> bool:
        return any(len(shape) == 2 for shape in self._shapes)

    @property
    def _by_ssim(self) -> bool:
        return any(claim.ssim is not None for claim in self.claims.values())

    @property
    def _pictures(self) -> bool:
        """Whether the results are 8-bit images, in files."""
        return isinstance(self.run, Results) and self.run.pictures

    def psnrs(self, low: dict[str, Any], advance: Callable[[], object]) -> list[_Tried]:
        """The PSNR under all rules of scoring; none if the images do not go with this low resolution."""
        ways = [way for way in self._scorings() if self._possible(way)]
        borders: dict[int, Any] = {}
        for border in self._choices("border", BORDERS):
            borders.setdefault(_border(border, self.scale), border)
        values: dict[tuple[int, int], dict[str, float]] = {}
        for name, found, problem in self._each(partial(self._psnrs_of, low=low, ways=ways, borders=borders)):
            self.problem = self.problem or problem
            for key, psnr in found.items():
                values.setdefault(key, {})[name] = psnr
            advance()
        return [self._tried(low, {**ways[k], "border": borders[border]}, psnr)
                for (k, border), psnr in values.items() if len(psnr) == len(self._shapes)]  # fmt: skip

    def _psnrs_of(
        self, original: Original, low: dict[str, Any], ways: Sequence[dict[str, Any]], borders: Iterable[int]
    ) -> tuple[str, dict[tuple[int, int], float], str]:
        """The name of an image, its PSNR by the number of the way and the border, and what was wrong first."""
        made, found, problem = None, {}, ""
        for k, way in enumerate(ways):
            try:
                protocol = self._protocol(low, {**way, "border": None, "ssim": "valid"})
                if made is None and not isinstance(self.run, Results):
                    made = self._enlarged(original, protocol)
                image, gt = self._planes(original, made, protocol)
            except VdsrError as error:
                problem = problem or str(error)
                continue
            errors = np.square(image.floats() - gt.floats())
            for border in borders:
                inner = errors[border : errors.shape[0] - border, border : errors.shape[1] - border]
                if min(inner.shape[:2]) >= SSIM_WINDOW:
                    mean = float(inner.mean())
                    found[k, border] = 10 * float(np.log10(protocol.data_range**2 / mean)) if mean else np.inf
        return original.name, found, problem or ("" if found else f"{original.name} is too small")

    def _tried(self, low: dict[str, Any], rules: dict[str, Any], psnr: dict[str, float]) -> _Tried:
        mean = sum(psnr.values()) / len(psnr)
        pairs = [(claim, psnr[name] if name else mean) for name, claim in self.claims.items()]
        forms = self._choices("ssim", tuple(SSIM_FORMS) if self._by_ssim else ("valid",))
        if not rules["rgb"] and "ssim" not in self.fixed:
            forms = tuple(form for form in forms if form != "volume")
        gap = max(abs(float(claim.psnr) - value) for claim, value in pairs)
        return _Tried(low, rules, forms, psnr, all(claim.holds(value) for claim, value in pairs), gap)

    def ways(self, tried: Sequence[_Tried]) -> list[Way]:
        """With every form of SSIM."""
        named = [[self._named(one, form) for form in one.forms] for one in tried]
        images = dict(self._each(partial(self._scores_of, tried=tried, named=named)))
        found = [dict(zip(images, column, strict=True)) for column in zip(*images.values(), strict=True)]
        means = [[sum(column) / len(images) for column in zip(*way.values(), strict=True)] for way in found]
        return [Way(protocol, psnr, ssim, way)
                for protocol, (psnr, ssim), way in zip(chain(*named), means, found, strict=True)]  # fmt: skip

    def _scores_of(
        self, original: Original, tried: Sequence[_Tried], named: Sequence[Sequence[Protocol]]
    ) -> tuple[str, list[tuple[float, float]]]:
        """The name of an image, and its scores under all of these protocols."""
        scores: list[tuple[float, float]] = []
        made: tuple[dict[str, Any], Enlarged] | None = None
        for one, protocols in zip(tried, named, strict=True):
            rules = self._protocol(one.low, {**one.rules, "ssim": "valid"})
            if not isinstance(self.run, Results) and (made is None or made[0] != one.low):
                made = one.low, self._enlarged(original, rules)
            image, gt = self._planes(original, made[1] if made else None, rules)
            scores += [score(image, gt, scale=self.scale, protocol=protocol) for protocol in protocols]
        return original.name, scores

    def _each(self, job: Callable[[Original], T]) -> Iterator[T]:
        """The job's result for each original; warnings are left to the ways that the table shows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RangeWarning)
            jobs = (partial(job, original) for original in self.originals)
            yield from in_order(jobs, workers=2, window=2) if self.threaded else (job() for job in jobs)

    def _named(self, tried: _Tried, form: str) -> Protocol:
        """The rules by the nearest name; those without effect are that protocol's own."""
        idle = [*self._idle(), *(["luma"] if tried.rules["rgb"] and "luma" not in self.fixed else [])]
        return nearest(self._protocol(tried.low, {**tried.rules, "ssim": form}), idle)

    def simplest(self, tried: Sequence[_Tried]) -> list[_Tried]:
        """Of those with the same PSNR of each image the simplest."""
        return _simplest(
            tried, lambda one: _rounded(one.psnr.values()), lambda one: _rank(self._named(one, one.forms[0]))
        )

    def _scorings(self) -> Iterator[dict[str, Any]]:
        """Rules of what is scored, but for border and SSIM."""
        for luma in () if self._pictures else ("uint8", "float"):
            yield {"result": "float", "luma": luma, "clip": True, "rgb": False}
            yield {"result": "float", "luma": luma, "clip": False, "rgb": False}
            yield {"result": "uint8", "luma": luma, "clip": True, "rgb": False}
        for luma in ("uint8", "single", "float", "difference", "full", "full-uint8"):
            yield {"result": "rgb", "luma": luma, "clip": True, "rgb": False}
        yield {"result": "rgb", "luma": "float", "clip": True, "rgb": True}
        if not self._pictures:
            yield {"result": "float", "luma": "float", "clip": True, "rgb": True}

    def _possible(self, way: dict[str, Any]) -> bool:
        return all(way[rule] == self.fixed[rule] for rule in way if rule in self.fixed)

    def _choices(self, rule: str, usual: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.fixed[rule],) if rule in self.fixed else usual

    def _protocol(self, low: Mapping[str, Any], rules: Mapping[str, Any]) -> Protocol:
        kept = {"degradation": self.fixed["degradation"]} if "degradation" in self.fixed else {}
        return Protocol(name="", reproduces="", **low, **rules, **kept)

    def _enlarged(self, original: Original, protocol: Protocol) -> Enlarged:
        given = None if self.lr is None else self.lr(original)
        made = enlarge(original.pixels, scale=self.scale, protocol=protocol, lr=given, colour=True)
        return replace(made, up=cache(made.up))  # each of many protocols asks for it

    def _planes(self, original: Original, made: Enlarged | None, protocol: Protocol) -> tuple[Pixels, Pixels]:
        """What is compared: the result, and the ground truth."""
        if made is not None:
            pair = pair_of(made, protocol)
        else:
            gt = as_colours(ground_truth(original.pixels, scale=self.scale, protocol=protocol), protocol)
            truth = as_scored(gt, protocol)
            pair = Pair(truth, truth, lambda: (truth.floats(), None))
        image = self.run(original, pair, protocol, self.scale)
        return image, pair.truth


def _apart(low: Mapping[str, Any]) -> dict[str, Any]:
    """Rules of the low resolution that go together: another resizer has its own."""
    return dict(low) if low["resizer"] == "matlab" else {**low, "source": "rgb", "boundary": "symmetric"}


def _border(border: Any, scale: float) -> int:
    return replace(PROTOCOLS["paper"], border=border).border_at(scale)


def _all_hold(claims: Claims, way: Way) -> bool:
    return all(claim.holds(*(way.images[name] if name else (way.psnr, way.ssim))) for name, claim in claims.items())


def _gap(claims: Claims, way: Way) -> float:
    """How far from a claim, in hundredths of a dB and ten thousandths of SSIM."""
    gaps = []
    for name, claim in claims.items():
        psnr, ssim = way.images[name] if name else (way.psnr, way.ssim)
        gaps.append(abs(psnr - float(claim.psnr)) * 100)
        gaps += [] if claim.ssim is None else [abs(ssim - float(claim.ssim)) * 10000]
    return max(gaps)


def _complexity(way: Way) -> tuple[int, bool, int, str]:
    return _rank(way.protocol)


def _rank(protocol: Protocol) -> tuple[int, bool, int, str]:
    """Named protocols first, then those with the fewest other rules; borders that are no protocol's last."""
    base = PROTOCOLS[protocol.name]
    return (
        len(protocol.changes(base)),
        protocol.border not in (None, 0, "scale+6"),
        list(PROTOCOLS).index(base.name),
        protocol.label,
    )


def _scores(way: Way) -> tuple[float, ...]:
    return _rounded(value for pair in way.images.values() for value in pair)


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(value, 6) for value in values)


def _simplest(ways: Iterable[T], key: Callable[[T], Any], rank: Callable[[T], Any]) -> list[T]:
    """The first by rank of those with the same key, in the order of their ranks."""
    found: dict[Any, T] = {}
    for way in sorted(ways, key=rank):
        found.setdefault(key(way), way)
    return list(found.values())
