"""How patches lie in a training file: data sets, axes, chunks, and the byte offset of every patch."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError, listed
from vdsr_data.io.hdf5 import plain_dataset
from vdsr_data.limits import Axes

__all__ = ["CHECKSUM", "CHUNK", "POSITION", "Places", "allocate", "check_layout", "find_keys", "find_patches",
           "patch_shape"]  # fmt: skip

CHUNK = 64  # patches, as store2hdf5.m in the original's scripts
POSITION, CHECKSUM = "position", "crc32"  # of each patch of a part: its place in the whole; of its lr and gt as stored
KEYS = (("lr", "gt"), ("data", "label"))  # VDSR-TensorFlow's names, Caffe's names


def patch_shape(patch_size: int, axes: Axes) -> tuple[int, int, int]:
    """Shape of a patch in the file."""
    return (1, patch_size, patch_size) if axes == "matlab" else (patch_size, patch_size, 1)


def allocate(file: h5py.File, key: str, count: int, patch: tuple[int, ...]) -> None:
    """Create an extendible data set whose chunks all exist already and hold whatever the file system gives (zeros)."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((CHUNK, *patch))
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple((count, *patch), (h5py.h5s.UNLIMITED, *patch))
    h5py.h5d.create(file.id, key.encode(), h5py.h5t.IEEE_F32LE, space, properties).close()


class Places(NamedTuple):
    """Where the patches of a data set lie in its file: chunk offsets, patches in a chunk, bytes of a patch."""

    chunks: NDArray[np.int64]
    per_chunk: int
    size: int

    def offsets(self, indices: NDArray[np.intp]) -> NDArray[np.int64]:
        """Byte offsets of patches; a table of them all would take as much memory as the order itself."""
        return self.chunks[indices // self.per_chunk] + self.size * (indices % self.per_chunk)


def find_patches(data: h5py.Dataset) -> Places | None:
    """Where the patches are, None if the values do not lie there as plain little-endian float32."""
    size = 4 * int(np.prod(data.shape[1:]))
    if data.dtype != np.dtype("<f4"):
        return None
    if data.chunks is None:
        start = data.id.get_offset()
        return None if start is None else Places(np.array([start]), max(len(data), 1), size)
    if data.chunks[1:] != data.shape[1:] or data.id.get_create_plist().get_nfilters():
        return None
    per_chunk = data.chunks[0]
    chunks = np.full(-(-len(data) // per_chunk), -1, dtype=np.int64)

    def note(info: Any) -> None:
        chunks[info.chunk_offset[0] // per_chunk] = info.byte_offset

    data.id.chunk_iter(note)
    return None if (chunks < 0).any() else Places(chunks, per_chunk, size)


def find_keys(file: h5py.File, path: Path, *, named: Any, virtual: bool) -> tuple[str, str]:
    """Names of the data sets of lr and gt: the attribute `named`, or one of the usual pairs; VdsrError if none."""
    candidates = [tuple(named.split(","))] if isinstance(named, str) and named.count(",") == 1 else []
    for lr, gt in [*candidates, *KEYS]:
        if all(plain_dataset(file, key, virtual=virtual) is not None for key in (lr, gt)):
            return lr, gt
    if file.keys() and all(re.fullmatch(r"conv_\d{2,}", name) for name in file):  # what vdsr-train writes
        raise VdsrError(
            f"{path}: holds the weights of a network, no images; score it with `vdsr-eval --weights {path}`"
        )
    if {"step", "sha256"} <= file.attrs.keys():
        raise VdsrError(f"{path}: is a checkpoint of a training, no data; go on from it with `vdsr-train --resume`")
    found = listed(file) or "nothing"
    raise VdsrError(f"{path}: not a training file; needs data sets lr and gt (or data and label), found {found}")


def check_layout(data: list[h5py.Dataset], keys: tuple[str, str], path: Path) -> tuple[Axes, int]:
    """Order of the axes and size of a patch; VdsrError if these are not square luma patches."""
    lr, gt = data
    shape = lr.shape
    candidates: tuple[tuple[Axes, tuple[int, int, int]], ...] = (("matlab", (1, 2, 3)), ("nhwc", (3, 1, 2)))
    for axes, (channel, rows, columns) in candidates:
        if lr.ndim == 4 and shape == gt.shape and shape[channel] == 1 and shape[rows] == shape[columns] > 1:
            return axes, int(shape[rows])
    raise VdsrError(
        f"{path}: not a training file of square luma patches; {keys[0]} is {lr.shape} and {keys[1]} is {gt.shape}, "
        "allowed are (N, 1, size, size) and (N, size, size, 1), both alike"
    )
