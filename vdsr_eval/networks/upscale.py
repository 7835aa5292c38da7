"""Real upscaling, without ground truth: luma through a network, chroma and alpha by imresize; or RGB through one.

Strip by strip, each with as many more rows as its results depend on: no PNG file is in memory as a whole.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, imresize, rgb2ycbcr, ycbcr2rgb
from vdsr_data.benchmark.sets import find_images, is_single, unique_names
from vdsr_data.errors import ArgumentError, VdsrError, warned
from vdsr_data.images.deep_png import write_png
from vdsr_data.images.files import check_lossless, read_picture, write_image
from vdsr_data.images.memory import check_memory
from vdsr_data.io.ahead import Advance, Progress, ignore
from vdsr_data.io.files import check_apart, check_output, claimed, replacing
from vdsr_data.limits import FACTORS, Boundary, checked_path, whole
from vdsr_eval.networks.ensemble import self_ensemble as averaged
from vdsr_eval.networks.load import AnyNetwork, load_any
from vdsr_eval.networks.network import EngineName, Network, Upscaler, checked_upscaler, run_upscaler
from vdsr_eval.networks.probed import ALIGNED, ImageNetwork, input_words
from vdsr_eval.protocols.checked import checked_image, checked_luma

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
    weights: Path | str | AnyNetwork | None = None,
    engine: EngineName = "auto",
    network_input: str | Iterable[str] = (),
    self_ensemble: bool = False,
    boundary: Boundary = "symmetric",
    force: bool = False,
    advance: Progress = ignore,
    remark: Callable[[str], object] = warned,
    report: Callable[[str], object] = ignore,
) -> list[Path]:
    """Enlarge an image file, or every image of a folder or set, by a network; the command is ``vdsr-eval upscale``.

    The network estimates luma; chroma and transparency are enlarged by imresize. A network of RGB, in an ONNX file or
    run by spandrel, estimates all colours. 16 bits stay 16 bits, a colour profile is kept, the rotation that a camera
    noted is applied.

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
        As for `load_network`, or what it gives; or a network of any kind in an ONNX file, or of
        an architecture that spandrel knows in a PyTorch or safetensors file.
    engine : {"auto", "numba", "tensorflow", "jax", "onnx"}
        What computes a network that is loaded here, see `Network`.
    network_input : str, or several
        As for `vdsr_eval.evaluate`.
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
    report : callable, optional
        Hears in a line what a network takes that had to be tried.

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
    run, reach = _network(
        weights, scale, engine=engine, network_input=network_input, self_ensemble=self_ensemble, report=report
    )
    several = files[0][0] != Path(source)
    how: dict[str, Any] = {"scale": scale, "upscale": run, "reach": reach, "boundary": boundary}
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
    weights: Path | str | AnyNetwork | None = None,
    *,
    engine: EngineName = "auto",
    network_input: str | Iterable[str] = (),
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
    weights, engine, network_input, self_ensemble, boundary
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
    run, reach = _network(weights, scale, engine=engine, network_input=network_input, self_ensemble=self_ensemble)
    return upscale_colors(image, scale=scale, upscale=run, reach=reach, boundary=boundary)


def _network(
    weights: Path | str | AnyNetwork | None,
    scale: int,
    *,
    engine: EngineName,
    network_input: str | Iterable[str],
    self_ensemble: bool,
    report: Callable[[str], object] = ignore,
) -> tuple[Upscaler | ImageNetwork, int | None]:
    """What is run, and on how many pixels around its own a pixel of its result depends; None if on all."""
    words = input_words(network_input)
    if isinstance(weights, Network | ImageNetwork):
        network: AnyNetwork = weights
    else:
        network = load_any(weights, engine=engine, network_input=words)
    takes = network.takes if isinstance(network, ImageNetwork) else None
    if takes is None and words:
        raise ArgumentError(f"network_input: {network.name} takes enlarged luma, of which there is nothing to say")
    if isinstance(network, ImageNetwork):
        network.check_scale(scale)
        report(f"{network.name}: takes {network.takes}; computed by {network.engine}")
    if self_ensemble and not (takes is None or takes.as_ours):
        raise ArgumentError(f"self_ensemble: wants a network of enlarged luma; {network.name} takes {takes}")
    return averaged(network) if self_ensemble else network, network.reach


def upscaled_strips(
    colors: NDArray[Any],
    *,
    scale: int,
    upscale: Upscaler | ImageNetwork,
    reach: int | None,
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
        As for `vdsr_eval.networks.network.Network`: luma, enlarged by imresize, and the scale to luma of that shape. Or
        an `ImageNetwork`, which gets what it takes.
    reach : int or None
        How many rows of its input, up and down, a result of `upscale` depends on: one for each layer of 3x3. None if it
        is all of them: then there is one strip.
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
    if reach is not None:
        whole("reach", reach, (0, None))
    if strip is not None:
        whole("strip", strip, (1, None))
    rows, columns = colors.shape[:2]
    small = isinstance(upscale, ImageNetwork) and upscale.takes.scale > 1
    halo = rows if reach is None else -(-reach // (1 if small else scale)) + TAPS
    step = max((STRIP // (columns * scale) if strip is None else strip) // scale - 2 * halo, halo)
    top_value = np.iinfo(colors.dtype).max
    for top in range(0, rows, step):
        bottom, above = min(top + step, rows), max(top - halo, 0)
        above -= above % ALIGNED if isinstance(upscale, ImageNetwork) else 0
        part = im2double(colors[above : bottom + halo])
        image = _enlarged(upscale, part, scale, boundary)
        inner = image[(top - above) * scale : (bottom - above) * scale]
        yield np.floor(inner * top_value + 0.5).astype(colors.dtype)
        advance((bottom - top) / rows)


def _enlarged(
    upscale: Upscaler | ImageNetwork, part: NDArray[np.float64], scale: int, boundary: Boundary
) -> NDArray[np.float64]:
    """Grey or RGB in [0, 1], enlarged: all colours by a network of RGB, else luma by a network, chroma by imresize."""
    takes = upscale.takes if isinstance(upscale, ImageNetwork) else None
    colour, small = takes is not None and takes.colour != "luma", takes is not None and takes.scale > 1
    if colour:
        image = part if part.ndim == 3 else np.dstack([part] * 3)
        sr = _run(upscale, image if small else imresize(image, scale, boundary=boundary), scale)
        return (sr if part.ndim == 3 else sr.mean(axis=2)).clip(0, 1)
    planes = part if part.ndim == 2 else rgb2ycbcr(part)
    large = imresize(planes, scale, boundary=boundary)
    given = planes if small else large
    luma = _run(upscale, np.ascontiguousarray(given if given.ndim == 2 else given[:, :, 0]), scale)
    if large.ndim == 2:
        return luma.clip(0, 1)
    large[:, :, 0] = luma
    return ycbcr2rgb(large)


def _run(upscale: Upscaler | ImageNetwork, image: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """What a network gives, as floats that can be an image."""
    if not isinstance(upscale, ImageNetwork):
        return run_upscaler(upscale, image, scale)
    sr = upscale(image, scale)
    return checked_luma(sr.reshape(len(sr), -1)).reshape(sr.shape)


def upscale_colors(colors: NDArray[Any], **how: Any) -> NDArray[Any]:
    """Enlarge an image: what `upscaled_strips`, with these arguments, gives as one."""
    return np.concatenate(list(upscaled_strips(colors, **how)))


def upscale_file(
    source: Path | str,
    target: Path | str,
    *,
    scale: int,
    upscale: Upscaler | ImageNetwork,
    reach: int | None,
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
