"""HDF5 virtual data sets: a training file that refers to its parts, in the same folder, instead of copying them.

The patches of a part are scattered over the whole, so a mapping selects a union of runs of rows. HDF5 needs time
quadratic in the runs of a mapping, when it is made and whenever the file is opened: for 216,768 pairs in 4 parts, one
mapping for each part was not made within 2 minutes of processor time, while mappings of about 256 rows take a second.
"""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import is_plain_name
from vdsr_data.io.hdf5 import create_hdf5

__all__ = ["create_virtual", "is_plain_source", "source_names"]

ROWS = 256  # of a part, roughly, in a mapping


def create_virtual(
    path: Path,
    keys: tuple[str, str],
    patch: tuple[int, ...],
    sources: Sequence[tuple[str, NDArray[np.unsignedinteger]]],
) -> None:
    """Create a file whose data sets `keys` put the parts together in the order of the whole.

    Parameters
    ----------
    path : Path
        The file to create; an existing file is overwritten.
    keys : (str, str)
        Names of the data sets, here and in the parts.
    patch : tuple of int
        Shape of a patch as it is stored.
    sources : sequence of (str, ndarray)
        File name of each part, without a folder, and the ascending positions of its patches in the whole; together the
        positions are 0, 1, 2, ...
    """
    count = sum(len(position) for _, position in sources)
    properties = [h5py.h5p.create(h5py.h5p.DATASET_CREATE) for _ in keys]
    for item in properties:
        item.set_obj_track_times(False)
    block = ROWS * len(sources)
    first = [0] * len(sources)
    for start in range(0, count, block):
        for k, (name, position) in enumerate(sources):
            stop = bisect_left(position, start + block, lo=first[k])
            if stop > first[k]:
                target = _select(count, patch, position[first[k] : stop].astype(np.int64))
                source = _select(len(position), patch, np.arange(first[k], stop))
                for key, item in zip(keys, properties, strict=True):
                    item.set_virtual(target, name.encode(), f"/{key}".encode(), source)
                first[k] = stop
    with create_hdf5(path, virtual=True) as file:
        space = h5py.h5s.create_simple((count, *patch))
        for key, item in zip(keys, properties, strict=True):
            h5py.h5d.create(file.id, key.encode(), h5py.h5t.IEEE_F32LE, space, item).close()


def _select(count: int, patch: tuple[int, ...], rows: NDArray[np.int64]) -> h5py.h5s.SpaceID:
    """A data space of `count` patches with these ascending rows selected, run by run."""
    space = h5py.h5s.create_simple((count, *patch))
    space.select_none()
    for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
        start, once = (int(run[0]), *(0 for _ in patch)), (1, *(1 for _ in patch))
        space.select_hyperslab(start, once, block=(len(run), *patch), op=h5py.h5s.SELECT_OR)
    return space


def is_plain_source(folder: Path, name: str) -> bool:
    """Whether a name is text, of a file in this very folder: no path, link, or % (which HDF5 takes for a pattern)."""
    return is_plain_name(name) and "%" not in name and not (folder / name).is_symlink()


def source_names(data: h5py.Dataset, path: Path) -> list[str]:
    """File names of the parts that a virtual data set refers to, if they are plain files beside it.

    Raises
    ------
    VdsrError
        If a part is missing, lies in another folder or is a link, or a mapping refers to a data set of another name.
    """
    mappings = data.id.get_create_plist()
    number = range(mappings.get_virtual_count())
    names = list(dict.fromkeys(mappings.get_virtual_filename(k) for k in number))
    if {mappings.get_virtual_dsetname(k) for k in number} - {data.name, data.name[1:]}:
        raise VdsrError(f"{path}: {data.name} refers to data sets of other names; make it with `vdsr-data merge`")
    for name in names:
        source = path.parent / name
        if not is_plain_source(path.parent, name):
            raise VdsrError(
                f"{path}: refers to {name!r}; allowed are plain files in the same folder, not links; put the parts "
                "there and merge them again"
            )
        if not source.is_file():
            raise VdsrError(f"{source}: no such file; {path.name} refers to it, put it there or merge the parts again")
    return names
