"""Benchmark files from images, as ``test_data.m`` makes them: one HDF5 file, or a folder of ``.mat`` files."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import __version__, limits
from vdsr_data.benchmark.file import BenchmarkPair, BenchmarkWriter, write_mat
from vdsr_data.benchmark.sets import unique_names
from vdsr_data.errors import VdsrError
from vdsr_data.images.files import image_size, read_image
from vdsr_data.io.ahead import ignore, in_order
from vdsr_data.io.files import HDF5, check_folder, check_name, check_target, claimed, replacing, unchanged
from vdsr_data.io.hdf5 import annotate
from vdsr_data.limits import checked_paths, checked_scales
from vdsr_data.matlab.arrays import modcrop
from vdsr_data.matlab.color import im2double, rgb2ycbcr
from vdsr_data.matlab.resize import imresize
from vdsr_data.matlab.taps import Boundary, checked_boundary

__all__ = ["check_test", "degrade", "generate_test", "generate_test_mat", "image_pairs"]


def degrade(gt: NDArray[np.float64], scale: int, boundary: Boundary) -> NDArray[np.float64]:
    """Reduce float64 luma by `scale` and enlarge it to its size again: the `lr` of the training and benchmark files."""
    return imresize(imresize(gt, 1 / scale, boundary=boundary), size=gt.shape, boundary=boundary)


def generate_test(
    name: str,
    images: Sequence[Path | str],
    output: Path | str,
    *,
    scales: Sequence[int] = (2, 3, 4),
    boundary: Boundary = "symmetric",
    workers: int = 1,
    report: Callable[[str, int, float], None] = ignore,
) -> None:
    """Write the benchmark file of ``test_data.m``: see `vdsr_data.benchmark.file` for its layout.

    Parameters
    ----------
    name : str
        Of the set, kept in the file.
    images : sequence of path
    output : path
        Replaced only by a complete file.
    scales : sequence of int
        Different ones.
    boundary : {"symmetric", "replicate"}
    workers : int, default 1
        Threads. The file does not depend on their number.
    report : callable
        Called for each image and scale with its name, the scale and the bicubic PSNR in dB of the whole image.

    Raises
    ------
    ArgumentError
        If `images`, `scales`, `boundary` or `workers` is not allowed.
    VdsrError
        If an image cannot be read or is smaller than a scale, two images share a name, or `check_target` refuses
        `output`.
    """
    images, scales, boundary, workers = _checked(images, scales, boundary, workers)
    check_target(output, HDF5)
    with replacing(output) as target, ExitStack() as stack:
        for path in images:
            stack.enter_context(unchanged(path))
        attributes = {
            "format": "vdsr-toolkit test file", "version": __version__, "name": name, "boundary": boundary,
            "scales": list(scales), "names": unique_names(images), "images": [path.name for path in images],
            "sha256": [hashlib.sha256(path.read_bytes()).hexdigest() for path in images],
        }  # fmt: skip
        writer = BenchmarkWriter(target)
        try:
            for title, image, pairs in _prepared(images, scales, boundary, workers):
                writer.add_original(title, image)
                for pair, psnr in pairs:
                    writer.add(pair)
                    report(pair.name, pair.scale, psnr)
        finally:
            writer.close()
        annotate(target, attributes)


def generate_test_mat(
    images: Sequence[Path | str],
    folder: Path | str,
    *,
    scales: Sequence[int] = (2, 3, 4),
    boundary: Boundary = "symmetric",
    workers: int = 1,
    report: Callable[[str, int, float], None] = ignore,
) -> None:
    """Write the ``.mat`` files of ``test_data.m`` into a folder, which is made if it does not exist.

    Parameters and errors are those of `generate_test`.
    """
    images, scales, boundary, workers = _checked(images, scales, boundary, workers)
    folder = Path(folder)
    check_folder(folder, force=True)
    with claimed(folder):
        for _, _, pairs in _prepared(images, scales, boundary, workers):
            for pair, psnr in pairs:
                write_mat(folder, pair)
                report(pair.name, pair.scale, psnr)


def check_room(path: Path, shape: Sequence[int], scales: Sequence[int]) -> None:
    """Refuse an image whose name no benchmark file can hold, or of which nothing would be left at one of the scales."""
    check_name(path)
    for scale in scales:
        if min(shape[:2]) < scale:
            raise VdsrError(
                f"{path}: {shape[0]} x {shape[1]} pixels are too few for scale {scale}; remove it (of a folder "
                "vdsr-eval leaves it out too), or use smaller scales"
            )


def check_test(images: Sequence[Path], scales: Sequence[int]) -> None:
    """Refuse images of which no benchmark file can be made, as far as names and heads of files tell."""
    unique_names(images)
    for path in images:
        check_room(path, image_size(path), scales)


def image_pairs(
    path: Path | str, image: NDArray[Any], scales: Sequence[int], boundary: Boundary
) -> Iterator[BenchmarkPair]:
    """What a benchmark file holds of an image at each scale."""
    path = Path(path)
    check_room(path, image.shape, scales)
    for scale in scales:
        cropped = modcrop(image, scale)
        cb = cr = None
        y = cropped
        if cropped.ndim == 3:
            y, cb, cr = np.moveaxis(rgb2ycbcr(cropped), 2, 0)
        gt = im2double(y)
        yield BenchmarkPair(path.stem, scale, gt, degrade(gt, scale, boundary), cb, cr)


def _checked(
    images: Sequence[Path | str], scales: Sequence[int], boundary: Boundary, workers: int
) -> tuple[list[Path], tuple[int, ...], Boundary, int]:
    """What the makers of benchmark files were given, if all of it is allowed."""
    paths, scales = checked_paths(images), checked_scales(scales)
    boundary, workers = checked_boundary(boundary), limits.whole("workers", workers, limits.WORKERS)
    check_test(paths, scales)
    return paths, scales, boundary, workers


def _prepared(
    images: Sequence[Path], scales: Sequence[int], boundary: Boundary, workers: int
) -> Iterator[tuple[str, NDArray[Any], list[tuple[BenchmarkPair, float]]]]:
    """Name, original, and the pair and its PSNR at each scale, image after image."""

    def prepare(path: Path) -> tuple[str, NDArray[Any], list[tuple[BenchmarkPair, float]]]:
        image = read_image(path)
        return path.stem, image, [(pair, _psnr(pair)) for pair in image_pairs(path, image, scales, boundary)]

    return in_order((partial(prepare, path) for path in images), workers=workers, window=workers)


def _psnr(pair: BenchmarkPair) -> float:
    """Peak signal-to-noise ratio of lr, without a border crop, as ``test_data.m`` prints it."""
    error = float(np.mean((pair.lr - pair.gt) ** 2))
    return 10 * math.log10(1 / error) if error else math.inf
