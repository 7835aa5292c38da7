"""Sets of low-resolution images as papers made them: a folder of images, or one, through `degrade` to image files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.benchmark.resizing import image_places, images_at
from vdsr_data.degradations.kernels import read_kernel
from vdsr_data.degradations.recipes import Crop, Degradation, DegradationKind, crop_for, degrade
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import image_dtype, image_size, read_image, write_image
from vdsr_data.images.memory import check_images, of_degrading
from vdsr_data.io.ahead import Progress, ignore, of_all, results
from vdsr_data.limits import Boundary, ImageFormat
from vdsr_data.matlab.arrays import modcrop as cropped

__all__ = ["Degraded", "check_originals", "degrade_folder", "write_degraded"]


@dataclass(frozen=True)
class Degraded:
    """What `degrade_folder` wrote: the file or folder, how many images, and at which scales.

    If it only explained, `images` is 0, and the text has the lines of MATLAB.
    """

    target: Path
    images: int
    scales: tuple[float, ...]
    recipe: Degradation
    crop: Crop | None = None
    modcrop: int = 1

    def __str__(self) -> str:
        if not self.images:
            first = [f"HR = modcrop(HR, {self.modcrop});"] if self.modcrop > 1 else []
            return "\n".join(self.recipe.about(scale, self.crop, first) for scale in self.scales)
        images = f"{self.images} image{'s' * (self.images > 1)}"
        scales = ", ".join(f"x{scale:g}" for scale in self.scales)
        return f"{self.target}: {images}, {scales}, {self.recipe}"


def degrade_folder(
    source: str | Path,
    target: str | Path,
    *,
    kind: DegradationKind = "bi",
    scale: float | Sequence[float] | str | None = None,
    boundary: Boundary | None = None,
    sigma: float | None = None,
    kernel: str | Path | NDArray[Any] | None = None,
    noise: float | None = None,
    seed: int | None = None,
    quality: int | None = None,
    modcrop: int = 1,
    crop: Crop | None = None,
    format: ImageFormat | None = None,  # noqa: A002 - the option's name
    workers: int | None = None,
    explain: bool = False,
    force: bool = False,
    advance: Progress = ignore,
) -> Degraded:
    """Make the low-resolution images of a folder, or of one image, as a paper's MATLAB script made them.

    Parameters
    ----------
    source : str or path
        A folder, the name of a set (see `open_set`), or an image.
    target : path
        A folder, made if it is missing; of one image at one scale a .png, .bmp or .tif file. With several scales the
        folder has one below for each, such as x2 and x2.5.
    kind : str
        The name of the recipe, see `Degradation`: "bi", "bi-double", "bd", "dn", "blur", "srmd", "noise" or "jpeg".
    scale : float, sequence of float, or str, optional
        Factors of reduction, or MATLAB's "start:step:stop", see `colon`; "noise" and "jpeg" have none.
    boundary, sigma, noise, seed, quality
        Options of the recipe, see `Degradation`.
    kernel : path or ndarray, optional
        For "blur" and "srmd": an array, or a .npy or .mat file that holds one; see `read_kernel`.
    modcrop : int
        First crop to multiples of this; after it, for the scale.
    crop : {"modcrop", "meta-sr", "none"}, optional
        How images are cropped for the scale, see `crop_for`; "meta-sr" by default if the scales have a colon.
    format : {"png", "bmp", "tif"}, optional
        Of the images of a folder; "png" by default.
    workers : int, optional
        Threads, by default one per core; the images do not depend on their number.
    explain : bool
        Write nothing: the text of the result says which lines of MATLAB this stands for, and who used it.
    force : bool
        Replace what exists.
    advance : callable
        Called with how many images are done since the last call, and how many there are.

    Returns
    -------
    Degraded

    Raises
    ------
    ArgumentError
        If an argument is not allowed, or has no effect on the kind.
    VdsrError
        If an image or the kernel cannot be read, an image has 16 bits and the kind or the format 8, nothing is left of
        one, two share a name, memory is too small, or the target exists, cannot be written or is the folder of the
        images. Then, and after Ctrl-C, none of the images is written.

    Warns
    -----
    MemoryWarning
        If so many workers may need more memory than is free.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import degrade_folder, read_image, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(12, dtype=np.uint8) * 255)
    ...     made = degrade_folder(folder, f"{folder}/lr", kind="bd", scale=3)
    ...     print(made.images, read_image(f"{folder}/lr/dots.png").shape)
    1 (4, 4)
    """
    kernel = read_kernel(kernel) if isinstance(kernel, (str, Path)) else kernel
    recipe = Degradation(kind, boundary, sigma, kernel, noise, seed, quality)
    if isinstance(scale, str) and crop is None:
        crop = "meta-sr"
    scales = recipe.check_scales(scale)
    modcrop = limits.whole("modcrop", modcrop, limits.MULTIPLES)
    workers = limits.threads(workers)
    if explain:
        images_at(source)
        return Degraded(Path(target), 0, scales, recipe, crop, modcrop)
    folders = [f"x{one:g}" for one in scales] if len(scales) > 1 else []
    sources, targets, whole = image_places(source, target, format, force=force, folders=folders)
    check_originals(sources, recipe, scales, modcrop, crop)
    check_images(sources, partial(of_degrading, kind=recipe.kind, scale=min(scales)), workers=workers)

    def process(k: int) -> None:
        image = cropped(read_image(sources[k]), modcrop)
        for one, path in zip(scales, targets[k], strict=True):
            write_degraded(place(path), image, sources[k], recipe, one, crop)

    with whole as place:
        results(process, len(sources), workers, of_all(advance, len(sources)))
    return Degraded(Path(target), len(sources), scales, recipe, crop)


def check_originals(
    sources: Sequence[Path], recipe: Degradation, scales: Sequence[float], modcrop: int, crop: Crop | None
) -> None:
    """Refuse images that the recipe does not take or of which a crop leaves nothing, as far as their heads tell."""
    for path in sources:
        with _naming(path):
            recipe.check_dtype(image_dtype(path))
        empty = cropped(np.broadcast_to(np.uint8(0), image_size(path)), modcrop)
        if any(crop_for(empty, scale, crop).size == 0 for scale in scales):
            raise VdsrError(f"{path}: nothing is left of it when it is cropped for the scale")


def write_degraded(
    path: Path, image: NDArray[Any], source: Path, recipe: Degradation, scale: float, crop: Crop | None
) -> None:
    """Write what the recipe makes of an image; VdsrError names its `source` if it cannot."""
    with _naming(source):
        lr = degrade(image, recipe, scale, crop=crop)
    write_image(path, lr)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let what is wrong with an image be a VdsrError that names it."""
    try:
        yield
    except ArgumentError as error:
        raise VdsrError(f"{path}: {error}") from None
