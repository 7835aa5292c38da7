"""Real upscaling, without ground truth: luma through a network, chroma and alpha by imresize.

Strip by strip, each with as many more rows as its results depend on: the whole image only exists as 8 or 16 bits.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, imresize, rgb2ycbcr, ycbcr2rgb
from vdsr_data.errors import VdsrError
from vdsr_data.files import check_output
from vdsr_data.images import check_lossless, list_images, read_picture, write_image
from vdsr_data.resize import Boundary
from vdsr_eval.evaluate import Upscaler, run_upscaler

__all__ = ["plan", "upscale_colors", "upscale_file"]

# Rows of the enlarged image that are in work as floats at a time.
STRIP = 512
# Rows of the small image beyond a pixel's own that imresize takes into it when it enlarges.
TAPS = 3


def upscale_colors(
    colors: NDArray[Any],
    *,
    scale: int,
    upscale: Upscaler,
    reach: int,
    boundary: Boundary = "symmetric",
    strip: int = STRIP,
    advance: Callable[[float], None] = lambda _: None,
) -> NDArray[Any]:
    """Enlarge an image.

    Parameters
    ----------
    colors : ndarray, shape (rows, columns) or (rows, columns, 3), uint8 or uint16
        Grey, which is luma, or RGB.
    scale : int
    upscale : callable
        As for `vdsr_eval.evaluate.evaluate`.
    reach : int
        How many rows up and down a result of `upscale` depends on: one for each layer of 3x3.
    boundary : {"symmetric", "replicate"}
        Of imresize.
    strip : int
        Rows of the result that are computed at a time; the result does not depend on it.
    advance : callable
        Called with the share of the image that each strip is; they sum up to 1.

    Returns
    -------
    ndarray, shape (scale * rows, scale * columns, ...), dtype of `colors`
        Clipped, and rounded half up.

    Raises
    ------
    VdsrError
        As `vdsr_eval.evaluate.run_upscaler`.
    """
    rows, columns = colors.shape[:2]
    halo = -(-reach // scale) + TAPS
    step = max(strip // scale - 2 * halo, halo)
    top_value = np.iinfo(colors.dtype).max
    out = np.empty((rows * scale, columns * scale, *colors.shape[2:]), colors.dtype)
    for top in range(0, rows, step):
        bottom, above = min(top + step, rows), max(top - halo, 0)
        part = im2double(colors[above : bottom + halo])
        planes = imresize(part if part.ndim == 2 else rgb2ycbcr(part), scale, boundary=boundary)
        if planes.ndim == 2:
            image = run_upscaler(upscale, planes, scale).clip(0, 1)
        else:
            planes[:, :, 0] = run_upscaler(upscale, np.ascontiguousarray(planes[:, :, 0]), scale)
            image = ycbcr2rgb(planes)
        inner = image[(top - above) * scale : (bottom - above) * scale]
        out[top * scale : bottom * scale] = np.floor(inner * top_value + 0.5)
        advance((bottom - top) / rows)
    return out


def upscale_file(
    source: Path,
    target: Path,
    *,
    scale: int,
    upscale: Upscaler,
    reach: int,
    boundary: Boundary = "symmetric",
    advance: Callable[[float], None] = lambda _: None,
) -> None:
    """Enlarge an image file, with its transparency, its bit depth and its colour profile.

    Parameters
    ----------
    source, target : Path
        Anything that `vdsr_data.images.read_picture` reads, and a name for `vdsr_data.images.write_image`.
    scale, upscale, reach, boundary, advance
        As for `upscale_colors`.

    Raises
    ------
    VdsrError
        If the image cannot be read, enlarged or written; nothing is left half-written.
    """
    picture = read_picture(source)
    colors = picture.colors if picture.alpha is None else _filled(picture.colors, picture.alpha)
    try:
        image = upscale_colors(colors, scale=scale, upscale=upscale, reach=reach, boundary=boundary, advance=advance)
    except VdsrError as error:
        raise VdsrError(f"{source}: {error}") from error
    if picture.alpha is not None:
        image = np.dstack([image, imresize(picture.alpha, scale, boundary=boundary)])
    target.parent.mkdir(parents=True, exist_ok=True)
    write_image(target, image, profile=picture.profile)


def _filled(colors: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Give what is wholly transparent the colour of the nearest pixel that is not: enlarged, it reaches beyond itself.

    Else the black that most files hold there would surround what they show.
    """
    hidden = alpha == 0
    if hidden.all() or not hidden.any():
        return colors
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    filled: NDArray[Any] = colors[rows, columns]
    return filled


def plan(source: Path, output: Path | None, *, scale: int, force: bool) -> list[tuple[Path, Path]]:
    """Say which file is to be written for each image, and refuse what cannot end well before the work.

    Parameters
    ----------
    source : Path
        An image or a folder of images.
    output : Path or None
        An image or a folder, which is made if it is missing; None is ``SOURCE_xSCALE`` in the current folder.
    scale : int
    force : bool
        Whether files that exist may be replaced.

    Raises
    ------
    VdsrError
        If there is no such source, outputs exist, or two images would be written to one file.
    """
    if not source.exists():
        raise VdsrError(f"{source}: no such image or folder")
    stem = source.resolve().name if source.is_dir() else source.stem
    if not source.is_dir():
        target = output or Path(f"{stem}_x{scale}.png")
        target = target / f"{stem}_x{scale}.png" if target.is_dir() else target
        files = [(source, target)]
    else:
        images = list_images(source)
        folder = output or Path(f"{stem}_x{scale}")
        twice = [name for name, count in Counter(image.stem for image in images).items() if count > 1]
        if twice:
            raise VdsrError(f"{source}: several images are called {twice[0]}; results are told apart by their names")
        if folder.exists() and (not folder.is_dir() or folder.samefile(source)):
            raise VdsrError(f"{folder}: results of a folder need a folder of their own")
        files = [(image, folder / f"{image.stem}.png") for image in images]
    for _, target in files:
        check_lossless(target)
        if target.exists() or not source.is_dir():
            check_output(target, force=force)
    return files
