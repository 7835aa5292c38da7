"""A folder of images becomes a training file (`train_data.m`), a test file (`test_data.m`) or low-resolution images."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import __version__, limits
from vdsr_data.ahead import in_order
from vdsr_data.arrays import modcrop
from vdsr_data.color import im2double, luma, rgb2ycbcr
from vdsr_data.datasets import unique_names
from vdsr_data.disk import check_space
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.files import HDF5, check_apart, check_folder, check_target, claimed, replacing, unchanged
from vdsr_data.hdf5 import annotate
from vdsr_data.images import check_lossless, image_size, read_image, write_image
from vdsr_data.patches import augment, cut, randperm_inverse
from vdsr_data.recipe import TrainingRecipe, check_room, checked_boundary, checked_paths, checked_scales, count_patches
from vdsr_data.resize import Boundary, imresize
from vdsr_data.storage import CHECKSUM, CHUNK, POSITION, create_training
from vdsr_data.testfile import TestFileWriter, TestPair, write_mat

__all__ = ["TrainingRecipe", "TrainingSummary", "check_shard", "check_test", "count_patches", "degrade",
           "generate_test", "generate_test_mat", "generate_train", "image_pairs", "image_patches",
           "resize_images"]  # fmt: skip

Advance = Callable[[int], None]


def _ignore(*_: object) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class TrainingSummary:
    """What was written: patch pairs, pairs left over in a last partial chunk of the whole, images without a patch."""

    pairs: int
    dropped: int
    too_small: list[Path] = field(default_factory=list)


def degrade(gt: NDArray[np.float64], scale: int, boundary: Boundary) -> NDArray[np.float64]:
    """Reduce float64 luma by `scale` and enlarge it to its size again: the `lr` of the training and test files."""
    limits.whole("scale", scale, limits.SCALES)
    return imresize(imresize(gt, 1 / scale, boundary=boundary), size=gt.shape, boundary=boundary)


def generate_train(
    images: Sequence[Path | str],
    output: Path | str,
    recipe: TrainingRecipe,
    *,
    shard: tuple[int, int] | None = None,
    compression: int = 0,
    workers: int = 1,
    advance: Advance = _ignore,
) -> TrainingSummary:
    """Write the training file that a fresh MATLAB session would have written from these images, value for value.

    Parameters
    ----------
    images : sequence of path
        In the order of ``train_data.m``, see `list_images`.
    output : path
        Replaced only by a complete file.
    recipe : TrainingRecipe
    shard : (int, int), optional
        (k, n) writes only part k of n, k from 1: the patches of every n-th image, in the order in which they come in
        the whole. Such a part is a training file too, which also says where in the whole its patches belong.
    compression : int, default 0
        Level of gzip, 1 to 9; 0 stores the values as they are.
    workers : int, default 1
        Threads. The file does not depend on their number.
    advance : callable
        Called with 1 after each image.

    Returns
    -------
    TrainingSummary

    Raises
    ------
    ArgumentError
        If `images`, `shard`, `compression` or `workers` is not allowed.
    VdsrError
        If an image cannot be read, if all images together give fewer patches than a chunk, if the disk is too small, or
        `check_target` refuses `output`.

    Notes
    -----
    Memory: at most 220 MB, 8 bytes for each pair of the whole, 1 kB for each image, and what each thread needs for one
    image, 15 MB for 512 x 512 pixels; ``benchmarks/bench_memory.py`` holds it to that.
    """
    images, output = checked_paths(images), Path(output)
    workers = limits.whole("workers", workers, limits.WORKERS)
    check_target(output, HDF5)
    compression = limits.whole("compression", compression, limits.COMPRESSION)
    if shard is not None:
        check_shard(shard, len(images), recipe.keys, compression)
    counts = count_patches(images, recipe)
    pairs = sum(counts) // CHUNK * CHUNK
    position = randperm_inverse(sum(counts), recipe.seed)  # where each patch goes
    starts = np.cumsum([0, *counts])
    chosen, own, count = range(len(images)), None, pairs
    if shard is not None:
        chosen = range(shard[0] - 1, len(images), shard[1])
        own = np.sort(np.concatenate([position[:0], *(position[starts[k] : starts[k + 1]] for k in chosen)]))
        count = int(np.searchsorted(own, pairs))
        own = own[:count]
    check_space(output, count * recipe.patch_size**2 * 8)

    def process(j: int) -> str:
        k = chosen[j]
        with unchanged(images[k]):
            digest = hashlib.sha256(images[k].read_bytes()).hexdigest()
            start = starts[k]
            for lr, gt in image_patches(images[k], recipe):
                where = position[start : start + len(gt)]
                writer.write(where if own is None else np.searchsorted(own, where), lr, gt)
                start += len(gt)
            if start != starts[k + 1]:
                raise VdsrError(f"{images[k]}: its size is not the one that the head of the file declares")
        return digest

    layout = {"patch_size": recipe.patch_size, "keys": recipe.keys, "axes": recipe.axes, "position": own}
    with create_training(output, compression=compression, count=count, **layout) as writer:
        writer.attributes = {
            "format": "vdsr-toolkit training file", "version": __version__, "keys": ",".join(recipe.keys),
            "axes": recipe.axes, "recipe": asdict(recipe), "images": [path.name for path in images],
            "sha256": _map(process, len(chosen), workers, advance),
        }  # fmt: skip
        if shard is not None:
            writer.attributes |= {"shard": f"{shard[0]}/{shard[1]}", "total_pairs": pairs}
    too_small = [images[k] for k in chosen if not counts[k]]
    return TrainingSummary(count, sum(counts[k] for k in chosen) - count, too_small)


def check_shard(shard: tuple[int, int], images: int, keys: tuple[str, str], compression: int) -> None:
    """Refuse a part (k, n) that cannot be made of so many images, or not with these options."""
    if (
        not isinstance(shard, Sequence)
        or len(shard) != 2
        or limits.whole("shard", shard[0], (1, None)) > limits.whole("shard", shard[1], (1, None))
    ):
        raise ArgumentError(f"shard: {shard} is not allowed; give (k, n) with k from 1 to n")
    if shard[1] > images:
        raise VdsrError(f"{images} images give at most {images} parts, not {shard[1]}; use a smaller number of parts")
    if {POSITION, CHECKSUM} & set(keys):
        raise VdsrError(f"parts have data sets {POSITION} and {CHECKSUM} of their own; choose other keys")
    if compression:
        raise VdsrError("parts are not compressed, so that they can be joined fast; compress when they are merged")


def image_patches(
    path: Path | str, recipe: TrainingRecipe
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Patches of lr and gt, laid out as in the file, variant after variant."""
    image = read_image(path)
    last, base = None, image
    for downsize, rotation, flip, scale in recipe.variants():
        if downsize != last:
            base = im2double(luma(image if downsize == 1 else imresize(image, downsize, boundary=recipe.boundary)))
            last = downsize
        gt = modcrop(np.ascontiguousarray(augment(base, rotation, flip)), scale)
        if min(gt.shape) >= recipe.patch_size:
            pair = degrade(gt, scale, recipe.boundary), gt
            transpose = recipe.axes == "matlab"
            lr, gt = (cut(image, recipe.patch_size, recipe.stride, transpose=transpose) for image in pair)
            yield lr, gt


def _map(process: Callable[[int], Any], count: int, workers: int, advance: Advance) -> list[Any]:
    """process(0), process(1), ... on threads."""
    results = []
    for result in in_order((partial(process, k) for k in range(count)), workers=workers, window=64 * workers):
        results.append(result)
        advance(1)
    return results


def _checked(
    images: Sequence[Path | str], scales: Sequence[int], boundary: Boundary, workers: int
) -> tuple[list[Path], tuple[int, ...], Boundary, int]:
    """What the makers of test files were given, if all of it is allowed."""
    paths, scales = checked_paths(images), checked_scales(scales)
    boundary, workers = checked_boundary(boundary), limits.whole("workers", workers, limits.WORKERS)
    check_test(paths, scales)
    return paths, scales, boundary, workers


def check_test(images: Sequence[Path], scales: Sequence[int]) -> None:
    """Refuse images of which no test file can be made, as far as names and heads of files tell."""
    unique_names(images)
    for path in images:
        check_room(path, image_size(path), scales)


def _prepared(
    images: Sequence[Path], scales: Sequence[int], boundary: Boundary, workers: int
) -> Iterator[tuple[str, NDArray[Any], list[tuple[TestPair, float]]]]:
    """Name, original, and the pair and its PSNR at each scale, image after image."""

    def prepare(path: Path) -> tuple[str, NDArray[Any], list[tuple[TestPair, float]]]:
        image = read_image(path)
        return path.stem, image, [(pair, _psnr(pair)) for pair in image_pairs(path, image, scales, boundary)]

    return in_order((partial(prepare, path) for path in images), workers=workers, window=workers)


def image_pairs(path: Path | str, image: NDArray[Any], scales: Sequence[int], boundary: Boundary) -> Iterator[TestPair]:
    """What a test file holds of an image at each scale."""
    path = Path(path)
    check_room(path, image.shape, scales)
    for scale in scales:
        cropped = modcrop(image, scale)
        cb = cr = None
        y = cropped
        if cropped.ndim == 3:
            y, cb, cr = np.moveaxis(rgb2ycbcr(cropped), 2, 0)
        gt = im2double(y)
        yield TestPair(path.stem, scale, gt, degrade(gt, scale, boundary), cb, cr)


def generate_test(
    name: str,
    images: Sequence[Path | str],
    output: Path | str,
    *,
    scales: Sequence[int] = (2, 3, 4),
    boundary: Boundary = "symmetric",
    workers: int = 1,
    report: Callable[[str, int, float], None] = _ignore,
) -> None:
    """Write the benchmark file of ``test_data.m``: see `vdsr_data.testfile` for its layout.

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
        writer = TestFileWriter(target)
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
    report: Callable[[str, int, float], None] = _ignore,
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


def resize_images(
    sources: Sequence[Path | str],
    targets: Sequence[Path | str],
    *,
    scale: float | tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    crop: int = 1,
    antialias: bool = True,
    boundary: Boundary = "symmetric",
    workers: int = 1,
    advance: Advance = _ignore,
) -> None:
    """Resize image files as ``imwrite(imresize(modcrop(imread(source), crop), ...), target)`` would.

    Raises
    ------
    ArgumentError
        If there is no target for each source, or another argument is not allowed.
    VdsrError
        If an image cannot be read or is smaller than the crop, or a target cannot be written.
    """
    read, written = checked_paths(sources), checked_paths(targets)
    if len(read) != len(written):
        raise ArgumentError(f"targets: give one for each of the {len(read)} sources, not {len(written)}")
    crop, workers = limits.whole("crop", crop, (1, None)), limits.whole("workers", workers, limits.WORKERS)
    checked_boundary(boundary)
    for source, target in zip(read, written, strict=True):
        check_lossless(target)
        check_target(target)
        check_apart(target, read)
        if min(image_size(source)) < crop:
            raise VdsrError(f"{source}: nothing is left of it after a crop to multiples of {crop}")

    def process(k: int) -> None:
        image = modcrop(read_image(read[k]), crop)
        write_image(written[k], imresize(image, scale, size=size, antialias=antialias, boundary=boundary))

    _map(process, len(read), workers, advance)


def _psnr(pair: TestPair) -> float:
    """Peak signal-to-noise ratio of lr, without a border crop, as ``test_data.m`` prints it."""
    error = float(np.mean((pair.lr - pair.gt) ** 2))
    return 10 * math.log10(1 / error) if error else math.inf
