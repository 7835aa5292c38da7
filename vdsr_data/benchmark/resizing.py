"""Sets of low-resolution images: a folder of images, or one, through imresize to image files."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import get_args

import numpy as np

from vdsr_data import limits
from vdsr_data.benchmark.sets import find_images, is_single, unique_names
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import check_lossless, image_dtype, image_size, is_image_name, read_image, write_image
from vdsr_data.images.memory import check_images, of_resizing
from vdsr_data.io.ahead import Advance, Progress, ignore, of_all, results
from vdsr_data.io.files import check_apart, check_folder, check_input, check_output, check_target, together
from vdsr_data.limits import Boundary, ImageFormat, ResizeMethod, checked_boundary, checked_path, checked_paths
from vdsr_data.matlab.arrays import modcrop as cropped
from vdsr_data.matlab.resize import imresize, output_size

__all__ = ["Resized", "image_places", "images_at", "imresize_folder", "resize_images"]


@dataclass(frozen=True)
class Resized:
    """What `imresize_folder` wrote: the file or folder, and how many images."""

    target: Path
    images: int

    def __str__(self) -> str:
        return f"{self.target}: {self.images} image{'s' * (self.images > 1)}"


def imresize_folder(
    source: str | Path,
    target: str | Path,
    *,
    scale: float | tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    modcrop: int = 1,
    format: ImageFormat | None = None,  # noqa: A002 - the option's name
    antialias: bool | None = None,
    boundary: Boundary = "symmetric",
    method: ResizeMethod = "bicubic",
    workers: int | None = None,
    force: bool = False,
    advance: Progress = ignore,
) -> Resized:
    """Resize every image of a folder, or one image, as MATLAB's ``imresize`` and ``imwrite`` would.

    Parameters
    ----------
    source : str or path
        A folder, the name of a set (see `open_set`), or an image.
    target : path
        A folder, made if it is missing; of one image a .png, .bmp or .tif file.
    scale : float or (float, float), optional
        Factor, or factors of rows and of columns.
    size : (int, int), optional
        Rows and columns of the output, instead of `scale`.
    modcrop : int
        First crop to multiples of this, as low-resolution sets are made.
    format : {"png", "bmp", "tif"}, optional
        Of the images of a folder; "png" by default.
    antialias : bool, optional
        MATLAB's ``'Antialiasing'``: by default for every method but "nearest".
    boundary : {"symmetric", "replicate"}
        Pixels beyond the edge, see `imresize`.
    method : {"bicubic", "bilinear", "box", "lanczos2", "lanczos3", "nearest", "triangle"}
        MATLAB's name of the kernel.
    workers : int, optional
        Threads, by default one per core; the images do not depend on their number.
    force : bool
        Replace what exists.
    advance : callable
        Called with how many images are done since the last call, and how many there are.

    Returns
    -------
    Resized

    Raises
    ------
    ArgumentError
        If an argument is not allowed, or if not just one of `scale` and `size` is given.
    VdsrError
        If an image cannot be read or is smaller than the crop, has 16 bits and the format 8, two images share a name,
        memory is too small, or the target exists, cannot be written or is the folder of the images. Then, and after
        Ctrl-C, none of the images is written.

    Warns
    -----
    MemoryWarning
        If so many workers may need more memory than is free.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import imresize_folder, read_image, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(10, dtype=np.uint8) * 255)
    ...     print(imresize_folder(folder, f"{folder}/x3", scale=1 / 3, modcrop=3).images)
    ...     print(read_image(f"{folder}/x3/dots.png").shape)
    1
    (3, 3)
    """
    if (scale is None) == (size is None):
        raise ArgumentError("give either `scale` or `size`")
    workers = limits.threads(workers)
    sources, targets, whole = image_places(source, target, format, force=force)

    def needed(rows: int, columns: int) -> float:
        return of_resizing(rows, columns, size or output_size((rows, columns), scale or 1))

    check_images(sources, needed, workers=workers)
    with whole as place:
        resize_images(
            sources, [place(one) for one, in targets], scale=scale, size=size, modcrop=modcrop, antialias=antialias,
            boundary=boundary, method=method, workers=workers, advance=of_all(advance, len(sources)),
        )  # fmt: skip
    return Resized(Path(target), len(sources))


def image_places(
    source: str | Path,
    target: str | Path,
    image_format: ImageFormat | None,
    *,
    force: bool,
    folders: Sequence[str] = (),
) -> tuple[list[Path], list[list[Path]], AbstractContextManager[Callable[[Path], Path]]]:
    """Images that are read and where what is made of each goes, checked; and what lets it all appear `together`.

    Of one image that is `target` itself; of a folder, or with `folders` below the target, files of the images' names.
    """
    target = checked_path("target", target)
    sources = images_at(source)
    whole: AbstractContextManager[Callable[[Path], Path]]
    if is_single(Path(source)) and not folders:
        if image_format is not None:
            raise ArgumentError("`format` is for folders; of one image the name of `target` tells the format")
        check_output(target, force=force)
        targets, whole = [[target]], nullcontext(Path)
    else:
        suffix = limits.choice("format", image_format or "png", get_args(ImageFormat))
        if is_image_name(target) and not target.is_dir():
            raise VdsrError(f"{target}: is the name of an image, and a folder is made; give it another name")
        if target.is_dir() and target.samefile(sources[0].parent):
            raise VdsrError(f"{target}: holds the images themselves; name another folder")
        check_folder(target, force=force)
        below = [target / folder for folder in folders or [""]]
        targets = [[folder / f"{name}.{suffix}" for folder in below] for name in unique_names(sources)]
        whole = together(target, chain.from_iterable(targets))
    check_apart(chain.from_iterable(targets), sources)
    for image, several in zip(sources, targets, strict=True):
        deep = image_dtype(image) == np.uint16
        for path in several:
            check_lossless(path, deep=deep)
    return sources, targets, whole


def images_at(source: str | Path) -> list[Path]:
    """The images of a folder or set, or the one image that is meant, which must be there; VdsrError if none is."""
    source = checked_path("source", source)
    if is_single(source):
        check_input(source)
        return [source]
    return find_images(source, "test")[1]


def resize_images(
    sources: Sequence[Path | str],
    targets: Sequence[Path | str],
    *,
    scale: float | tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    modcrop: int = 1,
    antialias: bool | None = None,
    boundary: Boundary = "symmetric",
    method: ResizeMethod = "bicubic",
    workers: int = 1,
    advance: Advance = ignore,
) -> None:
    """Resize image files as ``imwrite(imresize(modcrop(imread(source), ...), ...), target)`` would.

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
    modcrop = limits.whole("modcrop", modcrop, limits.MULTIPLES)
    workers = limits.whole("workers", workers, limits.WORKERS)
    checked_boundary(boundary)
    limits.choice("method", method, limits.RESIZE_METHODS)
    check_apart(written, read)
    for source, target in zip(read, written, strict=True):
        check_lossless(target, deep=image_dtype(source) == np.uint16)
        check_target(target)
        if min(image_size(source)) < modcrop:
            raise VdsrError(f"{source}: nothing is left of it after a crop to multiples of {modcrop}")

    def process(k: int) -> None:
        image = cropped(read_image(read[k]), modcrop)
        made = imresize(image, scale, size=size, antialias=antialias, boundary=boundary, method=method)
        write_image(written[k], made)

    results(process, len(read), workers, advance)
