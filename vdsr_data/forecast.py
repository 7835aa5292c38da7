"""What a build would write and take, found by building a little of it: `--dry-run`."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from vdsr_data.disk import check_space, size_text
from vdsr_data.errors import VdsrError
from vdsr_data.files import is_empty
from vdsr_data.generate import TrainingRecipe, check_shard, check_test, count_patches, generate_train
from vdsr_data.images import image_size
from vdsr_data.storage import CHUNK
from vdsr_data.subimages import Kind, SubimageRecipe, check_places, count_subimages, generate_subimages

__all__ = ["forecast_subimages", "forecast_test", "forecast_train"]

ENOUGH = 1_500_000  # pixels of a sample: a second or so
Build = Callable[[list[Path], Path], object]


def forecast_train(
    images: Sequence[Path],
    output: Path,
    recipe: TrainingRecipe,
    *,
    shard: tuple[int, int] | None = None,
    compression: int = 0,
    workers: int = 1,
) -> str:
    """Say in a line what `generate_train` with these arguments would write, and how long it would take here.

    Raises
    ------
    VdsrError
        If an image cannot be read, if there are fewer patches than a chunk, or if the disk is too small.
    """
    if shard is not None:
        check_shard(shard, len(images), recipe.keys, compression)
    counts = count_patches(images, recipe)
    chosen = slice(None) if shard is None else slice(shard[0] - 1, None, shard[1])
    patches = sum(counts[chosen])
    pairs = patches if shard else patches // CHUNK * CHUNK
    build = partial(generate_train, recipe=recipe, compression=compression, workers=workers)
    size, seconds = _scaled(images[chosen], build, lambda sample: sum(counts[chosen][sample]) >= CHUNK)
    if not compression:
        size = pairs * recipe.patch_size**2 * 8
    check_space(output, int(size or 0))
    left = "" if shard else f" ({patches - pairs} left over)"
    what = f"{pairs:,} pairs of {recipe.patch_size} x {recipe.patch_size} from {len(images[chosen])} images{left}"
    return _line(output, what, size, seconds)


def forecast_test(images: Sequence[Path], output: Path, scales: Sequence[int], build: Build) -> str:
    """Say in a line what `build` would write of all images, and how long it would take here; errors as above."""
    check_test(images, scales)
    size, seconds = _scaled(images, build)
    check_space(output, int(size or 0))
    return _line(output, f"{len(images)} images, {len(images) * len(scales)} pairs", size, seconds)


def forecast_subimages(
    images: Sequence[Path], output: Path, recipe: SubimageRecipe, kind: Kind, *, workers: int
) -> str:
    """Say in a line what `generate_subimages` with these arguments would write; errors as above."""
    count = count_subimages(images, recipe)
    check_places(images, output, recipe, kind)
    size, seconds = _scaled(images, partial(generate_subimages, recipe=recipe, kind=kind, workers=workers))
    check_space(output, int(size or 0))
    return _line(output, f"{count:,} sub-images from {len(images)} images, each in {1 + len(recipe.scales)} sizes",
                 size, seconds)  # fmt: skip


def _scaled(
    images: Sequence[Path], build: Build, possible: Callable[[slice], bool] = lambda _: True
) -> tuple[float | None, float | None]:
    """Bytes and seconds of a build of a few images, evenly spread, times the share of their pixels.

    None if such a sample is not `possible`. What is wrong with an image in it is told, as the whole build would.
    """
    pixels = [rows * columns for rows, columns in map(image_size, images)]
    sample = slice(None, None, max(1, sum(pixels) // ENOUGH))
    if not possible(sample):
        return None, None
    share = sum(pixels[sample]) / sum(pixels)
    with TemporaryDirectory() as folder:
        try:
            for target in (Path(folder, "first"), Path(folder, "second")):  # the first loads compiled code
                began = time.perf_counter()
                build(list(images[sample]), target)
                seconds = time.perf_counter() - began
        except VdsrError as error:
            if folder in str(error):  # which may have no room; the images are somewhere else
                return None, None
            raise
        files = [target] if target.is_file() else target.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file()) / share, seconds / share


def _line(output: Path, what: str, size: float | None, seconds: float | None) -> str:
    bytes_ = "" if size is None else f", {size_text(size)}"
    there = output.exists() and not (output.is_dir() and is_empty(output))
    force = "; it exists already, and would be replaced with --force" if there else ""
    duration = "" if seconds is None else f", about {max(seconds, 1):.0f} s on this machine"
    return f"{output}: would hold {what}{bytes_}{duration}; nothing was written{force}"
