"""Scored images as pictures: luma joined with the original's chroma, residuals, and the detail where methods differ."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, luma, modcrop, rgb2ycbcr, ycbcr2rgb
from vdsr_data.benchmark.file import save_variables
from vdsr_data.benchmark.sets import Benchmark
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import write_image
from vdsr_eval.protocols.checked import eight_bit
from vdsr_eval.protocols.protocol import Protocol, as_colours, too_small
from vdsr_eval.scoring.records import BICUBIC, Scored

__all__ = [
    "PictureFiles",
    "Window",
    "automatic_window",
    "below",
    "check_detail",
    "checked_window",
    "file_names",
    "ground_truth",
    "picture",
    "save_images",
    "save_mat",
]

# x0, y0, x1, y1: the first column and row, and the column and row behind the last.
Window = tuple[int, int, int, int]
TAKEN = (BICUBIC, "gt", "residual", "detail")  # what other files beside those of a method are called


def ground_truth(scored: Scored) -> NDArray[np.uint8]:
    """The original, cropped as it was scored, 8 bits, grey or RGB."""
    return np.ascontiguousarray(eight_bit(modcrop(scored.original.pixels, scored.record.scale)))


def picture(scored: Scored) -> NDArray[np.uint8]:
    """What was scored, in colour: luma joins the chroma of the original, as in the VDSR-TensorFlow scripts.

    Only luma was estimated, so that every difference between two pictures is one that the score saw. With ``--rgb`` the
    scored colours themselves.
    """
    image = scored.image / scored.protocol.data_range
    gt = as_colours(modcrop(scored.original.pixels, scored.record.scale), scored.protocol)
    if image.ndim == 2 and gt.ndim == 3:
        image = ycbcr2rgb(np.dstack([image, im2double(rgb2ycbcr(gt))[:, :, 1:]]))
    return np.floor(image.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def residual(scored: Scored) -> NDArray[np.uint8]:
    """What the method added to the bicubic luma: mid-grey where nothing, brighter where brighter."""
    return np.floor((_luma(scored) - scored.pair.ilr + 0.5).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def save_images(folder: Path | str, methods: Sequence[Scored]) -> None:
    """Write one image's ground truth, and the picture and residual of every method, into a folder.

    ``butterfly_gt.png``, ``butterfly_bicubic.png``, ``butterfly_sr.png`` and ``butterfly_sr_residual.png``; several
    networks go by their names instead of sr. They are for the eye: 8-bit colours, whose luma is not what was scored.
    """
    folder, name = Path(folder), methods[0].record.image
    write_image(folder / f"{name}_gt.png", ground_truth(methods[0]))
    for tag, scored in _tagged(methods):
        write_image(folder / f"{name}_{tag}.png", picture(scored))
        if tag != BICUBIC:
            write_image(folder / f"{name}_{tag}_residual.png", residual(scored))


def save_mat(folder: Path | str, methods: Sequence[Scored]) -> None:
    """Write what was scored of each network as ``butterfly_sr.mat``.

    Variables `protocol`, the protocol's label, and `scale` say how it was scored; `sr`, float64 in [0, 1], is luma
    (rows, columns), or RGB (rows, columns, 3) where the protocol scores that. ``vdsr-eval score`` gives the same number
    for it again.
    """
    for tag, scored in _tagged(methods):
        if tag != BICUBIC or len(methods) == 1:
            content: dict[str, Any] = {"sr": scored.image / scored.protocol.data_range}
            content |= {"protocol": np.array(scored.protocol.label), "scale": np.array(scored.record.scale)}
            save_variables(Path(folder) / f"{scored.record.image}_{tag}.mat", content)


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


def file_names(labels: Sequence[str], *, taken: Sequence[str] = ()) -> dict[str, str]:
    """A part of a file name for each label: no two alike, whatever the case, and none of those taken.

    Letters of every script stay, anything but letters, digits, points and + becomes -.
    """
    used, found = {name.casefold() for name in taken}, {}
    for label in labels:
        plain = name = re.sub(r"(?:[^\w.+]|_)+", "-", label)[:80].strip("-.") or "unnamed"
        number = 1
        while name.casefold() in used:
            number += 1
            name = f"{plain}-{number}"
        used.add(name.casefold())
        found[label] = name
    return found


def _luma(scored: Scored) -> NDArray[np.float64]:
    """Luma in [0, 1] of what was scored."""
    image = scored.image / scored.protocol.data_range
    return image if image.ndim == 2 else luma(image)


def _tagged(methods: Sequence[Scored]) -> list[tuple[str, Scored]]:
    """Each method with its part of a file name."""
    networks = [scored.record.model for scored in methods if scored.record.model != BICUBIC]
    tags = {networks[0]: "sr"} if len(networks) == 1 else file_names(networks, taken=TAKEN)
    return [(tags.get(scored.record.model, BICUBIC), scored) for scored in methods]


def below(folder: Path | str, scored: Scored, sets: Mapping[str, str]) -> Path:
    """The folder ``folder/SET/xSCALE`` for a scored image's files, made if it is missing.

    `sets` is what `file_names` gives for all sets that are scored.
    """
    target = Path(folder) / sets[scored.record.dataset] / f"x{scored.record.scale}"
    target.mkdir(parents=True, exist_ok=True)
    return target


def check_detail(
    detail: Window | str | None,
    sets: Sequence[Benchmark],
    scales: Sequence[int],
    protocols: Sequence[Protocol],
    images: Collection[str] = (),
) -> None:
    """Raise a VdsrError before the work where a window lies outside an image whose detail is to be drawn."""
    if detail is None or detail == "auto":
        return
    for benchmark in sets:
        for original in benchmark:
            shape = original.pixels.shape
            for scale in scales:
                left_out = any(too_small(shape, scale=scale, protocol=protocol) for protocol in protocols)
                if left_out or (images and original.name not in images):
                    continue
                try:
                    checked_window(detail, modcrop(original.pixels, scale).shape)
                except ArgumentError as error:
                    raise VdsrError(f"{benchmark.name}/{original.name}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """A sink that writes pictures, .mat files and comparisons of details, of all images or of the named ones."""

    # Names of folders by the names of all sets, as `file_names` gives them.
    sets: Mapping[str, str]
    images: Path | str | None = None
    mat: Path | str | None = None
    # A window, "auto" for where the methods differ most, or None for no comparison.
    detail: Window | str | None = None
    only: frozenset[str] = frozenset()

    def __call__(self, methods: Sequence[Scored]) -> None:
        """Write what was asked for of one image."""
        record = methods[0].record
        if self.only and record.image not in self.only:
            return
        if self.images is not None:
            folder = below(self.images, methods[0], self.sets)
            save_images(folder, methods)
            window = automatic_window(methods) if isinstance(self.detail, str) else self.detail
            if window is not None:
                from vdsr_eval.reports.figures import save_detail

                save_detail(folder / f"{record.image}_detail.png", methods, window)
        if self.mat is not None:
            save_mat(below(self.mat, methods[0], self.sets), methods)
