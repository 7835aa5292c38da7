"""Benchmark files from images, as ``test_data.m`` makes them: one HDF5 file, or a folder of ``.mat`` files."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import __version__, limits
from vdsr_data.benchmark.file import BenchmarkPair, BenchmarkWriter, write_mat
from vdsr_data.benchmark.sets import find_images, unique_names
from vdsr_data.degradations.ilr import degraded_ilr, make_ilr
from vdsr_data.degradations.recipes import Degradation, checked_degradation, crop_for
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import image_size, read_image
from vdsr_data.images.forecast import Built, foretell
from vdsr_data.images.memory import and_degrading, check_images, of_test
from vdsr_data.io.ahead import ignore, in_order
from vdsr_data.io.files import HDF5, check_folder, check_name, check_output, check_target, claimed, replacing, unchanged
from vdsr_data.io.hdf5 import annotate
from vdsr_data.limits import Boundary, TestFormat, checked_boundary, checked_factors, checked_paths
from vdsr_data.matlab.color import im2double, rgb2ycbcr

__all__ = ["build_test", "generate_test", "generate_test_mat", "image_pairs"]


def build_test(
    name: str | Path,
    output: str | Path | None = None,
    *,
    scales: Sequence[float] = (2, 3, 4),
    format: TestFormat = "hdf5",  # noqa: A002 - the option's name
    boundary: Boundary = "symmetric",
    degradation: str | Degradation | None = None,
    workers: int | None = None,
    dry_run: bool = False,
    force: bool = False,
    report: Callable[[str, float, float], object] = ignore,
) -> Built:
    """Make a benchmark file, as ``test_data.m`` of VDSR does: luma gt and lr, and chroma, per scale and image.

    Parameters
    ----------
    name : str or path
        A folder of images, or the name of a set, see `open_set`.
    output : path, optional
        The file, replaced only by a complete one, or for "mat" the folder; by default NAME.h5 or NAME_mat in the
        current folder.
    scales : sequence of float
        Factors of reduction, 1 to 64. The originals are cropped to multiples; for a fraction as `crop_for` says.
    format : {"hdf5", "mat"}
        One HDF5 file, which keeps the originals too and fits every protocol, or the .mat files of ``test_data.m``.
    boundary : {"symmetric", "replicate"}
        Pixels beyond the edge, see `imresize`.
    degradation : str or Degradation, optional
        What makes the low-resolution images, of the 8-bit colour image, instead of imresize of luma: "bd",
        "dn:noise=10", see `Degradation`. Only for "hdf5", whose files say so.
    workers : int, optional
        Threads, by default one per core; the file does not depend on their number.
    dry_run : bool
        Write nothing: say what would be written and how long it would take.
    force : bool
        Replace an output that exists.
    report : callable
        Called for each image and scale with its name, the scale, and the bicubic PSNR in dB of the whole image.

    Returns
    -------
    Built
        With ``output``, ``images`` and ``pairs``; its text is the line that `vdsr-data build-test` ends with.

    Raises
    ------
    ArgumentError
        If an argument is not allowed.
    VdsrError
        If there is no such set, an image cannot be read or is smaller than a scale, two images share a name, memory or
        the disk is too small, or the output exists or cannot be written.

    Warns
    -----
    MemoryWarning
        If so many workers may need more memory than is free.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import build_test, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(12, dtype=np.uint8) * 255)
    ...     built = build_test(folder, f"{folder}/dots.h5", scales=[2])
    >>> built.images, built.pairs
    (1, 1)
    """
    limits.choice("format", format, get_args(TestFormat))
    scales, boundary, workers = checked_factors(scales), checked_boundary(boundary), limits.threads(workers)
    recipe = checked_degradation(degradation, scales, boundary)
    if format == "mat" and recipe is not None:
        raise ArgumentError("degradation: .mat files cannot say how they were made; use the format hdf5")
    title, images = find_images(name, "test")
    how: dict[str, Any] = {"scales": scales, "boundary": boundary, "workers": workers}
    build: Callable[..., None] = partial(generate_test_mat, **how)
    if format == "hdf5":
        build = partial(generate_test, title, degradation=recipe, **how)
    output = limits.checked_path("output", output or (f"{title}.h5" if format == "hdf5" else f"{title}_mat"))
    check = partial(check_output, suffixes=HDF5) if format == "hdf5" else check_folder
    check(output, force=force or dry_run)
    needed = partial(of_test, scales=len(scales), mat=format == "mat")
    kind = recipe.kind if recipe else None
    check_images(images, and_degrading(needed, kind, min(scales)), workers=workers, ahead=1)
    pairs = len(images) * len(scales)
    what = f"{len(images)} images, {pairs} pairs"
    if dry_run:
        check_test(images, scales)
        return foretell(images, output, build, what, pairs=pairs)
    began = time.perf_counter()
    build(images, output, report=report)
    return Built(output, len(images), pairs, time.perf_counter() - began, f"{output}: {what}")


def generate_test(
    name: str,
    images: Sequence[Path | str],
    output: Path | str,
    *,
    scales: Sequence[float] = (2, 3, 4),
    boundary: Boundary = "symmetric",
    degradation: str | Degradation | None = None,
    workers: int = 1,
    report: Callable[[str, float, float], object] = ignore,
) -> None:
    """Write the benchmark file of ``test_data.m``: see `vdsr_data.benchmark.file` for its layout.

    Parameters
    ----------
    name : str
        Of the set, kept in the file.
    images : sequence of path
    output : path
        Replaced only by a complete file.
    scales : sequence of float
        Different ones.
    boundary : {"symmetric", "replicate"}
    degradation : str or Degradation, optional
        As for `build_test`.
    workers : int, default 1
        Threads. The file does not depend on their number.
    report : callable
        Called for each image and scale with its name, the scale and the bicubic PSNR in dB of the whole image.

    Raises
    ------
    ArgumentError
        If `images`, `scales`, `boundary`, `degradation` or `workers` is not allowed.
    VdsrError
        If an image cannot be read or is smaller than a scale, two images share a name, or `check_target` refuses
        `output`.
    """
    images, scales, boundary, workers = _checked(images, scales, boundary, workers)
    recipe = checked_degradation(degradation, scales, boundary)
    check_target(output, HDF5)
    with replacing(output) as target, ExitStack() as stack:
        for path in images:
            stack.enter_context(unchanged(path))
        attributes: dict[str, Any] = {
            "format": "vdsr-toolkit test file", "version": __version__, "name": name, "boundary": boundary,
            "scales": list(scales), "names": unique_names(images), "images": [path.name for path in images],
            "sha256": [hashlib.sha256(path.read_bytes()).hexdigest() for path in images],
        }  # fmt: skip
        if recipe is not None:
            attributes["degradation"] = recipe.given()
        writer = BenchmarkWriter(target)
        try:
            for title, image, pairs in _prepared(images, scales, boundary, workers, recipe):
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
    scales: Sequence[float] = (2, 3, 4),
    boundary: Boundary = "symmetric",
    workers: int = 1,
    report: Callable[[str, float, float], object] = ignore,
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


def check_room(path: Path, shape: Sequence[int], scales: Sequence[float]) -> None:
    """Refuse an image whose name no benchmark file can hold, or of which nothing would be left at one of the scales."""
    check_name(path)
    for scale in scales:
        if crop_for(np.broadcast_to(np.uint8(0), tuple(shape[:2])), scale).size == 0 or min(shape[:2]) < scale:
            raise VdsrError(
                f"{path}: {shape[0]} x {shape[1]} pixels are too few for scale {scale:g}; remove it (of a folder "
                "vdsr-eval leaves it out too), or use smaller scales"
            )


def check_test(images: Sequence[Path], scales: Sequence[float]) -> None:
    """Refuse images of which no benchmark file can be made, as far as names and heads of files tell."""
    unique_names(images)
    for path in images:
        check_room(path, image_size(path), scales)


def image_pairs(
    path: Path | str,
    image: NDArray[Any],
    scales: Sequence[float],
    boundary: Boundary,
    recipe: Degradation | None = None,
) -> Iterator[BenchmarkPair]:
    """What a benchmark file holds of an image at each scale."""
    path = Path(path)
    check_room(path, image.shape, scales)
    for scale in scales:
        cropped = crop_for(image, scale)
        cb = cr = None
        y = cropped
        if cropped.ndim == 3:
            y, cb, cr = np.moveaxis(rgb2ycbcr(cropped), 2, 0)
        gt = im2double(y)
        lr = make_ilr(gt, scale, boundary) if recipe is None else degraded_ilr(cropped, recipe, scale, boundary)
        yield BenchmarkPair(path.stem, scale, gt, lr, cb, cr)


def _checked(
    images: Sequence[Path | str], scales: Sequence[float], boundary: Boundary, workers: int
) -> tuple[list[Path], tuple[float, ...], Boundary, int]:
    """What the makers of benchmark files were given, if all of it is allowed."""
    paths, scales = checked_paths(images), checked_factors(scales)
    boundary, workers = checked_boundary(boundary), limits.whole("workers", workers, limits.WORKERS)
    check_test(paths, scales)
    return paths, scales, boundary, workers


def _prepared(
    images: Sequence[Path],
    scales: Sequence[float],
    boundary: Boundary,
    workers: int,
    recipe: Degradation | None = None,
) -> Iterator[tuple[str, NDArray[Any], list[tuple[BenchmarkPair, float]]]]:
    """Name, original, and the pair and its PSNR at each scale, image after image."""

    def prepare(path: Path) -> tuple[str, NDArray[Any], list[tuple[BenchmarkPair, float]]]:
        image = read_image(path)
        return path.stem, image, [(pair, _psnr(pair)) for pair in image_pairs(path, image, scales, boundary, recipe)]

    return in_order((partial(prepare, path) for path in images), workers=workers, window=workers)


def _psnr(pair: BenchmarkPair) -> float:
    """Peak signal-to-noise ratio of lr, without a border crop, as ``test_data.m`` prints it."""
    error = float(np.mean((pair.lr - pair.gt) ** 2))
    return 10 * math.log10(1 / error) if error else math.inf
