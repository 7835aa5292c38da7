"""Networks that run: an upscaling function made of weights, in tiles where an image is large.

A tile carries as many extra pixels as the receptive field reaches, one for each layer, so that tiled and whole results
are the same and memory is bounded: benchmarks/bench_tiles.py has 1.1 GB at its peak with TensorFlow, the whole 3.0 GB.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.limits import checked_path, whole
from vdsr_data.matlab.arrays import as_array
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.shipped import NAME
from vdsr_eval.networks.weights import Weights, check_weights
from vdsr_eval.protocols.checked import checked_luma

__all__ = ["Engine", "Network", "Upscaler", "checked_upscaler", "load_network", "newest_weights", "run_upscaler"]

ENGINES = "vdsr_eval.engines"  # the group of entry points that offer one
TILE = 512

# ilr, luma in [0, 1], float64 (rows, columns), and the scale -> luma of the same shape.
Upscaler = Callable[[NDArray[np.float64], float], NDArray[np.floating]]


class Engine(Protocol):
    """What runs the layers of a network: made of weights, which may be exchanged for others of the same shapes."""

    def load(self, weights: Weights) -> None:
        """Exchange the weights."""

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give what the network makes of `images`, (images, rows, columns, 1), of that shape."""


class Network:
    """A network as a function from ilr, luma enlarged by bicubic, to sr.

    Parameters
    ----------
    weights : list of (kernel, bias)
        As `vdsr_eval.networks.weights.read_weights` gives them.
    name : str
        How reports call it.
    tile : int
        Images larger than this in either dimension are computed in tiles of this size.
    engine : callable, optional
        Makes an `Engine` of weights; the default is what is installed, see `installed_engine`.

    Attributes
    ----------
    name : str
    reach : int
        How many pixels around its own a pixel of the result depends on.

    Raises
    ------
    VdsrError
        The weights are not those of such a network, or what runs it is missing (with what to install).

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import Network
    >>> layers = [(np.zeros((3, 3, 1, 1)), np.zeros(1))] * 2
    >>> network = Network(layers, engine=lambda weights: lambda images: images)  # in the place of Keras
    >>> network(np.zeros((4, 5)), 2).shape, network.reach
    ((4, 5), 2)
    """

    def __init__(
        self,
        weights: Weights,
        *,
        name: str = "VDSR",
        tile: int = TILE,
        engine: Callable[[Weights], Engine] | None = None,
    ) -> None:
        weights = check_weights(weights, name)
        self.name, self.tile, self.reach = name, whole("tile", tile, (1, None)), len(weights)
        self._engine = (engine or installed_engine())(weights)

    def load(self, weights: Weights) -> None:
        """Exchange the weights for others of the same shapes."""
        self._engine.load(weights)

    def __call__(self, ilr: NDArray[np.floating[Any]], scale: float) -> NDArray[np.float32]:  # noqa: ARG002
        """Return sr of one image.

        Parameters
        ----------
        ilr : ndarray of float, shape (rows, columns)
            Luma in [0, 1], enlarged to its final size by bicubic interpolation.
        scale : float
            The factor it was enlarged by; one network serves every factor.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            Not clipped.

        Raises
        ------
        ArgumentError
            `ilr` has another number of dimensions, is not of floats, or holds NaN or infinity.

        Warns
        -----
        RangeWarning
            `ilr` clearly lies in another range than [0, 1].
        """
        ilr = np.asarray(checked_luma(ilr, "ilr"), np.float32)
        rows, columns = ilr.shape
        sr = np.empty_like(ilr)
        for top in range(0, rows, self.tile):
            for left in range(0, columns, self.tile):
                bottom, right = min(top + self.tile, rows), min(left + self.tile, columns)
                above, before = max(0, top - self.reach), max(0, left - self.reach)
                patch = ilr[above : bottom + self.reach, before : right + self.reach]
                result = self._engine(patch[np.newaxis, ..., np.newaxis])[0, ..., 0]
                sr[top:bottom, left:right] = result[top - above : bottom - above, left - before : right - before]
        return sr


def load_network(weights: Path | str | None = None, *, tile: int = TILE) -> Network:
    """Load a network for inference, in float32.

    Parameters
    ----------
    weights : path or None
        Anything that `vdsr_eval.networks.convert.read_any` knows: a weights.h5, a run folder that holds one, other
        people's weights, or ``default``. None takes the newest below ``runs``, else ``default``.
    tile : int
        As for `Network`.

    Raises
    ------
    VdsrError
        There are no such weights, they do not fit, or what runs them is missing (with what to install).

    Returns
    -------
    Network
        A function of ilr, luma enlarged by bicubic, and the scale; also for `evaluate` and `upscale`.

    Examples
    --------
    >>> from vdsr_eval import load_network
    >>> load_network("nowhere.h5")
    Traceback (most recent call last):
    vdsr_data.errors.VdsrError: nowhere.h5: no such file
    """
    path = (newest_weights() or Path(NAME)) if weights is None else checked_path("weights", weights)
    name = Path(*path.parts[-2:]) if path.name == "weights.h5" else path.name  # every run calls its weights so
    return Network(read_any(path), name=f"VDSR ({name})", tile=tile)


def newest_weights(runs: Path | str = "runs") -> Path | None:
    """Return the weights.h5 below `runs` that was written last, None where there is none."""
    return max(Path(runs).glob("*/weights.h5"), key=lambda path: path.stat().st_mtime, default=None)


def installed_engine() -> Callable[[Weights], Engine]:
    """What makes an engine of weights, as an installed package offers it: vdsr_train does, with Keras.

    Raises
    ------
    VdsrError
        No package does.
    """
    for point in entry_points(group=ENGINES):
        engine: Callable[[Weights], Engine] = point.load()
        return engine
    raise VdsrError("nothing that runs a network is installed; install vdsr-toolkit again")


def run_upscaler(upscale: Upscaler, ilr: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Run an upscaling function and refuse what would poison a mean.

    Raises
    ------
    VdsrError
        If the result has another shape than `ilr`, is not of floats, or holds NaN or infinity.

    Warns
    -----
    RangeWarning
        If the result clearly lies in another range than [0, 1].
    """
    sr = as_array(upscale(ilr.copy(), scale), "the result")  # others get the same, whatever this one does to it
    if sr.shape != ilr.shape:
        raise VdsrError(f"the result has shape {sr.shape}, its input {ilr.shape}")
    return checked_luma(sr)


def checked_upscaler(upscale: Upscaler) -> Upscaler:
    """Return `upscale`; ArgumentError if it cannot be called."""
    if not callable(upscale):
        raise ArgumentError(f"upscale: {upscale!r} is not allowed; give a function of luma and scale")
    return upscale
