"""Image files to image files through imresize."""

from collections.abc import Sequence
from pathlib import Path

from vdsr_data import limits
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import check_lossless, image_size, read_image, write_image
from vdsr_data.io.ahead import Advance, ignore, results
from vdsr_data.io.files import check_apart, check_target
from vdsr_data.limits import Boundary, checked_boundary, checked_paths
from vdsr_data.matlab.arrays import modcrop
from vdsr_data.matlab.resize import imresize

__all__ = ["resize_images"]


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
    advance: Advance = ignore,
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
    check_apart(written, read)
    for source, target in zip(read, written, strict=True):
        check_lossless(target)
        check_target(target)
        if min(image_size(source)) < crop:
            raise VdsrError(f"{source}: nothing is left of it after a crop to multiples of {crop}")

    def process(k: int) -> None:
        image = modcrop(read_image(read[k]), crop)
        write_image(written[k], imresize(image, scale, size=size, antialias=antialias, boundary=boundary))

    results(process, len(read), workers, advance)
