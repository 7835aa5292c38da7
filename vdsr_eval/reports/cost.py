"""What networks cost: parameters, multiply-adds, and seconds on this machine."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import threads
from vdsr_eval.networks.ensemble import network_in
from vdsr_eval.networks.network import Network, Upscaler
from vdsr_eval.reports.tables import Table

__all__ = ["Cost", "cost_table"]

ROWS, COLUMNS = 720, 1280  # of the result that papers count multiply-adds for, since CARN (Ahn et al., ECCV 2018)


@dataclass
class Cost:
    """An upscaling function that counts what it costs.

    Attributes
    ----------
    upscale : callable
        Luma and scale to luma, as `vdsr_eval.evaluate` takes them; also a network's self-ensemble.
    network : Network or None
        The network in it, if one is.
    runs : int
        How often the network runs for an image: 8 times in a self-ensemble.
    images, seconds, pixels : int, float, int
        What has been computed so far.
    """

    upscale: Upscaler
    images: int = 0
    seconds: float = 0.0
    pixels: int = 0
    network: Network | None = field(init=False)
    runs: int = field(init=False)

    def __post_init__(self) -> None:
        self.network = network_in(self.upscale)
        self.runs = 1 if self.network is self.upscale else 8
        if self.network is not None:
            self.network(np.zeros((8, 8), np.float32), 2)  # so that no image waits for what is loaded or compiled

    def __call__(self, ilr: NDArray[np.float64], scale: float) -> NDArray[np.floating[Any]]:
        """Do as the function does."""
        start = time.perf_counter()
        result = self.upscale(ilr, scale)
        self.seconds += time.perf_counter() - start
        self.images += 1
        self.pixels += ilr.size
        return result

    def cells(self) -> tuple[str, ...]:
        """Parameters, multiply-adds, seconds and megapixels of an image, as tables show them."""
        counts = ("", "")
        if self.network is not None:
            size = self.network.parameters
            counts = (f"{size / 1e3:.0f}K", f"{self.runs * size * ROWS * COLUMNS / 1e9:.1f}G")
        count = max(1, self.images)
        return *counts, f"{self.seconds / count:.3f}", f"{self.pixels / count / 1e6:.3f}"


def cost_table(costs: Iterable[tuple[str, Cost]]) -> Table:
    """A row for each method: what its network has and takes, and how long an image took here on average."""
    costs = list(costs)
    title = f"cost: parameters without biases, multiply-adds for {COLUMNS} x {ROWS}, means over the images scored here"
    columns = ("method", "parameters", "multiply-adds", "s / image", "megapixels / image")
    engines = {name: cost.network.engine for name, cost in costs if cost.network is not None}
    notes = [f"{name}: computed by {engine}, {threads(None)} cores" for name, engine in engines.items()]
    return Table("cost", title, columns, [(name, *cost.cells()) for name, cost in costs], notes=tuple(notes))
