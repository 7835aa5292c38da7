"""Training patches as batches, each a pure function of (seed, step).

Nothing is remembered between two batches, so a resumed training sees exactly what it would have seen.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.claims import refuse_faults
from vdsr_data.errors import VdsrError

__all__ = ["Batches", "FileBatches", "permutation", "prefetch", "turn"]

Array = NDArray[np.float32]
K = TypeVar("K")
T = TypeVar("T")
LOOKED_AT = 1024  # patches that are looked at before a training begins


class Batches(Protocol):
    """Where a training takes its patches from."""

    steps_per_epoch: int

    def __call__(self, step: int) -> tuple[Array, Array]:
        """Return (lr, gt) of step `step`, counted from 0: float32, (batch, rows, columns, 1), luma in [0, 1]."""

    def identity(self) -> str:
        """Return a fingerprint of the data, by which a resumed training knows them again."""


class FileBatches:
    """Batches of an open training file: every epoch a fresh permutation, the last incomplete batch left out.

    Parameters
    ----------
    file : TrainingFile
        As `vdsr_data.training.file.open_training` gives it.
    path : Path
        Its name, for messages.
    batch_size, seed : int
        Patches in a batch; what the permutations and symmetries are drawn from.
    symmetries : bool
        Turn and flip each patch at random, one of the eight ways.

    Raises
    ------
    VdsrError
        The file is one part of a larger one, or has fewer patches than a batch; or one of some patches, spread evenly,
        or (on reading a batch) one of the batch has values that `vdsr-data verify` does not allow either: NaN, or no
        luma from 0 to 1.
    """

    def __init__(self, file: Any, path: Path, *, batch_size: int, seed: int, symmetries: bool = False) -> None:
        if file.position is not None or "shard" in file.attributes:
            part = f"part {file.attributes['shard']}" if "shard" in file.attributes else "one part"
            raise VdsrError(f"{path}: is {part} of a training file; join all parts with: vdsr-data merge")
        if len(file) < batch_size:
            way_out = f"use --batch-size {len(file)}" if len(file) else "build it again, from larger images"
            raise VdsrError(f"{path}: holds {len(file)} patches, fewer than one batch; {way_out}")
        self.file, self.path = file, path
        self.batch_size, self.seed, self.symmetries = batch_size, seed, symmetries
        self.steps_per_epoch = len(file) // batch_size
        some = np.linspace(0, len(file) - 1, min(len(file), LOOKED_AT)).astype(np.int64)
        for start in range(0, len(some), batch_size):
            self._gather(some[start : start + batch_size])

    def indices(self, step: int) -> NDArray[np.int64]:
        """Return the numbers of the patches in the batch of step `step`."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        order = permutation(len(self.file), self.seed, epoch)
        return order[batch * self.batch_size : (batch + 1) * self.batch_size]

    def __call__(self, step: int) -> tuple[Array, Array]:
        """Return (lr, gt) of step `step`, float32, (batch, rows, columns, 1)."""
        lr, gt = self._gather(self.indices(step))
        if self.symmetries:
            first = int(np.random.default_rng([self.seed, 2, step]).integers(8))
            lr, gt = turn(lr, first), turn(gt, first)
        return lr[..., np.newaxis], gt[..., np.newaxis]

    def _gather(self, indices: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return the patches of these numbers, whose values are those of luma."""
        lr, gt = self.file.gather(indices)
        refuse_faults(self.path, self.file.keys, indices, lr, gt)
        return lr, gt

    def identity(self) -> str:
        """Return two SHA-256 sums: of the number of patches and 64 of them, evenly spread; and of all that tells more.

        That is 1024 patches and, of a file of ours, what it says of the images that it was made from.
        """
        sums = []
        for number, said in ((64, ""), (LOOKED_AT, json.dumps(self.file.attributes.get("sha256")))):
            lr, gt = self.file.gather(np.linspace(0, len(self.file) - 1, number).astype(np.int64))
            sums.append(hashlib.sha256(b"%d%b" % (len(self.file), said.encode()) + lr.tobytes() + gt.tobytes()))
        return " ".join(found.hexdigest() for found in sums)


@lru_cache(maxsize=2)
def permutation(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of `count` items in an epoch, the same whenever it is asked for."""
    return np.random.default_rng([seed, 1, epoch]).permutation(count)


def turn(patches: Array, first: int) -> Array:
    """Give each patch one of the eight symmetries of the square, in turn.

    Patch i gets way ``(i + first) % 8``: so many quarter turns counter-clockwise, modulo 4, and from 4 on a flip
    left-right. Patches come in random order, so this is as random as a draw for each, and has no loop over patches.

    Parameters
    ----------
    patches : ndarray of float32, shape (count, size, size)
        Square patches.
    first : int
        From 0 to 7, the way of patch 0.
    """
    turned = np.empty_like(patches)
    for way in range(8):
        chosen = slice((way - first) % 8, None, 8)
        part = np.rot90(patches[chosen], way % 4, axes=(1, 2))
        turned[chosen] = part[:, :, ::-1] if way > 3 else part
    return turned


def prefetch(read: Callable[[K], T], keys: Iterable[K]) -> Iterator[tuple[K, T, float]]:
    """Yield (key, read(key), seconds waited) for each of the keys.

    The next one is read by a thread while the current one is trained on.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as reader:
        ahead = ((key, reader.submit(read, key)) for key in keys)
        coming = next(ahead, None)
        while coming is not None:
            start = time.perf_counter()
            key, value = coming[0], coming[1].result()
            waited = time.perf_counter() - start
            coming = next(ahead, None)
            yield key, value, waited
