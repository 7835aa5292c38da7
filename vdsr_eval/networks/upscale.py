"""Real upscaling, without ground truth: luma through a network, chroma and alpha by imresize.

Strip by strip, each with as many more rows as its results depend on: no PNG file is in memory as a whole.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, imresize, rgb2ycbcr, ycbcr2rgb
from vdsr_data.benchmark.sets import find_images, is_single, unique_names
from vdsr_data.errors import VdsrError, warned
from vdsr_data.images.deep_png import write_png
from vdsr_data.images.files import check_lossless, read_picture, write_image
from vdsr_data.images.memory import check_memory
from vdsr_data.io.ahead import Advance, Progress, ignore
from vdsr_data.io.files import check_apart, check_output, claimed, replacing
from vdsr_data.limits import FACTORS, Boundary, checked_path, whole
from vdsr_eval.networks.ensemble import self_ensemble as averaged
from vdsr_eval.networks.network import EngineName, Network, Upscaler, checked_upscaler, load_network, run_upscaler
from vdsr_eval.protocols.checked import checked_image

__all__ = ["plan", "upscale", "upscale_colors", "upscale_file", "upscale_image", "upscaled_strips"]

# Pixels of the enlarged image that are in work as floats at a time, some 100 bytes each.
STRIP = 2**22
# Bytes of a pixel of 8-bit RGB that is not written strip by strip: as an array, and as Pillow has it.
BYTES = 8
# Rows of the small image beyond a pixel's own that imresize takes into it when it enlarges.
TAPS = 3


def upscale(
    source: Path | str,
    output: Path | str | None = None,
    *,
    scale: int,
    weights: Path | str | Network | None = None,
    engine: EngineName = "auto",
    self_ensemble: bool = False,
    boundary: Boundary = "symmetric",
    force: bool = False,
    advance: Progress = ignore,
    remark: Callable[[str], object] = warned,
) -> list[Path]:
    """Enlarge an image file, or every image of a folder or set, by a network; the command is ``vdsr-eval upscale``.

    The network estimates luma; chroma and transparency are enlarged by imresize. 16 bits stay 16 bits, a colour profile
    is kept, the rotation that a camera noted is applied.

    Parameters
    ----------
    source : str or Path
        An image, a folder of images, or the name of a set.
    output : str or Path, optional
        An image or, for a folder, a folder; the default is ``SOURCE_xSCALE`` in the current folder. PNG files are
        written strip by strip; TIFF and BMP take the whole result in memory.
    scale : int
        Factor by which the image grows in both directions, from 2 to 16.
    weights : str, Path or Network, optional
        As for `load_network`, or what it gives.
    engine : {"auto", "numba", "tensorflow", "jax"}
        What computes a network that is loaded here, see `Network`.
    self_ensemble : bool
        Average the network over eight flips and rotations.
    boundary : {"symmetric", "replicate"}
        Of imresize.
    force : bool
        Replace files that exist.
    advance : callable, optional
        Called with the share of an image that is done, and how many images there are.
    remark : callable, optional
        Hears of each image of several that is left out, a line each; by default that is a warning.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    ArgumentError
        If an argument is not as above.
    VdsrError
        If there are no such images or weights, an output exists, or the image, where it is one, cannot be read.

    Warns
    -----
    VdsrWarning
        Of each image of several that cannot be read or written; the others are.
    MemoryWarning
        If an image may not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vdsr_data.images.files import read_image, write_image
    >>> from vdsr_eval import Network, upscale
    >>> layers = [(np.zeros((3, 3, 1, 1)), np.zeros(1))] * 2
    >>> network = Network(layers, engine=lambda weights: lambda images: images)  # leaves all as it is
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(Path(folder, "small.png"), np.full((4, 5, 3), 200, np.uint8))
    ...     (large,) = upscale(Path(folder, "small.png"), Path(folder, "large.png"), scale=3, weights=network)
    ...     read_image(large).shape
    (12, 15, 3)
    """
    files = plan(source, output, scale=scale, force=force)
    network, run = _network(weights, engine, self_ensemble=self_ensemble)
    several = files[0][0] != Path(source)
    how: dict[str, Any] = {"scale": scale, "upscale": run, "reach": network.reach, "boundary": boundary}
    written = []
    with claimed(files[0][1].parent) if several else nullcontext():
        for image, target in files:
            try:
                upscale_file(image, target, **how, advance=lambda share: advance(share, len(files)))
            except VdsrError as error:
                if len(files) == 1:
                    raise
                remark(f"left out: {error}")
            else:
                written.append(target)
    return written


def upscale_image(
    image: NDArray[Any],
    scale: int,
    weights: Path | str | Network | None = None,
    *,
    engine: EngineName = "auto",
    self_ensemble: bool = False,
    boundary: Boundary = "symmetric",
) -> NDArray[Any]:
    """Enlarge an array as `upscale` does a file.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, 3), uint8 or uint16
        Grey, which is luma, or RGB.
    scale : int
        From 2 to 16.
    weights, engine, self_ensemble, boundary
        As for `upscale`.

    Returns
    -------
    ndarray, shape (scale * rows, scale * columns, ...), dtype of `image`
        Rounded half up.

    Raises
    ------
    ArgumentError, VdsrError
        As `upscale`.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import Network, upscale_image
    >>> layers = [(np.zeros((3, 3, 1, 1)), np.zeros(1))] * 2
    >>> network = Network(layers, engine=lambda weights: lambda images: images)  # leaves all as it is
    >>> upscale_image(np.zeros((4, 5, 3), np.uint8), 3, network).shape
    (12, 15, 3)
    """
    network, run = _network(weights, engine, self_ensemble=self_ensemble)
    return upscale_colors(image, scale=scale, upscale=run, reach=network.reach, boundary=boundary)


def _network(
    weights: Path | str | Network | None, engine: EngineName, *, self_ensemble: bool
) -> tuple[Network, Upscaler]:
    """The network, and what is run of it."""
    network = weights if isinstance(weights, Network) else load_network(weights, engine=engine)
    return network, averaged(network) if self_ensemble else network


def upscaled_strips(
    colors: NDArray[Any],
    *,
    scale: int,
    upscale: Upscaler,
    reach: int,
    boundary: Boundary = "symmetric",
    strip: int | None = None,
    advance: Advance = ignore,
) -> Iterator[NDArray[Any]]:
    """Enlarge an image, strip after strip from top to bottom.

    Parameters
    ----------
    colors : ndarray, shape (rows, columns) or (rows, columns, 3), uint8 or uint16
        Grey, which is luma, or RGB.
    scale : int
    upscale : callable
        As for `vdsr_eval.networks.network.Network`: luma, enlarged by imresize, and the scale to luma of that shape.
    reach : int
        How many rows up and down a result of `upscale` depends on: one for each layer of 3x3.
    boundary : {"symmetric", "replicate"}
        Of imresize.
    strip : int, optional
        Rows of the result that are computed at a time; the result does not depend on it.
    advance : callable
        Called with the share of the image that each strip is; they sum up to 1.

    Yields
    ------
    ndarray, shape (some rows, scale * columns, ...), dtype of `colors`
        Clipped, and rounded half up.

    Raises
    ------
    VdsrError
        As `vdsr_eval.networks.network.run_upscaler`, which also warns; ArgumentError if an argument is not as above.
    """
    colors = checked_image(colors, "colors")
    checked_upscaler(upscale)
    whole("scale", scale, FACTORS)
    whole("reach", reach, (0, None))
    if strip is not None:
        whole("strip", strip, (1, None))
    rows, columns = colors.shape[:2]
    halo = -(-reach // scale) + TAPS
    step = max((STRIP // (columns * scale) if strip is None else strip) // scale - 2 * halo, halo)
    top_value = np.iinfo(colors.dtype).max
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
        yield np.floor(inner * top_value + 0.5).astype(colors.dtype)
        advance((bottom - top) / rows)


def upscale_colors(colors: NDArray[Any], **how: Any) -> NDArray[Any]:
    """Enlarge an image: what `upscaled_strips`, with these arguments, gives as one."""
    return np.concatenate(list(upscaled_strips(colors, **how)))


def upscale_file(
    source: Path | str,
    target: Path | str,
    *,
    scale: int,
    upscale: Upscaler,
    reach: int,
    boundary: Boundary = "symmetric",
    advance: Advance = ignore,
) -> None:
    """Enlarge an image file, with its transparency, its bit depth and its colour profile.

    Parameters
    ----------
    source, target : path
        Anything that `images.files.read_picture` reads, and a name for `write_image`. A PNG file
        is written strip by strip; of another kind the whole result is in memory first.
    scale, upscale, reach, boundary, advance
        As for `upscaled_strips`.

    Raises
    ------
    VdsrError
        If the image cannot be read, enlarged or written, or cannot fit into memory; nothing is left half-written.

    Warns
    -----
    MemoryWarning
        If it may not fit into memory.
    """
    source, target = Path(source), Path(target)
    whole("scale", scale, FACTORS)
    picture = read_picture(source)
    check_lossless(target, deep=picture.colors.dtype == np.uint16, alpha=picture.alpha is not None)
    rows, columns = (scale * length for length in picture.colors.shape[:2])
    colors = picture.colors if picture.alpha is None else _filled(picture.colors, picture.alpha)
    alpha = None if picture.alpha is None else imresize(picture.alpha, scale, boundary=boundary)

    def strips() -> Iterator[NDArray[Any]]:
        done = 0
        for strip in upscaled_strips(
            colors, scale=scale, upscale=upscale, reach=reach, boundary=boundary, advance=advance
        ):
            top, done = done, done + len(strip)
            yield strip if alpha is None else np.dstack([strip, alpha[top:done]])

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix.lower() == ".png":
            with replacing(target) as temporary:
                write_png(temporary, rows, strips(), picture.profile)
        else:
            size = f"{target}: {rows * columns / 1e6:.0f} megapixels"
            check_memory(size, BYTES * rows * columns * colors.dtype.itemsize, advice="write a PNG file instead")
            write_image(target, np.concatenate(list(strips())), profile=picture.profile)
    except VdsrError as error:
        raise VdsrError(f"{source}: {error}") from error


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


def plan(source: Path | str, output: Path | str | None, *, scale: int, force: bool) -> list[tuple[Path, Path]]:
    """Say which file is to be written for each image, and refuse what cannot end well before the work.

    Parameters
    ----------
    source : path
        An image, a folder of images, or the name of a set (see `vdsr_data.benchmark.sets.find_images`).
    output : path or None
        An image or a folder, which is made if it is missing; None is ``SOURCE_xSCALE`` in the current folder.
    scale : int
    force : bool
        Whether files that exist may be replaced; never the images that are read.

    Raises
    ------
    VdsrError
        If there is no such source, outputs exist, or two images would be written to one file.
    """
    whole("scale", scale, FACTORS)
    source, output = checked_path("source", source), None if output is None else checked_path("output", output)
    single = is_single(source)
    if single:
        if not source.exists():
            raise VdsrError(f"{source}: no such image or folder")
        target = output or Path(f"{source.stem}_x{scale}.png")
        target = target / f"{source.stem}_x{scale}.png" if target.is_dir() else target
        files = [(source, target)]
    else:
        name, images = find_images(source, "test")
        folder = output or Path(f"{name}_x{scale}")
        unique_names(images)
        if folder.exists() and (not folder.is_dir() or folder.samefile(images[0].parent)):
            raise VdsrError(f"{folder}: results of a folder need a folder of their own")
        files = [(image, folder / f"{image.stem}.png") for image in images]
    check_apart([target for _, target in files], [image for image, _ in files])
    for _, target in files:
        check_lossless(target)
        if target.exists() or single:
            check_output(target, force=force)
    return files
