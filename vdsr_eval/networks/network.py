"""Networks that run: an upscaling function made of weights, and what computes it.

On a processor that is our own engine. Large images come in tiles, with as many extra pixels as the receptive field
reaches, one for each layer, so that tiled and whole results are the same but for rounding, and memory is bounded:
benchmarks/bench_tiles.py has 1.1 GB at its peak with TensorFlow, the whole 3.0 GB. Our engine gets most images whole.
"""

import os
from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.limits import checked_path, choice, whole
from vdsr_data.matlab.arrays import as_array
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.shipped import NAME
from vdsr_eval.networks.weights import Weights, check_weights
from vdsr_eval.protocols.checked import checked_luma

__all__ = [
    "ENGINES",
    "FRAMEWORKS",
    "Engine",
    "EngineName",
    "Network",
    "Upscaler",
    "checked_upscaler",
    "load_network",
    "newest_weights",
    "run_upscaler",
]

EngineName = Literal["auto", "numba", "tensorflow", "jax", "onnx"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
FRAMEWORKS: tuple[EngineName, ...] = ("tensorflow", "jax")
GROUP = "vdsr_eval.engines"  # of the entry points that offer the frameworks
TILE, TILE_NUMBA = 512, 8192  # ours keeps 29 KB for each column, of a network of 20 layers, and 12 bytes for a pixel

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
    tile : int, optional
        Images larger than this in either dimension are computed in tiles of this size. The default is 512 for a
        framework, and 8192 for our own engine, which needs far less memory.
    engine : {"auto", "numba", "tensorflow", "jax", "onnx"} or callable, default "auto"
        What computes. "numba" is our own, on the processor, where "onnx" is onnxruntime. All but our own want an extra:
        ``vdsr-toolkit[train]``, ``[jax]`` or ``[onnx]``. "auto" takes a GPU where there is one and a framework that
        finds it is installed, else our own. A callable makes an `Engine` of weights.

    Attributes
    ----------
    name, engine : str
        How reports call the network, and what computes it.
    reach : int
        How many pixels around its own a pixel of the result depends on.
    parameters : int
        Of the kernels, without biases, as tables count them: so many multiply-adds make a pixel of the result.

    Raises
    ------
    VdsrError
        The weights are not those of such a network, or what runs it is missing (with what to install).

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import Network
    >>> layers = [(np.zeros((3, 3, 1, 1)), np.zeros(1))] * 2
    >>> network = Network(layers, engine=lambda weights: lambda images: images)  # leaves all as it is
    >>> network(np.zeros((4, 5)), 2).shape, network.reach
    ((4, 5), 2)
    """

    def __init__(
        self,
        weights: Weights,
        *,
        name: str = "VDSR",
        tile: int | None = None,
        engine: EngineName | Callable[[Weights], Engine] = "auto",
    ) -> None:
        weights = check_weights(weights, name)
        self.engine, make = _engine(engine)
        self.name, self.reach = name, len(weights)
        self.parameters = sum(kernel.size for kernel, _ in weights)
        default = TILE_NUMBA if self.engine == "numba" else TILE
        self.tile = default if tile is None else whole("tile", tile, (1, None))
        self._engine = make(weights)

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


def load_network(weights: Path | str | None = None, *, tile: int | None = None, engine: EngineName = "auto") -> Network:
    """Load a network for inference, in float32.

    Parameters
    ----------
    weights : path or None
        Anything that `vdsr_eval.networks.convert.read_any` knows: a weights.h5, a run folder that holds one, other
        people's weights, or ``default``. None takes the newest below ``runs``, else ``default``.
    tile, engine
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
    return Network(read_any(path), name=f"VDSR ({name})", tile=tile, engine=engine)


def newest_weights(runs: Path | str = "runs") -> Path | None:
    """Return the weights.h5 below `runs` that was written last, None where there is none."""
    return max(Path(runs).glob("*/weights.h5"), key=lambda path: path.stat().st_mtime, default=None)


def _engine(engine: EngineName | Callable[[Weights], Engine]) -> tuple[str, Callable[[Weights], Engine]]:
    """The name of what computes, and what makes it of weights; VdsrError if that is not installed."""
    if callable(engine):
        return getattr(engine, "__name__", type(engine).__name__), engine
    found = _automatic() if choice("engine", engine, ENGINES) == "auto" else engine
    if found == "numba":
        from vdsr_eval.networks.engine import NumbaEngine

        return found, NumbaEngine
    if found == "onnx":
        from vdsr_eval.networks.onnxfile import OnnxEngine

        return found, OnnxEngine
    return found, partial(_framework(), backend=found)


def _automatic() -> EngineName:
    """A framework that finds a GPU, ours else; without a GPU none is imported, which takes seconds."""
    if _gpu_there():
        for name in FRAMEWORKS:
            wanted = os.environ.get("KERAS_BACKEND", name) == name
            if wanted and find_spec(name) and find_spec("keras") and _framework().finds_gpu(name):
                return name
    return "numba"


def _gpu_there() -> bool:
    """Whether the system has a GPU that TensorFlow or JAX may use, as far as its files tell."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()  # the latter in Windows' Linux


def _framework() -> Any:
    """What runs networks by Keras, as an installed package offers it: vdsr_train does."""
    for point in entry_points(group=GROUP):
        return point.load()
    raise VdsrError("nothing that runs a network by a framework is installed; install vdsr-toolkit again")


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
