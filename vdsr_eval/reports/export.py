"""Records and tables to files that other programs read: CSV, JSON, Markdown and LaTeX."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vdsr_data.errors import ArgumentError
from vdsr_data.io.files import replacing
from vdsr_eval.reports.tables import Key, Table, groups
from vdsr_eval.scoring.records import Record, mean_score

__all__ = ["csv_text", "json_rows", "json_text", "latex_text", "markdown_text", "plain", "write_text"]


def json_rows(
    records: Sequence[Record],
    further: Mapping[Key, Mapping[str, Mapping[str, float]]] | None = None,
    engines: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """One row for each set, scale, model and protocol, with its images; an infinite PSNR (equal images) is null.

    `further` has further metrics of images, by the key of the row, the image and the metric; `engines`
    what computed a model.
    """
    rows = []
    for key, group in groups(records).items():
        dataset, scale, model, protocol = key
        more = (further or {}).get(key, {})
        psnr, ssim = mean_score(group)
        images = [
            {"image": r.image, "psnr": plain(r.psnr), "ssim": r.ssim}
            | {name: plain(value) for name, value in more.get(r.image, {}).items()}
            for r in group
        ]
        rows.append(
            {"dataset": dataset, "scale": scale, "model": model, "protocol": protocol}
            | ({"engine": engines[model]} if engines and model in engines else {})
            | {"psnr": plain(psnr), "ssim": ssim, "images": images}
        )
    return rows


def json_text(records: Sequence[Record], *beside: Any) -> str:
    """`json_rows`, with these arguments, as a JSON list."""
    return json.dumps(json_rows(records, *beside), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(records: Sequence[Record]) -> str:
    """The columns of VDSR-TensorFlow's test.py, ``file name,psnr,ssim``, a line for each image.

    Records of more than one set, scale, model or protocol get these as further columns.
    """
    several = len(groups(records)) > 1
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["file name", "psnr", "ssim", *(Key._fields if several else ())])
    for r in records:
        place = (r.dataset, r.scale, r.model, r.protocol) if several else ()
        writer.writerow([r.image, f"{r.psnr:f}", f"{r.ssim:f}", *place])
    return file.getvalue()


def markdown_text(table: Table) -> str:
    """A GitHub table under its title, padded so that it reads well as text too."""
    _check_table(table)
    rows = [[cell.replace("|", "\\|") for cell in row] for row in (table.columns, *table.printed())]
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        [_aligned(cell, width, k < table.left) for k, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    ]
    rule = ["-" * width if k < table.left else "-" * (width - 1) + ":" for k, width in enumerate(widths)]
    drawn = [f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:])]
    notes = ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n".join([table.title, "", *drawn, *notes]) + "\n"


def latex_text(table: Table) -> str:
    """A ``table`` with booktabs rules, the title as its caption."""
    _check_table(table)
    columns = "l" * table.left + "r" * (len(table.columns) - table.left)
    lines = [" & ".join(_tex(cell) for cell in row) + r" \\" for row in (table.columns, *table.printed())]
    body = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return (
        "\n".join(
            [
                "% \\usepackage{booktabs}",
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{_tex(table.title)}}}",
                rf"\begin{{tabular}}{{{columns}}}",
                *body,
                r"\end{tabular}",
                *(rf"\par\footnotesize {_tex(note)}" for note in table.notes),
                r"\end{table}",
            ]
        )
        + "\n"
    )


def write_text(path: Path | str, text: str) -> None:
    """Write a file whole or not at all; what a name has that no UTF-8 file can hold is escaped, as JSON has it."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def _check_table(table: Table) -> None:
    if not isinstance(table, Table):
        raise ArgumentError(
            f"table: {table!r} is not allowed; give one of vdsr_eval.reports.tables, such as summary makes"
        )


def _aligned(cell: str, width: int, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


def plain(value: float) -> float | None:
    """A score as JSON can hold it: None for an infinite one."""
    return value if math.isfinite(value) else None


TEX = {c: f"\\{c}" for c in "&%$#_{}"}
TEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _tex(text: str) -> str:
    """Text with LaTeX's special characters escaped, signs of numbers and names in backticks set as such."""
    escaped = "".join(TEX.get(c, c) for c in text)
    signed = re.sub(r"(?<!\w)[+-](?=\d)", r"$\g<0>$", escaped)
    return re.sub(r"`([^`]*)`", r"\\texttt{\1}", signed)
