"""Scored images as pictures: luma joined with the original's chroma, residuals, and the detail where methods differ."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, luma, modcrop, rgb2ycbcr, ycbcr2rgb
from vdsr_data.images import write_image
from vdsr_data.testfile import save_variables
from vdsr_eval.evaluate import Scored
from vdsr_eval.protocol import eight_bit

__all__ = [
    "Window",
    "automatic_window",
    "below",
    "checked_window",
    "ground_truth",
    "picture",
    "save_images",
    "save_mat",
    "slug",
]

# x0, y0, x1, y1: the first column and row, and the column and row behind the last.
Window = tuple[int, int, int, int]


def ground_truth(scored: Scored) -> NDArray[np.uint8]:
    """The original, cropped as it was scored, 8 bits, grey or RGB."""
    return np.ascontiguousarray(eight_bit(modcrop(scored.original.pixels, scored.record.scale)))


def picture(scored: Scored) -> NDArray[np.uint8]:
    """What was scored, in colour: luma joins the chroma of the original, as in the VDSR-TensorFlow scripts.

    Only luma was estimated, so that every difference between two pictures is one that the score saw. With ``--rgb`` the
    scored colours themselves.
    """
    image = scored.image / scored.protocol.data_range
    gt = modcrop(scored.original.pixels, scored.record.scale)
    if image.ndim == 2 and gt.ndim == 3:
        image = ycbcr2rgb(np.dstack([image, im2double(rgb2ycbcr(gt))[:, :, 1:]]))
    return np.floor(image.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def residual(scored: Scored) -> NDArray[np.uint8]:
    """What the method added to the bicubic luma: mid-grey where nothing, brighter where brighter."""
    return np.floor((_luma(scored) - scored.pair.lr + 0.5).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def save_images(folder: Path, methods: Sequence[Scored]) -> None:
    """Write one image's ground truth, and the picture and residual of every method, below ``folder/SET/xSCALE``.

    ``butterfly_gt.png``, ``butterfly_bicubic.png``, ``butterfly_sr.png`` and ``butterfly_sr_residual.png``; several
    networks go by their names instead of sr.
    """
    target = below(folder, methods[0])
    name = methods[0].record.image
    write_image(target / f"{name}_gt.png", ground_truth(methods[0]))
    for tag, scored in _tagged(methods):
        write_image(target / f"{name}_{tag}.png", picture(scored))
        if tag != "bicubic":
            write_image(target / f"{name}_{tag}_residual.png", residual(scored))


def save_mat(folder: Path, methods: Sequence[Scored]) -> None:
    """Write each network's luma as ``folder/SET/xSCALE/butterfly_sr.mat``, variable sr, float64 in [0, 1]."""
    for tag, scored in _tagged(methods):
        if tag != "bicubic" or len(methods) == 1:
            save_variables(below(folder, scored) / f"{scored.record.image}_{tag}.mat", {"sr": _luma(scored)})


def checked_window(window: Window, shape: Sequence[int]) -> Window:
    """The window, if it lies inside an image of that shape.

    Raises
    ------
    ValueError
        If it does not, or is empty.
    """
    x0, y0, x1, y1 = window
    if not (0 <= x0 < x1 <= shape[1] and 0 <= y0 < y1 <= shape[0]):
        raise ValueError(
            f"the detail {x0},{y0},{x1},{y1} must be x0<x1, y0<y1 inside {shape[1]} columns, {shape[0]} rows"
        )
    return window


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


def slug(text: str) -> str:
    """Text as a part of a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "unnamed"


def _luma(scored: Scored) -> NDArray[np.float64]:
    """Luma in [0, 1] of what was scored."""
    image = scored.image / scored.protocol.data_range
    return image if image.ndim == 2 else luma(image)


def _tagged(methods: Sequence[Scored]) -> list[tuple[str, Scored]]:
    """Each method with its part of a file name."""
    networks = [scored for scored in methods if scored.record.model != "bicubic"]
    return [
        (name if (name := scored.record.model) == "bicubic" else "sr" if len(networks) == 1 else slug(name), scored)
        for scored in methods
    ]


def below(folder: Path, scored: Scored) -> Path:
    """The folder ``folder/SET/xSCALE`` for a scored image's files, made if it is missing."""
    target = folder / slug(scored.record.dataset) / f"x{scored.record.scale}"
    target.mkdir(parents=True, exist_ok=True)
    return target
