"""Speed beside other libraries in one run, as ratios: `make bench` prints the table and writes docs/benchmarks.md.

With a word behind it, only the rows whose name has the word are measured, and nothing is written.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from arrays import array_rows
from commands import command_rows
from contest import HEAD
from rich.console import Console
from rich.table import Table

PEERS = ("pillow", "torch", "opencv-python-headless", "resize-right", "scikit-image", "numpy", "numba", "h5py")
TARGET = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
INTRODUCTION = """# Speed

Written by `make bench` on: {machine}.
Medians, ours and its peers in turn; 1024 x 1024 pixels and one thread unless a row says otherwise.
"""


def machine() -> str:
    """Processor and versions."""
    try:
        model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
        processor = model.split(":")[1].strip()
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    found = []
    for name in PEERS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(found)}"


def main() -> None:
    """Measure, print, and write docs/benchmarks.md."""
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    table = Table(*HEAD, title=machine())
    lines = [f"| {' | '.join(HEAD)} |", "| --- " * len(HEAD) + "|"]
    for row in (*array_rows(), *command_rows()):
        if chosen in row.what:
            row.measure()
            for cells in row.cells():
                table.add_row(*cells)
                lines.append(f"| {' | '.join(cells)} |")
    Console(width=150).print(table)
    if not chosen:
        TARGET.write_text(f"{INTRODUCTION.format(machine=machine())}\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
