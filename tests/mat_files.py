"""Writes .mat files that are HDF5 inside, laid out as MATLAB (7.3) and Octave lay them out."""

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np

HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Tue Aug 23 11:41:18 2016 HDF5 schema 1.00 ."
CLASSES = {"f8": "double", "f4": "single", "b1": "logical"}
CLASSES |= {f"{kind}{n}": f"{'u' * (kind == 'u')}int{8 * n}" for kind in "iu" for n in (1, 2, 4, 8)}


def kind_of(value: Any) -> str:
    if isinstance(value, (dict, str)):
        return "struct" if isinstance(value, dict) else "char"
    if value.dtype.names:
        return "struct"
    if value.dtype.kind in "OU":
        return "cell" if value.dtype.kind == "O" else "char"
    return CLASSES[value.real.dtype.str[1:]]


def characters(value: Any, dtype: str) -> np.ndarray:
    """Text as rows of numbers."""
    rows = [value] if isinstance(value, str) else [str(row) for row in value]
    return np.array([[ord(letter) for letter in row] for row in rows], dtype)


def plain(value: Any) -> np.ndarray:
    """Numbers and text as they are stored, before their axes are reversed."""
    return characters(value, "u2") if kind_of(value) == "char" else np.atleast_2d(value)


class Mat73:
    """A file of MATLAB 7.3 that is written."""

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.numbers = itertools.count()

    def put(self, group: h5py.Group, name: str, value: Any) -> None:
        value = value if isinstance(value, (dict, str)) else np.asarray(value)
        kind = kind_of(value)
        if kind == "struct" and not isinstance(value, dict):
            item = group.create_group(name)
            for field in value.dtype.names:
                item[field] = self.references(value[field])
        elif kind == "struct" and value:
            item = group.create_group(name)
            for field, part in value.items():
                self.put(item, field, part)
        elif kind == "struct" or not plain(value).size:
            item = group.create_dataset(name, data=np.array((1, 1) if kind == "struct" else plain(value).shape, "u8"))
            item.attrs["MATLAB_empty"] = np.uint8(1)
        elif kind == "cell":
            item = group.create_dataset(name, data=self.references(value), dtype=h5py.ref_dtype)
        else:
            stored = plain(value).T
            if stored.dtype.kind == "c":
                parts = np.dtype([("real", stored.real.dtype), ("imag", stored.real.dtype)])
                stored = stored.copy().view(parts).reshape(stored.shape)
            item = group.create_dataset(name, data=stored.astype("u1") if kind == "logical" else stored)
        item.attrs["MATLAB_class"] = np.bytes_(kind)
        if kind in ("logical", "char"):
            item.attrs["MATLAB_int_decode"] = np.int32(1 if kind == "logical" else 2)

    def references(self, values: np.ndarray) -> np.ndarray:
        """References to values in the group #refs#, in reversed order of axes."""
        found = np.empty(np.atleast_2d(values).T.shape, h5py.ref_dtype)
        for place, value in np.ndenumerate(np.atleast_2d(values).T):
            name = f"{next(self.numbers):x}"
            self.put(self.file.require_group("#refs#"), name, value)
            found[place] = self.file[f"#refs#/{name}"].ref
        return found


def write_mat73(path: Path, variables: dict[str, Any]) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            Mat73(file).put(file, name, value)
    with path.open("r+b") as head:
        head.write(HEADER.ljust(116) + bytes(8) + b"\0\2IM")


def put_octave(group: h5py.Group, name: str, value: Any) -> None:
    """A group of a type and a value."""
    value = value if isinstance(value, (dict, str)) else np.asarray(value)
    kind = kind_of(value)
    item = group.create_group(name)
    item.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
    word = {"double": "", "single": "float ", "logical": "bool "}.get(kind, f"{kind} ")
    one = isinstance(value, np.ndarray) and value.ndim == 0
    if kind == "struct":
        word = "scalar struct" if isinstance(value, dict) else "struct"
        inner = item.create_group("value")
        for field in value if isinstance(value, dict) else value.dtype.names:
            put_octave(inner, field, value[field])
    elif kind in ("cell", "char"):
        word = "cell" if kind == "cell" else "string"
    else:
        word = f"{word}{'complex ' * (value.dtype.kind == 'c')}{'scalar' if one else 'matrix'}"
        word = "bool" if word == "bool scalar" else word
    item["type"] = np.bytes_(word)
    if kind == "struct":
        return
    if not plain(value).size:
        item.attrs["OCTAVE_EMPTY_MATRIX"] = np.uint8(1)
        item["value"] = np.array((0, 0) if kind == "char" else value.shape, "i8")
    elif kind == "cell":
        inner = item.create_group("value")
        inner["dims"] = np.array(value.T.shape, "i8")
        for number, part in enumerate(value.ravel(order="F")):
            put_octave(inner, f"_{number}", part)
    elif kind == "char":
        item["value"] = characters(value, "i1").T
    elif word == "bool":
        item["value"] = float(value)
    elif value.dtype.kind == "c":
        parts = np.dtype([("real", value.real.dtype), ("imag", value.real.dtype)])
        item["value"] = np.ascontiguousarray(value.T).view(parts).reshape(value.T.shape)
    else:
        item["value"] = value.T.astype("u1") if kind == "logical" else value.T


def write_octave(path: Path, variables: dict[str, Any]) -> None:
    with h5py.File(path, "w") as file:
        for name, value in variables.items():
            put_octave(file, name, value)
