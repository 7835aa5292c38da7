"""Records to tables: plain cells that the commands print, and that `export` writes as Markdown, LaTeX, CSV and JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vdsr_eval.evaluate import Record, mean_score

__all__ = ["Table", "groups", "per_image", "score_cell", "summary"]


@dataclass(frozen=True)
class Table:
    """A table of text cells. `title` says under which protocol the numbers hold; `left` columns align left."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    left: int = 1


def groups(records: Iterable[Record]) -> dict[tuple[str, int, str, str], list[Record]]:
    """Records by (dataset, scale, model, protocol), in the order of their first appearance."""
    found: dict[tuple[str, int, str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.dataset, record.scale, record.model, record.protocol), []).append(record)
    return found


def score_cell(psnr: float, ssim: float) -> str:
    """PSNR to 2 decimals and SSIM to 4, as the papers print them."""
    return f"{psnr:.2f} / {ssim:.4f}"


def summary(records: Sequence[Record], *, title: str) -> Table:
    """Mean PSNR / SSIM: a row for each set and scale, a column for each model; records of one protocol."""
    means = {key: mean_score(group) for key, group in groups(records).items()}
    counts = {key[:2]: len(group) for key, group in groups(records).items()}
    models = list(dict.fromkeys(record.model for record in records))
    cells = {(dataset, scale, model): score_cell(*mean) for (dataset, scale, model, _), mean in means.items()}
    rows = [
        (dataset, f"x{scale}", str(count), *(cells.get((dataset, scale, model), "") for model in models))
        for (dataset, scale), count in counts.items()
    ]
    return Table(title, ("set", "scale", "images", *models), rows, left=2)


def per_image(records: Sequence[Record], *, title: str) -> Table:
    """PSNR / SSIM of each image: a column for each model; records of one protocol."""
    models = list(dict.fromkeys(record.model for record in records))
    cells: dict[tuple[str, int, str], dict[str, str]] = {}
    for record in records:
        row = cells.setdefault((record.dataset, record.scale, record.image), {})
        row[record.model] = f"{record.psnr:.4f} / {record.ssim:.4f}"
    rows = [
        (dataset, f"x{scale}", image, *(row.get(model, "") for model in models))
        for (dataset, scale, image), row in cells.items()
    ]
    return Table(title, ("set", "scale", "image", *models), rows, left=3)
