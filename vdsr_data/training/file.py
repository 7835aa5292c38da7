"""The HDF5 layout of training files, writer beside reader.

Patches arrive image by image but are stored in random order. The writer lets HDF5 allocate every chunk first and then
puts each patch at its byte offset in the file, so that memory does not grow with the number of patches; the reader maps
the same offsets, so that a batch of random patches is a few page-sized copies.
"""

import mmap
import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.disk import reserve
from vdsr_data.io.files import replacing, scratch
from vdsr_data.io.hdf5 import (
    annotate,
    create_hdf5,
    damage_explained,
    edit_hdf5,
    open_hdf5,
    plain_dataset,
    read_attributes,
)
from vdsr_data.limits import Axes
from vdsr_data.training.layout import CHUNK, allocate, check_layout, find_keys, find_patches, patch_shape
from vdsr_data.training.virtual import source_names

__all__ = ["CHECKSUM", "CHUNK", "POSITION", "TrainingFile", "TrainingWriter", "compress_training",
           "create_training", "open_part", "open_training", "whole_order"]  # fmt: skip

BLOCK = 2**20  # positions at a time
POSITION, CHECKSUM = "position", "crc32"  # of each patch of a part: its place in the whole; of its lr and gt as stored


class TrainingWriter:
    """A training file in the making; `write` may be called from several threads, in any order of patches.

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

    Attributes
    ----------
    attributes : dict
        What `create_training` adds to the file at the end.
    """

    def __init__(self, path: Path, *, count: int, patch_size: int, keys: tuple[str, str], axes: Axes,
                 position: NDArray[np.unsignedinteger] | None = None) -> None:  # fmt: skip
        # Threads that wait for the file in the kernel spin; those that wait here leave the core to another.
        self._lock = threading.Lock()
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

    def write(self, positions: NDArray[np.integer], lr: NDArray[Any], gt: NDArray[Any]) -> None:
        """Store patches at their positions; positions beyond the count are dropped.

        `lr` and `gt`, (n, ...) and C-contiguous, are laid out as in the file: as `cut` or `TrainingFile.stored` gives
        them.
        """
        # A write per patch meets each page 2.6 times: 2.9 to 3.9 s of system time for 433,536 patches. Two sequential
        # passes, into 64 or 128 buckets and each permuted in memory, took 2.3 to 4.0 s, and 1.2 to 1.5 s to copy and
        # order; a shared memory map 3.3 to 3.6 s, 2.8 s to copy, and all the file as resident memory.
        kept = np.flatnonzero(positions < self._count)
        rows = positions[kept].astype(np.intp)
        for k, (patches, places) in enumerate(zip((lr, gt), self._places, strict=True)):
            stored = [patches[number].data for number in kept.tolist()]
            offsets = places.offsets(rows).tolist()
            with self._lock:
                for patch, offset in zip(stored, offsets, strict=True):
                    if self._write_at(patch, offset) != places.size:
                        raise OSError(f"{self._file.name}: a patch could not be written in full; is the disk full?")
            if self._checksums is not None:
                self._checksums[rows, k] = [zlib.crc32(patch) for patch in stored]

    def _write_at(self, patch: memoryview, offset: int) -> int:
        if hasattr(os, "pwrite"):
            return os.pwrite(self._file.fileno(), patch, offset)
        self._file.seek(offset)
        return self._file.write(patch)

    def close(self) -> None:
        """End the writing of patches; `annotate` may follow."""
        self._file.close()
        if self._checksums is not None:
            with edit_hdf5(self._path) as file:
                file.create_dataset(CHECKSUM, data=self._checksums, track_times=False)


@contextmanager
def create_training(path: Path | str, *, compression: int = 0, **layout: Any) -> Iterator[TrainingWriter]:
    """Give a `TrainingWriter` with this layout; `path` is replaced, by a complete file, when the block ends well.

    With a `compression`, a level of gzip, the patches go to a second temporary file first.
    """
    with ExitStack() as stack:
        target = stack.enter_context(replacing(path))
        file = stack.enter_context(scratch(path)) if compression else target
        writer = TrainingWriter(file, **layout)
        try:
            yield writer
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


class TrainingFile:
    """A training file opened for reading; made by `open_training`.

    Attributes
    ----------
    patch_size : int
    axes : {"matlab", "nhwc"}
    keys : (str, str)
        Names of the low-resolution and the ground-truth data set.
    attributes : dict
        The provenance that the file carries; empty for a file that MATLAB wrote.
    sources : sequence of str
        The files that a virtual file refers to; empty for any other.
    position, checksum : ndarray, or None
        Of a part of a larger file: where its patches belong in the whole, (n,), and the CRC-32 of each lr and gt as
        they are stored, (n, 2).
    resident : bool
        Whether data sets that cannot be mapped are read into memory, at the first `gather`; else patch by patch.
    """

    resident = True
    sources: Sequence[str] = ()
    position: NDArray[np.unsignedinteger] | None = None
    checksum: NDArray[np.unsignedinteger] | None = None
    _virtual = False

    def __init__(self, file: h5py.File, path: Path) -> None:
        self.path = path
        self.attributes = read_attributes(file)
        self.keys = find_keys(file, path, named=self.attributes.get("keys"), virtual=self._virtual)
        self._data = [file[key] for key in self.keys]
        self.axes, self.patch_size = check_layout(self._data, self.keys, path)
        if not self._virtual:
            self._locate(file)

    def _locate(self, file: h5py.File) -> None:
        """Map the file and find everything in it."""
        places = [find_patches(data) for data in self._data]
        self._places = [found for found in places if found is not None]  # both, or the file cannot be mapped
        with self.path.open("rb") as opened:
            self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)
        for found in self._places:
            if found.chunks.size and found.chunks.max() + found.per_chunk * found.size > len(self._bytes):
                raise ValueError("patches beyond the end of the file")
        self.position = self._mapped(plain_dataset(file, POSITION), "<u8")
        self.checksum = self._mapped(plain_dataset(file, CHECKSUM), "<u4")

    def __len__(self) -> int:
        return len(self._data[0])

    @property
    def layout(self) -> dict[str, Any]:
        """Per data set its shape, chunk shape and compression, for people."""
        names = ("shape", "chunks", "dtype", "compression")
        with damage_explained(self.path):
            return {
                key: {name: getattr(data, name) for name in names}
                for key, data in zip(self.keys, self._data, strict=True)
            }

    @property
    def mapped(self) -> bool:
        """Whether patches are read through a memory map: neither compressed nor of another layout than ours."""
        return len(self._places) == 2

    def gather(self, indices: NDArray[np.integer] | Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The patches at `indices`, in that order, each index in [0, len).

        Returns
        -------
        lr, gt : ndarray, shape (len(indices), rows, columns), float32, C-contiguous

        Notes
        -----
        An uncompressed file is read through a memory map, about 0.1 ms for 64 random pairs. Data sets that cannot be
        mapped (compressed, or written with another layout) are read into memory at the first call; see `resident`.
        """
        chosen = np.asarray(indices, dtype=np.intp)
        pair = []
        for k in range(2):
            stored = self._read(k, chosen)
            square = stored.reshape(len(chosen), self.patch_size, self.patch_size)
            pair.append(np.ascontiguousarray(square.swapaxes(1, 2) if self.axes == "matlab" else square))
        return pair[0], pair[1]

    def _read(self, k: int, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        """Patches of lr (k = 0) or gt as they are stored."""
        if self.mapped:
            return self.stored(k, indices).view("<f4").astype(np.float32, copy=False)
        if not self.resident:
            with damage_explained(self.path):
                return np.stack([self._data[k][row] for row in indices.tolist()]).astype(np.float32, copy=False)
        if not isinstance(self._data[k], np.ndarray):
            with damage_explained(self.path):
                self._data[k] = self._data[k][...].astype(np.float32, copy=False)
        return np.asarray(self._data[k])[indices]

    def stored(self, k: int, indices: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The bytes of patches of lr (k = 0) or gt (k = 1) of a `mapped` file, shape (len(indices), bytes)."""
        size = 4 * self.patch_size**2
        out = np.empty((len(indices), size), dtype=np.uint8)
        for row, offset in zip(out, self._places[k].offsets(indices).tolist(), strict=True):
            row[:] = self._bytes[offset : offset + size]
        return out

    def release(self) -> None:
        """Give back what the memory map holds of the file; the operating system would only do so under pressure."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _mapped(self, data: h5py.Dataset | None, dtype: str) -> NDArray[Any] | None:
        """The values of a small data set of a part, left in the file."""
        if data is None or data.dtype != np.dtype(dtype):
            return None
        start = data.id.get_offset() if data.size else 0  # what is empty lies nowhere
        return None if start is None else self._bytes[start : start + data.nbytes].view(dtype).reshape(data.shape)


class _VirtualFile(TrainingFile):
    """A virtual training file, read from its parts: HDF5's own way takes some 10 ms for a batch of random patches."""

    _virtual = True

    def __init__(self, file: h5py.File, path: Path, stack: ExitStack) -> None:
        super().__init__(file, path)
        self.sources = source_names(self._data[0], path)
        if source_names(self._data[1], path) != self.sources:
            raise VdsrError(f"{path}: {' and '.join(self.keys)} refer to different files; merge the parts again")
        self._parts = [stack.enter_context(open_part(path.parent / name)) for name in self.sources]
        for part in self._parts:
            if not part.mapped or (part.keys, part.axes, part.patch_size) != (self.keys, self.axes, self.patch_size):
                raise VdsrError(f"{part.path}: not a part of {path.name}; merge the parts again")
        self._order = whole_order(self._parts, len(self), path)
        self._starts = np.cumsum([0, *map(len, self._parts)])

    def _read(self, k: int, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        number = self._order[indices].astype(np.intp)
        source = np.searchsorted(self._starts, number, side="right") - 1
        out = np.empty((len(indices), self.patch_size**2), dtype=np.float32)
        for j in np.unique(source):
            own = source == j
            out[own] = self._parts[j].stored(k, number[own] - self._starts[j]).view("<f4")
        return out


def whole_order(parts: Sequence[TrainingFile], count: int, path: Path) -> NDArray[np.unsignedinteger]:
    """For each patch of the whole its number in all parts, one after the other; 4 bytes for each.

    Raises
    ------
    VdsrError
        If the positions of the patches of the parts are not 0 to count - 1, each once.
    """
    dtype = np.uint32 if count < 2**32 else np.uint64
    order: NDArray[np.unsignedinteger] = np.full(count, count, dtype=dtype)
    done = 0
    for part in parts:
        position = np.empty(0, dtype=np.uint64) if part.position is None else part.position
        last = -1
        for start in range(0, len(part), BLOCK):
            where = position[start : start + BLOCK].astype(np.int64)
            if not len(where) or where[0] <= last or where[-1] >= count or (np.diff(where) <= 0).any():
                raise VdsrError(f"{part.path}: its data set {POSITION!r} is damaged or missing; build the part again")
            order[where] = np.arange(done, done + len(where), dtype=dtype)
            done += len(where)
            last = where[-1]
        part.release()
    if done != count or (order == count).any():
        raise VdsrError(f"{path}: its parts do not give each of its {count:,} patches once; build and merge them again")
    return order


@contextmanager
def open_training(path: Path | str, *, empty: bool = False) -> Iterator[TrainingFile]:
    """Open a training file: ours, or one that MATLAB or Caffe's scripts wrote (`lr`, `gt` or `data`, `label`).

    A virtual file (``vdsr-data merge --virtual``) is read from its parts, which must lie beside it.

    Raises
    ------
    VdsrError
        If the file is missing, not HDF5, or not a training file; if it has no patches, unless it may be `empty`.
    """
    path = Path(path)
    with open_hdf5(path) as file, ExitStack() as stack:
        training: TrainingFile
        with damage_explained(path):
            # Held open, so that HDF5 need not decode the mappings again and again.
            virtual = [data for name in file if (data := plain_dataset(file, name, virtual=True)) is not None]
            training = _VirtualFile(file, path, stack) if virtual else TrainingFile(file, path)
        if not len(training) and not empty:
            raise VdsrError(f"{path}: holds no patches")
        yield training


@contextmanager
def open_part(path: Path | str) -> Iterator[TrainingFile]:
    """Open a part of a training file, which may be empty and must not be virtual; errors as `open_training`."""
    with open_hdf5(path) as file:
        with damage_explained(path):
            part = TrainingFile(file, Path(path))
        yield part
