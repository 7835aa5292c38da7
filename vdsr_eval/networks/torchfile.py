"""Tensors in PyTorch's files, those of today and those of 2016, and in safetensors: read when they are asked for.

PyTorch is not needed, and nothing of a file is unpickled: see `vdsr_eval.networks.pickled`.
"""

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.pickled import Record, read_pickle

__all__ = ["MAGIC", "Tensor", "is_array", "open_torch", "read_safetensors", "tensor_of"]

LIMIT = 64 * 2**20  # bytes of what describes tensors, without their values
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older format
DTYPES = {"Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": "bf16", "Long": "i8", "Int": "i4", "Short": "i2",
          "Char": "i1", "Byte": "u1", "Bool": "?"}  # fmt: skip
SAFETENSORS = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bf16", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
               "U8": "u1", "BOOL": "?"}  # fmt: skip
BUILDERS = ("_rebuild_tensor", "_rebuild_tensor_v2")
WRAPPERS = ("Parameter", "Variable", "_rebuild_parameter", "_rebuild_parameter_with_state")
ARRAYS = re.compile(r"_rebuild_\w+|_reconstruct|\w*Tensor|Parameter|Variable|scalar")  # also NumPy's, and unknown ones


@dataclass(eq=False)
class Storage:
    """A row of values in a file: their type, and how their bytes are read."""

    dtype: str
    read: Callable[[], bytes]
    order: str = "<"
    values: NDArray[Any] | None = None

    @property
    def stored(self) -> np.dtype[Any]:
        """The type of the bytes."""
        return np.dtype(self.order + self.dtype.replace("bf16", "u2"))

    def array(self) -> NDArray[Any]:
        """All values; bfloat16, the upper half of a float32, as that."""
        if self.values is None:
            self.values = np.frombuffer(self.read(), self.stored)
            if self.dtype == "bf16":
                self.values = (self.values.astype(np.uint32) << 16).view(np.float32)
        return self.values


@dataclass(eq=False)
class Tensor:
    """A view of a storage, offset and strides counted in values."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        """Its values.

        Raises
        ------
        ValueError
            It reaches beyond its storage, or repeats values of it.
        """
        values = self.storage.array()
        count = math.prod(self.shape)
        last = self.offset + sum((length - 1) * step for length, step in zip(self.shape, self.strides, strict=True))
        if (
            min(self.offset, 0, *self.shape, *self.strides) < 0
            or count > len(values)
            or (count and last >= len(values))
        ):
            raise ValueError(f"a tensor of shape {self.shape} that its storage of {len(values)} values does not hold")
        if not count:
            return np.empty(self.shape, values.dtype)
        size = values.itemsize
        return np.ndarray(self.shape, values.dtype, values, self.offset * size, [step * size for step in self.strides])


def tensor_of(value: Any) -> Tensor | None:
    """The tensor that a record of a pickle would make, also as a parameter; None if it is none that is understood."""
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, Record):
        return None
    name = value.name.rpartition(".")[2]
    if name in WRAPPERS:  # those of 2016 keep the tensor in their state
        inner = value.args or (value.state if isinstance(value.state, tuple) else ())
        return _built(inner[0]) if inner else None
    return _built(value)


def is_array(value: Any) -> bool:
    """Whether an object is an array of any kind, also of those that `tensor_of` does not understand."""
    return isinstance(value, Record) and ARRAYS.fullmatch(value.name.rpartition(".")[2]) is not None


def _built(value: Any) -> Tensor | None:
    if not isinstance(value, Record):
        return None
    name = value.name.rpartition(".")[2]
    parts = value.args if name in BUILDERS else value.state if name.endswith("Tensor") else None
    if not isinstance(parts, tuple) or len(parts) < 4 or not isinstance(parts[0], Storage):
        return None
    storage, offset, shape, strides = parts[0], parts[1], _numbers(parts[2]), _numbers(parts[3])
    if not isinstance(offset, int) or shape is None or strides is None or len(shape) != len(strides):
        return None
    return Tensor(storage, offset, shape, strides)


def _numbers(value: Any) -> tuple[int, ...] | None:
    """A tuple of whole numbers, or a torch.Size of one."""
    if isinstance(value, Record) and value.name == "torch.Size" and value.args:
        value = value.args[0]
    return tuple(value) if isinstance(value, (tuple, list)) and all(isinstance(n, int) for n in value) else None


@contextmanager
def open_torch(path: Path) -> Iterator[Any]:
    """Open a file that ``torch.save`` wrote, in either format: what it holds, as `read_pickle` and `tensor_of` give it.

    Raises
    ------
    VdsrError
        It is a program (TorchScript) or of a type of values that is not known.
    ValueError, zipfile.BadZipFile
        It is damaged.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield _read_archive(archive, path)
    else:
        with path.open("rb") as file:
            yield _read_stream(file, path)


def _read_archive(archive: zipfile.ZipFile, path: Path) -> Any:
    """Read the format of today: a zip archive of a pickle and one file for each storage."""
    members = archive.namelist()
    names = [name for name in members if name.rpartition("/")[2] == "data.pkl"]
    if len(names) != 1:
        raise ValueError(f"an archive with {len(names)} files data.pkl")
    folder = names[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in members:
        raise VdsrError(f"{path}: is a TorchScript program, which is not run; save the state_dict() of the module")
    if archive.getinfo(names[0]).file_size > LIMIT:
        raise ValueError("a pickle that is too long")
    big = f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") == b"big"

    def storage(dtype: str, key: str) -> Storage:
        return Storage(dtype, lambda: archive.read(f"{folder}data/{key}"), ">" if big else "<")

    return read_pickle(io.BytesIO(archive.read(names[0])), _Storages(path, storage))


def _read_stream(file: BinaryIO, path: Path) -> Any:
    """Read the format before PyTorch 1.6: pickles, then each storage as a count of 8 bytes and its values."""
    places: dict[str, tuple[int, int]] = {}

    def storage(dtype: str, key: str) -> Storage:
        def read() -> bytes:
            place, length = places[key]
            file.seek(place)
            return file.read(length)

        return Storage(dtype, read)

    head = io.BytesIO(file.read(LIMIT))
    if read_pickle(head) != MAGIC:
        raise ValueError("not of PyTorch")
    read_pickle(head), read_pickle(head)  # the version of the format, the system
    storages = _Storages(path, storage)
    content, keys = read_pickle(head, storages), read_pickle(head)
    place = head.tell()
    for key in keys:
        file.seek(place)
        count = int.from_bytes(file.read(8), "little")
        places[key] = place + 8, count * storages.known[key].stored.itemsize
        place = sum(places[key])
        if place > path.stat().st_size:
            raise ValueError("a storage that ends early")
    return content


class _Storages:
    """What a pickle means by the name of an object that it does not hold: a storage, or the class of an old module."""

    def __init__(self, path: Path, make: Callable[[str, str], Storage]) -> None:
        self.path, self.make = path, make
        self.known: dict[str, Storage] = {}

    def __call__(self, name: Any) -> Storage | Record:
        match name:
            case ("module", Record() as made, *_):
                return made
            case ("storage", Record() as kind, str() as key, _, int(), *view):
                return self.storage(kind.name, key, view[0] if view else None)
        raise ValueError("an object that is stored nobody knows where")

    def storage(self, kind: str, key: str, view: Any) -> Storage:
        """A storage, or a part of one: (name, first value, count)."""
        dtype = DTYPES.get(kind.rpartition(".")[2].removesuffix("Storage"))
        if dtype is None:
            raise VdsrError(f"{self.path}: holds values of {kind}, which are not read; save the weights as float32")
        whole = self.known.setdefault(key, self.make(dtype, key))
        if view is None:
            return whole
        _, first, count = view
        size = whole.stored.itemsize
        return Storage(whole.dtype, lambda: whole.read()[first * size : (first + count) * size], whole.order)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name of a safetensors file: the length of a header, the header as JSON, and all values.

    Raises
    ------
    ValueError, KeyError, TypeError
        It is damaged.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > LIMIT:
            raise ValueError("a header that is too long")
        header = json.loads(file.read(length))
        values = memoryview(file.read())
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        storage = Storage(SAFETENSORS[entry["dtype"]], partial(bytes, values[first:last]))
        shape = tuple(entry["shape"])
        if math.prod(shape) * storage.stored.itemsize != last - first:
            raise ValueError(f"{last - first} bytes for values of shape {shape}")
        found[name] = Tensor(storage, 0, shape, tuple(math.prod(shape[k + 1 :]) for k in range(len(shape))))
    return found
