"""A folder of images becomes a training file (`train_data.m`), a test file (`test_data.m`) or low-resolution images."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import __version__
from vdsr_data.ahead import in_order
from vdsr_data.color import im2double, luma, rgb2ycbcr
from vdsr_data.datasets import unique_names
from vdsr_data.errors import VdsrError
from vdsr_data.files import check_space, replacing, unchanged
from vdsr_data.hdf5 import annotate
from vdsr_data.images import image_size, modcrop, read_image, write_image
from vdsr_data.patches import Flip, augment, cut, patch_count, randperm_inverse
from vdsr_data.resize import Boundary, imresize, output_size
from vdsr_data.storage import CHECKSUM, CHUNK, POSITION, Axes, create_training
from vdsr_data.testfile import TestFileWriter, TestPair, write_mat

__all__ = ["TrainingRecipe", "TrainingSummary", "count_patches", "degrade", "generate_test", "generate_test_mat",
           "generate_train", "image_pairs", "image_patches", "resize_images"]  # fmt: skip

Advance = Callable[[int], None]


def _ignore(*_: object) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class TrainingRecipe:
    """How patches are made from an image; the defaults are those of ``train_data.m``."""

    scales: tuple[int, ...] = (2, 3, 4)
    patch_size: int = 41  # the receptive field of 20 layers of 3 x 3
    stride: int = 41  # patches do not overlap
    rotations: tuple[int, ...] = (0, 90)  # degrees, counter-clockwise
    flips: tuple[Flip, ...] = ("none", "left-right")  # after the rotation
    downsizes: tuple[float, ...] = (1.0,)  # the image is first reduced by these, as later papers did
    seed: int = 0  # of the order; 0 is a fresh MATLAB session
    boundary: Boundary = "symmetric"
    axes: Axes = "matlab"
    keys: tuple[str, str] = ("lr", "gt")

    def variants(self) -> Iterator[tuple[float, int, Flip, int]]:
        """Downsize, rotation, flip and scale of each variant of an image, in the order of the script's loops."""
        return product(self.downsizes, self.rotations, self.flips, self.scales)

    def count(self, rows: int, columns: int) -> int:
        """Number of patches of an image of this size."""
        total = 0
        for downsize, rotation, _, scale in self.variants():
            height, width = output_size((rows, columns), downsize)[:: -1 if rotation % 180 else 1]
            total += patch_count(height - height % scale, width - width % scale, self.patch_size, self.stride)
        return total


@dataclass(frozen=True)
class TrainingSummary:
    """What was written: patch pairs, pairs left over in a last partial chunk of the whole, images without a patch."""

    pairs: int
    dropped: int
    too_small: list[Path] = field(default_factory=list)


def degrade(gt: NDArray[np.float64], scale: int, boundary: Boundary) -> NDArray[np.float64]:
    """Reduce float64 luma by `scale` and enlarge it to its size again: the `lr` of the training and test files."""
    return imresize(imresize(gt, 1 / scale, boundary=boundary), size=gt.shape, boundary=boundary)


def generate_train(
    images: Sequence[Path],
    output: Path,
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
    images : sequence of Path
        In the order of ``train_data.m``, see `list_images`.
    output : Path
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
    VdsrError
        If an image cannot be read, if all images together give fewer patches than a chunk, or if the disk is too small.

    Notes
    -----
    Memory: at most 220 MB, 8 bytes for each pair of the whole, 1 kB for each image, and what each thread needs for one
    image, 15 MB for 512 x 512 pixels; ``benchmarks/bench_memory.py`` holds it to that.
    """
    if shard is not None:
        _check_shard(shard, len(images), recipe.keys, compression)
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


def count_patches(images: Sequence[Path], recipe: TrainingRecipe) -> list[int]:
    """How many patches each image gives, from the heads of the files.

    Raises
    ------
    VdsrError
        If an image cannot be read, or if all images together give fewer patches than a chunk.
    """
    counts = [recipe.count(*image_size(path)) for path in images]
    if sum(counts) < CHUNK:
        raise VdsrError(
            f"{images[0].parent}: {len(images)} images give {sum(counts)} patches of {recipe.patch_size} x "
            f"{recipe.patch_size}, at least {CHUNK} are needed; use a smaller patch size or larger images"
        )
    return counts


def _check_shard(shard: tuple[int, int], images: int, keys: tuple[str, str], compression: int) -> None:
    if not 1 <= shard[0] <= shard[1]:
        raise ValueError(f"shard must be (k, n) with k from 1 to n, got {shard}")
    if shard[1] > images:
        raise VdsrError(f"{images} images give at most {images} parts, not {shard[1]}; use a smaller number of parts")
    if {POSITION, CHECKSUM} & set(keys):
        raise VdsrError(f"parts have data sets {POSITION} and {CHECKSUM} of their own; choose other keys")
    if compression:
        raise VdsrError("parts are not compressed, so that they can be joined fast; compress when they are merged")


def image_patches(path: Path, recipe: TrainingRecipe) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
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


def _prepared(
    images: Sequence[Path], scales: Sequence[int], boundary: Boundary, workers: int
) -> Iterator[tuple[str, NDArray[Any], list[tuple[TestPair, float]]]]:
    """Name, original, and the pair and its PSNR at each scale, image after image."""

    def prepare(path: Path) -> tuple[str, NDArray[Any], list[tuple[TestPair, float]]]:
        image = read_image(path)
        return path.stem, image, [(pair, _psnr(pair)) for pair in image_pairs(path, image, scales, boundary)]

    return in_order((partial(prepare, path) for path in images), workers=workers, window=workers)


def image_pairs(path: Path, image: NDArray[Any], scales: Sequence[int], boundary: Boundary) -> Iterator[TestPair]:
    """What a test file holds of an image at each scale."""
    for scale in scales:
        cropped = modcrop(image, scale)
        if not cropped.size:
            raise VdsrError(f"{path}: {image.shape[0]} x {image.shape[1]} pixels are too few for scale {scale}")
        cb = cr = None
        y = cropped
        if cropped.ndim == 3:
            y, cb, cr = np.moveaxis(rgb2ycbcr(cropped), 2, 0)
        gt = im2double(y)
        yield TestPair(path.stem, scale, gt, degrade(gt, scale, boundary), cb, cr)


def generate_test(
    name: str,
    images: Sequence[Path],
    output: Path,
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
    images : sequence of Path
    output : Path
        Replaced only by a complete file.
    scales : sequence of int
    boundary : {"symmetric", "replicate"}
    workers : int, default 1
        Threads. The file does not depend on their number.
    report : callable
        Called for each image and scale with its name, the scale and the bicubic PSNR in dB of the whole image.

    Raises
    ------
    VdsrError
        If an image cannot be read or is smaller than a scale, or two images share a name.
    """
    with replacing(output) as target, ExitStack() as stack:
        for path in images:
            stack.enter_context(unchanged(path))
        attributes = {
            "format": "vdsr-toolkit test file", "version": __version__, "name": name, "boundary": boundary,
            "scales": list(scales), "names": unique_names(list(images)), "images": [path.name for path in images],
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
    images: Sequence[Path],
    folder: Path,
    *,
    scales: Sequence[int] = (2, 3, 4),
    boundary: Boundary = "symmetric",
    workers: int = 1,
    report: Callable[[str, int, float], None] = _ignore,
) -> None:
    """Write the ``.mat`` files of ``test_data.m`` into a folder, which is made if it does not exist.

    Parameters and errors are those of `generate_test`.
    """
    unique_names(list(images))
    folder.mkdir(exist_ok=True)
    for _, _, pairs in _prepared(images, scales, boundary, workers):
        for pair, psnr in pairs:
            write_mat(folder, pair)
            report(pair.name, pair.scale, psnr)


def resize_images(
    sources: Sequence[Path],
    targets: Sequence[Path],
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
    VdsrError
        If an image cannot be read, or is smaller than the crop.
    """

    def process(k: int) -> None:
        image = modcrop(read_image(sources[k]), crop)
        if not image.size:
            raise VdsrError(f"{sources[k]}: nothing is left of it after a crop to multiples of {crop}")
        write_image(targets[k], imresize(image, scale, size=size, antialias=antialias, boundary=boundary))

    _map(process, len(sources), workers, advance)


def _psnr(pair: TestPair) -> float:
    """Peak signal-to-noise ratio of lr, without a border crop, as ``test_data.m`` prints it."""
    error = float(np.mean((pair.lr - pair.gt) ** 2))
    return 10 * math.log10(1 / error) if error else math.inf
