"""Variables of .mat files that are HDF5 inside: MATLAB's version 7.3, and what Octave's ``save -hdf5`` writes.

Both store an array with its axes reversed. Only plain data that lies in the file itself is read.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import DEFLATE
from vdsr_data.io.hdf5 import damage_explained, declared_bytes, open_hdf5, read_attributes, storable_bytes

__all__ = ["is_mat73", "read_mat73"]

DEPTH = 32  # of arrays in cells in arrays
COUNT = 1_000_000  # of arrays
BITS = (8, 16, 32, 64)
NUMBERS = {"double": "f8", "single": "f4", "logical": "u1"}
NUMBERS |= {f"{sign}int{bits}": f"{sign or 'i'}{bits // 8}" for sign in ("", "u") for bits in BITS}
OCTAVE = {"": "double", "null": "double", "float": "single", "bool": "logical", "scalar struct": "struct"}
OCTAVE |= dict.fromkeys(("string", "sq_string", "null_string", "null_sq_string"), "char")  # its kinds as MATLAB's


class _Left(Exception):  # noqa: N818
    """Something that is not read: sparse, an object, a function, a range."""


def is_mat73(path: Path) -> bool:
    """Whether an HDF5 file was written by MATLAB or Octave, by its first bytes or its variables."""
    with path.open("rb") as file:
        if file.read(6) == b"MATLAB":
            return True
    with open_hdf5(path) as file, damage_explained(path):
        marks = {mark for name in file for mark in getattr(_linked(file, name), "attrs", ())}
    return not marks.isdisjoint(("MATLAB_class", "OCTAVE_NEW_FORMAT"))


def read_mat73(path: Path) -> dict[str, Any]:
    """Variables by name, as `scipy.io.loadmat` gives those of older versions.

    Returns
    -------
    dict
        Numbers and logical values (uint8) as arrays of two axes or more, in MATLAB's order of axes; text as arrays of
        str, one for each row; cells as arrays of objects; structs as structured arrays, with fields in the order of the
        alphabet. What is sparse, an object, a function or a range of Octave is left out, and None in cells and structs.

    Raises
    ------
    VdsrError
        The file is damaged, refers to something outside itself, or was written by neither MATLAB nor Octave.
    """
    if not is_mat73(path):
        raise VdsrError(
            f"{path}: an HDF5 file that neither MATLAB nor Octave wrote, so that the order of its axes is not known"
        )
    found = {}
    with open_hdf5(path) as file, damage_explained(path):
        reader = _Reader(file, path)
        for name in file:
            if not name.startswith("#"):  # what cells refer to, and objects
                found[name] = reader.member(file, name, 0)
    return {name: value for name, value in found.items() if value is not None}


class _Reader:
    """What was read of a file, and how much more may be."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self.file = file
        self.bytes_left = DEFLATE * path.stat().st_size
        self.seen: dict[int, Any] = {}

    def member(self, group: h5py.Group, name: str, depth: int) -> Any:
        """An array of a group, by its name."""
        item = _linked(group, name)
        if item is None:
            raise ValueError(f"{name} lies in another file")
        return self.value(item, depth)

    def value(self, item: Any, depth: int) -> Any:
        """An array, with all that it refers to; the same one for the same place in the file; None if it is not read."""
        address = h5py.h5o.get_info(item.id).addr
        if address not in self.seen:
            if depth > DEPTH or len(self.seen) > COUNT:
                raise ValueError(f"arrays in arrays, more than {DEPTH} deep or more than {COUNT}")
            attributes = read_attributes(item)
            octave = "OCTAVE_NEW_FORMAT" in attributes
            try:
                self.seen[address] = (self.octave if octave else self.matlab)(item, attributes, depth + 1)
            except _Left:
                self.seen[address] = None
        return self.seen[address]

    def matlab(self, item: Any, attributes: Mapping[str, Any], depth: int) -> Any:
        """A data set of values, of references to cells, or of the shape of nothing; a group of fields."""
        kind = attributes.get("MATLAB_class")
        if kind is None or not {"MATLAB_sparse", "MATLAB_object_decode"}.isdisjoint(attributes):
            raise _Left
        if isinstance(item, h5py.Group):
            if kind != "struct":
                raise _Left
            return _struct({name: self.field(item, name, depth) for name in item})
        values = self.stored(item)
        if attributes.get("MATLAB_empty"):
            return _empty(kind, values)
        return self.cells(values, depth) if kind == "cell" else _array(kind, values)

    def field(self, group: h5py.Group, name: str, depth: int) -> NDArray[Any]:
        """The values of a field: one, or where MATLAB names no class, one for each element of an array of structs."""
        item = _linked(group, name)
        if isinstance(item, h5py.Dataset) and "MATLAB_class" not in item.attrs:
            return self.cells(self.stored(item), depth)
        return _one(self.member(group, name, depth))

    def cells(self, references: NDArray[Any], depth: int) -> NDArray[Any]:
        """What references refer to."""
        if references.dtype.kind != "O" or not all(references.flat):
            raise ValueError("a cell without references")
        return _cells(references.shape, (self.value(self.file[one], depth) for one in references.flat))

    def octave(self, item: Any, attributes: Mapping[str, Any], depth: int) -> Any:
        """A group of a kind and a value."""
        said = self.stored(_linked(item, "type"))
        if said.dtype.kind != "S":
            raise ValueError("a variable of no kind")
        words = bytes(said).decode(errors="replace").rstrip("\0")
        for word in ("matrix", "scalar", "complex"):
            words = words.removesuffix(word).removesuffix("_").rstrip()
        kind = OCTAVE.get(words, words)
        if kind not in (*NUMBERS, "char", "cell", "struct"):
            raise _Left
        value = _linked(item, "value")
        if "OCTAVE_EMPTY_MATRIX" in attributes:
            return _empty(kind, self.stored(value))
        if kind == "cell" and isinstance(value, h5py.Group):
            shape = tuple(int(n) for n in self.stored(_linked(value, "dims")).ravel())
            if math.prod(shape) != len(value) - 1:
                raise ValueError(f"a cell of shape {shape[::-1]} with {len(value) - 1} elements")
            return _cells(shape, (self.member(value, f"_{n}", depth) for n in range(len(value) - 1)))
        if kind == "struct" and isinstance(value, h5py.Group):
            several = words == "struct"
            fields = {name: self.member(value, name, depth) for name in value}
            return _struct({name: field if several else _one(field) for name, field in fields.items()})
        return _array(kind, self.stored(value))

    def stored(self, data: Any) -> NDArray[Any]:
        """All values of a data set, which lie in this very file; those of a complex one as one number each."""
        if not isinstance(data, h5py.Dataset) or data.shape is None or data.external or data.is_virtual:
            raise ValueError("values that are missing or lie in another file")
        kind = data.dtype
        parts = [kind[name].kind for name in kind.names or ()]
        reference = h5py.check_ref_dtype(kind) is h5py.Reference
        if kind.kind not in "iufS" and not reference and (kind.names != ("real", "imag") or set(parts) - set("iuf")):
            raise _Left
        declared = declared_bytes(data)
        self.bytes_left -= declared
        if declared > storable_bytes(data) or self.bytes_left < 0:
            raise ValueError(f"{data.name} declares more values than the file holds")
        values = np.asarray(data[()])
        return values["real"] + 1j * values["imag"] if parts else values


def _linked(group: h5py.Group, name: str) -> Any:
    """What lies under a name of a group in this very file, or None."""
    return group.get(name) if isinstance(group.get(name, getlink=True), h5py.HardLink) else None


def _array(kind: str, values: NDArray[Any]) -> NDArray[Any]:
    """Numbers or text, of which the axes are stored in reversed order."""
    values = np.atleast_2d(values.T)
    if kind == "char" and values.ndim == 2 and values.dtype.kind in "iu":
        rows = values.astype("<u2")  # Octave's bytes are of the same characters, but for those above 127
        return np.array([row.tobytes().decode("utf-16-le", "replace") for row in rows])
    if kind not in NUMBERS or values.dtype.kind not in "iufc":
        raise _Left
    if values.dtype.kind == "c":
        return values.astype({"single": "c8"}.get(kind, "c16"))
    with np.errstate(invalid="ignore"):
        return values.astype(NUMBERS[kind])


def _empty(kind: str, shape: NDArray[Any]) -> NDArray[Any]:
    """Nothing, of a shape that is stored instead of values, in MATLAB's order; or a struct without fields."""
    lengths = [int(length) for length in shape.ravel()]
    if kind == "struct" and lengths == [1, 1]:
        return _struct({})
    if 0 not in lengths:
        raise ValueError(f"nothing of shape {lengths}")
    if kind == "char":
        return np.array([], "U1")
    return np.empty(lengths, NUMBERS.get(kind, object))


def _cells(reversed_shape: tuple[int, ...], values: Iterable[Any]) -> NDArray[Any]:
    """Cells of values that come with the first of MATLAB's axes fastest."""
    found = np.empty(math.prod(reversed_shape), object)
    for n, value in enumerate(values):
        found[n] = value
    return np.atleast_2d(found.reshape(reversed_shape).T)


def _one(value: Any) -> NDArray[Any]:
    """The field of a single struct."""
    return _cells((1, 1), [value])


def _struct(fields: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """An array of structs of the values of their fields."""
    if not fields:
        return np.array([[None]], object)
    shapes = {field.shape for field in fields.values()}
    if len(shapes) > 1:
        raise ValueError(f"structs of {len(shapes)} shapes")
    found = np.empty(shapes.pop(), [(name, object) for name in fields])
    for name, field in fields.items():
        found[name] = field
    return found
