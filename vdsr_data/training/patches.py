"""From an image to its training patches: rotations, flips, cutting. Pure functions."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vdsr_data.limits import Flip

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


def cut(image: NDArray[Any], patch_size: int, stride: int, *, transpose: bool = False) -> NDArray[np.float32]:
    """All patches that lie within the image, rows outer, columns inner.

    Returns
    -------
    ndarray, shape (patches, patch_size, patch_size), float32
        A copy; of length 0 if the image is smaller than a patch. With `transpose`, (patches, column, row).

    Notes
    -----
    Cut, turned, and rounded to float32 in one pass: 0.5 ns a pixel, where three passes took 3 to 4.
    """
    if min(image.shape) < patch_size:
        return np.empty((0, patch_size, patch_size), dtype=np.float32)
    windows = sliding_window_view(image, (patch_size, patch_size))[::stride, ::stride]
    turned = windows.swapaxes(2, 3) if transpose else windows
    return np.ascontiguousarray(turned, dtype="<f4").reshape(-1, patch_size, patch_size)
