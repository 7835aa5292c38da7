"""Random crops of whole images in memory, low resolution made by our imresize: no training file needed.

Each crop is a pure function of (seed, step), as the batches of a file are. What is kept: each image at each downsize,
and its low resolution at each scale, as float32 (1.1 GB for the 291 images at three scales and downsizes 1, 0.8, 0.6).
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, imresize, luma, modcrop
from vdsr_data.benchmark.sets import find_images
from vdsr_data.degradations.ilr import make_ilr
from vdsr_data.errors import VdsrError
from vdsr_data.images.files import read_image
from vdsr_train.config import Config
from vdsr_train.loop.batches import permutation, turn

__all__ = ["CropBatches"]

Array = NDArray[np.float32]
Pair = tuple[Array, Array]


class CropBatches:
    """Batches of random crops, turned and flipped all eight ways.

    A variant is an image at one downsize and one scale. An epoch takes as many crops from each as patches fit into its
    area, in a fresh random order, each at a fresh random place.

    Parameters
    ----------
    config : Config
        `images`, `scales`, `downsizes`, `patch_size`, `batch_size` and `seed` are read.

    Raises
    ------
    VdsrError
        There are no such images, one cannot be read, or they are too small for a batch.
    """

    def __init__(self, config: Config) -> None:
        name = str(config.images)
        _, paths = find_images(name, "train")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            prepared = pool.map(lambda path: list(_variants(path, config)), paths)
            self.variants: list[Pair] = [pair for pairs in prepared for pair in pairs]
        self.batch_size, self.patch_size, self.seed = config.batch_size, config.patch_size, config.seed
        self._room = np.array([gt.shape for _, gt in self.variants]).reshape(-1, 2) - self.patch_size + 1
        counts = [gt.size // self.patch_size**2 for _, gt in self.variants]
        self._owners = np.repeat(np.arange(len(counts)), counts)
        self.steps_per_epoch = len(self._owners) // self.batch_size
        if not self.steps_per_epoch:
            raise VdsrError(
                f"{name}: its {len(paths)} images have room for {len(self._owners)} crops of {self.patch_size} x "
                f"{self.patch_size}, fewer than one batch of {self.batch_size}; use --batch-size or --patch-size"
            )

    def __call__(self, step: int) -> Pair:
        """Return (lr, gt) of step `step`, float32, (batch, rows, columns, 1)."""
        owners, corners, first = self._draw(step)
        size = self.patch_size
        lr = np.empty((len(owners), size, size), np.float32)
        gt = np.empty_like(lr)
        for number, (owner, (top, left)) in enumerate(zip(owners.tolist(), corners.tolist(), strict=True)):
            whole_lr, whole_gt = self.variants[owner]
            lr[number] = whole_lr[top : top + size, left : left + size]
            gt[number] = whole_gt[top : top + size, left : left + size]
        return turn(lr, first)[..., np.newaxis], turn(gt, first)[..., np.newaxis]

    def _draw(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Draw the variant of each crop of a step, its corner there, and how the first one is turned."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = permutation(len(self._owners), self.seed, epoch)
        owners = self._owners[order[batch * self.batch_size : (batch + 1) * self.batch_size]]
        random = np.random.default_rng([self.seed, 3, step])
        corners = (random.random((len(owners), 2)) * self._room[owners]).astype(np.int64)
        return owners, corners, int(random.integers(8))

    def pixels(self) -> Array:
        """Return all images, one after another and row by row, as one array; those that variants share are there once.

        Only then does `places` say where crops are.
        """
        starts: dict[int, int] = {}
        parts: list[Array] = []
        self._starts, self._widths = np.empty((2, 2, len(self.variants)), np.int64)
        filled = 0
        for number, pair in enumerate(self.variants):
            for side, image in enumerate(pair):
                whole = image if image.base is None else image.base
                if id(whole) not in starts:
                    starts[id(whole)] = filled
                    parts.append(whole.ravel())
                    filled += whole.size
                self._starts[side, number], self._widths[side, number] = starts[id(whole)], whole.shape[1]
        return np.concatenate(parts)

    def places(self, step: int) -> NDArray[np.int32]:
        """Return where in `pixels` the crops of step `step` are, for lr and gt: (2, batch, 3).

        That is the place of the first pixel of a crop that is turned already, and the ways from there to the next one
        in its column and in its row: pixel (i, j) lies at ``first + i * down + j * right``.
        """
        owners, corners, first = self._draw(step)
        grid = np.indices((self.patch_size, self.patch_size), np.int64)
        rows, columns = (turn(np.repeat(axis[np.newaxis], 8, 0), first)[:, :2, :2] for axis in grid)
        way = np.arange(len(owners)) % 8
        widths = self._widths[:, owners]
        corner = self._starts[:, owners] + corners[:, 0] * widths + corners[:, 1]
        near = rows[way] * widths[..., np.newaxis, np.newaxis] + columns[way]  # the first pixels, of each crop
        origin = near[..., 0, 0]
        return np.stack([corner + origin, near[..., 1, 0] - origin, near[..., 0, 1] - origin], axis=-1).astype(np.int32)

    def identity(self) -> str:
        """Return the SHA-256 of every variant, each sixteenth row of it."""
        digest = hashlib.sha256()
        for pair in self.variants:
            for image in pair:
                digest.update(image[::16].tobytes())
        return digest.hexdigest()


def _variants(path: Path, config: Config) -> Iterator[Pair]:
    """Make (lr, gt) of an image for each downsize and scale that leaves room for a patch."""
    image = read_image(path)
    for downsize in config.downsizes:
        base = im2double(luma(image if downsize == 1 else imresize(image, downsize)))
        whole = base.astype(np.float32)
        for scale in config.scales:
            gt = modcrop(base, scale)
            if min(gt.shape) >= config.patch_size:
                yield make_ilr(gt, scale, "symmetric").astype(np.float32), whole[: gt.shape[0], : gt.shape[1]]
