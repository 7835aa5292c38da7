"""Weights to an upscaling function, in tiles where an image is large.

A tile carries as many extra pixels as the receptive field reaches, one for each layer, so that tiled and whole results
are the same and memory is bounded: benchmarks/bench_tiles.py has 1.1 GB at its peak with TensorFlow, the whole 3.0 GB.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import whole
from vdsr_eval.checked import checked_luma
from vdsr_train import backend
from vdsr_train.foreign import read_any
from vdsr_train.shipped import NAME
from vdsr_train.weights import Weights, check_weights

__all__ = ["Upscaler", "load_upscaler", "newest_weights"]

TILE = 512


class Upscaler:
    """A network as a function from bicubic-upsampled luma to estimated luma.

    Parameters
    ----------
    weights : list of (kernel, bias)
        As `vdsr_train.weights.read_weights` gives them.
    name : str
        How reports call it.
    tile : int
        Images larger than this in either dimension are computed in tiles of this size.

    Raises
    ------
    VdsrError
        The weights are not those of such a network, or TensorFlow is missing (with what to install).
    """

    def __init__(self, weights: Weights, *, name: str = "VDSR", tile: int = TILE) -> None:
        weights = check_weights(weights, name)
        backend.start()
        from vdsr_train.model import build_model

        self.name, self.tile, self.reach = name, whole("tile", tile, (1, None)), len(weights)
        self.model = build_model(depth=len(weights), channels=weights[0][0].shape[-1])
        self._network = backend.compiled().compile_network(self.model)
        self.load(weights)

    def load(self, weights: Weights) -> None:
        """Exchange the weights for others of the same shapes."""
        from vdsr_train.model import set_weights

        set_weights(self.model, weights)

    def __call__(self, lr: NDArray[np.floating[Any]], scale: int) -> NDArray[np.float32]:  # noqa: ARG002
        """Return sr of one image.

        Parameters
        ----------
        lr : ndarray of float, shape (rows, columns)
            Luma in [0, 1], upsampled to its final size by bicubic interpolation.
        scale : int
            The factor it was upsampled by; one network serves every factor.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            Not clipped.

        Raises
        ------
        ArgumentError
            `lr` has another number of dimensions, is not of floats, or holds NaN or infinity.

        Warns
        -----
        RangeWarning
            `lr` clearly lies in another range than [0, 1].
        """
        lr = np.asarray(checked_luma(lr, "lr"), np.float32)
        rows, columns = lr.shape
        sr = np.empty_like(lr)
        for top in range(0, rows, self.tile):
            for left in range(0, columns, self.tile):
                bottom, right = min(top + self.tile, rows), min(left + self.tile, columns)
                above, before = max(0, top - self.reach), max(0, left - self.reach)
                patch = lr[above : bottom + self.reach, before : right + self.reach]
                result = self._network(patch[np.newaxis, ..., np.newaxis])[0, ..., 0]
                sr[top:bottom, left:right] = result[top - above : bottom - above, left - before : right - before]
        return sr


def load_upscaler(weights: Path | str | None = None) -> Upscaler:
    """Load a network for inference, in float32.

    Parameters
    ----------
    weights : path or None
        Anything that `vdsr_train.foreign.read_any` knows: a weights.h5, a run folder that holds one, other people's
        weights, or ``default``. None takes the newest below ``runs``, else ``default``.

    Raises
    ------
    VdsrError
        There are no such weights, they do not fit, or TensorFlow is missing (with what to install).
    """
    path = (newest_weights() or Path(NAME)) if weights is None else Path(weights)
    name = Path(*path.parts[-2:]) if path.name == "weights.h5" else path.name  # every run calls its weights so
    return Upscaler(read_any(path), name=f"VDSR ({name})")


def newest_weights(runs: Path | str = "runs") -> Path | None:
    """Return the weights.h5 below `runs` that was written last, None where there is none."""
    return max(Path(runs).glob("*/weights.h5"), key=lambda path: path.stat().st_mtime, default=None)
