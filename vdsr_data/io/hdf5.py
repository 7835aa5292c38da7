"""HDF5 files in general: errors of one line, the same bytes every time, attributes as plain Python."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError, brief
from vdsr_data.io.files import DEFLATE, check_input, refusal
from vdsr_data.io.mistaken import mistaken

__all__ = ["BAND", "WrittenFile", "annotate", "bands", "create_group", "create_hdf5", "damage_explained",
           "declared_bytes", "edit_hdf5", "open_hdf5", "plain_dataset", "plain_group", "read_attributes",
           "storable_bytes", "write_attribute"]  # fmt: skip

BAND = 2**22  # bytes of rows that are looked at together


@contextmanager
def open_hdf5(path: Path | str) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever the library raises at a bad file becomes one line that names it.

    Raises
    ------
    VdsrError
        If there is no such file, or if it is damaged or of another kind.
    OSError
        If the system refuses: no permission, too many open files.
    """
    path = Path(path)
    check_input(path)
    other = mistaken(path)  # which the system may refuse to open, of which h5py's question tells nothing
    if not h5py.is_hdf5(path):
        kind = (
            "a .mat file, not HDF5; of a benchmark give the folder, of weights see vdsr-eval --weights"
            if path.suffix == ".mat"
            else "not an HDF5 file"
        )
        raise VdsrError(f"{path}: {other or kind}")
    with damage_explained(path):
        file = h5py.File(path, "r")
    with file:
        yield file


@contextmanager
def damage_explained(path: Path | str) -> Iterator[None]:
    """Turn whatever h5py, which has no class of its own, raises at a bad file into one line that names the file."""
    try:
        yield
    except VdsrError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.filename:  # of the system, not of h5py, and perhaps of another file
            raise
        if refused := refusal(error, path):
            raise refused from error
        raise VdsrError(f"{path}: damaged HDF5 file; get it or build it again ({brief(error)})") from error


class _Bytes:
    """The bytes of a file that HDF5 writes. What the system refuses is kept, and HDF5 told that all is well.

    For where a write fails as a file is closed, such as on a full disk, HDF5 (1.14.6) ends the process.
    """

    def __init__(self, path: Path | str, mode: Literal["r+b", "w+b"]) -> None:
        self._file = open(path, mode, buffering=0)  # noqa: SIM115 - closed by close()
        self.refused: OSError | None = None
        self.seek, self.tell, self.readinto = self._file.seek, self._file.tell, self._file.readinto

    def write(self, data: Any) -> int:
        """Write all, or nothing any more."""
        data = memoryview(data)
        rest = data
        try:
            while rest and self.refused is None:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.refused = error
        return len(data)

    def truncate(self, size: int) -> None:
        """Set the length of the file."""
        try:
            self._file.truncate(size)
        except OSError as error:
            self.refused = self.refused or error

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def check(self) -> None:
        """Raise what the system has refused."""
        if self.refused is not None:
            raise self.refused

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class WrittenFile(h5py.File):  # type: ignore[misc]
    """An HDF5 file that is written; `close`, a ``with`` block's end and `check` raise an OSError at a full disk."""

    def __init__(self, identifier: Any, content: _Bytes) -> None:
        super().__init__(identifier)
        self._content = content

    def check(self) -> None:
        """Raise an OSError if something could not be written so far."""
        self._content.check()

    def close(self) -> None:
        """Write everything to disk."""
        if self.id.valid:
            super().close()
            self._content.close()
            self._content.check()


def create_hdf5(path: Path | str, *, virtual: bool = False) -> WrittenFile:
    """Create an HDF5 file that does not record when: the same contents are the same bytes.

    Virtual data sets need the format of HDF5 1.10.
    """
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    content = _Bytes(path, "w+b")
    access = _access(content, h5py.h5f.LIBVER_V110 if virtual else h5py.h5f.LIBVER_V18)
    return WrittenFile(h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, creation, access), content)


def edit_hdf5(path: Path | str) -> WrittenFile:
    """Open an HDF5 file to add to it.

    Attributes above 64 KiB (the names of many images) need the format of HDF5 1.8, which MATLAB reads since R2011a.
    """
    content = _Bytes(path, "r+b")
    access = _access(content, h5py.h5f.LIBVER_V18)
    return WrittenFile(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDWR, access), content)


def _access(content: _Bytes, newest: Any) -> Any:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, content)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, newest)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return access


def create_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Create a group that does not record when."""
    creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    creation.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


def annotate(path: Path | str, attributes: Mapping[str, Any]) -> None:
    """Add attributes to an HDF5 file: text and numbers as they are, lists of text as arrays, anything else as JSON."""
    with edit_hdf5(path) as file:
        for name, value in attributes.items():
            write_attribute(file, name, value)


def write_attribute(file: h5py.File, name: str, value: Any) -> None:
    """Add an attribute as `annotate` does: text with its length, which `read_attributes` reads."""
    listed = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not listed and isinstance(value, (int, float)):
        file.attrs[name] = value
        return
    text = value if listed or isinstance(value, str) else json.dumps(value)
    encoded = np.array([item.encode() for item in text] if listed else text.encode(), dtype=np.bytes_)
    file.attrs.create(name, encoded, dtype=h5py.string_dtype("utf-8", encoded.dtype.itemsize))


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """Attributes as plain Python: text, numbers, lists of text; JSON texts parsed.

    Text without a length lies in a heap. From a damaged one HDF5 (1.14.6) does not come back, so it is not read at all.
    """
    return {name: _plain(file.attrs[name]) for name in file.attrs if _has_length(file.attrs.get_id(name).get_type())}


def _has_length(kind: h5py.h5t.TypeID) -> bool:
    if isinstance(kind, h5py.h5t.TypeStringID):
        return not kind.is_variable_str()
    return isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [item.decode(errors="replace") if isinstance(item, bytes) else str(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def plain_group(group: h5py.Group, name: str) -> h5py.Group | None:
    """The group of that name if it lies in this very file (no link to elsewhere), else None."""
    found = group.get(name) if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    return found if isinstance(found, h5py.Group) else None


def plain_dataset(group: h5py.Group, name: str, *, virtual: bool = False, kinds: str = "fu") -> h5py.Dataset | None:
    """The data set of that name if its values lie in this very file (no link to elsewhere), else None.

    With `virtual`, the other way round: only a data set that puts together those of other files. `kinds` of values are
    NumPy's.

    Raises
    ------
    VdsrError
        If it declares more values than the file can hold, whose memory is not even to be asked for.
    """
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    data = group.get(name)
    if (
        not isinstance(data, h5py.Dataset)
        or data.external
        or data.is_virtual != virtual
        or data.dtype.kind not in kinds
    ):
        return None
    if data.size and not virtual and declared_bytes(data) > storable_bytes(data):
        raise VdsrError(f"{group.file.filename}: {data.name} declares more values than the file holds; get it again")
    return data


def declared_bytes(data: h5py.Dataset) -> int:
    """The memory that the values of a data set take, or those of one of its chunks if these are more."""
    return int(data.dtype.itemsize * max(data.size, math.prod(data.chunks or ())))


def bands(data: h5py.Dataset) -> Iterator[NDArray[Any]]:
    """The values of a data set, rows after rows, some megabytes at a time."""
    if not data.shape:
        yield np.asarray(data[...])
        return
    chunk = (data.chunks or (1,))[0]
    step = chunk * max(BAND // max(data.nbytes // max(len(data), 1) * chunk, 1), 1)
    for start in range(0, len(data), step):
        yield data[start : start + step]


def storable_bytes(data: h5py.Dataset) -> int:
    """The most memory that what a data set stores in the file can take when it is unpacked."""
    return int(DEFLATE * data.id.get_storage_size() + DEFLATE)
