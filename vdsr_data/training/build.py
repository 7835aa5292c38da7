"""From a folder of images to a training file, a part of one, or sub-images: everything that is decided before."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from vdsr_data import limits
from vdsr_data.benchmark.sets import images_of
from vdsr_data.degradations.recipes import Degradation
from vdsr_data.errors import ArgumentError
from vdsr_data.images.forecast import Built, foretell
from vdsr_data.images.memory import and_degrading, check_images, of_subimages, of_training
from vdsr_data.io.ahead import Progress, ignore, of_all
from vdsr_data.io.disk import size_text
from vdsr_data.io.files import HDF5, check_folder, check_output
from vdsr_data.limits import Axes, Boundary, Flip, SubimageFormat, TrainingFormat
from vdsr_data.training.generate import check_shard, generate_train
from vdsr_data.training.layout import CHUNK
from vdsr_data.training.recipe import TrainingRecipe, count_patches
from vdsr_data.training.shards import dask_executor, generate_spread
from vdsr_data.training.subimages import SubimageRecipe, check_places, count_subimages, generate_subimages

__all__ = ["OF_FILES", "OF_FILES_ONLY", "build_train"]

# What sub-images have no use for, and why.
OF_FILES = ("rotations", "flips", "downsizes", "seed", "axes", "keys", "shard", "dask")
OF_FILES_ONLY = "is for training files only: BasicSR turns, flips and shuffles while it loads"


def build_train(
    images: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    format: TrainingFormat = "hdf5",  # noqa: A002 - the option's name
    scales: Sequence[int] = (2, 3, 4),
    patch_size: int | None = None,
    stride: int | None = None,
    rotations: Sequence[int] = (0, 90),
    flips: Sequence[Flip] = ("none", "left-right"),
    downsizes: Sequence[float] = (1.0,),
    seed: int = 0,
    boundary: Boundary = "symmetric",
    degradation: str | Degradation | None = None,
    axes: Axes = "matlab",
    keys: Sequence[str] = ("lr", "gt"),
    compression: int | None = None,
    shard: str | tuple[int, int] | None = None,
    dask: str | None = None,
    workers: int | None = None,
    dry_run: bool = False,
    force: bool = False,
    advance: Progress = ignore,
) -> Built:
    """Cut images into a training file, value for value the one that ``train_data.m`` of VDSR writes.

    Luma is that of MATLAB's ``rgb2ycbcr``, lr is gt reduced and enlarged again by ``imresize``, and the patches are
    shuffled as ``randperm`` does in a fresh session; the last partial chunk of 64 is dropped. Each image is turned,
    flipped and reduced in every combination.

    Parameters
    ----------
    images : path, str, or sequence of path
        A folder, the name of a set (see `open_set`), or files in the order in which they are taken.
    output : path, optional
        The file, replaced only by a complete one; for "png" and "lmdb" a folder. By default ``vdsr_train.h5``,
        ``vdsr_train_2of4.h5`` of a part, ``vdsr_train_png`` or ``vdsr_train_lmdb``, in the current folder.
    format : {"hdf5", "png", "lmdb"}
        A training file; or sub-images for BasicSR, in HR and in LR of each scale, in the images' own colours.
    scales : sequence of int
        Factors of reduction, 1 to 64.
    patch_size : int, optional
        Rows and columns, 2 to 4096; 41, and 480 of sub-images.
    stride : int, optional
        Between patches, 1 to 4096; 41, and 240 of sub-images.
    rotations : sequence of {0, 90, 180, 270}
        Degrees, counter-clockwise.
    flips : sequence of {"none", "left-right", "up-down"}
        After the rotation.
    downsizes : sequence of float
        Each image is first reduced by these factors, 0.01 to 1.
    seed : int
        As ``rng(seed)`` before ``randperm``; 0 is a fresh MATLAB session.
    boundary : {"symmetric", "replicate"}
        Pixels beyond the edge, see `imresize`.
    degradation : str or Degradation, optional
        What makes the low-resolution images, of the 8-bit colour image, instead of bicubic: "bd", "dn:noise=10", see
        `Degradation`. Noise is another for each image and variant: that of ``rng(seed + k)`` for the k-th, from 0.
    axes : {"matlab", "nhwc"}
        Data sets (pairs, 1, column, row), or (pairs, row, column, 1); float32 in [0, 1].
    keys : (str, str)
        Names of the two data sets; Caffe reads data and label.
    compression : int, optional
        Level of gzip, 0 (none, the default) to 9; of sub-images that of PNG, 1 by default.
    shard : (int, int) or str, optional
        (2, 4), or "2/4", makes part 2 of 4 only; `merge` joins the parts.
    dask : str, optional
        Address of the scheduler of a dask cluster, which makes parts and joins them; its workers share the folders.
    workers : int, optional
        Threads, by default one per core; the file does not depend on their number.
    dry_run : bool
        Write nothing: say what would be written and how long it would take.
    force : bool
        Replace an output that exists.
    advance : callable
        Called with how many images are done since the last call, and how many there are.

    Returns
    -------
    Built
        With ``pairs``, ``dropped`` and the rest; its text is the line that `vdsr-data build-train` says.

    Raises
    ------
    ArgumentError
        If an argument is not allowed, or has no effect on sub-images.
    VdsrError
        If an image cannot be read, if all give fewer patches than a chunk, if memory or the disk is too small, or if
        the output exists or cannot be written.

    Warns
    -----
    MemoryWarning
        If so many workers may need more memory than is free.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import build_train, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for k in range(3):
    ...         pixels = np.random.default_rng(k).integers(0, 256, (48, 60, 3), dtype=np.uint8)
    ...         write_image(f"{folder}/{k}.png", pixels)
    ...     built = build_train(folder, f"{folder}/train.h5", patch_size=16, stride=16)
    >>> built.pairs, built.dropped, built.images
    (320, 4, 3)
    """
    limits.choice("format", format, get_args(TrainingFormat))
    own = {name: value for name, value in (("patch_size", patch_size), ("stride", stride)) if value is not None}
    given = {"scales": scales, "boundary": boundary, "degradation": degradation, "rotations": rotations, "flips": flips,
             "downsizes": downsizes, "seed": seed, "axes": axes, "keys": keys}  # fmt: skip
    recipe = TrainingRecipe(**given, **(own if format == "hdf5" else {}))  # type: ignore[arg-type]
    if format == "hdf5":
        return _build_file(images, output, recipe, compression or 0, shard, dask, workers, dry_run, force, advance)
    usual = {**vars(TrainingRecipe()), "shard": None, "dask": None}
    for name, value in {**vars(recipe), "shard": shard, "dask": dask}.items():
        if name in OF_FILES and value != usual[name]:
            raise ArgumentError(f"`{name}` {OF_FILES_ONLY}")
    if compression is not None:
        own["compression"] = compression
    subimages = SubimageRecipe(recipe.scales, boundary=boundary, degradation=recipe.degradation, **own)
    return _build_subimages(images, output, subimages, format, limits.threads(workers), dry_run, force, advance)


def _build_file(
    images: str | Path | Sequence[str | Path],
    output: str | Path | None,
    recipe: TrainingRecipe,
    compression: int,
    shard: Any,
    dask: str | None,
    workers: int | None,
    dry_run: bool,
    force: bool,
    advance: Progress,
) -> Built:
    if dask and workers is not None:
        raise ArgumentError("`workers` is for this machine; the dask cluster has workers of its own")
    workers = limits.threads(workers)
    _, files = images_of(images, "train")
    part = None if shard is None else check_shard(shard, len(files), recipe.keys, compression, dask)
    own = slice(part[0] - 1, None, part[1]) if part else slice(None)
    chosen = files[own]
    output = limits.checked_path(
        "output", output or (f"vdsr_train_{part[0]}of{part[1]}.h5" if part else "vdsr_train.h5")
    )
    check_output(output, force=force or dry_run, suffixes=HDF5)
    if not dask:
        overlap = (recipe.patch_size / recipe.stride) ** 2
        needed = partial(of_training, overlap=overlap)
        kind = recipe.degradation.kind if recipe.degradation else None
        check_images(chosen, and_degrading(needed, kind, min(recipe.scales)), workers=workers)
    what = f"pairs of {recipe.patch_size} x {recipe.patch_size} from {len(chosen)} images"
    if dry_run:
        counts = count_patches(files, recipe)[own]
        patches = sum(counts)
        pairs = patches if part else patches // CHUNK * CHUNK
        left = "" if part else f" ({patches - pairs} left over)"
        return foretell(
            chosen, output, partial(generate_train, recipe=recipe, compression=compression, workers=workers),
            f"{pairs:,} {what}{left}", pairs=pairs, dropped=patches - pairs,
            size=None if compression else pairs * recipe.patch_size**2 * 8,
            possible=lambda sample: sum(counts[sample]) >= CHUNK,
        )  # fmt: skip
    began = time.perf_counter()
    how: Any = {"compression": compression, "advance": of_all(advance, len(chosen))}
    if dask:
        with dask_executor(dask) as (executor, threads):
            made = generate_spread(files, output, recipe, executor, parts=4 * threads, **how)
    else:
        made = generate_train(files, output, recipe, shard=part, workers=workers, **how)
    seconds, size = time.perf_counter() - began, output.stat().st_size
    line = f"{output}: {made.pairs:,} {what} ({made.dropped} left over), {size_text(size)} in {seconds:.1f} s"
    return Built(output, len(chosen), made.pairs, seconds, line, size, made.dropped, tuple(made.too_small))


def _build_subimages(
    images: str | Path | Sequence[str | Path],
    output: str | Path | None,
    recipe: SubimageRecipe,
    kind: SubimageFormat,
    workers: int,
    dry_run: bool,
    force: bool,
    advance: Progress,
) -> Built:
    _, files = images_of(images, "train")
    output = limits.checked_path("output", output or f"vdsr_train_{kind}")
    made_by = recipe.degradation.kind if recipe.degradation else None
    check_images(files, and_degrading(of_subimages, made_by, min(recipe.scales)), workers=workers)
    check_folder(output, force=force or dry_run)
    if dry_run:
        count = count_subimages(files, recipe)
        check_places(files, output, recipe, kind)
        what = f"{count:,} sub-images from {len(files)} images, each in {1 + len(recipe.scales)} sizes"
        build = partial(generate_subimages, recipe=recipe, kind=kind, workers=workers)
        return foretell(files, output, build, what, pairs=count)
    began = time.perf_counter()
    count = generate_subimages(files, output, recipe, kind, workers=workers, advance=of_all(advance, len(files)))
    seconds = time.perf_counter() - began
    scales = ", ".join(f"x{scale}" for scale in recipe.scales)
    line = f"{output}: {count:,} sub-images from {len(files)} images, in HR and in LR {scales}, in {seconds:.1f} s"
    return Built(output, len(files), count, seconds, line)
