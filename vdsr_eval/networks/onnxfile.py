"""Networks in ONNX files: what one wants is found by trying it on a small picture, and can be said.

onnxruntime runs the graph on the processor. Nothing else of the file is executed, and operators of other domains are
refused.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import imresize, luma
from vdsr_data.errors import VdsrError, one_line
from vdsr_data.io.files import check_input
from vdsr_data.limits import checked_path, choice

__all__ = ["OnnxNetwork", "Takes", "load_onnx"]

Floats = NDArray[np.float64]
Colour = Literal["luma", "rgb"]
Peak = Literal[1, 255]
LARGEST = 2**31  # bytes of a file
PROBE = 48  # rows and columns of the small picture that networks are tried on, and 8 more columns
TILE = 256  # rows and columns of the input that is computed at once, without the margin
REACHES = (4, 8, 16, 32, 64)  # pixels of the input, of which the first that is enough is the margin of tiles
SAME = 1e-4  # of values up to 1: how far from the middle of a picture a change may be seen in the middle
CLEARLY = 0.8  # of the difference in the other range is what tells the range
FAR = 0.2  # mean difference to a plain enlargement from which a result is none


@dataclass(frozen=True)
class Takes:
    """What a network wants.

    Attributes
    ----------
    colour : {"luma", "rgb"}
        One channel, or three.
    scale : int
        How much larger its result is: 1 where it takes the enlarged image.
    peak : {1, 255}
        What is white.
    reach : int or None
        Pixels of the input on which a pixel of the result depends at most; None if it is all of them.
    """

    colour: Colour
    scale: int
    peak: Peak
    reach: int | None

    def __str__(self) -> str:
        what = "an enlarged image" if self.scale == 1 else f"a small image, x{self.scale}"
        margin = "the whole of it at once" if self.reach is None else f"in tiles with a margin of {self.reach} pixels"
        return f"{self.colour} of {what}, 0 to {self.peak}, {margin}"


class OnnxNetwork:
    """A network in an ONNX file, as a function of an image and the scale; made by `load_onnx`.

    Attributes
    ----------
    name : str
    takes : Takes
    """

    def __init__(self, name: str, run: Callable[[NDArray[np.float32]], NDArray[np.float32]], takes: Takes) -> None:
        self.name, self._run, self.takes = name, run, takes

    def __call__(self, image: NDArray[np.floating[Any]], scale: float) -> NDArray[np.float32]:
        """Return the result of one image.

        Parameters
        ----------
        image : ndarray of float, shape (rows, columns) or (rows, columns, 3)
            In [0, 1]: luma or RGB, small or enlarged, as `takes` says.
        scale : float
            Factor of the super-resolution.

        Returns
        -------
        ndarray of float32, in [0, 1] and beyond, `takes.scale` times as large

        Raises
        ------
        VdsrError
            If the network is for another scale, or gives another shape.
        """
        own = self.takes.scale
        if own not in (1, scale):
            raise VdsrError(f"{self.name}: enlarges by {own}, not by {scale:g}")
        planes = np.atleast_3d(np.asarray(image, np.float32)) * np.float32(self.takes.peak)
        batch = np.ascontiguousarray(planes.transpose(2, 0, 1))[np.newaxis]
        channels, rows, columns = batch.shape[1:]
        sr = np.empty((channels, rows * own, columns * own), np.float32)
        reach, tile = self.takes.reach, TILE if self.takes.reach is not None else max(rows, columns)
        margin = reach or 0
        for top in range(0, rows, tile):
            for left in range(0, columns, tile):
                bottom, right = min(top + tile, rows), min(left + tile, columns)
                above, before = max(0, top - margin), max(0, left - margin)
                patch = batch[:, :, above : bottom + margin, before : right + margin]
                found = self._run(np.ascontiguousarray(patch))
                wanted = (1, channels, patch.shape[2] * own, patch.shape[3] * own)
                if found.shape != wanted:
                    raise VdsrError(f"{self.name}: gives {found.shape} of {patch.shape}; {wanted} is needed")
                sr[:, top * own : bottom * own, left * own : right * own] = found[
                    0, :, (top - above) * own : (bottom - above) * own, (left - before) * own : (right - before) * own
                ]
        sr /= np.float32(self.takes.peak)
        return np.ascontiguousarray(sr[0] if image.ndim == 2 else sr.transpose(1, 2, 0))


def load_onnx(path: Path | str, *, peak: Peak | None = None) -> OnnxNetwork:
    """Load a network for super-resolution from an ONNX file.

    It has one input and one output of four axes, (1, channels, rows, columns), of one channel, which is luma, or of
    three, which are red, green and blue; any rows and columns. Whether it takes the small image or the enlarged one,
    by how much it enlarges, whether white is 1 or 255, and on how many pixels around its own a pixel of the result
    depends, is found by trying it on a small picture.

    Parameters
    ----------
    path : path
    peak : {1, 255}, optional
        What is white, if that is known.

    Returns
    -------
    OnnxNetwork
        For `evaluate`, whose ``takes`` says what was found.

    Raises
    ------
    ArgumentError
        If `peak` is neither.
    VdsrError
        If onnxruntime is missing, the file cannot be run, or the network is none for super-resolution; says why.

    Examples
    --------
    >>> from vdsr_eval.networks.onnxfile import load_onnx
    >>> load_onnx("nowhere.onnx")
    Traceback (most recent call last):
    vdsr_data.errors.VdsrError: nowhere.onnx: no such file
    """
    path = checked_path("path", path)
    if peak is not None:
        choice("peak", peak, list(get_args(Peak)))
    check_input(path)
    if path.stat().st_size > LARGEST:
        raise VdsrError(f"{path}: has more than 2 GB; give a network of less")
    run, channels = _session(path)
    return OnnxNetwork(path.name, run, _probed(path, run, channels, peak))


def _session(path: Path) -> tuple[Callable[[NDArray[np.float32]], NDArray[np.float32]], int]:
    """What runs the graph, and its number of channels."""
    try:
        import onnxruntime
    except ImportError:
        raise VdsrError(f"{path}: onnxruntime is not installed: pip install 'vdsr-toolkit[onnx]'") from None
    onnxruntime.set_default_logger_severity(4)  # its faults come back as exceptions
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # of many kinds of its own: of damage, of operators that it lacks
        raise VdsrError(f"{path}: onnxruntime cannot run it ({one_line(str(error))[:200]})") from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise VdsrError(f"{path}: has {len(inputs)} inputs and {len(outputs)} outputs; one of each is needed")
    shape, kind = inputs[0].shape, inputs[0].type
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    if kind not in types or len(shape) != 4:
        raise VdsrError(f"{path}: takes {kind} of shape {shape}; floats (1, channels, rows, columns) are needed")
    batch, channels, *sides = shape
    if isinstance(batch, int) and batch != 1:
        raise VdsrError(f"{path}: takes {batch} images at a time; export it for one, or for any number")
    if channels not in (1, 3):
        last = "; its channels seem to come last, export it with channels first" if shape[3] in (1, 3) else ""
        raise VdsrError(f"{path}: takes {channels} channels; 1 (luma) or 3 (RGB) are needed{last}")
    if any(isinstance(side, int) for side in sides):
        raise VdsrError(
            f"{path}: takes images of {sides[0]} x {sides[1]} pixels only; export it for any rows and columns"
        )

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (found,) = session.run(None, {inputs[0].name: images.astype(types[kind])})
        except Exception as error:  # of many kinds of its own
            raise VdsrError(f"{path}: onnxruntime fails ({one_line(str(error))[:200]})") from None
        return np.asarray(found, np.float32)

    return run, channels


def _probed(
    path: Path, run: Callable[[NDArray[np.float32]], NDArray[np.float32]], channels: int, peak: Peak | None
) -> Takes:
    """What the network wants, found on a small picture."""
    picture = _picture(channels)
    rows, columns = picture.shape[1:]
    first = run((picture * (peak or 1))[np.newaxis])
    factor = first.shape[2] // rows if first.ndim == 4 else 0
    if first.shape != (1, channels, rows * factor, columns * factor) or not 1 <= factor <= 16:
        wanted = "a whole multiple of rows and columns, and as many channels, are needed"
        raise VdsrError(f"{path}: gives {first.shape} of {(1, *picture.shape)}; {wanted}")
    plain = imresize(picture.transpose(1, 2, 0).astype(np.float64), factor).transpose(2, 0, 1)
    gaps: dict[int, float] = {}
    for white in get_args(Peak) if peak is None else (peak,):
        found = run((picture * white)[np.newaxis])[0] / white
        gaps[white] = float(np.abs(found - plain).mean()) if np.isfinite(found).all() else math.inf
    # A network without biases is the same in both ranges.
    best: Peak = peak or (255 if gaps[255] < CLEARLY * gaps[1] else 1)
    if gaps[best] == math.inf:
        raise VdsrError(f"{path}: gives NaN or infinity of a plain picture")
    if gaps[best] > FAR:
        away = f"what it makes of a picture is not that picture (mean difference {gaps[best]:.2f} of 1)"
        raise VdsrError(f"{path}: {away}; it takes another range or kind of image, or gives what is to be added to it")
    return Takes("luma" if channels == 1 else "rgb", factor, best, _reach(run, picture, factor, best))


def _reach(
    run: Callable[[NDArray[np.float32]], NDArray[np.float32]], picture: NDArray[np.float32], factor: int, peak: float
) -> int | None:
    """Pixels of the input on which a pixel of the result depends, one of `REACHES`; None if on more."""
    for reach in REACHES:
        side = 2 * reach + 9
        large = np.tile(picture, (1, 7, 7))[:, : side + 2 * reach, : side + 2 * reach]
        inner = large[:, reach:-reach, reach:-reach]
        try:
            whole, part = (run((image * np.float32(peak))[np.newaxis])[0] / peak for image in (large, inner))
        except VdsrError:  # of a network that wants multiples of some number
            return None
        middle = np.s_[:, reach * factor : (side - reach) * factor, reach * factor : (side - reach) * factor]
        shifted = whole[:, reach * factor : (reach + side) * factor, reach * factor : (reach + side) * factor]
        if np.abs(shifted[middle] - part[middle]).max() < SAME:
            return 2 * reach  # what little is seen of more on another picture
    return None


def _picture(channels: int) -> NDArray[np.float32]:
    """A picture with slopes, edges and waves, in [0.1, 0.9]: (channels, rows, columns)."""
    y, x = np.mgrid[:PROBE, : PROBE + 8] / PROBE
    planes = [0.5 + 0.25 * np.sin(7 * x + c) * np.cos(5 * y - c) + 0.15 * np.sign(x - y + 0.1 * c) for c in range(3)]
    colour = np.dstack(planes)
    picture = luma(colour)[np.newaxis] if channels == 1 else colour.transpose(2, 0, 1)
    return np.asarray(picture, np.float32)
