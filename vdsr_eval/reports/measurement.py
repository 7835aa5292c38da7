"""`measure`: how natural images look, without originals: a table of each image and the means, and files of them."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vdsr_data import limits
from vdsr_data.benchmark.sets import is_single, open_set
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import read_image
from vdsr_data.io.ahead import Progress, ignore, of_all
from vdsr_eval.metrics.naturalness import NATURALNESS, Naturalness
from vdsr_eval.reports.export import plain, write_text
from vdsr_eval.reports.tables import Table

__all__ = ["Measured", "Measurement", "measure"]

FIELDS = ("image", "metric", "value", "low", "high", "flat")


@dataclass(frozen=True)
class Measurement:
    """What a metric says of an image.

    Examples
    --------
    >>> from vdsr_eval import Naturalness
    >>> from vdsr_eval.reports.measurement import Measurement
    >>> print(Measurement("baby", "niqe", Naturalness(3.5, 3.5, 3.5, 0.0)).found)
    3.5000
    """

    image: str
    metric: str
    found: Naturalness


@dataclass(frozen=True)
class Measured:
    """Measurements of the images of a folder or set; ``str()`` is their table, made by `measure`.

    Examples
    --------
    >>> from vdsr_eval import Measured, Naturalness
    >>> from vdsr_eval.reports.measurement import Measurement
    >>> scores = (Naturalness(3.5, 3.5, 3.5, 0.0), Naturalness(4.5, 4.25, 5.0, 0.125))
    >>> found = Measured("Set5", tuple(Measurement(name, "niqe", one) for name, one in zip("ab", scores)))
    >>> print(found.to_csv(), end="")
    image,metric,value,low,high,flat
    a,niqe,3.5,3.5,3.5,0.0
    b,niqe,4.5,4.25,5.0,0.125
    >>> found.means()
    {'niqe': Naturalness(value=4.0, low=3.875, high=4.25, flat=0.0625)}
    """

    name: str
    measurements: tuple[Measurement, ...]
    crop_border: int = 0

    def __str__(self) -> str:
        from vdsr_eval.reports.scores import drawn

        return drawn(self.table())

    def of(self, metric: str) -> list[Naturalness]:
        """What a metric says of the images, in their order."""
        return [one.found for one in self.measurements if one.metric == metric]

    def means(self) -> dict[str, Naturalness]:
        """The mean over the images by each metric, of the values and of the ends of their intervals."""
        return {
            metric: Naturalness(*(math.fsum(getattr(one, name) for one in self.of(metric)) / len(self.of(metric))
                                  for name in FIELDS[2:]))
            for metric in dict.fromkeys(one.metric for one in self.measurements)
        }  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """A dict for each image and metric: ``pandas.DataFrame(measured.rows())``."""
        return [{"image": one.image, "metric": one.metric, **vars(one.found)} for one in self.measurements]

    def table(self) -> Table:
        """A row for each image, and the mean, as ``vdsr-eval measure`` prints it."""
        means = self.means()
        columns = [name for metric in means for name in (metric, "between", "flat")]
        images = dict.fromkeys(one.image for one in self.measurements)
        rows = [(image, *cells) for image, *cells in zip(images, *map(self._cells, means), strict=True)]
        flattened = [(image, *(cell for group in groups for cell in group)) for image, *groups in rows]
        flattened.append(("mean", *(cell for mean in means.values() for cell in _cells(mean))))
        border = f"; {self.crop_border} pixels of each side left out" if self.crop_border else ""
        return Table("naturalness", f"{self.name}: lower is better{border}", ("image", *columns), flattened)

    def to_csv(self, path: Path | str | None = None) -> str:
        """`rows` as CSV, a line for each image and metric; written to `path` too, if that is given."""
        file = io.StringIO()
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        return _written(file.getvalue(), path)

    def to_json(self, path: Path | str | None = None) -> str:
        """`rows` as JSON, in which NaN is null; written to `path` too, if that is given."""
        rows = [{key: plain(x) if isinstance(x, float) else x for key, x in row.items()} for row in self.rows()]
        return _written(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)

    def _cells(self, metric: str) -> list[tuple[str, str, str]]:
        return [_cells(one) for one in self.of(metric)]


def measure(
    source: Path | str,
    *,
    metrics: str | Sequence[str] = ("niqe",),
    crop_border: int = 0,
    advance: Progress = ignore,
) -> Measured:
    """Measure how natural an image looks, or each image of a folder or set: there are no originals.

    Parameters
    ----------
    source : path or str
        An image, a folder, a benchmark file or a name, as `open_set` takes it; 8 bits, grey or RGB.
    metrics : {"niqe", "brisque"} or sequence of them, default ("niqe",)
        Their models are fetched before: ``vdsr-data fetch niqe brisque``.
    crop_border : int, default 0
        Pixels of each side to leave out.
    advance : callable
        Called with 1 after each image, and how many there are.

    Returns
    -------
    Measured
        Prints itself as a table, and writes CSV and JSON.

    Raises
    ------
    ArgumentError
        If an argument is not valid.
    VdsrError
        If there are no such images, if one is too small or has 16 bits, or if a model was not fetched.

    Examples
    --------
    >>> from vdsr_eval import measure
    >>> print(measure("Set5", metrics=["niqe", "brisque"]))  # doctest: +SKIP
    """
    names = [metrics] if isinstance(metrics, str) else metrics
    wanted = limits.different("metrics", names, lambda word, name: limits.choice(word, name, tuple(NATURALNESS)))
    border = limits.whole("crop_border", crop_border, (0, None))
    path = limits.checked_path("source", source)
    if is_single(path):
        name, count, images = path.name, 1, iter([(path.stem, read_image(path))])
    else:
        opened = open_set(source)
        name, count, images = opened.name, len(opened), iter(opened)
    step = of_all(advance, count)
    found = []
    for image, pixels in images:
        inner = pixels[border : max(len(pixels) - border, 0), border : max(pixels.shape[1] - border, 0)]
        for metric in wanted:
            try:
                score = NATURALNESS[metric](inner, threads=limits.threads(None))
            except (TypeError, ArgumentError) as error:
                left_out = f" ({border} pixels of each side are left out)" if border else ""
                raise VdsrError(f"{image}: {error}{left_out}") from error
            found.append(Measurement(image, metric, score))
        step(1)
    return Measured(name, tuple(found), border)


def _cells(found: Naturalness) -> tuple[str, str, str]:
    """Value, interval, and the flat part, which are empty where rounding decides nothing."""
    interval = "" if found.low == found.high else f"{found.low:.4f} - {found.high:.4f}"
    return f"{found.value:.4f}", interval, f"{100 * found.flat:.1f} %" if interval else ""


def _written(text: str, path: Path | str | None) -> str:
    if path is not None:
        write_text(path, text)
    return text
