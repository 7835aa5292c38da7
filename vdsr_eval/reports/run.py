"""One evaluation from test sets to records, with pictures on the way, and the tables that are made of the records."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from vdsr_data import modcrop
from vdsr_data.benchmark.sets import Benchmark
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images import memory
from vdsr_eval.protocols.protocol import Protocol, too_small
from vdsr_eval.reports import tables as report
from vdsr_eval.reports.pictures import Window, automatic_window, below, checked_window, save_images, save_mat
from vdsr_eval.reports.tables import Table
from vdsr_eval.scoring.evaluate import Method, Record, Scored, evaluate_images
from vdsr_eval.scoring.results import low_resolution

__all__ = ["PictureFiles", "Plan", "check_detail", "check_memory", "run", "tables"]


# Takes all methods of one image and scale, under the first protocol.
Sink = Callable[[Sequence[Scored]], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is evaluated; `lr` is a folder of low-resolution images, instead of shrinking the originals."""

    sets: Sequence[Benchmark]
    scales: Sequence[int]
    methods: Mapping[str, Method]
    protocols: Sequence[Protocol]
    lr: Path | None = None


def check_memory(plan: Plan) -> None:
    """Say before the work, or refuse, what will not fit into memory.

    Raises
    ------
    VdsrError
        As `vdsr_data.images.memory.check_memory`, which also warns.

    Notes
    -----
    Measured, as the growth of the peak from 4 to 9 megapixels of 8-bit RGB: 45 bytes a pixel under `vdsr-tf`, 60 under
    `paper`, 110 under `rcan`, 135 with RGB; two protocols after each other take what both take; 288 under all three.
    """
    each = sorted((135 if p.rgb else 110 if p.source == "rgb" else 60 for p in plan.protocols), reverse=True)
    bytes_a_pixel = sum(each[:2]) + 25 + 32 * (len(plan.methods) - 1)
    for testset in plan.sets:
        what = f"{testset.name}: {testset.most_pixels / 1e6:.0f} megapixels"
        memory.check_memory(what, testset.most_pixels * bytes_a_pixel)


def check_detail(plan: Plan, detail: Window | str | None, only: Collection[str] = ()) -> None:
    """Raise a VdsrError before the work where a window lies outside an image whose detail is to be drawn."""
    if not isinstance(detail, tuple):
        return
    for testset in plan.sets:
        for original in testset:
            shape = original.pixels.shape
            for scale in plan.scales:
                left_out = any(too_small(shape, scale=scale, protocol=protocol) for protocol in plan.protocols)
                if left_out or (only and original.name not in only):
                    continue
                try:
                    checked_window(detail, modcrop(original.pixels, scale).shape)
                except ArgumentError as error:
                    raise VdsrError(f"{testset.name}/{original.name}: {error}") from error


def run(
    plan: Plan, *, skip: Callable[[str], None], sinks: Sequence[Sink] = (), advance: Callable[[int], None]
) -> list[Record]:
    """Evaluate; `skip` hears of images and files that are left out, `advance` counts results.

    Raises
    ------
    VdsrError
        As `vdsr_eval.scoring.evaluate.evaluate_images`.
    """
    records = []
    for testset in plan.sets:
        for scale in plan.scales:
            low = None
            if plan.lr is not None:
                low, remarks = low_resolution(plan.lr, testset.image_names, scale=scale)
                for remark in remarks:
                    skip(remark)
            images = evaluate_images(
                testset, scale=scale, methods=plan.methods, protocols=plan.protocols, skip=skip, low=low
            )
            for (_, protocol), group in groupby(_counted(images, advance), _image_and_protocol):
                scored = list(group)
                records += [item.record for item in scored]
                if protocol == plan.protocols[0].label:
                    for sink in sinks:
                        sink(scored)
    return records


def tables(
    records: Sequence[Record],
    protocols: Sequence[Protocol],
    *,
    per_image: bool = False,
    compare: bool = False,
    explain: bool = False,
    baseline: str | None = None,
) -> list[Table]:
    """The tables that were asked for, protocol after protocol; the means where nothing else was."""
    found = []
    for protocol in protocols:
        ours = [record for record in records if record.protocol == protocol.label]
        if per_image:
            found.append(report.per_image(ours, protocol=protocol))
        if compare:
            found.append(report.compare(ours, protocol=protocol))
        elif not explain:
            found.append(report.summary(ours, protocol=protocol))
        if baseline is not None:
            found.append(report.differences(ours, baseline=baseline, protocol=protocol))
    return [*found, report.explain(records, protocols)] if explain else found


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """A sink that writes pictures, .mat files and comparisons of details, of all images or of the named ones."""

    # Names of folders by the names of all sets, as `vdsr_eval.reports.pictures.file_names` gives them.
    sets: Mapping[str, str]
    images: Path | None = None
    mat: Path | None = None
    # A window, "auto" for where the methods differ most, or None for no comparison.
    detail: Window | str | None = None
    only: frozenset[str] = frozenset()

    def __call__(self, methods: Sequence[Scored]) -> None:
        """Write what was asked for of one image."""
        record = methods[0].record
        if self.only and record.image not in self.only:
            return
        if self.images is not None:
            folder = below(self.images, methods[0], self.sets)
            save_images(folder, methods)
            if self.detail is not None:
                self._save_detail(folder / f"{record.image}_detail.png", methods)
        if self.mat is not None:
            save_mat(below(self.mat, methods[0], self.sets), methods)

    def _save_detail(self, path: Path, methods: Sequence[Scored]) -> None:
        from vdsr_eval.reports.figures import save_detail

        shape = methods[0].pair.gt.shape
        window = checked_window(self.detail, shape) if isinstance(self.detail, tuple) else automatic_window(methods)
        save_detail(path, methods, window)


def _counted(images: Iterator[Scored], advance: Callable[[int], None]) -> Iterator[Scored]:
    for scored in images:
        yield scored
        advance(1)


def _image_and_protocol(scored: Scored) -> tuple[str, str]:
    return scored.record.image, scored.record.protocol
