"""The reading of training files: they are mapped, so that a batch of random patches is a few page-sized copies."""

import mmap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.hdf5 import damage_explained, open_hdf5, plain_dataset, read_attributes
from vdsr_data.training.layout import CHECKSUM, POSITION, check_layout, find_keys, find_patches
from vdsr_data.training.virtual import source_names

__all__ = ["TrainingFile", "open_part", "open_training", "whole_order"]

BLOCK = 2**20  # positions at a time


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
