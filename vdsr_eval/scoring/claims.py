"""Which rules give a published number: the claim, the grid of all rules, and the search through it."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import Benchmark, Original
from vdsr_data.errors import ArgumentError, VdsrError, listed
from vdsr_data.limits import BOUNDARIES
from vdsr_eval.metrics.fidelity import SSIM_FORMS
from vdsr_eval.networks.network import Upscaler
from vdsr_eval.protocols.pair import Enlarged, Pair, as_colours, as_scored, enlarge, ground_truth, pair_of, score
from vdsr_eval.protocols.protocol import PROTOCOLS, Protocol, nearest
from vdsr_eval.scoring.methods import Method, SmallImage, bicubic, method
from vdsr_eval.scoring.results import Results

__all__ = ["Claim", "Claims", "Explanation", "Way", "explain_claim", "read_claims", "remembered"]

LOW = ("source", "boundary", "resizer", "crop", "grey")  # rules on which the low resolution depends
BORDERS: tuple[Any, ...] = (None, 0, "scale+6", 4, 6, 8, 12)
KEPT = 8  # ways that are named, of those that fit or are nearest
NUMBER = re.compile(r"\d+\.\d+|\d+")


@dataclass(frozen=True)
class Claim:
    """A PSNR in dB and perhaps an SSIM, with the digits that were printed.

    Examples
    --------
    >>> from vdsr_eval.scoring.claims import Claim
    >>> Claim.parse("37.56/0.9591").holds(37.5613, 0.95908)
    True
    """

    psnr: str
    ssim: str | None = None

    @classmethod
    def parse(cls, text: "str | Claim") -> "Claim":
        """Make one of "37.56" or "37.56/0.9591"; ArgumentError for anything else."""
        if isinstance(text, Claim):
            return text
        parts = [part.strip() for part in text.split("/")] if isinstance(text, str) else []
        sound = len(parts) in (1, 2) and all(re.fullmatch(NUMBER, part) for part in parts)
        if not sound or not 0 < float(parts[0]) < 200 or float(parts[-1] if len(parts) > 1 else 0) > 1:
            raise ArgumentError(
                f"claim: {text!r} is not allowed; give PSNR/SSIM such as 37.56/0.9591, or the PSNR alone"
            )
        return cls(*parts)

    def holds(self, psnr: float, ssim: float | None = None) -> bool:
        """Whether these give every digit; the SSIM only if it is given too."""
        same = _printed(psnr, self.psnr) == self.psnr
        return same and (ssim is None or self.ssim is None or _printed(ssim, self.ssim) == self.ssim)

    def __str__(self) -> str:
        return self.psnr if self.ssim is None else f"{self.psnr}/{self.ssim}"


# The claim of the mean, under "", or those of images, by their names.
Claims = Mapping[str, Claim]


@dataclass(frozen=True)
class Way:
    """Rules, and what they give: the mean, and each image's scores by its name."""

    protocol: Protocol
    psnr: float
    ssim: float
    images: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Explanation:
    """Which rules give a claim, the simplest first; or, if none does, the nearest.

    Attributes
    ----------
    claims : mapping
        Of the mean, under "", or of images.
    found : tuple of Way
        Those that give every digit.
    close : tuple of Way
        If there are none, the nearest.
    tried : int
        How many ways were tried.
    """

    claims: Claims
    found: tuple[Way, ...]
    close: tuple[Way, ...]
    tried: int


def read_claims(path: Path | str, names: Sequence[str]) -> dict[str, Claim]:
    """Read the claims of images from a log or a CSV file: lines that have the name of an image, a PSNR and an SSIM.

    Numbers are those behind the name that have a point; the first is taken as the PSNR, the second as the SSIM.

    Raises
    ------
    VdsrError
        If it cannot be read, has no line for one of the images, or two with different numbers.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise VdsrError(f"{path}: cannot be read ({error.strerror or error})") from None
    found: dict[str, Claim] = {}
    longest_first = sorted(names, key=len, reverse=True)
    for line in lines:
        name = next((one for one in longest_first if re.search(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", line)), None)
        numbers = re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", line[line.index(name) + len(name) :]) if name else []
        if name and numbers and 0 < float(numbers[0]) < 200:
            claim = Claim(*numbers[:2])
            if found.setdefault(name, claim) != claim:
                raise VdsrError(f"{path}: has several numbers for {name}, {found[name]} and {claim}; leave one set")
    missing = [name for name in names if name not in found]
    if missing:
        raise VdsrError(
            f"{path}: has no line with PSNR and SSIM of {listed(missing)}; a line is: baby.png 35.73 0.9300"
        )
    return found


def explain_claim(
    benchmark: Benchmark,
    run: Method,
    claims: Claims,
    *,
    scale: float,
    fixed: Mapping[str, Any],
    lr: Callable[[Original], NDArray[Any]] | None = None,
) -> Explanation:
    """Try all rules, and find those that give every digit of what was claimed.

    First those ways of making the low resolution that the named protocols have, until one of these protocols fits; all
    others only if nothing does.

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
    """
    grid = _Grid(list(benchmark), run, claims, scale, dict(fixed), lr)
    tried: list[_Tried] = []
    found: dict[tuple[float, ...], Way] = {}  # of ways with the same 6 decimals the simplest
    for stage in grid.stages():
        for low in stage:
            new = grid.psnrs(low)
            for way in (way for one in new if one.fits for way in grid.ways(one) if _all_hold(claims, way)):
                scores = tuple(round(value, 6) for pair in way.images.values() for value in pair)
                found[scores] = min(found.get(scores, way), way, key=_complexity)
            tried += new
            if any(_complexity(way)[0] == 0 for way in found.values()):
                break
        if found:
            break
    count = sum(len(one.forms) for one in tried)
    if not tried:
        raise VdsrError(f"{benchmark.name}: no image can be scored at x{scale:g} under any rules")
    simple = sorted(found.values(), key=_complexity)
    close: list[Way] = []
    if not found:
        near = sorted(tried, key=lambda one: one.gap)[:KEPT]
        ways = [way for one in near for way in grid.ways(one)]
        close = sorted(ways, key=lambda way: (_gap(claims, way), _complexity(way)))
    return Explanation(claims, tuple(simple), tuple(close[:KEPT]), count)


def remembered(upscale: Upscaler | SmallImage) -> Method:
    """The method of an upscaling function that runs once for each image that it is given."""
    if upscale is bicubic or isinstance(upscale, SmallImage):
        return method(upscale)
    results: dict[bytes, NDArray[np.floating]] = {}

    def run(ilr: NDArray[np.float64], scale: float) -> NDArray[np.floating]:
        key = hashlib.sha256(np.ascontiguousarray(ilr).data).digest()
        if key not in results:
            results[key] = upscale(ilr, scale)
        return results[key]

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

    originals: list[Original]
    run: Method
    claims: Claims
    scale: float
    fixed: dict[str, Any]
    lr: Callable[[Original], NDArray[Any]] | None

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
                low = {**rules, **{rule: self.fixed[rule] for rule in LOW if rule in self.fixed}}
                key = self._same(low)
                if key not in seen:
                    seen.add(key)
                    chosen.append(low)
            yield chosen

    def _same(self, low: dict[str, Any]) -> tuple[Any, ...]:
        """What tells low resolutions apart on these images: no crop that crops as another, no grey where none is."""
        some = Protocol(name="", luma="float", result="rgb", ssim="valid", reproduces="", **_apart(low))
        cut = replace(some, crop="scale") if some.crop == "resize" else some
        crop: list[Any] = []
        for original in self.originals:
            shape = original.pixels.shape[:2]
            left = ground_truth(np.broadcast_to(np.uint8(0), shape), scale=self.scale, protocol=cut).shape
            crop.append((left, some.crop == "resize" and left != shape))
        grey = low["grey"] if any(original.pixels.ndim == 2 for original in self.originals) else None
        if isinstance(self.run, Results):
            return *crop, grey
        if self.lr is not None or "degradation" in self.fixed:
            return *crop, grey, low["boundary"], low["source"] == "luma"
        return *crop, grey, low["source"], low["boundary"], low["resizer"]

    def _idle(self) -> tuple[str, ...]:
        """Rules without effect on these images and these results."""
        grey = any(original.pixels.ndim == 2 for original in self.originals)
        idle = [*(["source", "boundary", "resizer"] if self._pictures else []), *([] if grey else ["grey"])]
        return tuple(rule for rule in idle if rule not in self.fixed)

    @cached_property
    def _pictures(self) -> bool:
        """Whether the results are 8-bit images, in files."""
        if not isinstance(self.run, Results):
            return False
        with suppress(VdsrError):
            return bool(self._planes(self.originals[0], None, replace(PROTOCOLS["rcan"], **self.fixed))[0].size)
        return False

    def psnrs(self, low: dict[str, Any]) -> list[_Tried]:
        """The PSNR under all rules of scoring; none if the images do not go with this low resolution."""
        ways = [way for way in self._scorings() if self._possible(way)]
        borders: dict[int, Any] = {}
        for border in self._choices("border", BORDERS):
            borders.setdefault(_border(border, self.scale), border)
        values: dict[tuple[int, int], dict[str, float]] = {}
        for original in self.originals:
            made = None
            for k, way in enumerate(ways):
                protocol = self._protocol(low, {**way, "border": None, "ssim": "valid"})
                try:
                    if made is None and not isinstance(self.run, Results):
                        made = self._enlarged(original, protocol)
                    image, gt = self._planes(original, made, protocol)
                except VdsrError:
                    continue
                errors = np.square(image - gt)
                for border in borders:
                    inner = errors[border : errors.shape[0] - border, border : errors.shape[1] - border]
                    if min(inner.shape[:2]) >= 11:
                        mean = float(inner.mean())
                        peak = protocol.data_range**2
                        values.setdefault((k, border), {})[original.name] = (
                            10 * float(np.log10(peak / mean)) if mean else np.inf
                        )
        return [self._tried(low, {**ways[k], "border": borders[border]}, psnr)
                for (k, border), psnr in values.items() if len(psnr) == len(self.originals)]  # fmt: skip

    def _tried(self, low: dict[str, Any], rules: dict[str, Any], psnr: dict[str, float]) -> _Tried:
        mean = sum(psnr.values()) / len(psnr)
        pairs = [(claim, psnr[name] if name else mean) for name, claim in self.claims.items()]
        forms = self._choices("ssim", tuple(SSIM_FORMS))
        if not rules["rgb"]:
            forms = tuple(form for form in forms if form != "volume")
        gap = max(abs(float(claim.psnr) - value) for claim, value in pairs)
        return _Tried(low, rules, forms, psnr, all(claim.holds(value) for claim, value in pairs), gap)

    def ways(self, tried: _Tried) -> list[Way]:
        """With every form of SSIM."""
        found = []
        planes = []
        for original in self.originals:
            protocol = self._protocol(tried.low, {**tried.rules, "ssim": "valid"})
            made = None if isinstance(self.run, Results) else self._enlarged(original, protocol)
            planes.append((original.name, *self._planes(original, made, protocol)))
        for form in tried.forms:
            protocol = self._protocol(tried.low, {**tried.rules, "ssim": form})
            images = {name: score(image, gt, scale=self.scale, protocol=protocol) for name, image, gt in planes}
            psnr, ssim = (sum(column) / len(images) for column in zip(*images.values(), strict=True))
            idle = [*self._idle(), *(["luma"] if protocol.rgb and "luma" not in self.fixed else [])]
            found.append(Way(nearest(protocol, idle), psnr, ssim, images))
        return found

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
        return Protocol(name="", reproduces="", **_apart(low), **rules, **kept)

    def _enlarged(self, original: Original, protocol: Protocol) -> Enlarged:
        given = None if self.lr is None else self.lr(original)
        return enlarge(original.pixels, scale=self.scale, protocol=protocol, lr=given, colour=True)

    def _planes(
        self, original: Original, made: Enlarged | None, protocol: Protocol
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is compared: the result, and the ground truth."""
        if made is not None:
            pair = pair_of(made, protocol)
        else:
            gt = as_colours(ground_truth(original.pixels, scale=self.scale, protocol=protocol), protocol)
            truth = as_scored(gt, protocol)
            pair = Pair(truth, truth, truth, None)
        image = self.run(original, pair, protocol, self.scale)
        return image, pair.gt


def _apart(low: Mapping[str, Any]) -> dict[str, Any]:
    """Rules of the low resolution that go together: another resizer has its own."""
    return dict(low) if low["resizer"] == "matlab" else {**low, "source": "rgb", "boundary": "symmetric"}


def _border(border: Any, scale: float) -> int:
    return replace(PROTOCOLS["paper"], border=border).border_at(scale)


def _printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"


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


def _complexity(way: Way) -> tuple[int, int, str]:
    """Named protocols first, then those with the fewest other rules."""
    base = PROTOCOLS[way.protocol.name]
    return len(way.protocol.changes(base)), list(PROTOCOLS).index(base.name), way.protocol.label
