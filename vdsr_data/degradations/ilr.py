"""The network's input of VDSR and its kind: the low resolution, enlarged again to the size of its original."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.degradations.recipes import Degradation
from vdsr_data.limits import Boundary
from vdsr_data.matlab.color import im2double, luma
from vdsr_data.matlab.noise import to_class
from vdsr_data.matlab.resize import imresize

__all__ = ["degraded_ilr", "degraded_image", "enlarged", "make_ilr"]


def make_ilr(gt: NDArray[np.float64], scale: float, boundary: Boundary = "symmetric") -> NDArray[np.float64]:
    """Reduce luma by `scale` and enlarge it to its size again: the `lr` of the training and benchmark files.

    Parameters
    ----------
    gt : ndarray, shape (rows, columns), float64
        Luma in [0, 1]; cropped for the scale, see `crop_for`.
    scale : float
        Factor of reduction, from 1 to 64.
    boundary : {"symmetric", "replicate"}
        Pixels beyond the edge, see `imresize`.

    Returns
    -------
    ndarray, shape (rows, columns), float64
        ``imresize(imresize(gt, 1/scale), size(gt))`` as MATLAB gives it, neither rounded nor clipped; of a fraction
        ``imresize(imresize(gt, 1/scale), scale)``, of which what lies beyond the size of `gt` is cut off.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import make_ilr
    >>> make_ilr(np.eye(4), 2).round(2).tolist()[0]
    [0.56, 0.41, 0.09, -0.06]
    """
    scale = limits.checked_factor("scale", scale)
    return enlarged(imresize(gt, 1 / scale, boundary=boundary), scale, gt.shape, boundary)


def degraded_image(image: NDArray[Any], recipe: Degradation, scale: float, boundary: Boundary) -> NDArray[np.uint8]:
    """The 8-bit low-resolution image of an original, uint8 or uint16, that has been cropped for the scale."""
    if image.dtype != np.uint8:
        image = to_class(im2double(image), np.dtype(np.uint8))
    return recipe.resized_by(boundary).apply(image, scale)


def degraded_ilr(image: NDArray[Any], recipe: Degradation, scale: float, boundary: Boundary) -> NDArray[np.float64]:
    """As `make_ilr`, of a cropped original that is degraded as an 8-bit image; its luma is reckoned afterwards."""
    low = im2double(luma(degraded_image(image, recipe, scale, boundary)))
    return enlarged(low, scale, image.shape, boundary)


def enlarged(low: NDArray[Any], scale: float, shape: Sequence[int], boundary: Boundary) -> NDArray[Any]:
    """Enlarge an image by the scale to rows and columns of `shape`; beyond these lies what a fraction rounds up."""
    return imresize(low, scale, boundary=boundary)[: shape[0], : shape[1]]
