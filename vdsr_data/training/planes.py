"""The luma of a whole training set as bytes, from which the patches of gt are cut in the order of the file.

291 images have 36 MB of luma, each pixel of which is in 12 patches of gt, with 4 bytes in each.
"""

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import image_dtype, image_size
from vdsr_data.matlab._compile import read_only
from vdsr_data.matlab.color import im2double
from vdsr_data.matlab.resize import output_size
from vdsr_data.training import _patch_kernels
from vdsr_data.training.recipe import TrainingRecipe

__all__ = ["Planes", "planes_for"]

MOST = 40 * 2**20  # bytes
PLACE = np.dtype([("first", "i4"), ("down", "i4"), ("right", "i4")])  # a pixel, and the ways to those below and beside


class Planes:
    """Luma of images, and where in it the patches of gt lie; methods may be called from several threads.

    Parameters
    ----------
    pixels : int
        Of all images together.
    count : int
        Number of patches.
    recipe : TrainingRecipe
    """

    def __init__(self, pixels: int, count: int, recipe: TrainingRecipe) -> None:
        self._lock = threading.Lock()
        self._luma = np.empty(pixels, dtype=np.uint8)
        self._used = 0
        self._places = np.zeros(count, dtype=PLACE)
        self._recipe = recipe
        self._values = read_only(im2double(np.arange(256, dtype=np.uint8)).astype(np.float32))

    def keep(self, luma: NDArray[Any], path: Path) -> NDArray[np.uint8]:
        """Copy the luma of an image, and give the copy."""
        with self._lock:
            start, self._used = self._used, self._used + luma.size
        if luma.dtype != np.uint8 or start + luma.size > len(self._luma):
            raise VdsrError(f"{path}: its size is not the one that the head of the file declares")
        kept = self._luma[start : start + luma.size].reshape(luma.shape)
        kept[:] = luma
        return kept

    def note(self, positions: NDArray[np.integer], plane: NDArray[np.uint8]) -> None:
        """Note where the patches of a plane lie, a turned and cropped view of what `keep` gave, and their positions."""
        size, stride = self._recipe.patch_size, self._recipe.stride
        down, right = plane.strides
        first = plane.__array_interface__["data"][0] - self._luma.__array_interface__["data"][0]
        rows, columns = (np.arange(0, length - size + 1, stride) for length in plane.shape)
        places = np.empty(len(positions), dtype=PLACE)
        places["first"] = (first + down * rows[:, np.newaxis] + right * columns).ravel()
        places["down"], places["right"] = (right, down) if self._recipe.axes == "matlab" else (down, right)
        inside = positions < len(self._places)
        self._places[positions[inside]] = places[inside]

    def release(self) -> None:
        """Give the memory of the luma back, when all patches are cut."""
        self._luma = self._luma[:0].copy()

    def patches(self, start: int, stop: int) -> NDArray[np.float32]:
        """The patches of these positions, laid out as in the file."""
        places = self._places[start:stop]
        out = np.empty((len(places), self._recipe.patch_size, self._recipe.patch_size), dtype=np.float32)
        _patch_kernels.gather(read_only(self._luma), *(places[name] for name in PLACE.names or ()), self._values, out)
        return out


def planes_for(images: Sequence[Path], count: int, recipe: TrainingRecipe) -> Planes | None:
    """Give room for the luma of these images, and so many patches, if it takes little memory."""
    pixels = sum(
        math.prod(output_size(size, downsize)) for size in map(image_size, images) for downsize in recipe.downsizes
    )
    if pixels + count * PLACE.itemsize > MOST or any(image_dtype(path) != np.uint8 for path in images):
        return None
    return Planes(pixels, count, recipe)
