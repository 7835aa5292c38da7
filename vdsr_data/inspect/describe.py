"""What is inside a training file, a benchmark file or a folder of sub-images, for people."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vdsr_data.benchmark.file import is_benchmark_file, summarise
from vdsr_data.benchmark.mat_folder import MatFolder, describe_mat, is_mat_folder
from vdsr_data.io.hdf5 import damage_explained, open_hdf5, read_attributes
from vdsr_data.training.file import open_training
from vdsr_data.training.subimage_folder import SubimageFolder, describe_subimages

__all__ = ["describe"]

SHOWN = 8  # names of images, before an ellipsis


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
            yield f"  x{scale}: {images} images, {pixels:,} pixels"
    else:
        with open_training(path, empty=True) as training:
            attributes = training.attributes
            kind = "virtual training file" if training.sources else "training file"
            if training.position is not None:
                kind = "part of a training file"
            yield f"{path}: {kind} of {len(training):,} pairs, axes {training.axes}, {size}"
            if training.sources:
                yield f"  {len(training.sources)} files beside it hold the patches: {_some(training.sources)}"
            for key, layout in training.layout.items():
                yield f"  /{key}: {', '.join(f'{name} {value}' for name, value in layout.items() if value is not None)}"
    yield from _provenance(attributes)


def _provenance(attributes: dict[str, Any]) -> Iterator[str]:
    if not attributes:
        yield "  no provenance: not written by this toolkit"
    for name, value in attributes.items():
        if name in ("images", "names", "sha256") and isinstance(value, list):
            if name == "images":
                yield f"  {len(value)} images: {_some(value)}"
        elif isinstance(value, dict):
            yield f"  {name}: {', '.join(f'{key} {entry}' for key, entry in value.items())}"
        else:
            yield f"  {name}: {value}"


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:SHOWN])}{' ...' if len(names) > SHOWN else ''}"
