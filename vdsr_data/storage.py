"""The HDF5 layout of training files, writer beside reader.

Patches arrive image by image but are stored in random order. The writer lets HDF5 allocate every chunk first and then
puts each patch at its byte offset in the file, so that memory does not grow with the number of patches; the reader maps
the same offsets, so that a batch of random patches is a few page-sized copies.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError

__all__ = [
    "CHUNK",
    "Axes",
    "TrainingFile",
    "TrainingWriter",
    "annotate",
    "compress_training",
    "create_group",
    "create_hdf5",
    "is_hdf5",
    "open_hdf5",
    "open_training",
    "plain_dataset",
    "read_attributes",
]

Axes = Literal["matlab", "nhwc"]
AXES: tuple[Axes, ...] = ("matlab", "nhwc")
CHUNK = 64  # patches, as store2hdf5.m in the original's scripts
KEYS = (("lr", "gt"), ("data", "label"))  # VDSR-TensorFlow's names, Caffe's names
# Attributes above 64 KiB (the names of many images) need the format of HDF5 1.8, which MATLAB reads since R2011a.
LIBVER = ("v108", "v108")


class TrainingWriter:
    """A training file in the making; `write` may be called from several threads, in any order of patches.

    Parameters
    ----------
    path : Path
        The file to create; an existing file is overwritten.
    count : int
        Number of patch pairs, a multiple of `CHUNK`.
    patch_size : int
    keys : (str, str)
        Names of the low-resolution and the ground-truth data set.
    axes : {"matlab", "nhwc"}
        (N, 1, column, row) as MATLAB's column-major arrays appear in h5py, or (N, row, column, 1).
    """

    def __init__(self, path: Path, *, count: int, patch_size: int, keys: tuple[str, str], axes: Axes) -> None:
        self._transpose = axes == "matlab"
        self._lock = threading.Lock()
        self._count = count
        patch = (1, patch_size, patch_size) if axes == "matlab" else (patch_size, patch_size, 1)
        with create_hdf5(path) as file:
            for key in keys:
                _allocate(file, key, count, patch)
        with h5py.File(path, "r") as file:
            places = [_find_patches(file[key]) for key in keys]
        self._places = [found for found in places if found is not None]
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by close()

    def write(self, positions: NDArray[np.intp], lr: NDArray[np.floating], gt: NDArray[np.floating]) -> None:
        """Store patches (n, rows, columns) at their positions; positions beyond the count are dropped."""
        kept = np.flatnonzero(positions < self._count)
        for patches, places in zip((lr, gt), self._places, strict=True):
            stored = np.ascontiguousarray(patches.swapaxes(1, 2) if self._transpose else patches, dtype="<f4")
            for number, offset in zip(kept.tolist(), places.offsets(positions[kept]).tolist(), strict=True):
                if self._write_at(stored[number], offset) != places.size:
                    raise OSError(f"{self._file.name}: a patch could not be written in full; is the disk full?")

    def _write_at(self, patch: NDArray[np.float32], offset: int) -> int:
        """Write at a byte offset; where the system has no call for that, a lock keeps seek and write together."""
        if sys.platform != "win32":
            return os.pwrite(self._file.fileno(), patch.data, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.write(patch)

    def close(self) -> None:
        """End the writing of patches; `annotate` may follow."""
        self._file.close()


def annotate(path: Path, attributes: Mapping[str, Any]) -> None:
    """Add attributes to an HDF5 file: text and numbers as they are, lists of text as arrays, anything else as JSON."""
    with h5py.File(path, "r+", libver=LIBVER) as file:
        for name, value in attributes.items():
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                file.attrs.create(name, np.array(value, dtype=object), dtype=h5py.string_dtype())
            else:
                file.attrs[name] = value if isinstance(value, (str, int, float)) else json.dumps(value)


def compress_training(source: Path, target: Path, level: int) -> None:
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
        for name, value in old.attrs.items():
            new.attrs[name] = value


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
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self.keys = _find_keys(file, path)
        self._data = [file[key] for key in self.keys]
        self.axes, self.patch_size = _check_layout(self._data, self.keys, path)
        self.attributes = read_attributes(file)
        places = [_find_patches(data) for data in self._data]
        self._places = [found for found in places if found is not None]  # both, or the file cannot be mapped
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r")

    def __len__(self) -> int:
        return len(self._data[0])

    @property
    def layout(self) -> dict[str, Any]:
        """Per data set its shape, chunk shape and compression, for people."""
        return {
            key: {"shape": data.shape, "chunks": data.chunks, "dtype": str(data.dtype), "compression": data.compression}
            for key, data in zip(self.keys, self._data, strict=True)
        }

    def gather(self, indices: NDArray[np.integer] | Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The patches at `indices`, in that order, each index in [0, len).

        Returns
        -------
        lr, gt : ndarray, shape (len(indices), rows, columns), float32, C-contiguous

        Notes
        -----
        An uncompressed file is read through a memory map, about 0.1 ms for 64 random pairs. Data sets that cannot be
        mapped (compressed, or written with another layout) are read into memory at the first call.
        """
        chosen = np.asarray(indices, dtype=np.intp)
        pair = []
        for k in range(2):
            stored = self._gather_bytes(k, chosen) if len(self._places) == 2 else self._load(k)[chosen]
            square = stored.reshape(len(chosen), self.patch_size, self.patch_size)
            pair.append(np.ascontiguousarray(square.swapaxes(1, 2) if self.axes == "matlab" else square))
        return pair[0], pair[1]

    def _gather_bytes(self, k: int, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        size = 4 * self.patch_size**2
        out = np.empty((len(indices), size), dtype=np.uint8)
        for row, offset in zip(out, self._places[k].offsets(indices).tolist(), strict=True):
            row[:] = self._bytes[offset : offset + size]
        return out.view("<f4").astype(np.float32, copy=False)

    def _load(self, k: int) -> NDArray[np.float32]:
        if not isinstance(self._data[k], np.ndarray):
            self._data[k] = self._data[k][...].astype(np.float32, copy=False)
        return np.asarray(self._data[k])


@contextmanager
def open_training(path: Path | str) -> Iterator[TrainingFile]:
    """Open a training file: ours, or one that MATLAB or Caffe's scripts wrote (`lr`, `gt` or `data`, `label`).

    Raises
    ------
    VdsrError
        If the file is missing, not HDF5, or not a training file.
    """
    with open_hdf5(path) as file:
        yield TrainingFile(file, Path(path))


@contextmanager
def open_hdf5(path: Path | str) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever the library raises at a bad file becomes one line that names it."""
    path = Path(path)
    if not path.is_file():
        raise VdsrError(f"{path}: no such file")
    if not is_hdf5(path):
        raise VdsrError(f"{path}: not an HDF5 file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise VdsrError(f"{path}: damaged HDF5 file ({error})") from error
    with file:
        yield file


def create_hdf5(path: Path) -> h5py.File:
    """Create an HDF5 file that does not record when: the same contents are the same bytes."""
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return h5py.File(h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, creation, access))


def create_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Create a group that does not record when."""
    creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    creation.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


def is_hdf5(path: Path | str) -> bool:
    """Whether a file has the signature of HDF5."""
    return bool(h5py.is_hdf5(path))


def plain_dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """The data set of that name if its values lie in this very file (no link to elsewhere), else None."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    data = group.get(name)
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual or data.dtype.kind not in "fu":
        return None
    return data


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """Attributes as plain Python: text, numbers, lists of text; JSON texts parsed."""
    return {name: _plain(value) for name, value in file.attrs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [item.decode() if isinstance(item, bytes) else str(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _allocate(file: h5py.File, key: str, count: int, patch: tuple[int, ...]) -> None:
    """Create an extendible data set whose chunks all exist already and hold whatever the file system gives (zeros)."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((CHUNK, *patch))
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple((count, *patch), (h5py.h5s.UNLIMITED, *patch))
    h5py.h5d.create(file.id, key.encode(), h5py.h5t.IEEE_F32LE, space, properties).close()


class _Places(NamedTuple):
    """Where the patches of a data set lie in its file: chunk offsets, patches in a chunk, bytes of a patch."""

    chunks: NDArray[np.int64]
    per_chunk: int
    size: int

    def offsets(self, indices: NDArray[np.intp]) -> NDArray[np.int64]:
        """Byte offsets of patches; a table of them all would take as much memory as the order itself."""
        return self.chunks[indices // self.per_chunk] + self.size * (indices % self.per_chunk)


def _find_patches(data: h5py.Dataset) -> _Places | None:
    """Where the patches are, None if the values do not lie there as plain little-endian float32."""
    size = 4 * int(np.prod(data.shape[1:]))
    if data.dtype != np.dtype("<f4"):
        return None
    if data.chunks is None:
        start = data.id.get_offset()
        return None if start is None else _Places(np.array([start]), max(len(data), 1), size)
    if data.chunks[1:] != data.shape[1:] or data.id.get_create_plist().get_nfilters():
        return None
    per_chunk = data.chunks[0]
    chunks = np.full(-(-len(data) // per_chunk), -1, dtype=np.int64)

    def note(info: Any) -> None:
        chunks[info.chunk_offset[0] // per_chunk] = info.byte_offset

    data.id.chunk_iter(note)
    return None if (chunks < 0).any() else _Places(chunks, per_chunk, size)


def _find_keys(file: h5py.File, path: Path) -> tuple[str, str]:
    named = file.attrs.get("keys")
    candidates = [tuple(named.split(","))] if isinstance(named, str) and named.count(",") == 1 else []
    for lr, gt in [*candidates, *KEYS]:
        if plain_dataset(file, lr) is not None and plain_dataset(file, gt) is not None:
            return lr, gt
    found = ", ".join(file) or "nothing"
    raise VdsrError(f"{path}: not a training file; needs data sets lr and gt (or data and label), found {found}")


def _check_layout(data: list[h5py.Dataset], keys: tuple[str, str], path: Path) -> tuple[Axes, int]:
    lr, gt = data
    shape = lr.shape
    candidates: tuple[tuple[Axes, tuple[int, int, int]], ...] = (("matlab", (1, 2, 3)), ("nhwc", (3, 1, 2)))
    for axes, (channel, rows, columns) in candidates:
        if lr.ndim == 4 and shape == gt.shape and shape[channel] == 1 and shape[rows] == shape[columns] > 1:
            if not len(lr):
                raise VdsrError(f"{path}: holds no patches")
            return axes, int(shape[rows])
    raise VdsrError(
        f"{path}: not a training file of square luma patches; {keys[0]} is {lr.shape} and {keys[1]} is {gt.shape}, "
        "allowed are (N, 1, size, size) and (N, size, size, 1), both alike"
    )
