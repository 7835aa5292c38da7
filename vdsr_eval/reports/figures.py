"""Figures with matplotlib: an image, its marked detail, and the detail of every method with its score, as in papers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import ArgumentError
from vdsr_data.io.files import replacing
from vdsr_eval.reports.rendering import Window, checked_window, ground_truth, picture
from vdsr_eval.reports.tables import score_cell
from vdsr_eval.scoring.records import Scored

__all__ = ["save_detail"]

MARK = "#e8352e"
HEIGHT = 3.4  # inches of the whole image
CAPTION = 0.42  # inches below each detail


def save_detail(path: Path | str, methods: Sequence[Scored], window: Window, *, dpi: int = 200) -> None:
    """Draw the ground truth with the window marked, and beside it the window of the ground truth and of every method.

    Parameters
    ----------
    path : Path or str
        ``.png``, ``.pdf`` or another suffix that matplotlib knows; written complete or not at all.
    methods : sequence of Scored
        Of one image, scale and protocol.
    window : (x0, y0, x1, y1)
        Inside the image.
    dpi : int, default 200

    Raises
    ------
    ArgumentError
        If matplotlib knows no such suffix, the window is not inside the image, or `dpi` is none from 10 to 2400.
    """
    gt = ground_truth(methods[0])
    record = methods[0].record
    window, dpi = checked_window(window, gt.shape), limits.whole("dpi", dpi, (10, 2400))
    known = FigureCanvasAgg.get_supported_filetypes()
    if Path(path).suffix.lower()[1:] not in known:
        raise ArgumentError(f"{path}: no such kind of picture; give a name that ends in one of .{', .'.join(known)}")
    tiles = [("ground truth", "PSNR / SSIM", gt)]
    tiles += [(s.record.model, score_cell(s.record.psnr, s.record.ssim), picture(s)) for s in methods]
    rows = 1 if len(tiles) <= 3 else 2
    columns = math.ceil(len(tiles) / rows)
    x0, y0, x1, y1 = window
    side = HEIGHT / rows - CAPTION
    tile_width = max(side * (x1 - x0) / (y1 - y0), 1.3)
    whole_width = (HEIGHT - CAPTION) * gt.shape[1] / gt.shape[0]
    figure = Figure(figsize=(whole_width + columns * (tile_width + 0.1) + 0.2, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=[whole_width, *[tile_width] * columns])
    whole = figure.add_subplot(grid[:, 0])
    _show(whole, gt, f"{record.image}, {record.dataset} x{record.scale:g} ({record.protocol})")
    whole.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=MARK, linewidth=1.5))
    for k, (name, scores, image) in enumerate(tiles):
        axes = figure.add_subplot(grid[k // columns, 1 + k % columns])
        _show(axes, image[y0:y1, x0:x1], f"{_short(name)}\n{scores}")
        for spine in axes.spines.values():
            spine.set_edgecolor(MARK)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def _show(axes: Axes, image: NDArray[np.uint8], caption: str) -> None:
    options: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255} if image.ndim == 2 else {}
    axes.imshow(image, interpolation="nearest", **options)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(caption, fontsize=8)


def _short(name: str, most: int = 26) -> str:
    """A model's name that fits below a detail: the end of a path says more than its start."""
    return name if len(name) <= most else "…" + name[-most + 1 :]
