"""From an image to its training patches: rotations, flips, cutting. Pure functions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import Flip
from vdsr_data.matlab._compile import read_only
from vdsr_data.training import _patch_kernels

__all__ = ["augment", "cut", "patch_count"]


def augment(image: NDArray[Any], rotation: int, flip: Flip) -> NDArray[Any]:
    """Rotate by `rotation` degrees counter-clockwise (MATLAB's ``imrotate``), then flip (``flip``); returns a view."""
    image = np.rot90(image, rotation // 90)
    if flip == "left-right":
        return image[:, ::-1]
    if flip == "up-down":
        return image[::-1]
    return image


def patch_count(rows: int, columns: int, patch_size: int, stride: int) -> int:
    """Number of patches that `cut` returns for an image of this size."""
    if min(rows, columns) < patch_size:
        return 0
    return ((rows - patch_size) // stride + 1) * ((columns - patch_size) // stride + 1)


def cut(
    image: NDArray[Any],
    patch_size: int,
    stride: int,
    *,
    transpose: bool = False,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """All patches that lie within the image, rows outer, columns inner.

    Returns
    -------
    ndarray, shape (patches, patch_size, patch_size), float32
        A copy, in `out` if that is given; of length 0 if the image is smaller than a patch. With `transpose`,
        (patches, column, row).

    Notes
    -----
    0.35 ns a pixel; NumPy, whose inner loops are as short as a patch is wide, takes 0.8.
    """
    rows, columns = ((length - patch_size) // stride + 1 if length >= patch_size else 0 for length in image.shape)
    found = np.empty(rows * columns * patch_size**2, dtype=np.float32) if out is None else out.reshape(-1)
    shape = rows, columns, patch_size, patch_size
    _patch_kernels.cut(read_only(np.ascontiguousarray(image)), stride, transpose, found.reshape(shape))
    return found.reshape(-1, patch_size, patch_size)
