"""The writing of training files: patches arrive image by image, and are stored in random order.

HDF5 allocates every chunk first; the patches are put at their byte offsets in the file, so that memory does not grow
with their number. Not the order takes time but the number of writes: 433,536 of 6.7 kB took 2.5 s of system time at
random places, 2.0 s one after the other, and as many bytes in pieces of 0.4 MB 0.5 s (Linux 6.18, ext4). So the file is
divided into windows. First each patch goes to the next free place of its window, with others that wait for the same;
then every window is sorted in memory. Gt of a set whose luma fits into memory is written in order, see `planes`.

Tried and dropped: a shared memory map, 3.3 to 3.6 s, and all the file as resident memory; `pwritev` of patches where
they lie, which spares a copy, but as many objects of Python cost more than that.
"""

import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.io.ahead import ignore, results
from vdsr_data.io.disk import reserve
from vdsr_data.io.files import replacing, scratch
from vdsr_data.io.hdf5 import annotate, create_hdf5, edit_hdf5
from vdsr_data.limits import Axes
from vdsr_data.training.layout import CHECKSUM, CHUNK, POSITION, allocate, find_patches, patch_shape
from vdsr_data.training.planes import Planes

__all__ = ["TrainingWriter", "compress_training", "create_training"]

BATCH, WINDOW, PIECE = 2**22, 2**24, 2**18  # bytes of lr, or gt, that wait in each thread, of a window, and of a write
WAITING = 5 * 2**22  # bytes of lr, or gt, that wait in all threads
TOGETHER = 2  # patches that a batch has for a window, at least
SORTERS = 2  # windows in memory at once


class _Batch:
    """Patches of lr, and of gt, that wait in memory to be written together."""

    def __init__(self, kinds: int, capacity: int, size: int) -> None:
        self.used = 0
        self.rows = np.empty(capacity, dtype=np.intp)
        self.patches = np.empty((kinds, capacity, size // 4), dtype=np.float32)


class TrainingWriter:
    """A training file in the making; `write` and `room` may be used by several threads, in any order of patches.

    Parameters
    ----------
    path : Path
        The file to create; an existing file is overwritten.
    count : int
        Number of patch pairs.
    patch_size : int
    keys : (str, str)
        Names of the low-resolution and the ground-truth data set.
    axes : {"matlab", "nhwc"}
        (N, 1, column, row) as MATLAB's column-major arrays appear in h5py, or (N, row, column, 1).
    position : ndarray, shape (count,), optional
        Of a part of a larger file: where each of its patches belongs in the whole, ascending.
    shuffled : bool
        Whether patches come in random order, not in that of the file.
    threads : int
        That write.
    planes : Planes, optional
        What gives gt in the end; then `room` is for lr alone.

    Attributes
    ----------
    attributes : dict
        What `create_training` adds to the file at the end.
    """

    def __init__(self, path: Path, *, count: int, patch_size: int, keys: tuple[str, str], axes: Axes,
                 position: NDArray[np.unsignedinteger] | None = None, shuffled: bool = True, threads: int = 1,
                 planes: Planes | None = None) -> None:  # fmt: skip
        # Threads that wait for the file in the kernel spin; those that wait here leave the core to another.
        self._lock = threading.Lock()
        self._threads = threads
        self._count = count
        self._path = path
        self._checksums = None if position is None else np.zeros((count, 2), dtype="<u4")
        self.attributes: dict[str, Any] = {}
        with create_hdf5(path) as file:
            for key in keys:
                allocate(file, key, count, patch_shape(patch_size, axes))
            if position is not None:
                file.create_dataset(POSITION, data=position, dtype="<u8", track_times=False)
        with h5py.File(path, "r") as file:
            places = [find_patches(file[key]) for key in keys]
        self._places = [found for found in places if found is not None]
        reserve(path)
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by close()
        self._size = 4 * patch_size**2
        self._planes = planes
        self._kinds = 1 if planes else 2  # of patches that come through `room`
        self._capacity = max(min(BATCH, WAITING // threads) // self._size, 1)
        self._waiting: list[_Batch] = []
        self._window = max(WINDOW // self._size, 1)  # patches
        windows = -(-count // self._window)
        self._windows = shuffled and windows <= self._capacity // TOGETHER
        self._filled = np.zeros(windows if self._windows else 0, dtype=np.intp)  # places of each window
        self._row = np.zeros(count if self._windows else 0, np.uint32 if count < 2**32 else np.uint64)  # of each place

    @contextmanager
    def room(self, positions: NDArray[np.integer]) -> Iterator[NDArray[np.float32]]:
        """Give an array (2, n, patch_size ** 2) for n patches of lr and of gt, which are stored at these positions.

        They are laid out as in the file; with `planes` it is (1, n, ...). Positions beyond the count are dropped.
        """
        large = len(positions) > self._capacity
        with self._lock:
            batch = self._waiting.pop() if self._waiting and not large else None
        if batch is None:
            batch = _Batch(self._kinds, max(len(positions), self._capacity), self._size)
        if batch.used + len(positions) > len(batch.rows):
            self._store(batch)
        own = slice(batch.used, batch.used + len(positions))
        yield batch.patches[:, own]
        batch.rows[own] = positions
        batch.used = own.stop
        if large:
            self._store(batch)
        else:
            self._waiting.append(batch)

    def write(self, positions: NDArray[np.integer], lr: NDArray[Any], gt: NDArray[Any]) -> None:
        """Store patches at their positions, (n, ...) each, laid out as in the file; see `room`."""
        with self.room(positions) as pair:
            for own, patches in zip(pair, (lr, gt), strict=True):
                own[:] = patches.reshape(own.shape)

    def _store(self, batch: _Batch) -> None:
        """Write a batch to the file, and empty it."""
        order = np.argsort(batch.rows[: batch.used])
        order = order[: np.count_nonzero(batch.rows[: batch.used] < self._count)]
        rows = batch.rows[order]
        places = self._next_places(rows) if self._windows else rows
        for k, patches in enumerate(batch.patches):
            self._put(k, partial(_chosen, patches, order), places, rows)
        batch.used = 0

    def _next_places(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Take the next free places of the windows of ascending rows."""
        windows, first, counts = np.unique(rows // self._window, return_index=True, return_counts=True)
        with self._lock:
            start = windows * self._window + self._filled[windows]
            self._filled[windows] += counts
        places = np.arange(len(rows)) + np.repeat(start - first, counts)
        self._row[places] = rows
        return places

    def _put(self, k: int, patches: Callable[[int, int], NDArray[np.float32]], places: NDArray[np.intp],
             rows: NDArray[np.intp] | None = None) -> None:  # fmt: skip
        """Write all that `patches` gives, from one number to another, to places of data set k, neighbours together.

        `rows` are their positions, if their checksums are wanted.
        """
        offsets = self._places[k].offsets(places)
        most = max(PIECE // self._size, 1)
        for first, last in _runs(offsets, self._size):
            for start in range(first, last, most):
                stop = min(start + most, last)
                piece = patches(start, stop).astype("<f4", copy=False)
                if self._checksums is not None and rows is not None:
                    self._checksums[rows[start:stop], k] = [zlib.crc32(patch.data) for patch in piece]
                with self._lock:
                    written = self._write_at(piece.data.cast("B"), int(offsets[start]))
                if written != piece.nbytes:
                    raise OSError(f"{self._file.name}: a patch could not be written in full; is the disk full?")

    def _write_at(self, data: memoryview, offset: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._file.fileno(), data, offset)
        self._file.seek(offset)
        return self._file.write(data)

    def finish(self) -> None:
        """Write what still waits, and gt of the planes, whose memory then serves to sort the windows."""
        for batch in self._waiting:
            self._store(batch)
        self._waiting.clear()
        if self._planes is not None:
            results(partial(self._cut, self._planes), -(-self._count // self._window), self._threads, ignore)
            self._planes.release()
        results(self._sort, self._kinds * len(self._filled), min(self._threads, SORTERS), ignore)

    def _cut(self, planes: Planes, window: int) -> None:
        """Write gt of a window."""
        start = window * self._window
        places = np.arange(start, min(start + self._window, self._count))
        self._put(1, lambda first, last: planes.patches(start + first, start + last), places, places)

    def _sort(self, number: int) -> None:
        """Bring the patches of a window of a data set to their places; where nothing was written, zeros."""
        window, k = divmod(number, self._kinds)
        filled, start = int(self._filled[window]), window * self._window
        places = np.arange(start, min(start + self._window, self._count))
        patches = np.empty((len(places) + 1, self._size // 4), dtype="<f4")
        patches[filled:] = 0
        offsets = self._places[k].offsets(places[:filled])
        with self._path.open("rb", buffering=0) as file:
            for first, last in _runs(offsets, self._size):
                file.seek(int(offsets[first]))
                if file.readinto(patches[first:last].data) != self._size * (last - first):
                    raise OSError(f"{self._path}: became shorter while it was written")
        order = np.full(len(places), len(places))
        order[self._row[start : start + filled].astype(np.intp) - start] = np.arange(filled)
        self._put(k, partial(_chosen, patches, order), places)

    def close(self) -> None:
        """End the writing of patches; `annotate` may follow."""
        self._file.close()
        if self._checksums is not None:
            with edit_hdf5(self._path) as file:
                file.create_dataset(CHECKSUM, data=self._checksums, track_times=False)


def _chosen(patches: NDArray[Any], order: NDArray[np.intp], start: int, stop: int) -> NDArray[Any]:
    return patches.take(order[start:stop], axis=0)


def _runs(offsets: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of what lies one after the other."""
    ends = np.flatnonzero(np.diff(offsets) != size) + 1
    return pairwise([0, *ends.tolist(), len(offsets)])


@contextmanager
def create_training(
    path: Path | str, *, compression: int = 0, workers: int = 1, **layout: Any
) -> Iterator[TrainingWriter]:
    """Give a `TrainingWriter` with this layout; `path` is replaced, by a complete file, when the block ends well.

    With a `compression`, a level of gzip, the patches go to a second temporary file first.
    """
    with ExitStack() as stack:
        target = stack.enter_context(replacing(path))
        file = stack.enter_context(scratch(path)) if compression else target
        writer = TrainingWriter(file, threads=workers, **layout)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()
        annotate(file, writer.attributes)
        if compression:
            compress_training(file, target, compression)


def compress_training(source: Path | str, target: Path | str, level: int) -> None:
    """Copy a training file with every data set compressed by gzip (deflate), chunk by chunk."""
    with h5py.File(source, "r") as old, create_hdf5(target) as new:
        for name, data in old.items():
            copy = new.create_dataset(
                name,
                data.shape,
                data.dtype,
                maxshape=data.maxshape,
                chunks=data.chunks,
                compression="gzip",
                compression_opts=level,
                shuffle=True,
            )
            for start in range(0, len(data), CHUNK):
                copy[start : start + CHUNK] = data[start : start + CHUNK]
                new.check()
        for name, value in old.attrs.items():
            new.attrs.create(name, value, dtype=old.attrs.get_id(name).dtype)
