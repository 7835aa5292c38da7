"""Scored images as pictures: luma joined with the original's chroma, residuals, and the detail where methods differ."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, luma, rgb2ycbcr, ycbcr2rgb
from vdsr_data.errors import ArgumentError
from vdsr_eval.protocols.checked import eight_bit
from vdsr_eval.protocols.pair import as_colours
from vdsr_eval.protocols.pair import ground_truth as cropped
from vdsr_eval.scoring.records import Scored

__all__ = ["Window", "automatic_window", "checked_window", "ground_truth", "picture", "residual"]

# x0, y0, x1, y1: the first column and row, and the column and row behind the last.
Window = tuple[int, int, int, int]


def ground_truth(scored: Scored) -> NDArray[np.uint8]:
    """The original, cropped as it was scored, 8 bits, grey or RGB."""
    return np.ascontiguousarray(eight_bit(_truth(scored)))


def _truth(scored: Scored) -> NDArray[Any]:
    return cropped(scored.original.pixels, scale=scored.record.scale, protocol=scored.protocol)


def picture(scored: Scored) -> NDArray[np.uint8]:
    """What was scored, in colour: luma joins the chroma of the original, as in the VDSR-TensorFlow scripts.

    Only luma was estimated, so that every difference between two pictures is one that the score saw. With ``--rgb`` the
    scored colours themselves; luma of full range, and that of the difference, stay grey.
    """
    image = scored.image / scored.protocol.data_range
    gt = as_colours(_truth(scored), scored.protocol)
    if image.ndim == 2 and gt.ndim == 3 and scored.protocol.luma in ("uint8", "float", "single"):
        image = ycbcr2rgb(np.dstack([image, im2double(rgb2ycbcr(gt))[:, :, 1:]]))
    return np.floor(image.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def residual(scored: Scored) -> NDArray[np.uint8]:
    """What the method added to the bicubic luma: mid-grey where nothing, brighter where brighter."""
    return np.floor((_luma(scored) - scored.pair.ilr + 0.5).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def checked_window(window: Any, shape: Sequence[int]) -> Window:
    """The window, if it lies inside an image of that shape.

    Raises
    ------
    ArgumentError
        If it does not, is empty, or is no four whole numbers.
    """
    if not isinstance(window, Sequence) or len(window) != 4 or not all(isinstance(n, Integral) for n in window):
        raise ArgumentError(f"the detail must be four whole numbers x0, y0, x1, y1, got {window!r}")
    x0, y0, x1, y1 = window
    if not (0 <= x0 < x1 <= shape[1] and 0 <= y0 < y1 <= shape[0]):
        raise ArgumentError(
            f"the detail {x0},{y0},{x1},{y1} must be x0<x1, y0<y1 inside {shape[1]} columns, {shape[0]} rows"
        )
    return x0, y0, x1, y1


def automatic_window(methods: Sequence[Scored]) -> Window:
    """The square, a fifth of the shorter side, where the methods differ most; of one method, where it errs most."""
    images = [scored.image for scored in methods]
    if len(images) == 1:
        images.append(methods[0].pair.gt)
    spread = np.square(np.max(images, axis=0) - np.min(images, axis=0))
    if spread.ndim == 3:
        spread = spread.sum(axis=2)
    shorter = min(spread.shape)
    side = min(max(shorter // 5, 16), shorter)
    total = np.pad(spread.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    row, column = (int(k) for k in np.unravel_index(int(sums.argmax()), sums.shape))
    return column, row, column + side, row + side


def _luma(scored: Scored) -> NDArray[np.float64]:
    """Luma in [0, 1] of what was scored."""
    image = scored.image / scored.protocol.data_range
    return image if image.ndim == 2 else luma(image)
