"""Records to tables: plain cells that the commands print, and that `export` writes as Markdown, LaTeX, CSV and JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from vdsr_data.errors import ArgumentError, one_line
from vdsr_data.limits import different
from vdsr_eval.protocols.protocol import PROTOCOLS, Protocol, as_protocol
from vdsr_eval.protocols.published import PUBLISHED, Agreement, Published, agreements, published, set_name
from vdsr_eval.scoring.claims import Claim, Explanation
from vdsr_eval.scoring.records import BICUBIC, Record, checked_records, mean_score
from vdsr_eval.scoring.significance import LEVEL, paired_difference

__all__ = ["Key", "Table", "claimed", "compare", "differences", "explain", "groups", "per_image", "score_cell",
           "summary"]  # fmt: skip


SHOWN = 8  # ways that a claim's table names


@dataclass(frozen=True)
class Table:
    """A table of text cells, each in one line: what a name has of line breaks and control characters is escaped.

    Attributes
    ----------
    heading : str
        What it shows, in a few words.
    title : str
        How the numbers were computed.
    columns : tuple of str
    rows : list of tuple of str
    left : int
        The first so many columns align left.
    merged : int
        In the first so many columns a cell is printed once for all the rows that repeat it.
    notes : tuple of str
        To be read below it: sources, and what must not be concluded.
    """

    heading: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    left: int = 1
    merged: int = 0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("heading", "title"):
            object.__setattr__(self, name, one_line(getattr(self, name)))
        for name in ("columns", "notes"):
            object.__setattr__(self, name, tuple(map(one_line, getattr(self, name))))
        object.__setattr__(self, "rows", [tuple(map(one_line, row)) for row in self.rows])

    def printed(self) -> list[tuple[str, ...]]:
        """The rows without the cells that repeat those above them in the merged columns."""
        shown, above = [], ("",) * len(self.columns)
        for row in self.rows:
            same = next((k for k in range(self.merged) if row[k] != above[k]), self.merged)
            shown.append(("",) * same + row[same:])
            above = row
        return shown


class Key(NamedTuple):
    """What the records of a mean have in common."""

    dataset: str
    scale: float
    model: str
    protocol: str


def groups(records: Iterable[Record]) -> dict[Key, list[Record]]:
    """Records by set, scale, model and protocol, in the order of their first appearance.

    Raises
    ------
    ArgumentError
        If there are two of one image in a group, whose mean would be of neither model.
    """
    found: dict[Key, dict[str, Record]] = {}
    for record in checked_records(records):
        key = Key(record.dataset, record.scale, record.model, record.protocol)
        group = found.setdefault(key, {})
        if record.image in group:
            where = f"{record.image} of {key.dataset} x{key.scale:g} under {key.protocol}"
            raise ArgumentError(f"records: two of {key.model} for {where}; give each once, and each model its own name")
        group[record.image] = record
    return {key: list(group.values()) for key, group in found.items()}


def score_cell(psnr: float, ssim: float) -> str:
    """PSNR to 2 decimals and SSIM to 4, as the papers print them."""
    return f"{psnr:.2f} / {ssim:.4f}"


def summary(records: Sequence[Record], *, protocol: Protocol | str) -> Table:
    """Mean PSNR / SSIM: a row for each set and scale, a column for each model; records of one protocol."""
    protocol = _only_of(protocol, records)
    means = _means(records)
    counts = {key[:2]: len(group) for key, group in groups(records).items()}
    models = _models(records)
    rows = [
        (dataset, f"x{scale:g}", str(count), *(_cell(means.get((dataset, scale, model))) for model in models))
        for (dataset, scale), count in counts.items()
    ]
    columns = ("set", "scale", "images", *models)
    return Table(f"Means, {protocol.label}", protocol.describe(), columns, rows, left=2)


def per_image(records: Sequence[Record], *, protocol: Protocol | str) -> Table:
    """PSNR / SSIM of each image: a column for each model; records of one protocol."""
    protocol = _only_of(protocol, records)
    models = _models(records)
    cells: dict[tuple[str, float, str], dict[str, str]] = {}
    for record in records:
        row = cells.setdefault((record.dataset, record.scale, record.image), {})
        row[record.model] = f"{record.psnr:.4f} / {record.ssim:.4f}"
    rows = [
        (dataset, f"x{scale:g}", image, *(row.get(model, "") for model in models))
        for (dataset, scale, image), row in cells.items()
    ]
    columns = ("set", "scale", "image", *models)
    return Table(f"Each image, {protocol.label}", protocol.describe(), columns, rows, left=3)


def compare(records: Sequence[Record], *, protocol: Protocol | str) -> Table:
    """The measured means above the published ones of the same protocol, with measured minus published.

    Bicubic is compared with bicubic, every other model with every other row. A protocol that was varied (border, RGB,
    boundary) has no published rows, but for those of BD and DN: see `published`.
    """
    protocol = _only_of(protocol, records)
    means, models = _means(records), _models(records)
    rows: list[tuple[str, ...]] = []
    used: dict[str, list[str]] = {}
    notes = []
    for dataset, scale in dict.fromkeys(key[:2] for key in means):
        ours = {model: means.get((dataset, scale, model)) for model in models}
        rows.append((dataset, f"x{scale:g}", "measured", "", *(_cell(ours[model]) for model in models)))
        for row in published(dataset=dataset, scale=scale, protocol=protocol):
            gaps = [_gap(ours[model], row) if (model == BICUBIC) == (row.model == BICUBIC) else "" for model in models]
            rows.append((dataset, f"x{scale:g}", row.model, score_cell(row.psnr, row.ssim), *gaps))
            for text in filter(None, (row.source, row.note)):
                used.setdefault(text, []).append(row.model)
            if row.model == BICUBIC and _far(ours.get(BICUBIC), row):
                notes.append(
                    f"{dataset} x{scale:g}: bicubic is not the published one; other images, or another protocol"
                )
    notes += [f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in used.items()]
    if protocol.label == "rcan":
        notes.append("the tables of `rcan` repeat the bicubic row of `paper`, so there is none to compare with here")
    if not used:
        notes.append(f"nothing is published here for {protocol.label} and these sets")
    columns = ("set", "scale", "row", "published", *models)
    title = f"{protocol.describe()} - measured, and measured minus published"
    heading = f"Beside the published rows, {protocol.label}"
    return Table(heading, title, columns, rows, left=3, merged=2, notes=tuple(notes))


def explain(records: Sequence[Record], protocols: Sequence[Protocol | str]) -> Table:
    """The same images under every protocol side by side, and which published bicubic table each reproduces."""
    rules = different("protocols", protocols, lambda _, protocol: as_protocol(protocol))
    labels = [protocol.label for protocol in rules]
    means = {key: mean_score(group) for key, group in groups(records).items()}
    rows = [
        (dataset, f"x{scale:g}", model, *(_cell(means.get(Key(dataset, scale, model, label))) for label in labels))
        for dataset, scale, model in dict.fromkeys(key[:3] for key in means)
    ]
    notes = [protocol.describe() for protocol in rules]
    for label, protocol in zip(labels, rules, strict=True):
        bicubic = {key[:2]: mean for key, mean in means.items() if key[2:] == (BICUBIC, label)}
        reproduces = PROTOCOLS[label].reproduces if label in PROTOCOLS else ""
        notes.append(_agreement_line(label, reproduces, agreements(bicubic, degradation=protocol.degradation)))
    notes += _unexplained(means, rules[0])
    columns = ("set", "scale", "model", *labels)
    title = "the same images under each protocol"
    return Table("Protocols side by side", title, columns, rows, left=3, merged=2, notes=tuple(notes))


def _unexplained(means: Mapping[Key, tuple[float, float]], protocol: Protocol) -> list[str]:
    """Published bicubic rows that none of the means equals in every digit, and what to do about them."""
    cells = {(key.dataset, key.scale, _cell(mean)) for key, mean in means.items() if key.model == BICUBIC}
    rows = {(dataset, scale, row.psnr, row.ssim)
            for dataset, scale, _ in cells
            for row in published(dataset=dataset, scale=scale, degradation=protocol.degradation)
            if row.model == BICUBIC and (dataset, scale, score_cell(row.psnr, row.ssim)) not in cells}  # fmt: skip
    return [f"{dataset} x{scale:g}: the published bicubic row {score_cell(psnr, ssim)} is none of these; find its "
            f"rules with --claim {psnr:.2f}/{ssim:.4f}" for dataset, scale, psnr, ssim in sorted(rows)]  # fmt: skip


def claimed(explanation: Explanation, records: Sequence[Record]) -> Table:
    """The rules that give a claim, or come near it, the simplest first."""
    group = next(iter(groups(records).values()))
    of = f"{group[0].dataset} x{group[0].scale:g}"
    whole = explanation.claims.get("")
    what = f"{whole} on {of}" if whole else f"the numbers of {len(explanation.claims)} images of {of}"
    ways = explanation.found or explanation.close
    count, tried = len(explanation.found), f"{explanation.tried:,}"
    verdict = (
        f"{count} of {tried} ways give{'s' * (count == 1)} every digit"
        if count
        else f"none of {tried} ways gives every digit"
    )
    rows: list[tuple[str, ...]] = [(way.protocol.label, f"{way.psnr:.4f}", f"{way.ssim:.6f}") for way in ways[:SHOWN]]
    notes = [f"{'' if count else 'nearest: '}{ways[0].protocol.describe()}"]
    if count > SHOWN:
        notes.append(f"{count - SHOWN} more ways give these digits")
    if count > 1:
        notes.append("a claim with more digits, or the numbers of each image (--claims), tells them apart")
    if not explanation.whole:
        notes.append("low resolutions of other protocols were not tried, since a named protocol fits")
    if not count:
        notes.append("so the images, the low resolution or the results are others, or the rules are none of these")
    if whole:
        notes += _printed(whole, group[0], [way.protocol for way in explanation.found])
    title = f"claim {what}: {verdict}; the {'simplest' if count else 'nearest'} first"
    return Table(f"claim {what}", title, ("rules", "PSNR", "SSIM"), rows, notes=tuple(notes))


def _printed(claim: Claim, record: Record, found: Sequence[Protocol]) -> list[str]:
    """Published rows of the set and scale with these very digits, and whether they are listed under what was found."""
    rows = [row for row in PUBLISHED
            if set_name(record.dataset) == row.dataset.lower() and row.scale == record.scale
            and claim.psnr == f"{row.psnr:.2f}" and claim.ssim in (None, f"{row.ssim:.4f}")]  # fmt: skip
    labels = {replace(protocol, degradation=None).label for protocol in found}
    return [f"printed for {row.model}{f' ({row.degradation})' * bool(row.degradation)}, listed here under "
            f"`{row.protocol}`{'' if row.protocol in labels else ', which is not what was found'}: {row.source}"
            for row in rows[:SHOWN]]  # fmt: skip


def differences(records: Sequence[Record], *, baseline: str, protocol: Protocol | str) -> Table:
    """Mean PSNR difference of every model to `baseline` with its bootstrap interval; records of one protocol."""
    protocol = _only_of(protocol, records)
    grouped = groups(records)
    if not isinstance(baseline, str) or baseline not in _models(records):
        raise ArgumentError(f"baseline: {baseline!r} is not among the models, {', '.join(_models(records))}")
    rows: list[tuple[str, ...]] = []
    notes = []
    for (dataset, scale, model, label), group in grouped.items():
        if model == baseline:
            continue
        try:
            found = paired_difference(group, grouped[Key(dataset, scale, baseline, label)])
        except ArgumentError as error:
            notes.append(f"{dataset} x{scale:g}, {model}: {error}")
            continue
        interval = f"[{found.low:+.3f}, {found.high:+.3f}]"
        wins = f"{found.wins} of {found.images}"
        rows.append((dataset, f"x{scale:g}", model, f"{found.mean:+.3f}", interval, wins, found.verdict))
    columns = ("set", "scale", "model", "dB", f"{LEVEL:.0%} interval", "images better", "verdict")
    title = f"{protocol.label} - PSNR minus that of {baseline}, paired bootstrap"
    return Table(f"Against {baseline}, {protocol.label}", title, columns, rows, left=3, notes=tuple(notes))


def _only_of(protocol: Protocol | str, records: Sequence[Record]) -> Protocol:
    """The protocol, if all records are of it: means over several would be of none."""
    found = as_protocol(protocol)
    others = {key.protocol for key in groups(records)} - {found.label}
    if others:
        raise ArgumentError(f"records of {', '.join(sorted(others))} in a table of {found.label}; give those of one")
    return found


def _means(records: Sequence[Record]) -> dict[tuple[str, float, str], tuple[float, float]]:
    """Mean score by (dataset, scale, model)."""
    return {key[:3]: mean_score(group) for key, group in groups(records).items()}


def _models(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(record.model for record in records))


def _cell(mean: tuple[float, float] | None) -> str:
    return "" if mean is None else score_cell(*mean)


def _gap(mean: tuple[float, float] | None, row: Published) -> str:
    """Measured, as printed, minus published: what a reader of both tables would subtract."""
    if mean is None:
        return ""
    psnr, ssim = round(round(mean[0], 2) - row.psnr, 2), round(round(mean[1], 4) - row.ssim, 4)
    return f"{psnr + 0.0:+.2f} / {ssim + 0.0:+.4f}"  # + 0.0 turns -0.0 into 0.0


def _far(mean: tuple[float, float] | None, row: Published) -> bool:
    return mean is not None and (abs(mean[0] - row.psnr) > 0.01 or abs(mean[1] - row.ssim) > 0.001)


def _agreement_line(label: str, reproduces: str, found: Sequence[Agreement]) -> str:
    """What a measured bicubic row says about its protocol."""
    if not found:
        return f"{label}: no published bicubic row for these sets"
    best = found[0]
    rows = "row" if best.rows == 1 else "rows"
    largest = f"largest difference {best.psnr_gap:.3f} dB, {best.ssim_gap:.4f}"
    scored = f" (used by {reproduces})" if reproduces else ""
    if best.exact == best.rows:
        text = f"bicubic equals the published one in every digit of {best.rows} {rows}"
    elif best.close:
        text = f"bicubic agrees with the published one: {best.exact} of {best.rows} {rows} in every digit, {largest}"
    else:
        text = f"bicubic agrees with no published one; nearest is `{best.protocol}`, {largest}"
        return f"{label}{scored}: {text}"
    return f"{label}{scored}: {text}, `{best.protocol}`: {best.source}"
