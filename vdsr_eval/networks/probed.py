"""Networks of others, run by a library: what one wants is found by trying it on a small picture, and can be said."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import imresize, luma
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.limits import choice, several

__all__ = ["ALIGNED", "INPUTS", "ImageNetwork", "Run", "Takes", "guesses", "input_words", "probe"]

Colour = Literal["luma", "rgb", "bgr"]
Peak = Literal[1, 255]
INPUTS = ("1", "255", "rgb", "bgr", "whole")  # what can be said of a network's input
PEAKS: dict[str, Peak] = {"1": 1, "255": 255}
PROBE = 48  # rows and columns of the small picture that networks are tried on, and 8 more columns
TILE = 256  # rows and columns of the input that is computed at once, without the margin
ALIGNED = 8  # to multiples of so many pixels tiles begin, as windows of attention and shuffled pixels mostly do
REACHES = (4, 8, 16, 32, 64)  # pixels of the input, of which twice the first that is enough is the margin of tiles
SAME = 1e-4  # of values up to 1: how far from the middle of a picture a change may be seen in the middle
CLEARLY = 0.8  # of the difference in the other range is what tells the range
FAR = 0.2  # mean difference to a plain enlargement from which a result is none

# Images (1, channels, rows, columns) to what the network makes of them.
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Takes:
    """What a network wants.

    Attributes
    ----------
    colour : {"luma", "rgb", "bgr"}
        One channel, or three, red first or blue first.
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

    @property
    def as_ours(self) -> bool:
        """Whether that is luma of an enlarged image, which our networks take."""
        return self.colour == "luma" and self.scale == 1


def guesses(colour: Colour, peak: Peak) -> str:
    """What else may be said of an input, where results are not what they should be."""
    others = [str(1 if peak == 255 else 255), *{"rgb": ["bgr"], "bgr": ["rgb"]}.get(colour, [])]
    return f"--network-input {' or '.join(others)}"


class ImageNetwork:
    """A network of any kind as a function of an image and the scale; made by `probe`.

    Attributes
    ----------
    name, engine : str
        How reports call it, and what computes it.
    takes : Takes
    """

    def __init__(self, name: str, run: Run, takes: Takes, *, engine: str) -> None:
        self.name, self._run, self.takes, self.engine = name, run, takes, engine

    @property
    def reach(self) -> int | None:
        """How many pixels of the input around its own a pixel of the result depends on; None if on all."""
        return self.takes.reach

    def check_scale(self, scale: float) -> None:
        """Raise a VdsrError if the network enlarges by another factor."""
        if self.takes.scale not in (1, scale):
            raise VdsrError(f"{self.name}: enlarges by {self.takes.scale}, not by {scale:g}")

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
        self.check_scale(scale)
        order = slice(None, None, -1 if self.takes.colour == "bgr" else 1)
        planes = np.atleast_3d(np.asarray(image, np.float32))[:, :, order] * np.float32(self.takes.peak)
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
        return np.ascontiguousarray(sr[0] if image.ndim == 2 else sr[order].transpose(1, 2, 0))


def input_words(words: str | Iterable[str]) -> tuple[str, ...]:
    """Check what is said of a network's input: words of `INPUTS`; ArgumentError if two of them exclude each other."""
    found = tuple(choice("network_input", str(word), INPUTS) for word in several(words))
    for pair in ({"1", "255"}, {"rgb", "bgr"}):
        if pair <= set(found):
            raise ArgumentError(f"network_input: {' and '.join(sorted(pair))} exclude each other; give one")
    return found


def probe(path: Path, run: Run, channels: int, *, engine: str, words: Collection[str] = ()) -> ImageNetwork:
    """Find what a network wants on a small picture.

    It has one input and one output of four axes, (1, channels, rows, columns), of one channel, which is luma, or of
    three. Whether it takes the small image or the enlarged one, by how much it enlarges, whether white is 1 or 255, and
    on how many pixels around its own a pixel of the result depends, is found by trying.

    Parameters
    ----------
    path : Path
        Of its file, whose name becomes the network's.
    run : callable
    channels : int
    engine : str
        What computes it.
    words : collection of str
        What is known of its input, as `input_words` gives it: "1" or "255" is white, "bgr" is the order of colours,
        "whole" is no tiles.

    Raises
    ------
    VdsrError
        The network is none for super-resolution; says why.
    """
    peak = next((PEAKS[word] for word in words if word in PEAKS), None)
    colour: Colour = "luma" if channels == 1 else "bgr" if "bgr" in words else "rgb"
    if channels == 1 and {"rgb", "bgr"} & set(words):
        raise ArgumentError(f"network_input: {path} takes one channel, luma; leave out the order of colours")
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
        hint = f"say so if it takes another range ({guesses(colour, best)}); or it gives what is to be added to it"
        raise VdsrError(f"{path}: {away}; {hint}")
    reach = None if "whole" in words else _reach(run, picture, factor, best)
    return ImageNetwork(path.name, run, Takes(colour, factor, best, reach), engine=engine)


def _reach(run: Run, picture: NDArray[np.float32], factor: int, peak: float) -> int | None:
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
