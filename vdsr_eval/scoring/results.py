"""Other people's results: files matched to originals by name, read, and turned into what a protocol scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os.path import realpath
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import Original
from vdsr_data.errors import ArgumentError, VdsrError, listed
from vdsr_data.images.files import read_image
from vdsr_data.limits import checked_path, number
from vdsr_data.matlab.arrays import channels_first
from vdsr_data.matlab.matfile import read_mat
from vdsr_eval.metrics.fidelity import Pixels
from vdsr_eval.protocols.checked import eight_bit
from vdsr_eval.protocols.pair import (
    Pair,
    as_colours,
    as_scored,
    ground_truth,
    result,
    rgb_result,
    without_rest,
)
from vdsr_eval.protocols.protocol import PROTOCOLS, Protocol
from vdsr_eval.scoring.names import READ, match_files

__all__ = ["ResultFolder", "Results", "low_resolution"]

PEAKS = (1e-6, 1e6)
IMAGE = "numbers of shape (rows, columns) or (rows, columns, 3)"


@dataclass(frozen=True, kw_only=True)
class ResultFolder:
    """Somebody's results as a method for `vdsr_eval.evaluate`: a folder of PNG, BMP, TIFF or .mat files.

    Parameters
    ----------
    folder : str or Path
        With the files themselves, or with folders of them called SET/xSCALE, SET or xSCALE.
    pattern : str, default "*"
        Take only files called so, such as ``*_SR*``.
    variable : str, optional
        Which variable of .mat files is the image; needed only where they hold several.
    peak : float, default 1
        What is white in .mat files of floats: 1 or 255.

    Raises
    ------
    ArgumentError
        If an argument is not as above. `vdsr_eval.evaluate` raises a VdsrError for files that do not fit.

    Examples
    --------
    >>> from vdsr_eval import ResultFolder
    >>> ResultFolder("results/RCAN", pattern="*_SR*").name
    'RCAN'
    """

    folder: str | Path = field(kw_only=False)
    pattern: str = "*"
    variable: str | None = None
    peak: float = 1.0

    def __post_init__(self) -> None:
        checked_path("folder", self.folder)
        number("peak", self.peak, PEAKS)
        if not isinstance(self.variable, str | None):
            raise ArgumentError(f"variable: {self.variable!r} is not allowed; give a name")

    @property
    def name(self) -> str:
        """The folder's name."""
        return Path(realpath(self.folder)).name

    def results(self, dataset: str, names: Sequence[str], *, scale: float) -> "Results":
        """The results of one set at one scale; see `Results`."""
        folder = Path(self.folder)
        below = [folder / dataset / f"x{scale:g}", folder / dataset, folder / f"x{scale:g}"]
        if folder.is_dir() and not any(path.suffix.lower() in READ for path in folder.iterdir()):
            folder = next((path for path in below if path.is_dir()), folder)
        return Results(folder, names, scale=scale, pattern=self.pattern, variable=self.variable, peak=self.peak)


class Results:
    """A method (see `vdsr_eval.scoring.methods.Method`) whose images are the files of a folder.

    Parameters
    ----------
    folder : Path or str
    names : sequence of str
        The originals' names.
    scale : float
    pattern, variable, peak
        As for `ResultFolder`.

    Attributes
    ----------
    folder : Path
    remarks : list of str
        What should be said of the files: which belong to no original, and the like.

    Raises
    ------
    VdsrError
        As `match_files`; a call raises it for a file that does not fit its original (size, bit depth, colour).
    """

    def __init__(
        self,
        folder: Path | str,
        names: Sequence[str],
        *,
        scale: float,
        pattern: str = "*",
        variable: str | None = None,
        peak: float = 1.0,
    ) -> None:
        self._how = ResultFolder(folder, pattern=pattern, variable=variable, peak=peak)
        self.folder = Path(folder)
        self._files, self.remarks = match_files(folder, names, scale=scale, pattern=pattern)

    @property
    def pictures(self) -> bool:
        """Whether all files are images, which hold no floats."""
        return all(path.suffix.lower() != ".mat" for path in self._files.values())

    def __call__(self, original: Original, _: Pair, protocol: Protocol, scale: float) -> Pixels:
        """The image to be scored, as `vdsr_eval.protocols.pair.result` gives it."""
        path = _file_of(original, self._files)
        found = _read(path, self._how.variable)
        try:
            if found.scale is not None and not np.array_equal(np.squeeze(found.scale), scale):
                raise ArgumentError(
                    f"was scored at x{np.squeeze(found.scale)}, not at x{scale:g}, when --save-mat wrote it"
                )
            gt = as_colours(ground_truth(original.pixels, scale=scale, protocol=protocol), protocol)
            found = found._replace(pixels=without_rest(found.pixels, gt.shape, scale=scale))
            return _scored(found, gt, protocol, self._how.peak)
        except _SizeError as error:
            reason = _size_problem(found.pixels.shape, original.pixels.shape, gt.shape, scale)
            raise VdsrError(f"{path}: {reason}") from error
        except ArgumentError as error:
            raise VdsrError(f"{path}: {error}") from error


def low_resolution(
    folder: Path | str, names: Sequence[str], *, scale: float
) -> tuple[Callable[[Original], NDArray[Any]], list[str]]:
    """A function that reads the low-resolution image of an original, and what should be said of the files.

    Raises
    ------
    VdsrError
        As `match_files`; the function raises it for a file that is no image of 8 or 16 bits.
    """
    files, remarks = match_files(folder, names, scale=scale, part="lr")

    def read(original: Original) -> NDArray[Any]:
        path = _file_of(original, files)
        pixels = _read(path, None).pixels
        if pixels.dtype.kind == "f":
            raise VdsrError(f"{path}: holds floats; a low-resolution image needs 8 or 16 bits")
        if pixels.dtype == np.uint16 and original.pixels.dtype == np.uint8:
            raise VdsrError(f"{path}: is 16-bit, the original 8-bit")
        return pixels

    return read, remarks


def _file_of(original: Original, files: Mapping[str, Path]) -> Path:
    if original.name not in files:
        raise ArgumentError(f"{original.name} is none of the names that files were looked for, {listed(files)}")
    return files[original.name]


class _SizeError(ArgumentError):
    pass


class _Image(NamedTuple):
    """What a file holds; `protocol` and `scale` are those under which the toolkit itself has scored and saved it."""

    pixels: NDArray[Any]
    is_mat: bool = False
    protocol: str = ""
    scale: Any = None


def _read(path: Path, variable: str | None) -> _Image:
    """An image, or the one image-like array of a .mat file."""
    if path.suffix.lower() != ".mat":
        if variable is not None:
            raise VdsrError(f"{path}: is an image, and --variable names a variable of .mat files; leave it out")
        return _Image(read_image(path))
    content = read_mat(path)
    images = {name: value for name, value in content.items() if _is_image(value)}
    chosen = "sr" if "sr" in content else next(iter(images)) if len(images) == 1 else ""
    chosen = chosen if variable is None else variable
    if chosen not in images:
        named = images if images and chosen not in content else content
        held = listed(f"{name} ({_kind(value)})" for name, value in named.items()) or "nothing"
        if variable is not None:
            raise VdsrError(f"{path}: no image in a variable {variable}, {IMAGE}; holds {held}")
        way_out = "name one with --variable" if images else f"an image is {IMAGE}"
        raise VdsrError(f"{path}: needs one image, in a variable such as sr; holds {held}; {way_out}")
    label = str(np.squeeze(content.get("protocol", "")))
    ours = chosen == "sr" and label.partition(" (")[0] in PROTOCOLS
    return _Image(images[chosen], True, label if ours else "", content.get("scale") if ours else None)


def _kind(value: Any) -> str:
    """Type and shape of a variable, and what looks wrong about these."""
    array = np.asarray(value)
    kind = {"O": "cell", "U": "text", "V": "struct"}.get(array.dtype.kind, array.dtype.name)
    turned = ": channels come last, as np.moveaxis(image, 0, 2) puts them" if channels_first(array.shape) else ""
    return f"{kind} {'x'.join(map(str, array.shape))}{turned}".strip()


def _is_image(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "uif"
        and value.size > 1
        and (value.ndim == 2 or value.shape[2:] == (3,))
    )


def _scored(found: _Image, gt: NDArray[Any], protocol: Protocol, peak: float) -> Pixels:
    """The result as the protocol scores it, beside the cropped original; an ArgumentError says why it cannot be."""
    image = found.pixels
    if image.shape[:2] != gt.shape[:2]:
        raise _SizeError
    if found.protocol:
        if peak != 1:
            raise ArgumentError("was written by --save-mat, and is in [0, 1]; leave out --peak")
        return _saved(found, gt, protocol)
    if image.dtype.kind == "f":
        return _scored_floats(image, gt, protocol, peak)
    if peak != 1:
        raise ArgumentError(f"holds {image.dtype}; --peak is for floats")
    if image.dtype not in (np.uint8, np.uint16):
        raise ArgumentError(f"holds {image.dtype}; allowed are uint8, uint16 and floats in [0, 1]")
    if image.dtype == np.uint16 and gt.dtype == np.uint8:
        raise ArgumentError("is 16-bit, the original 8-bit; save it with 8 bits")
    if image.dtype == np.uint8 and gt.dtype == np.uint16 and protocol.result == "float":
        raise ArgumentError(f"is 8-bit, the original 16-bit, which {protocol.name} does not reduce")
    image = _fitted(image, gt, protocol, found.is_mat)
    return as_scored(image if protocol.result == "float" else eight_bit(image), protocol)


def _scored_floats(image: NDArray[Any], gt: NDArray[Any], protocol: Protocol, peak: float) -> Pixels:
    """Floats in [0, peak], overshoot allowed: luma where the protocol scores luma, RGB otherwise."""
    if not np.isfinite(image).all():
        raise ArgumentError("holds NaN or infinity")
    image = np.asarray(image, np.float64) / peak
    least, most = float(image.min()), float(image.max())
    if least < -1 or most > 2:
        way_out = "divide, save uint8, or say --peak 255" if peak == 1 and most <= 256 else "divide, or save uint8"
        raise ArgumentError(
            f"holds floats from {least * peak:.4g} to {most * peak:.4g}; floats must be in [0, {peak:g}]: {way_out}"
        )
    image = _fitted(image, gt, protocol, is_mat=True)
    if image.ndim == 2:
        return result(image, None, protocol=protocol)
    return rgb_result(image, protocol=protocol)


def _fitted(image: NDArray[Any], gt: NDArray[Any], protocol: Protocol, is_mat: bool) -> NDArray[Any]:
    """An image of the original's number of channels, or luma where the protocol scores luma."""
    if image.ndim == 3 and gt.ndim == 2:
        if (image != image[:, :, :1]).any():
            raise ArgumentError("is in colour, the original grey; --grey rgb scores grey originals as RGB images")
        return image[:, :, 0]
    if image.ndim == 2 and gt.ndim == 3:
        if is_mat and protocol.result != "rgb" and not protocol.rgb:
            return image
        if protocol.grey == "rgb" and (gt == gt[:, :, :1]).all():
            return as_colours(image, protocol)
        if not is_mat:
            raise ArgumentError("is grey, the original in colour; hand in RGB, or luma in a .mat file")
        raise ArgumentError(f"is luma, but {protocol.label} scores an RGB result; use --protocol paper or vdsr-tf")
    return image


def _saved(found: _Image, gt: NDArray[Any], protocol: Protocol) -> Pixels:
    """What --save-mat wrote: already as a protocol scores it, in [0, 1]."""
    if found.protocol != protocol.label:
        raise ArgumentError(
            f"holds what was scored under {found.protocol}, by --save-mat; score it under that protocol, not under"
            f" {protocol.label}"
        )
    channels = 3 if protocol.rgb and gt.ndim == 3 else 2
    values = np.asarray(found.pixels, np.float64)
    if values.ndim != channels or not np.isfinite(values).all() or (protocol.clip and not _within(values)):
        raise ArgumentError(
            f"is not what --save-mat writes under {protocol.label}: values in [0, 1] of {channels} axes"
        )
    scored = values * protocol.data_range
    # Back to whole numbers where they were: a division by 255 and the product again may be off by a bit.
    whole = protocol.result == "uint8" or (protocol.result == "rgb" and protocol.rgb)
    return Pixels(np.floor(scored + 0.5) if whole else scored)


def _within(values: NDArray[np.float64]) -> bool:
    return bool(values.min() >= 0 and values.max() <= 1)


def _size_problem(shape: Sequence[int], original: Sequence[int], gt: Sequence[int], scale: float) -> str:
    """What is wrong with a result's size, and which crop explains it."""
    text = f"is {shape[0]}x{shape[1]}, expected {gt[0]}x{gt[1]}"
    if tuple(shape[:2]) == tuple(original[:2]):
        return f"{text}: the original was not cropped to a multiple of {scale:g} before it was reduced"
    for other in (2, 3, 4, 6, 8, 12, 16, 24):
        if tuple(shape[:2]) == tuple(length - length % other for length in original[:2]):
            return f"{text}: it was made for the original cropped to a multiple of {other}, not of {scale:g}"
    if shape[0] * scale == gt[0] and shape[1] * scale == gt[1]:
        return f"{text}: that is the low-resolution image"
    border = (gt[0] - shape[0], gt[1] - shape[1])
    if border[0] == border[1] > 0 and border[0] % 2 == 0:
        return f"{text}: a border of {border[0] // 2} was cut off already; results must be whole"
    return f"{text}, the original ({original[0]}x{original[1]}) cropped to a multiple of {scale:g}"
