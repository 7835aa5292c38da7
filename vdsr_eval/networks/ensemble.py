"""Self-ensemble: the mean of a network's results over the eight flips and rotations of its input."""

from functools import update_wrapper

import numpy as np
from numpy.typing import NDArray

from vdsr_eval.networks.network import Network, Upscaler, checked_upscaler, run_upscaler

__all__ = ["network_in", "self_ensemble"]


def self_ensemble(upscale: Upscaler) -> Upscaler:
    """Make an upscaling function that is exactly symmetric, at eight times the cost.

    Each of the eight results is turned back before the mean, which is taken in float64.

    Notes
    -----
    Timofte, Rothe, Van Gool, "Seven ways to improve example-based single image super resolution", CVPR 2016; Lim et
    al., "Enhanced deep residual networks for single image super-resolution", CVPRW 2017 (there "EDSR+").

    Raises
    ------
    VdsrError
        ArgumentError if `upscale` cannot be called; the new function raises, and warns, as
        `vdsr_eval.networks.network.run_upscaler`.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval import self_ensemble
    >>> shifted = self_ensemble(lambda ilr, scale: np.roll(ilr, 1, axis=0))
    >>> shifted(np.eye(3)[[1]].T @ np.eye(3)[[1]], 2) * 4
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """
    checked_upscaler(upscale)

    def ensemble(ilr: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        total = np.zeros(ilr.shape)
        for turns in range(4):
            for flip in (False, True):
                image = np.rot90(ilr[:, ::-1] if flip else ilr, turns)
                sr = np.rot90(run_upscaler(upscale, np.ascontiguousarray(image), scale), -turns)
                total += sr[:, ::-1] if flip else sr
        return total / 8

    return update_wrapper(ensemble, upscale, assigned=(), updated=())  # as `__wrapped__`


def network_in(upscale: object) -> Network | None:
    """The network that an upscaling function is, or whose self-ensemble it is."""
    inner = getattr(upscale, "__wrapped__", upscale)
    return inner if isinstance(inner, Network) else None
