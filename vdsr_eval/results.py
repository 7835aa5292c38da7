"""Other people's results: files matched to originals by name, read, and turned into what a protocol scores."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, luma, modcrop
from vdsr_data.datasets import Original
from vdsr_data.errors import VdsrError
from vdsr_data.images import SUFFIXES, read_image
from vdsr_eval.evaluate import Method
from vdsr_eval.matfile import read_mat
from vdsr_eval.protocol import Pair, Protocol, as_scored, eight_bit, result

__all__ = ["low_resolution", "match_files", "results"]

IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


def match_files(folder: Path, names: Sequence[str], *, scale: int) -> dict[str, Path]:
    """Find the file of each image: ``butterfly.png``, ``butterfly_RCAN_x3.png``, ``butterflyx3.mat``.

    A file belongs to the longest name that its own name holds as a whole word, whatever the case. A file that names
    another scale (``x2`` where 3 is asked for) belongs to none. A file with exactly an image's name goes before others.

    Parameters
    ----------
    folder : Path
        Not searched recursively.
    names : sequence of str
        The images' names, without suffix.
    scale : int

    Raises
    ------
    VdsrError
        If there is no such folder, or if an image has no file or several; the candidates are listed.
    """
    if not folder.is_dir():
        raise VdsrError(f"{folder}: no such folder of results")
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (*IMAGE_SUFFIXES, ".mat")]
    files = [path for path in files if not path.name.startswith(".")]
    if not files:
        raise VdsrError(f"{folder}: no result in it; looked for {', '.join((*IMAGE_SUFFIXES, '.mat'))}")
    found: dict[str, list[Path]] = {name: [] for name in names}
    for path in files:
        owners = [name for name in names if _holds(path.stem, name)]
        if owners and not _names_other_scale(path.stem, max(owners, key=len), scale):
            found[max(owners, key=len)].append(path)
    matched = {}
    for name, paths in found.items():
        exact = [path for path in paths if path.stem.lower() == name.lower()]
        candidates = exact or paths
        if len(candidates) != 1:
            several = _listed(path.name for path in candidates or files)
            problem = f"{len(candidates)} files could be" if candidates else "no file is named after"
            raise VdsrError(f"{folder}: {problem} the image {name} at x{scale}; candidates: {several}")
        matched[name] = candidates[0]
    return matched


def results(folder: Path, names: Sequence[str], *, scale: int) -> Method:
    """A method whose images are the files of a folder.

    Raises
    ------
    VdsrError
        As `match_files`; the method raises it for a file that does not fit its original (size, bit depth, colour).
    """
    files = match_files(folder, names, scale=scale)

    def run(original: Original, _: Pair, protocol: Protocol, scale: int) -> NDArray[np.float64]:
        path = files[original.name]
        try:
            return _scored(_read(path), original.pixels, scale, protocol)
        except ValueError as error:
            raise VdsrError(f"{path}: {error}") from error

    return run


def low_resolution(folder: Path, names: Sequence[str], *, scale: int) -> Callable[[Original], NDArray[Any]]:
    """A function that reads the low-resolution image of an original.

    Raises
    ------
    VdsrError
        As `match_files`; the function raises it for a file that is no image of 8 or 16 bits.
    """
    files = match_files(folder, names, scale=scale)

    def read(original: Original) -> NDArray[Any]:
        path = files[original.name]
        pixels = _read(path)
        if pixels.dtype.kind == "f":
            raise VdsrError(f"{path}: holds floats; a low-resolution image needs 8 or 16 bits")
        if pixels.dtype == np.uint16 and original.pixels.dtype == np.uint8:
            raise VdsrError(f"{path}: is 16-bit, the original 8-bit")
        return pixels

    return read


def _holds(stem: str, name: str) -> bool:
    """Whether `name` is a word of `stem`: no letter or digit around it, but for a scale such as x3 behind it."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?=x\d|[\W_]|$)", stem, flags=re.I) is not None


def _names_other_scale(stem: str, name: str, scale: int) -> bool:
    """Whether the rest of a file's name says x2, SRF_2 or the like, and never the wanted scale."""
    rest = re.sub(rf"(?<![^\W_]){re.escape(name)}", "", stem, count=1, flags=re.I)
    said = {int(digits) for digits in re.findall(r"(?<![^\W\d_])(?:x|SRF_)(\d)(?![^\W_])", rest, flags=re.I)}
    return bool(said) and scale not in said


def _listed(names: Iterable[str], most: int = 6) -> str:
    """The first few names of a list."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _read(path: Path) -> NDArray[Any]:
    """An image, or the one image-like array of a .mat file."""
    if path.suffix.lower() != ".mat":
        return read_image(path)
    images = {
        name: value
        for name, value in read_mat(path).items()
        if isinstance(value, np.ndarray)
        and value.dtype.kind in "uif"
        and value.size > 1
        and (value.ndim == 2 or value.shape[2:] == (3,))
    }
    if len(images) > 1 and "sr" in images:
        images = {"sr": images["sr"]}
    if len(images) != 1:
        raise VdsrError(f"{path}: needs one image, in a variable such as sr; holds {', '.join(images) or 'none'}")
    return next(iter(images.values()))


def _scored(image: NDArray[Any], original: NDArray[Any], scale: int, protocol: Protocol) -> NDArray[np.float64]:
    """The result as the protocol scores it; a ValueError says why it cannot be."""
    gt = modcrop(original, scale)
    if image.shape[:2] != gt.shape[:2]:
        raise ValueError(_size_problem(image.shape, original.shape, gt.shape, scale))
    if image.ndim == 3 and gt.ndim == 2:
        if (image != image[:, :, :1]).any():
            raise ValueError("is in colour, the original grey")
        image = image[:, :, 0]
    if image.dtype.kind == "f":
        return _scored_floats(image, gt, protocol)
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"holds {image.dtype}; allowed are uint8, uint16 and floats in [0, 1]")
    if image.ndim < gt.ndim:
        raise ValueError("is grey, the original in colour; hand in RGB, or luma as floats in a .mat file")
    if image.dtype == np.uint16 and gt.dtype == np.uint8:
        raise ValueError("is 16-bit, the original 8-bit; save it with 8 bits")
    if image.dtype == np.uint8 and gt.dtype == np.uint16 and protocol.result == "float":
        raise ValueError(f"is 8-bit, the original 16-bit, which {protocol.name} does not reduce")
    return as_scored(image if protocol.result == "float" else eight_bit(image), protocol)


def _scored_floats(image: NDArray[Any], gt: NDArray[Any], protocol: Protocol) -> NDArray[np.float64]:
    """Floats in [0, 1], overshoot allowed: luma where the protocol scores luma, RGB otherwise."""
    if not np.isfinite(image).all():
        raise ValueError("holds NaN or infinity")
    if image.min() < -1 or image.max() > 2:
        raise ValueError(
            f"holds floats from {image.min():.4g} to {image.max():.4g}; floats must be in [0, 1]: divide, or save uint8"
        )
    if image.ndim < gt.ndim:
        if protocol.result == "rgb" or protocol.rgb:
            raise ValueError(f"is luma, but {protocol.label} scores an RGB result; use --protocol paper or vdsr-tf")
        return result(image, None, protocol=protocol)
    if protocol.result == "float" and protocol.rgb:
        return np.asarray(image, np.float64).clip(0, 1)
    if protocol.result == "float" and image.ndim == 3:
        return luma(im2double(image).clip(0, 1))
    rounded = np.floor(np.asarray(image, np.float64).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return as_scored(rounded, protocol)


def _size_problem(shape: Sequence[int], original: Sequence[int], gt: Sequence[int], scale: int) -> str:
    """What is wrong with a result's size, and which crop explains it."""
    text = f"is {shape[0]}x{shape[1]}, expected {gt[0]}x{gt[1]}"
    if tuple(shape[:2]) == tuple(original[:2]):
        return f"{text}: the original was not cropped to a multiple of {scale} before it was reduced"
    for other in (2, 3, 4, 6, 8, 12, 16, 24):
        if tuple(shape[:2]) == tuple(length - length % other for length in original[:2]):
            return f"{text}: it was made for the original cropped to a multiple of {other}, not of {scale}"
    if shape[0] * scale == gt[0] and shape[1] * scale == gt[1]:
        return f"{text}: that is the low-resolution image"
    border = (gt[0] - shape[0], gt[1] - shape[1])
    if border[0] == border[1] > 0 and border[0] % 2 == 0:
        return f"{text}: a border of {border[0] // 2} was cut off already; results must be whole"
    return f"{text}, the original ({original[0]}x{original[1]}) cropped to a multiple of {scale}"
