"""curves.png: how a training went, against bicubic and the published networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vdsr_data.io.files import replacing
from vdsr_eval.protocols.published import published
from vdsr_train.run.log import read_log

__all__ = ["draw_curves"]

PUBLISHED = {"bicubic": ":", "VDSR (authors' network)": "--", "VDSR-TensorFlow (theta 0.0009)": "-."}
COLOURS = {2: "#1b6ca8", 3: "#c8553d", 4: "#3a7d44"}

Rows = Sequence[dict[str, float]]


def draw_curves(path: Path | str, runs: Mapping[str, Path | str], *, dataset: str, protocol: str) -> None:
    """Draw PSNR on the set, loss and learning rate over the epochs.

    Parameters
    ----------
    path : path
        The picture to write, complete or not at all.
    runs : dict of str to path
        The log.csv of each run, by the name it has in the legend.
    dataset, protocol : str
        What the PSNR was measured on; published rows of the same set and protocol are drawn as lines.
    """
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([[2, 3, 4], ["loss", "loss", "rate"]])
    for number, (name, log) in enumerate(runs.items()):
        rows = read_log(log)
        style: dict[str, Any] = {"color": f"C{number}"} if len(runs) > 1 else {}
        for scale, colour in COLOURS.items():
            _curve(axes[scale], rows, f"psnr_x{scale}", name, **({"color": colour, "marker": "."} | style))
            look = {"color": colour, "marker": "x", "alpha": 0.5} | style
            _curve(axes[scale], rows, f"averaged_x{scale}", f"{name}, averaged", **look)
        _curve(axes["loss"], rows, "loss", name, **style)
        _curve(axes["rate"], rows, "learning_rate", name, **style)
    for scale in COLOURS:
        for row in published(dataset=dataset, scale=scale, protocol=protocol):
            if row.model in PUBLISHED:
                line: dict[str, Any] = {"color": "grey", "linestyle": PUBLISHED[row.model], "linewidth": 1}
                axes[scale].axhline(row.psnr, label=f"{row.model} {row.psnr:.2f}", **line)
        _label(axes[scale], f"{dataset} x{scale}, {protocol}", "PSNR in dB")
        axes[scale].legend(fontsize=7, loc="best")
    _label(axes["loss"], "training loss", "")
    _label(axes["rate"], "learning rate", "")
    axes["loss"].set_yscale("log")
    axes["rate"].set_yscale("log")
    with replacing(Path(path)) as temporary:
        figure.savefig(temporary, dpi=120)


def _curve(axes: Axes, rows: Rows, column: str, name: str, **style: Any) -> None:
    points = [(row["epoch"], row[column]) for row in rows if column in row]
    if points:
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2, **style)


def _label(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("epoch", fontsize=8)
    axes.set_ylabel(unit, fontsize=8)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.3)
