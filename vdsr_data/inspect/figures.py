"""Contact sheets with matplotlib: what a data file holds, as pictures of lr, gt and the residual, or of HR and LR."""

import math
import warnings
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vdsr_data.benchmark.claims import ROLES, ends_of, fault_of
from vdsr_data.errors import one_line
from vdsr_data.interop.pairs import Pairs
from vdsr_data.io.files import check_apart, replacing
from vdsr_data.matlab.arrays import RangeWarning
from vdsr_data.training.subimage_folder import SubimageFolder

__all__ = ["save_preview"]

DPI = 144
PATCH, IMAGE = 123, 300  # pixels that a patch and an image take, at most, in each direction
ACROSS = 4  # patches beside each other
MARGIN, GAP, APART, CAPTION, HEAD, FOOT, BAR, NARROWEST = 48, 8, 30, 34, 130, 84, 300, 1200  # pixels
LETTERS = 40  # of a name below its image
INK, FAINT, FRAME, BAD = "#20242a", "#6b727c", "#c9ced6", "#00b050"
LUMA = mpl.colormaps["gray"].with_extremes(bad=BAD)
RESIDUAL = mpl.colormaps["RdBu_r"].with_extremes(bad=BAD)
WITHIN = 99  # per cent of the residual that its colours tell apart


class Tile(NamedTuple):
    """A picture of the sheet, what stands below it, and what heads its column."""

    image: NDArray[Any]
    caption: str
    heading: str
    residual: bool = False
    starts: bool = False  # a group of tiles


def save_preview(path: Path, pairs: Pairs | SubimageFolder, *, total: int, count: int, seed: int) -> int:
    """Draw `count` of `total` patches, images or sub-images into a PNG file; gives how many are shown.

    Raises
    ------
    VdsrError
        If the file is damaged, or `path` is that file or lies in that folder.

    Warns
    -----
    RangeWarning
        If something that is shown has values that no training takes; the first of them is named.
    """
    check_apart([path], [pairs.path])
    shown = min(count, total)
    chosen = sorted(np.random.default_rng(seed).choice(total, shown, replace=False).tolist())
    side = IMAGE
    if isinstance(pairs, SubimageFolder):
        names = list(pairs.shapes)
        rows = [_subimage_row(pairs, names[k]) for k in chosen]
        title = f"{total:,} sub-images"
    elif pairs.shape:
        rows, side = _patch_rows(pairs, chosen), PATCH
        title = f"{total:,} pairs of {pairs.shape[0]} x {pairs.shape[1]}"
    else:
        names = list(dict(pairs.images))
        rows = [_image_row(pairs, names[k]) for k in chosen]
        title = f"{total:,} images"
    if shown < total:
        title += f", of which {shown} at random (seed {seed})"
    _draw(path, one_line(pairs.path.name), title, rows, side)
    return shown


def _subimage_row(folder: SubimageFolder, name: str) -> list[Tile]:
    """HR and each LR as they are, in their colours, enlarged to about one size."""
    row = [Tile(folder.pixels(1, name) / 255, _short(name), "HR")]
    return row + [Tile(folder.pixels(scale, name) / 255, "", f"LR x{scale:g}", starts=True) for scale in folder.scales]


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _patch_rows(pairs: Pairs, chosen: list[int]) -> list[list[Tile]]:
    groups = []
    read = pairs.read(chosen)
    _remark(pairs, ((f"patch {index}", pair) for index, pair in zip(chosen, read, strict=True)))
    for index, (lr, gt) in zip(chosen, read, strict=True):
        low, high = Tile(lr, f"{index:,}", "lr", starts=True), Tile(gt, "", "gt")
        error = float(np.mean((gt - lr) ** 2, dtype=np.float64))
        groups.append([low, high, Tile(gt - lr, _psnr(error), "gt - lr", residual=True)])
    return [[tile for group in groups[k : k + ACROSS] for tile in group] for k in range(0, len(groups), ACROSS)]


def _image_row(pairs: Pairs, name: str) -> list[Tile]:
    row: list[Tile] = []
    for index in (k for k, (owner, _) in enumerate(pairs.images) if owner == name):
        lr, gt, error, square = _overview(pairs, index)
        scale = pairs.images[index][1]
        if not row:
            row.append(Tile(gt, _short(name) + (f" (means of {square} x {square})" if square > 1 else ""), "gt"))
        row.append(Tile(lr, "", f"lr x{scale:g}", starts=True))
        row.append(Tile(gt - lr, _psnr(error), f"gt - lr x{scale:g}", residual=True))
    return row


def _overview(pairs: Pairs, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32], float, int]:
    """A pair of images (lr, gt) of less than twice the pixels that are drawn, and its mean squared error.

    The image is read some rows at a time, and each square of its pixels becomes their mean; its side comes last.
    """
    shape, bands = pairs.bands(index)
    square = max(max(shape) // IMAGE, 1)
    lefts = np.arange(0, shape[1], square)
    counts = [np.diff(np.arange(0, side + square, square).clip(max=side)) for side in shape]
    sums = np.zeros((2, len(counts[0]), len(lefts)))
    ends: list[list[float]] = [[], []]
    squares, above = 0.0, 0
    for band in bands:
        rows = (above + np.arange(len(band[0]))) // square
        for k, values in enumerate(band):
            np.add.at(sums[k], rows, np.add.reduceat(values, lefts, axis=1))
            ends[k].extend(ends_of(values))
        with np.errstate(invalid="ignore", over="ignore"):  # of infinite values
            squares += float(((band[1] - band[0]) ** 2).sum())
        above += len(rows)
    name, scale = pairs.images[index]
    _remark(pairs, [(f"{name} at scale {scale:g}", tuple(map(np.array, ends)))])
    lr, gt = (sums / np.outer(*counts)).astype(np.float32)
    return lr, gt, squares / math.prod(shape), square


def _remark(pairs: Pairs, found: Iterable[tuple[str, tuple[NDArray[Any], ...]]]) -> None:
    """Warn of the first pair (lr, gt), of these names, whose values no training takes."""
    for name, pair in found:
        for role, values in zip(ROLES, pair, strict=True):
            if fault := fault_of(values, role):
                warnings.warn(f"{pairs.path.name}: {role} of {name} {fault}", RangeWarning, stacklevel=4)
                return


def _psnr(error: float) -> str:
    return f"{10 * math.log10(1 / error):.1f} dB" if error > 0 else "equal" if error == 0 else "not finite"


def _draw(path: Path, name: str, title: str, rows: Sequence[Sequence[Tile]], side: int) -> None:
    """Lay the tiles out in whole pixels, so that every pixel of a patch is a square of them."""
    sizes = [[_fit(tile.image.shape, side) for tile in row] for row in rows]
    heights = [max(tall for tall, _ in row) for row in sizes]
    widths = [max(wide for _, wide in column if wide) for column in zip_longest(*sizes, fillvalue=(0, 0))]
    first = rows[0] if rows else ()
    apart = [APART if tile.starts else GAP for tile in first[1:]]
    lefts = np.cumsum([MARGIN, *(wide + gap for wide, gap in zip(widths, apart, strict=False))])
    width = max(int(lefts[-1]) + (widths[-1] if widths else 0) + MARGIN, NARROWEST)
    height = HEAD + sum(heights) + CAPTION * len(rows) + FOOT
    residuals = [np.abs(tile.image).ravel() for row in rows for tile in row if tile.residual]
    finite = np.concatenate([np.zeros(0), *(values[np.isfinite(values)] for values in residuals)])
    limit = _round_up(float(np.percentile(finite, WITHIN))) if finite.size else 1.0
    lumas = (tile.image for row in rows for tile in row if not tile.residual)
    top = max((float(np.max(luma, where=np.isfinite(luma), initial=1)) for luma in lumas), default=1.0)
    looks: dict[bool, dict[str, Any]] = {
        True: {"cmap": RESIDUAL, "vmin": -limit, "vmax": limit},
        False: {"cmap": LUMA, "vmin": 0, "vmax": top},
    }
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)

    def place(left: int, above: int, wide: int, tall: int) -> Axes:
        axes = figure.add_axes((left / width, 1 - (above + tall) / height, wide / width, tall / height))
        for spine in axes.spines.values():
            spine.set(edgecolor=FRAME, linewidth=0.6)
        return axes

    def write(left: int, above: int, text: str, size: float, **style: Any) -> None:
        look = {"color": FAINT, "verticalalignment": "center", "parse_math": False, **style}
        figure.text(left / width, 1 - above / height, text, fontsize=size, **look)

    write(MARGIN, 38, name, 13, weight="bold", color=INK)
    write(MARGIN, 74, title, 8.5)
    for tile, left in zip(first, lefts.tolist(), strict=False):
        write(left, HEAD - 14, tile.heading, 8, weight="bold", color=INK)
    above = HEAD
    for row, row_sizes, high in zip(rows, sizes, heights, strict=True):
        for tile, left, (tall, wide) in zip(row, lefts.tolist(), row_sizes, strict=False):  # the last row may be short
            axes = place(left, above, wide, tall)
            shrunk = tall < len(tile.image)
            axes.imshow(
                tile.image, aspect="auto", interpolation="antialiased" if shrunk else "nearest", **looks[tile.residual]
            )
            axes.set(xticks=[], yticks=[])
            write(left, above + tall + 13, tile.caption, 7)
        above += high + CAPTION

    if residuals:
        axes = place(MARGIN, above + 20, BAR, 14)
        bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), RESIDUAL), cax=axes, orientation="horizontal")
        bar.outline.set(edgecolor=FRAME, linewidth=0.6)
        bar.set_ticks([-limit, 0, limit], labels=[f"-{limit:g}", "0", f"{limit:g}"])
        axes.tick_params(labelsize=7, color=FRAME, labelcolor=FAINT)
        colors = f"gt - lr: the colours end at {limit:g}, within which {WITHIN} % of it lie"
        write(MARGIN + BAR + 36, above + 27, f"{colors}.  lr and gt: luma from 0 to {top:g}.", 8)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI)


def _fit(shape: Sequence[int], side: int) -> tuple[int, int]:
    """Rows and columns of a picture: a whole multiple of the image's, or as much as fits."""
    factor = side // max(shape) if side >= max(shape) else side / max(shape)
    return max(round(shape[0] * factor), 1), max(round(shape[1] * factor), 1)


def _round_up(value: float) -> float:
    """The next number of one digit, such as 0.3; 1 for 0."""
    if not value:
        return 1.0
    digit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / digit * (1 - 1e-9)) * digit:.1g}")
