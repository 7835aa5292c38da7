"""Speed beside other libraries, as ratios: `make bench` prints it and writes docs/benchmarks.md and the README's table.

With words behind it, only the rows whose name has one of them are measured. --write puts them in the place of older
ones where machine and versions are those of the page, else at its end, with the machine on which that was.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import platform
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, groupby
from pathlib import Path

from arrays import array_rows
from commands import command_rows
from contest import HEAD, processor
from networks import network_rows
from rich.console import Console
from rich.table import Table

PEERS = ("pillow", "cykooz-resizer", "torch", "opencv-python-headless", "resize-right", "scikit-image", "numpy",
         "numba", "h5py", "tensorflow-cpu", "onnxruntime", "openvino")  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("imresize float64 x1/2", "imresize float64 x3", "imresize uint8 grey x1/2", "imresize uint8 RGB x1/3",
         "rgb2ycbcr uint8", "ssim valid")  # fmt: skip
MARKS = "<!-- written by make bench -->", "<!-- end -->"
APART = "## Measured apart"
INTRODUCTION = """# Speed

Written by `make bench` on: {machine}.
Medians, ours and its peers in turn; 1024 x 1024 pixels and one thread unless a row says otherwise.
"""


def machine() -> str:
    """Processor and versions."""
    found = []
    for name in PEERS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return f"{processor()[0]}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(found)}"


def summary(rows: list[list[str]]) -> Iterator[str]:
    """Lines of Markdown for the README: the rows of `SHOWN`, each with all its peers."""
    yield "| what | ours, ms | times as fast as |"
    yield "| --- | --- | --- |"
    for what, group in groupby(rows, lambda cells: cells[0]):
        if what in SHOWN:
            peers = list(group)
            yield f"| {what} | {peers[0][1]} | {', '.join(f'{cells[2]} {cells[4]}' for cells in peers)} |"


def write(rows: list[list[str]]) -> None:
    """Write docs/benchmarks.md, and the summary between the marks in the README."""
    lines = [f"| {' | '.join(cells)} |" for cells in (list(HEAD), ["---"] * len(HEAD), *rows)]
    (ROOT / "docs" / "benchmarks.md").write_text(
        "\n".join([INTRODUCTION.format(machine=machine()), *lines, ""]), encoding="utf-8"
    )
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    block = "\n".join([MARKS[0], f"On {machine()}:", "", *summary(rows), MARKS[1]])
    readme.write_text(before + block + after, encoding="utf-8")


def in_place(text: str, lines: Iterable[str]) -> str:
    """The text, with lines of a table in the place of those that begin with the same cell."""
    for name, group in groupby(lines, lambda line: line.split("|")[1]):
        old = [line for line in text.splitlines() if line.startswith(f"|{name}|")]
        text = text.replace("\n".join(old), "\n".join(group)) if old else text
    return text


def write_part(rows: list[list[str]]) -> None:
    """Write rows that were measured apart in the place of older ones, or at the end of docs/benchmarks.md."""
    page, readme = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"
    if INTRODUCTION.format(machine=machine()) in page.read_text(encoding="utf-8"):
        lines = [f"| {' | '.join(cells)} |" for cells in rows]
        page.write_text(in_place(page.read_text(encoding="utf-8"), lines), encoding="utf-8")
        readme.write_text(in_place(readme.read_text(encoding="utf-8"), summary(rows)), encoding="utf-8")
        return
    whole, _, apart = page.read_text(encoding="utf-8").partition(APART)
    head = [f"| {' | '.join(cells)} |" for cells in (HEAD, ["---"] * len(HEAD))]
    replaced = *head, *(f"| {cells[0]} |" for cells in rows)
    tables: dict[str, list[str]] = {}
    for line in [*apart.splitlines(), f"On: {machine()}."]:
        if line.startswith("On: "):
            table = tables.setdefault(line, [])
        elif line and not line.startswith(replaced):
            table.append(line)
    table += [f"| {' | '.join(cells)} |" for cells in rows]
    parts = [line for on, table in tables.items() if table for line in ("", on, "", *head, *table)]
    page.write_text("\n".join([whole.rstrip("\n"), "", APART, *parts, ""]), encoding="utf-8")


def main() -> None:
    """Measure and print; a whole run is written down."""
    chosen = [word for word in sys.argv[1:] if word != "--write"]
    rows: list[list[str]] = []
    for row in chain(array_rows(), network_rows(), command_rows()):
        if not chosen or any(word in row.what for word in chosen):
            row.measure()
            rows += row.cells()
    table = Table(*HEAD, title=machine())
    for cells in rows:
        table.add_row(*cells)
    Console(width=150).print(table)
    if not chosen:
        write(rows)
    elif "--write" in sys.argv:
        write_part(rows)


if __name__ == "__main__":
    main()
