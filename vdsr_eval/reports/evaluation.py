"""`evaluate` and `score`: methods on sets to `Scores`, with pictures on the way."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from os.path import realpath
from pathlib import Path
from typing import Any, Literal

from vdsr_data.benchmark.sets import Benchmark
from vdsr_data.degradations.recipes import Degradation
from vdsr_data.errors import ArgumentError, VdsrError, one_line, warned
from vdsr_data.io.ahead import Progress, ignore
from vdsr_data.io.files import claimed, is_empty
from vdsr_data.limits import EVALUATED, Boundary, checked_factor, checked_path, several, whole
from vdsr_eval.networks.network import EngineName
from vdsr_eval.networks.probed import ImageNetwork, guesses
from vdsr_eval.protocols.protocol import PROTOCOLS, Luma, Protocol, Rules, changed, varied
from vdsr_eval.reports.cost import Cost
from vdsr_eval.reports.page import PageImages
from vdsr_eval.reports.pictures import PictureFiles, check_detail, file_names
from vdsr_eval.reports.remarks import remarks
from vdsr_eval.reports.rendering import Window
from vdsr_eval.reports.scores import Scores
from vdsr_eval.scoring.claims import Claim, read_claims
from vdsr_eval.scoring.methods import Method, Model, Opened, bicubic, is_upscaler, method, named, network_of
from vdsr_eval.scoring.names import distinct
from vdsr_eval.scoring.records import BICUBIC, Record, Scored
from vdsr_eval.scoring.results import ResultFolder, Results, low_resolution
from vdsr_eval.scoring.run import check_memory, evaluate_images, open_sets
from vdsr_eval.scoring.search import explain_claim, fitting, remembered

__all__ = ["evaluate", "score"]

Set = str | Path | Benchmark


def evaluate(
    sets: Set | Iterable[Set],
    methods: Model | Iterable[Model] | Mapping[str, Model] = BICUBIC,
    *,
    scales: float | Iterable[float] = (2, 3, 4),
    protocols: str | Protocol | Iterable[str | Protocol] = ("vdsr-tf",),
    border: int | Literal["scale+6"] | None = None,
    rgb: bool = False,
    grey: Literal["keep", "rgb"] | None = None,
    luma: Luma | None = None,
    boundary: Boundary | None = None,
    degradation: str | Degradation | None = None,
    rules: Rules = (),
    lr: str | Path | None = None,
    claim: str | Claim | None = None,
    claims: str | Path | None = None,
    metrics: str | Iterable[str] = (),
    also: str | Iterable[str] = (),
    cost: bool = False,
    engine: EngineName = "auto",
    network_input: str | Iterable[str] = (),
    self_ensemble: bool = False,
    baseline: Model | None = None,
    save_images: str | Path | None = None,
    save_mat: str | Path | None = None,
    detail: Window | Literal["auto"] | None = None,
    images: str | Iterable[str] = (),
    html_images: int = 0,
    force: bool = False,
    advance: Progress = ignore,
    remark: Callable[[str], object] = warned,
) -> Scores:
    """Score methods on benchmarks, in the way that published tables were computed; the command is ``vdsr-eval``.

    The ground truth is cropped to a multiple of the scale, reduced and enlarged as MATLAB's imresize does, upscaled by
    each method and compared without the border.

    Parameters
    ----------
    sets : str, Path or Benchmark, or several
        A name such as Set5, a folder of originals or a benchmark file.
    methods : one method, several, or a dict of methods by the names that tables show
        "bicubic". Weights: a file of ours or of other people, a run folder, "default", or what `load_network` gives. A
        network of any kind in an ONNX file, or in a PyTorch or safetensors file of an architecture that spandrel knows. A
        folder of results, or a `ResultFolder`. A function of ilr, luma enlarged by bicubic, float64 (rows, columns) in
        [0, 1], and the scale, which returns luma of that shape. A function of the small image, see `of_small_image`.
    scales : float, or several
        Factors from 1 to 16. At a fraction, such as 2.5, originals are cropped as Meta-SR does, see `crop_for`. At 1
        images are cleaned: their low resolution is what `lr` or a degradation such as "noise" or "jpeg" gives.
    protocols : str or Protocol, or several
        Names of `PROTOCOLS`, or variations of these; ``protocols=PROTOCOLS`` takes all of them.
    border : int or "scale+6", optional
        Pixels of each side that are not scored; the default is the protocol's, as a rule the scale.
    rgb : bool
        Score all three channels instead of luma. SSIM is the mean of theirs; MATLAB's of an RGB image is another number,
        ``ssim(..., volume=True)``.
    grey : {"keep", "rgb"}, optional
        A grey original is its own luma, or is read as RGB; the default is the protocol's.
    luma : str, optional
        Luma is rounded to 8 bits ("uint8"), or not ("float"), or another, see `Protocol`; the default is the protocol's.
    boundary : {"symmetric", "replicate"}, optional
        Of imresize; the default is the protocol's, as a rule symmetric.
    degradation : str or Degradation, optional
        What makes the low-resolution images instead of bicubic: "bd", "dn:noise=10", see `Degradation`.
    rules : dict, optional
        Any further rules of a `Protocol`, by their names: ``{"ssim": "volume", "crop": 12}``.
    lr : str or Path, optional
        Take low-resolution images from this folder instead of making them.
    claim : str, optional
        A published PSNR/SSIM of one method on one set at one scale, such as "37.56/0.9591": find the rules that give
        every digit, instead of scoring under `protocols`. Rules that are given are not varied. See `Scores.explanation`.
    claims : str or Path, optional
        As `claim`, a file with the numbers of each image: a log or CSV, see `read_claims`.
    metrics : str, or several
        Further metrics of 8-bit pictures: "niqe", "brisque", "ms-ssim", "gmsd", "ssim-rgb" (MATLAB's of RGB).
    also : str, or several
        Metrics of pyiqa, where it is installed: "pyiqa:lpips,dists".
    cost : bool
        Measure what networks, and functions of enlarged luma, cost: see `Scores.tables`.
    engine : {"auto", "numba", "tensorflow", "jax", "onnx"}
        What computes the networks that are loaded here, see `Network`.
    network_input : str, or several
        What networks of ONNX files and of spandrel take, where trying them guesses wrongly: "1" or "255" is white,
        "bgr" the order of colours, "whole" that no image may come in tiles.
    self_ensemble : bool
        Average networks, and functions of enlarged luma, over eight flips and rotations.
    baseline : method, or a name in `methods`
        What `Scores.tables` compares all others with; evaluated too if it is not among `methods`.
    save_images : str or Path, optional
        A folder for pictures of the ground truth, the results and their residuals.
    save_mat : str or Path, optional
        A folder for what was scored, as .mat files.
    detail : (x0, y0, x1, y1) or "auto", optional
        With `save_images`, draw this detail of each image, or the one where the methods differ most.
    images : str, or several
        Draw and save these images only.
    html_images : int
        How many images `Scores.to_html` shows, the first of each set and scale; all that `images` names.
    force : bool
        Write into folders that are not empty.
    advance : callable, optional
        Called for each result with 1, and how many there will be in all.
    remark : callable, optional
        Hears at once of what is left out, a line each; by default that is a warning.

    Returns
    -------
    Scores

    Raises
    ------
    ArgumentError
        If an argument is not as above.
    VdsrError
        If a set, weights or results cannot be read or do not fit, a method fails, no image can be scored, or a folder
        cannot be written.

    Warns
    -----
    VdsrWarning
        Of images that are too small to be scored; the means are without them.
    RangeWarning
        If a method returns values that clearly lie in another range than [0, 1].
    MemoryWarning
        If the images may not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vdsr_data.images.files import write_image
    >>> from vdsr_eval import evaluate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(Path(folder, "rings.png"), (np.hypot(*np.mgrid[:48, :48]) * 31 % 256).astype(np.uint8))
    ...     methods = {"bicubic": "bicubic", "darker": lambda ilr, scale: 0.9 * ilr}
    ...     scores = evaluate(folder, methods, scales=[2], protocols=["paper", "rcan"])
    >>> [(record.image, record.model, record.protocol) for record in scores]
    [('rings', 'bicubic', 'paper'), ('rings', 'darker', 'paper'), ('rings', 'bicubic', 'rcan'), ('rings', 'darker', 'rcan')]
    """  # noqa: E501
    if lr is not None and degradation is not None:
        raise ArgumentError("lr and degradation both say where low-resolution images come from; give one")
    opened = open_sets(sets)
    found, against = named(methods, baseline, self_ensemble=self_ensemble, engine=engine, network_input=network_input)
    networks = {name: network for name, model in found.items() if (network := network_of(model)) is not None}
    costs: dict[str, Cost] = {}
    if cost:
        counted = {name: model for name, model in found.items() if is_upscaler(model) and model is not bicubic}
        costs = {name: Cost(model) for name, model in counted.items()}
        found |= costs
    factors = tuple(dict.fromkeys(checked_factor("scales", factor, EVALUATED) for factor in several(scales)))
    given = changed(
        border=border, rgb=rgb, grey=grey, luma=luma, boundary=boundary, degradation=degradation, rules=rules
    )
    claiming = claim is not None or claims is not None
    if claiming and varied(protocols) != varied("vdsr-tf"):
        raise ArgumentError("protocols: with a claim they are found; leave them out")
    ways = (fitting(given),) if claiming else varied(protocols, rules=given)
    only = _known(several(images), opened)
    parts = [_Part(benchmark, scale) for benchmark in opened for scale in factors]
    if not parts:
        raise ArgumentError("scales: give at least one")
    _check_scales(
        factors, ways, given=lr is not None, enlarging=any(not isinstance(m, ResultFolder) for m in found.values())
    )

    # Results are found before the first image is scored.
    notes = [f"{name}: computed by {one.engine}" for name, one in networks.items() if one.engine != "numba"]
    takes = {name: one.takes for name, one in networks.items() if isinstance(one, ImageNetwork)}
    notes += [f"{name}: takes {one}" for name, one in takes.items()]
    read = [*(benchmark.path for benchmark in opened), *([] if lr is None else [checked_path("lr", lr)])]
    ready = {name: model if isinstance(model, ResultFolder) else method(model) for name, model in found.items()}
    for part in parts:
        for name, run in ready.items():
            part.methods[name] = part.results(run, notes, read) if isinstance(run, ResultFolder) else run

    # What cannot end well is refused before the work.
    folders = file_names([benchmark.name for benchmark in opened])
    places = {"save_images": save_images, "save_mat": save_mat}
    targets = [checked_path(name, target) for name, target in places.items() if target is not None]
    for target in targets:
        _check_target(target, [target / folders[p.benchmark.name] / f"x{p.scale:g}" for p in parts], read, force=force)
    check_memory(opened, [*ways, PROTOCOLS["ntire"]] if claiming else ways, len(found))
    explanation = None
    if claiming:
        (part,), subject = _of_claim(parts, found), _subject(found)
        model = found[subject]
        if not isinstance(model, ResultFolder):
            part.methods[subject] = remembered(model)
        explanation = explain_claim(
            part.benchmark, part.methods[subject], _asked(claim, claims, part), scale=part.scale, fixed=given,
            lr=None if lr is None else low_resolution(lr, part.benchmark.image_names, scale=part.scale)[0],
            dear=not (model is bicubic or isinstance(model, ResultFolder)), advance=advance,
        )  # fmt: skip
        ways = ((explanation.found or explanation.close)[0].protocol,)
    check_detail(detail, opened, factors, ways, only)

    page = PageImages(max(1, whole("html_images", html_images, (0, None)) // len(parts)), only)
    sinks: list[Callable[[Sequence[Scored]], None]] = [page] if html_images else []
    if targets:
        sinks.append(PictureFiles(sets=folders, images=save_images, mat=save_mat, detail=detail, only=only))
    further = None
    if (names := several(metrics)) or several(also):
        from vdsr_eval.reports.further import FurtherScores, further_metrics

        further = FurtherScores(further_metrics(names, several(also)))
        sinks.append(further)
    left_out: list[str] = []

    def skip(line: str) -> None:
        left_out.append(line)
        remark(line)

    records: list[Record] = []
    count = sum(len(part.benchmark) for part in parts) * len(ways) * len(found)
    count += 0 if explanation is None else explanation.steps
    with ExitStack() as stack:
        for place in {realpath(target) for target in targets}:
            stack.enter_context(claimed(place))
        for part in parts:
            scored = part.run(ways, lr=lr, skip=skip, advance=partial(advance, 1, count))
            for (_, label), group in groupby(scored, lambda item: (item.record.image, item.record.protocol)):
                together = list(group)
                records += [item.record for item in together]
                if label == ways[0].label:
                    for sink in sinks:
                        sink(together)
    said = (*notes, *remarks(records, {name: guesses(one.colour, one.peak) for name, one in takes.items()}))
    return Scores(records=tuple(records), protocols=ways, baseline=against, remarks=said, left_out=tuple(left_out),
                  views=tuple(page.views), explanation=explanation, further=further, costs=costs,
                  engines={name: one.engine for name, one in networks.items()})  # fmt: skip


def score(
    folder: str | Path,
    gt: Set,
    scale: float,
    *,
    name: str | None = None,
    pattern: str = "*",
    variable: str | None = None,
    peak: float = 1.0,
    baseline: str | Path | None = None,
    baseline_pattern: str = "*",
    protocols: str | Protocol | Iterable[str | Protocol] = ("vdsr-tf",),
    border: int | Literal["scale+6"] | None = None,
    rgb: bool = False,
    grey: Literal["keep", "rgb"] | None = None,
    luma: Luma | None = None,
    boundary: Boundary | None = None,
    degradation: str | Degradation | None = None,
    rules: Rules = (),
    lr: str | Path | None = None,
    claim: str | Claim | None = None,
    claims: str | Path | None = None,
    metrics: str | Iterable[str] = (),
    also: str | Iterable[str] = (),
    save_images: str | Path | None = None,
    save_mat: str | Path | None = None,
    detail: Window | Literal["auto"] | None = None,
    images: str | Iterable[str] = (),
    html_images: int = 0,
    force: bool = False,
    advance: Progress = ignore,
    remark: Callable[[str], object] = warned,
) -> Scores:
    """Score the results of any method beside bicubic interpolation; the command is ``vdsr-eval score``.

    Files are matched to originals by name: butterfly.png, butterfly_RCAN_x3.png and x3-butterfly.mat are all
    butterfly's. Of a folder that holds HR, LR and SR of each, SR is taken.

    Parameters
    ----------
    folder : str or Path
        Of PNG, BMP, TIFF or .mat files, one for each original. A .mat file holds one image, 8 bits or floats in [0, 1]:
        RGB, or luma where the protocol scores luma.
    gt : str, Path or Benchmark
        The originals: a name, a folder or a benchmark file.
    scale : float
        As for `evaluate`; at 1, without `lr` or `degradation`, the results are scored without a bicubic row.
    name : str, optional
        What tables call the results; the default is the folder's name.
    pattern, variable, peak
        As for `ResultFolder`.
    baseline : str or Path, optional
        Compare image by image with the results in this folder, or with "bicubic".
    baseline_pattern : str, default "*"
        The `pattern` of the baseline's folder.
    protocols, border, rgb, grey, luma, boundary, degradation, rules, lr, claim, claims, metrics, also
        As for `evaluate`.
    save_images, save_mat, detail, images, html_images, force, advance, remark
        As for `evaluate`.

    Returns
    -------
    Scores

    Raises
    ------
    ArgumentError, VdsrError
        As `evaluate`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vdsr_data.images.files import write_image
    >>> from vdsr_eval import score
    >>> rings = (np.hypot(*np.mgrid[:48, :48]) * 31 % 256).astype(np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, image in {"gt/rings.png": rings, "theirs/rings_SR_x2.png": rings // 2}.items():
    ...         Path(folder, name).parent.mkdir()
    ...         write_image(Path(folder, name), image)
    ...     scores = score(Path(folder, "theirs"), Path(folder, "gt"), 2, protocols="paper")
    >>> [(record.image, record.model) for record in scores]
    [('rings', 'bicubic'), ('rings', 'theirs')]
    """
    name = name and one_line(name).strip()
    if name == BICUBIC:
        raise ArgumentError(f"{BICUBIC} is the name of the baseline; give the results another `name`")
    theirs = [ResultFolder(folder, pattern=pattern, variable=variable, peak=peak)]
    if baseline is not None and str(baseline) != BICUBIC:
        theirs.append(ResultFolder(baseline, pattern=baseline_pattern, variable=variable, peak=peak))
    paths = [Path(realpath(one.folder)) for one in theirs]
    if len(set(paths)) < len(paths):
        raise ArgumentError(f"`baseline` {baseline}: is `folder` itself; name other results")
    names = [one_line(one.name) for one in theirs]
    names = distinct([name or names[0], *names[1:]], paths, taken=[BICUBIC])
    methods: dict[str, Model] = dict(zip(names, theirs, strict=True))
    if scale != 1 or lr is not None or degradation is not None or str(baseline) == BICUBIC:
        methods = {BICUBIC: BICUBIC, **methods}
    against = names[1] if len(names) > 1 else None if baseline is None else BICUBIC
    return evaluate(
        gt, methods, scales=scale, baseline=against, protocols=protocols, border=border, rgb=rgb, grey=grey, luma=luma,
        boundary=boundary, degradation=degradation, rules=rules, lr=lr, claim=claim, claims=claims, metrics=metrics,
        also=also, save_images=save_images, save_mat=save_mat, detail=detail, images=images, html_images=html_images,
        force=force, advance=advance, remark=remark,
    )  # fmt: skip


def _of_claim(parts: Sequence["_Part"], methods: Mapping[str, Opened]) -> Sequence["_Part"]:
    if len(parts) != 1:
        raise ArgumentError("claim: is of one set at one scale; name these")
    if len([name for name in methods if name != BICUBIC]) > 1:
        raise ArgumentError("claim: is of one method; name that alone")
    return parts


def _subject(methods: Mapping[str, Opened]) -> str:
    """The method whose scores are claimed: the one beside bicubic, or bicubic alone."""
    return next((name for name in methods if name != BICUBIC), BICUBIC)


def _asked(claim: str | Claim | None, file: str | Path | None, part: "_Part") -> dict[str, Claim]:
    """Claims of the mean, or of images."""
    if claim is not None and file is not None:
        raise ArgumentError("claim and claims are two ways to say the same; give one")
    if claim is not None:
        return {"": Claim.parse(claim)}
    return read_claims(checked_path("claims", file), part.benchmark.image_names, scale=part.scale)


def _check_scales(factors: Sequence[float], protocols: Sequence[Protocol], *, given: bool, enlarging: bool) -> None:
    """Refuse scales that do not go with a degradation; and 1 where nothing says what there is to be cleaned."""
    for protocol in protocols:
        for factor in factors:
            if protocol.degradation is not None:
                protocol.degradation.check_scale(factor)
            elif factor == 1 and enlarging and not given:
                raise ArgumentError("scales: at 1 nothing is reduced; give lr, or a degradation such as noise or jpeg")


@dataclass
class _Part:
    """One set at one scale, with its methods."""

    benchmark: Benchmark
    scale: float
    methods: dict[str, Method] = field(default_factory=dict)

    def results(self, source: ResultFolder, notes: list[str], read: list[Path]) -> Results:
        """Find the files of a folder, and note what should be said of them, and where they are."""
        found = source.results(self.benchmark.name, self.benchmark.image_names, scale=self.scale)
        notes += found.remarks
        read.append(found.folder)
        return found

    def run(
        self,
        protocols: Sequence[Protocol],
        *,
        lr: str | Path | None,
        skip: Callable[[str], None],
        advance: Callable[[], object],
    ) -> Iterator[Scored]:
        """Score, with the low-resolution images of a folder if one is named; `advance` is called for each result."""
        read = None
        if lr is not None:
            read, said = low_resolution(lr, self.benchmark.image_names, scale=self.scale)
            for line in said:
                skip(line)
        how: dict[str, Any] = {"scale": self.scale, "methods": self.methods, "protocols": protocols}
        for scored in evaluate_images(self.benchmark, **how, skip=skip, lr=read):
            advance()
            yield scored


def _known(images: Iterable[str], sets: Sequence[Benchmark]) -> frozenset[str]:
    """Names of images; a VdsrError for one that is in none of the sets."""
    known = dict.fromkeys(name for benchmark in sets for name in benchmark.image_names)
    only = frozenset(images)
    for name in only:
        if name not in known:
            where = ", ".join(benchmark.name for benchmark in sets)
            raise VdsrError(f"--image {name}: no such image in {where}; there are {', '.join(known)}")
    return only


def _check_target(target: Path, places: Sequence[Path], read: Sequence[Path], *, force: bool) -> None:
    """Refuse a folder that holds other things, or in which something is read from where it would be written to."""
    if target.is_dir() and not is_empty(target) and not force:
        raise VdsrError(f"{target}: is not empty; name a new folder, or use --force to write into it")
    taken = set(map(realpath, read))
    for place in places:
        if realpath(place) in taken:
            raise VdsrError(f"{target}: what is written there would lie in {place}, which is read; name another")
