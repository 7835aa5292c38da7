"""What is inside a training file, a benchmark file or a folder of sub-images, for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding

from vdsr_data.benchmark.file import is_benchmark_file, summarise
from vdsr_data.benchmark.mat_folder import MatFolder, describe_mat, is_mat_folder
from vdsr_data.degradations.recipes import Degradation
from vdsr_data.errors import listed
from vdsr_data.inspect.histogram import Spread, spread, table
from vdsr_data.interop.pairs import Pairs, open_pairs
from vdsr_data.io.hdf5 import damage_explained, open_hdf5, read_attributes
from vdsr_data.limits import checked_path
from vdsr_data.training.file import open_training
from vdsr_data.training.subimage_folder import SubimageFolder, describe_subimages

__all__ = ["Info", "describe", "info"]

SHOWN = 8  # names of images


@dataclass(frozen=True)
class Info:
    """What is in a data file, and how it was made; as text all that `vdsr-data info` prints.

    Attributes
    ----------
    path : Path
    lines : tuple of str
        On the contents and the provenance.
    pairs : Pairs or SubimageFolder
        What is in it, opened when it is asked for: `len` of it, and ``read([0, 1])`` of pairs (lr, gt).
    spread : Spread, or None
        How gt and the residual of a sample of the pairs are spread, read when it is asked for; None of sub-images, or
        if there are none.
    """

    path: Path
    lines: tuple[str, ...]

    @cached_property
    def pairs(self) -> Pairs | SubimageFolder:
        """The pairs, or the sub-images."""
        return open_pairs(self.path)

    @cached_property
    def spread(self) -> Spread | None:
        """How the values of a sample are spread."""
        return spread(self.pairs) if isinstance(self.pairs, Pairs) and len(self.pairs) else None

    def print(self, console: Console) -> None:
        """Print the lines and the histograms; these in eighths of a character where a terminal can show them."""
        for line in self.lines:
            console.file.write(f"{line}\n")
        if self.spread is not None:
            console.file.write(f"  values of {self.spread.sample}: {self.spread.summary}\n")
            blocks = console.is_terminal and console.encoding.startswith("utf")
            console.print(Padding(table(self.spread, blocks=blocks), (0, 0, 0, 2)))

    def __str__(self) -> str:
        text = StringIO()
        self.print(Console(file=text, width=80))
        return text.getvalue().rstrip("\n")


def info(file: str | Path) -> Info:
    """Say what is in a training file, a benchmark file or a folder of .mat files or sub-images, and how it was made.

    Parameters
    ----------
    file : path

    Returns
    -------
    Info
        Print it; or ask for its ``pairs`` or ``spread``.

    Raises
    ------
    VdsrError
        If it is none of these, or damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import build_test, info, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(12, dtype=np.uint8) * 255)
    ...     found = info(build_test(folder, f"{folder}/dots.h5", scales=[2]).output)
    ...     print(found.lines[1], found.spread.sample, len(found.pairs))
      x2: 1 images, 144 pixels all 1 pairs 1
    """
    file = checked_path("file", file)
    return Info(file, tuple(describe(file)))


def describe(path: Path | str) -> Iterator[str]:
    """Lines on the contents and the provenance of a data file.

    Raises
    ------
    VdsrError
        If it is neither a training nor a benchmark file, nor a folder of .mat files or sub-images.
    """
    path = Path(path)
    if is_mat_folder(path):
        yield from describe_mat(MatFolder(path))
        return
    if path.is_dir():
        yield from describe_subimages(SubimageFolder(path))
        return
    size = f"{path.stat().st_size / 1e6:,.1f} MB" if path.is_file() else ""
    if is_benchmark_file(path):
        with open_hdf5(path) as file, damage_explained(path):
            attributes = read_attributes(file)
        yield f"{path}: benchmark file, {size}"
        for scale, images, pixels in summarise(path):
            yield f"  x{scale:g}: {images} images, {pixels:,} pixels"
    else:
        with open_training(path, empty=True) as training:
            attributes = training.attributes
            kind = "virtual training file" if training.sources else "training file"
            if training.position is not None:
                kind = "part of a training file"
            yield f"{path}: {kind} of {len(training):,} pairs, axes {training.axes}, {size}"
            if training.sources:
                yield f"  {len(training.sources)} files beside it hold the patches: {listed(training.sources, SHOWN)}"
            for key, layout in training.layout.items():
                yield f"  /{key}: {', '.join(f'{name} {value}' for name, value in layout.items() if value is not None)}"
    yield from _provenance(attributes)


def _provenance(attributes: dict[str, Any]) -> Iterator[str]:
    if not attributes:
        yield "  no provenance: not written by this toolkit"
    for name, value in attributes.items():
        if name in ("images", "names", "sha256") and isinstance(value, list):
            if name == "images":
                yield f"  {len(value)} images: {listed(value, SHOWN)}"
        elif isinstance(value, dict) and name != "degradation":
            yield f"  {name}: {', '.join(f'{key} {_shown(key, entry)}' for key, entry in value.items())}"
        else:
            yield f"  {name}: {_shown(name, value)}"


def _shown(name: str, value: Any) -> Any:
    """A value as it is, but a degradation in words, of which a kernel has hundreds of numbers."""
    return value if name != "degradation" else Degradation.kept(value) or "none that this toolkit knows"
