"""Scores as `evaluate` and `score` give them: records, and the tables, files and page that are made of them."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from vdsr_eval.protocols.protocol import Protocol
from vdsr_eval.reports import export, tables
from vdsr_eval.reports.cost import Cost, cost_table
from vdsr_eval.reports.page import write_page
from vdsr_eval.reports.tables import Table, groups
from vdsr_eval.scoring.claims import Explanation
from vdsr_eval.scoring.records import Record, mean_score

if TYPE_CHECKING:
    from rich.console import Console

    from vdsr_eval.reports.further import FurtherScores

__all__ = ["Scores", "Shown", "draw"]


class Shown(TypedDict, total=False):
    """Which tables are made; see `Scores.tables`."""

    per_image: bool
    compare: bool
    explain: bool
    baseline: str | None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of methods on sets, image by image; printed, they are a table.

    Attributes
    ----------
    records : tuple of Record
        One for each image, scale, method and protocol, with PSNR in dB and SSIM. Iterating gives these.
    protocols : tuple of Protocol
    baseline : str or None
        The method that `tables` compares all others with, unless it is told another.
    remarks : tuple of str
        What an expert would say of the scores and of the files that were read, a line each.
    left_out : tuple of str
        Images that were too small to be scored, and files of `lr` that belong to none, a line each.
    engines : dict
        What computed each network, by the names of methods: "numba" is the toolkit's own engine.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vdsr_data.images.files import write_image
    >>> from vdsr_eval import evaluate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (rings := Path(folder, "Rings")).mkdir()
    ...     write_image(rings / "rings.png", (np.hypot(*np.mgrid[:48, :48]) * 31 % 256).astype(np.uint8))
    ...     scores = evaluate(rings, "bicubic", scales=2)
    >>> print(scores.to_markdown())
    vdsr-tf: imresize of float luma (symmetric); float luma, not rounded; border scale; SSIM over whole image, replicated edge
    <BLANKLINE>
    | set   | scale | images |        bicubic |
    | ----- | ----- | -----: | -------------: |
    | Rings | x2    |      1 | 16.00 / 0.7811 |
    <BLANKLINE>
    """  # noqa: E501

    records: tuple[Record, ...]
    protocols: tuple[Protocol, ...]
    baseline: str | None = None
    remarks: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    engines: Mapping[str, str] = field(default_factory=dict)
    # Which rules give the claim that was made, if one was.
    explanation: Explanation | None = None
    # Further metrics, of the first protocol, if any were asked for.
    further: "FurtherScores | None" = field(default=None, repr=False)
    # What methods cost, by their names, if that was asked for.
    costs: Mapping[str, Cost] = field(default_factory=dict, repr=False)
    # Images for the page: of `vdsr_eval.reports.page.PageImages`.
    views: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def __iter__(self) -> Iterator[Record]:
        """Give the records."""
        return iter(self.records)

    def __len__(self) -> int:
        """Count the records."""
        return len(self.records)

    def __str__(self) -> str:
        """The table of the means, and the remarks below it."""
        return "\n".join([self.table(), *self.remarks])

    def _repr_markdown_(self) -> str:
        """Show a notebook the table."""
        return self.to_markdown()

    def rows(self) -> list[dict[str, Any]]:
        """A dict for each record: ``pandas.DataFrame(scores.rows())``."""
        return [asdict(record) for record in self.records]

    def means(self) -> list[dict[str, Any]]:
        """A dict for each set, scale, method and protocol: mean PSNR and SSIM, and over how many images."""
        found = []
        for key, group in groups(self.records).items():
            psnr, ssim = mean_score(group)
            found.append({**key._asdict(), "psnr": psnr, "ssim": ssim, "images": len(group)})
        return found

    def tables(
        self, *, per_image: bool = False, compare: bool = False, explain: bool = False, baseline: str | None = None
    ) -> list[Table]:
        """Tables as data, protocol after protocol: the means, unless something else is asked for.

        Below them come further metrics and costs, where `evaluate` was asked for these. A cost is: the parameters of a
        network without its biases, in thousands, its multiply-adds for a result of 1280 x 720, both as papers count
        them since CARN (Ahn et al., ECCV 2018), and the mean seconds and megapixels of an image here.

        Parameters
        ----------
        per_image : bool
            A row for each image too.
        compare : bool
            The published rows of the protocol beside the means.
        explain : bool
            In the place of the means, all protocols side by side, and which published table agrees.
        baseline : str, optional
            The name of a method: the mean difference of all others to it, with a bootstrap interval.

        Raises
        ------
        ArgumentError
            If the baseline is none of the methods.
        """
        baseline = self.baseline if baseline is None else baseline
        found = []
        for protocol in self.protocols:
            ours = [record for record in self.records if record.protocol == protocol.label]
            if per_image:
                found.append(tables.per_image(ours, protocol=protocol))
            if compare:
                found.append(tables.compare(ours, protocol=protocol))
            elif not explain:
                found.append(tables.summary(ours, protocol=protocol))
            if baseline is not None:
                found.append(tables.differences(ours, baseline=baseline, protocol=protocol))
        if explain:
            found.append(tables.explain(self.records, self.protocols))
        if self.further is not None:
            found.append(self.further.table())
        if self.costs:
            found.append(cost_table(self.costs.items()))
        if self.explanation is not None:
            found.insert(0, tables.claimed(self.explanation, self.records))
        return found

    def table(self, **shown: Unpack[Shown]) -> str:
        """`tables`, with these arguments, as the text that ``vdsr-eval`` prints."""
        return "".join(map(drawn, self.tables(**shown)))

    def to_markdown(self, path: Path | str | None = None, **shown: Unpack[Shown]) -> str:
        """`tables`, with these arguments, for a README; written to `path` too, if that is given."""
        return _written("\n".join(map(export.markdown_text, self._noted(**shown))), path)

    def to_latex(self, path: Path | str | None = None, **shown: Unpack[Shown]) -> str:
        """`tables`, with these arguments, for a paper; written to `path` too, if that is given."""
        return _written("\n".join(map(export.latex_text, self._noted(**shown))), path)

    def to_csv(self, path: Path | str | None = None) -> str:
        """``file name,psnr,ssim`` for each record, and more columns where needed; written to `path` too."""
        return _written(export.csv_text(self.records), path)

    def to_json(self, path: Path | str | None = None) -> str:
        """The means, what computed each network, and the scores of each image; an infinite PSNR is null.

        Written to `path` too, if that is given.
        """
        further = {} if self.further is None else self.further.values
        return _written(export.json_text(self.records, further, self.engines), path)

    def to_html(self, path: Path | str, **shown: Unpack[Shown]) -> None:
        """Write a page that needs no other file: tables, bars, and as many images as `evaluate` was asked to keep."""
        write_page(path, self.records, self._noted(**shown), self.views, self.engines)

    def _noted(self, **shown: Unpack[Shown]) -> list[Table]:
        """The tables, with the remarks among the notes of the first."""
        first, *others = self.tables(**shown)
        return [replace(first, notes=(*first.notes, *self.remarks)), *others]


def draw(table: Table, console: "Console") -> None:
    """Print a table; a pipe or a file gets whole lines, whatever their width."""
    from rich import box
    from rich.table import Table as RichTable

    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(table.columns):
        drawn.add_column(name, justify="left" if number < table.left else "right", overflow="fold")
    for row in table.printed():
        drawn.add_row(*row)
    if not console.is_terminal:
        console.width = 10_000
        console.width = max(console.measure(drawn).maximum, len(table.title), *map(len, table.notes))
    console.print(table.title)
    console.print(drawn)
    for note in table.notes:
        console.print(note)
    console.print()


def drawn(table: Table) -> str:
    """The text that `draw` prints."""
    from rich.console import Console

    text = StringIO()
    draw(table, Console(file=text, force_terminal=False, highlight=False, markup=False, emoji=False))
    return text.getvalue()


def _written(text: str, path: Path | str | None) -> str:
    if path is not None:
        export.write_text(path, text)
    return text
