"""The writing of training files, as ``train_data.m`` makes them: images to patches, each to its place."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import __version__, limits
from vdsr_data.degradations.ilr import degraded_ilr, make_ilr
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import read_image
from vdsr_data.io.ahead import Advance, ignore, results
from vdsr_data.io.disk import check_space
from vdsr_data.io.files import HDF5, check_target, unchanged
from vdsr_data.limits import checked_paths
from vdsr_data.matlab.arrays import modcrop
from vdsr_data.matlab.color import im2double, luma
from vdsr_data.matlab.random import randperm_inverse
from vdsr_data.matlab.resize import imresize
from vdsr_data.training.layout import CHECKSUM, CHUNK, POSITION
from vdsr_data.training.patches import augment, cut, patch_count
from vdsr_data.training.planes import Planes, planes_for
from vdsr_data.training.recipe import TrainingRecipe, count_patches
from vdsr_data.training.writer import create_training

__all__ = ["TrainingSummary", "check_shard", "generate_train", "image_patches", "shard_of"]

SHARD = re.compile("([1-9][0-9]{0,8})/([1-9][0-9]{0,8})")  # part k of n


@dataclass(frozen=True)
class TrainingSummary:
    """What was written: patch pairs, pairs left over in a last partial chunk of the whole, images without a patch."""

    pairs: int
    dropped: int
    too_small: list[Path] = field(default_factory=list)


def generate_train(
    images: Sequence[Path | str],
    output: Path | str,
    recipe: TrainingRecipe,
    *,
    shard: tuple[int, int] | None = None,
    compression: int = 0,
    workers: int = 1,
    advance: Advance = ignore,
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
        shard = check_shard(shard, len(images), recipe.keys, compression)
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
            for lr, gt, small in _image_planes(images[k], recipe, k, planes):
                rows, columns = gt.shape
                first, start = start, start + patch_count(rows, columns, recipe.patch_size, recipe.stride)
                if start > starts[k + 1]:
                    break
                where: NDArray[Any] = position[first:start]
                if own is not None:
                    where = np.searchsorted(own, where)
                with writer.room(where) as room:
                    _cut(lr, recipe, room[0])
                    if planes is None:
                        _cut(gt, recipe, room[1])
                    else:
                        planes.note(where, small)
            if start != starts[k + 1]:
                raise VdsrError(f"{images[k]}: its size is not the one that the head of the file declares")
        return digest

    planes = planes_for([images[k] for k in chosen], count, recipe)
    layout: Any = {"patch_size": recipe.patch_size, "keys": recipe.keys, "axes": recipe.axes, "position": own,
                   "count": count, "planes": planes}  # fmt: skip
    with create_training(output, compression=compression, workers=workers, **layout) as writer:
        writer.attributes = {
            "format": "vdsr-toolkit training file", "version": __version__, "keys": ",".join(recipe.keys),
            "axes": recipe.axes, "recipe": recipe.kept(), "images": [path.name for path in images],
            "sha256": results(process, len(chosen), workers, advance),
        }  # fmt: skip
        if shard is not None:
            writer.attributes |= {"shard": f"{shard[0]}/{shard[1]}", "total_pairs": pairs}
    too_small = [images[k] for k in chosen if not counts[k]]
    return TrainingSummary(count, sum(counts[k] for k in chosen) - count, too_small)


def check_shard(
    shard: str | tuple[int, int], images: int, keys: tuple[str, str], compression: int | None, dask: str | None = None
) -> tuple[int, int]:
    """Return a part, "k/n" or (k, n), as numbers; refuse one that so many images or other arguments do not allow."""
    found = shard_of(shard if isinstance(shard, str) or not isinstance(shard, Sequence) else "/".join(map(str, shard)))
    if found is None:
        raise ArgumentError(f"shard: {shard!r}: give K/N, such as 2/4, with K from 1 to N")
    if compression or dask:
        raise ArgumentError("`shard` goes with neither `dask` nor `compression` (`vdsr-data merge` has it)")
    if found[1] > images:
        raise VdsrError(f"{images} images give at most {images} parts, not {found[1]}; use a smaller number of parts")
    if {POSITION, CHECKSUM} & set(keys):
        raise VdsrError(f"parts have data sets {POSITION} and {CHECKSUM} of their own; choose other keys")
    return found


def shard_of(value: Any) -> tuple[int, int] | None:
    """K and n of part k of n; None if it is no such text."""
    found = SHARD.fullmatch(str(value))
    return (int(found[1]), int(found[2])) if found and int(found[1]) <= int(found[2]) else None


def image_patches(
    path: Path | str, recipe: TrainingRecipe, number: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Patches of lr and gt of the image of this number, from 0, laid out as in the file, variant after variant."""
    for lr, gt, _ in _image_planes(path, recipe, number):
        yield _cut(lr, recipe), _cut(gt, recipe)


def _cut(plane: NDArray[Any], recipe: TrainingRecipe, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    return cut(plane, recipe.patch_size, recipe.stride, transpose=recipe.axes == "matlab", out=out)


def _image_planes(
    path: Path | str, recipe: TrainingRecipe, number: int, planes: Planes | None = None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]]:
    """Luma of lr and gt of the image of this number, from 0, variant after variant, if there is room for a patch.

    With gt comes the same in whole numbers: a view of what the `planes` keep.
    """
    image = read_image(path)
    variants = list(recipe.variants())
    last = None
    for variant, (downsize, rotation, flip, scale) in enumerate(variants, start=number * len(variants)):
        if downsize != last:
            colour = image if downsize == 1 else imresize(image, downsize, boundary=recipe.boundary)
            small, last = luma(colour), downsize
            small = planes.keep(small, Path(path)) if planes else small
        if scale == recipe.scales[0]:
            # Bytes are faster to turn than float64. A loop that turns, crops and converts at once took twice as long.
            turned = im2double(np.ascontiguousarray(augment(small, rotation, flip)))
        gt = np.ascontiguousarray(modcrop(turned, scale))
        if min(gt.shape) >= recipe.patch_size:
            if recipe.degradation is None:
                ilr = make_ilr(gt, scale, recipe.boundary)
            else:
                whole = modcrop(np.ascontiguousarray(augment(colour, rotation, flip)), scale)
                ilr = degraded_ilr(whole, recipe.degradation.number(variant), scale, recipe.boundary)
            yield ilr, gt, modcrop(augment(small, rotation, flip), scale)
