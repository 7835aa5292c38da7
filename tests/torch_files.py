"""Writes PyTorch's files by hand, opcode by opcode: those of today, and those of Python 2.7 and PyTorch 0.2."""

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {
    "f8": "Double",
    "f4": "Float",
    "f2": "Half",
    "i8": "Long",
    "u1": "Byte",
    "u2": "BFloat16",
}  # the last, its bits


class Raw(bytes):
    """Instructions of a pickle that put one object."""


class Writer:
    """Instructions for objects; remembers the values of tensors.

    `old` for `stream` instead of `archive`, `python2` for one of Python 2.7 and PyTorch 0.2, `big` for big-endian.
    """

    def __init__(self, old: bool = False, python2: bool = False, big: bool = False) -> None:
        self.old, self.python2, self.big = old or python2, python2, big
        self.storages: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}

    def put(self, value: Any) -> Raw:
        """A Python object; arrays are tensors."""
        if isinstance(value, Raw):
            return value
        if value is None or isinstance(value, bool):
            return Raw({None: b"N", True: b"\x88", False: b"\x89"}[value])
        if isinstance(value, int):
            if self.python2:  # its long integers
                raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
                return Raw(b"\x8a" + bytes([len(raw)]) + raw)
            return Raw(b"J" + struct.pack("<i", value))
        if isinstance(value, float):
            return Raw(b"G" + struct.pack(">d", value))
        if isinstance(value, str):
            raw = value.encode()
            if self.python2:
                return Raw(
                    b"U" + bytes([len(raw)]) + raw if len(raw) < 256 else b"T" + struct.pack("<i", len(raw)) + raw
                )
            return Raw(b"X" + struct.pack("<I", len(raw)) + raw)
        if isinstance(value, tuple):
            return Raw(b"(" + b"".join(map(self.put, value)) + b"t")
        if isinstance(value, list):
            return Raw(b"](" + b"".join(map(self.put, value)) + b"e")
        if isinstance(value, dict):
            return Raw(b"}(" + b"".join(self.put(key) + self.put(one) for key, one in value.items()) + b"u")
        return self.tensor(value)

    def name(self, module: str, name: str) -> Raw:
        return Raw(f"c{module}\n{name}\n".encode())

    def call(self, function: Raw, *args: Any) -> Raw:
        return Raw(function + self.put(args) + b"R")

    def ordered(self, items: Mapping[str, Any]) -> Raw:
        """An OrderedDict: of items in Python 2, with items put into it in Python 3."""
        made = self.name("collections", "OrderedDict")
        if self.python2:
            return self.call(made, [[key, value] for key, value in items.items()])
        return Raw(
            self.call(made) + b"(" + b"".join(self.put(key) + self.put(one) for key, one in items.items()) + b"u"
        )

    def stored(self, name: tuple[Any, ...]) -> Raw:
        """What stands outside the pickle under a name."""
        return Raw(self.put(name) + b"Q")

    def storage(self, values: np.ndarray, view: tuple[Any, ...] | None = None) -> Raw:
        key = str(len(self.storages) if not self.python2 else 47_000_000 + len(self.storages))
        self.storages[key] = values.astype(values.dtype.newbyteorder(">" if self.big else "<")).tobytes()
        self.counts[key] = values.size
        kind = self.name("torch.cuda" if self.python2 else "torch", f"{KINDS[values.dtype.str[1:]]}Storage")
        extra = (view,) if self.old else ()
        return self.stored(("storage", kind, key, "cuda:0", values.size, *extra))

    def view(self, storage: Raw, offset: int, shape: Sequence[int], strides: Sequence[int]) -> Raw:
        if self.python2:
            made = self.name("torch._utils", "_rebuild_tensor")
            return self.call(made, storage, offset, tuple(shape), tuple(strides))
        made = self.name("torch._utils", "_rebuild_tensor_v2")
        return self.call(made, storage, offset, tuple(shape), tuple(strides), False, self.ordered({}))

    def tensor(self, array: np.ndarray) -> Raw:
        array = np.ascontiguousarray(array)
        return self.view(
            self.storage(array.ravel()), 0, array.shape, [step // array.itemsize for step in array.strides]
        )

    def parameter(self, array: np.ndarray) -> Raw:
        if self.python2:  # (requires_grad, volatile, hooks) is its state
            made = self.call(self.name("torch.nn.parameter", "Parameter"), array)
            return Raw(made + self.put((True, False, self.ordered({}))) + b"b")
        return self.call(self.name("torch._utils", "_rebuild_parameter"), array, True, self.ordered({}))

    def module(self, where: str, name: str, *, source: str = "", **state: Any) -> Raw:
        """An object of a class of modules; `_parameters` and the like are given as mappings."""
        kind = self.name(where, name)
        if source:
            kind = self.stored(("module", kind, f"/home/user/{where}.py", source))
        filled = {"training": True, "_parameters": {}, "_buffers": {}, "_modules": {}, "_forward_hooks": {}} | state
        wrapped = {key: self.ordered(one) if key[0] == "_" else one for key, one in filled.items()}
        return Raw(kind + b")\x81" + self.put(wrapped) + b"b")

    def conv(self, kernel: np.ndarray, bias: np.ndarray | None = None, **state: Any) -> Raw:
        """A Conv2d of a kernel of (outputs, inputs, rows, columns)."""
        parameters = {"weight": self.parameter(kernel), "bias": None if bias is None else self.parameter(bias)}
        fixed = {"kernel_size": (3, 3), "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "transposed": False,
                 "groups": 1}  # fmt: skip
        return self.module("torch.nn.modules.conv", "Conv2d", **({"_parameters": parameters} | fixed | state))

    def norm(self, outputs: int, seed: int, **state: Any) -> tuple[Raw, dict[str, np.ndarray]]:
        """A BatchNorm2d, and its arrays."""
        random = np.random.default_rng(seed)
        names = ("weight", "bias", "running_mean", "running_var")
        arrays = {name: random.uniform(0.5, 2, outputs).astype("f4") for name in names}
        parameters = {name: self.parameter(arrays[name]) for name in names[:2]}
        buffers = {name: arrays[name] for name in names[2:]} | {"num_batches_tracked": np.array(7)}
        filled = {"_parameters": parameters, "_buffers": buffers, "eps": 1e-3} | state
        return self.module("torch.nn.modules.batchnorm", "BatchNorm2d", **filled), arrays

    def relu(self) -> Raw:
        return self.module("torch.nn.modules.activation", "ReLU", inplace=True)

    def sequential(self, *modules: Raw) -> Raw:
        numbered = {str(k): module for k, module in enumerate(modules)}
        return self.module("torch.nn.modules.container", "Sequential", _modules=numbered)

    def archive(self, content: Any, folder: str = "archive") -> bytes:
        """A file as today's torch.save writes it."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(f"{folder}/data.pkl", b"\x80\x02" + self.put(content) + b".")
            archive.writestr(f"{folder}/byteorder", "big" if self.big else "little")
            for key, values in self.storages.items():
                archive.writestr(f"{folder}/data/{key}", values)
            archive.writestr(f"{folder}/version", "3\n")
        return file.getvalue()

    def stream(self, content: Any) -> bytes:
        """A file as torch.save wrote it before PyTorch 1.6."""
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
        parts = [b"\x80\x02" + self.put(content) + b"."]
        parts = [*(pickle.dumps(one, 2) for one in (MAGIC, 1001, system)), *parts, pickle.dumps([*self.storages], 2)]
        values = [struct.pack("<q", self.counts[key]) + raw for key, raw in self.storages.items()]
        return b"".join(parts + values)


def save(path: Path, content: Any) -> None:
    """A file of arrays, in mappings and lists, as today's torch.save writes it."""
    path.write_bytes(Writer().archive(content))


def module_of_2017(layers: Sequence[tuple[np.ndarray, np.ndarray | None]]) -> bytes:
    """``{"epoch": 50, "model": net}`` of Python 2.7 and PyTorch 0.2, the whole network of its class pickled.

    `layers` are kernels of (outputs, inputs, 3, 3) and biases. The first and the last are `input` and `output`, the
    others lie in blocks of a class of the user's, which comes with its source the first time.
    """
    writer = Writer(python2=True)
    blocks = []
    for number, layer in enumerate(layers[1:-1]):
        source = "" if number else "class Conv_ReLU_Block(nn.Module):\n    pass\n" * 9
        inner = {"conv": writer.conv(*layer), "relu": writer.relu()}
        blocks.append(writer.module("vdsr", "Conv_ReLU_Block", source=source, _modules=inner))
    inner = {
        "residual_layer": writer.sequential(*blocks),
        "input": writer.conv(*layers[0]),
        "output": writer.conv(*layers[-1]),
        "relu": writer.relu(),
    }
    net = writer.module("vdsr", "Net", source="class Net(nn.Module):\n    pass\n", _modules=inner)
    return writer.stream({"epoch": 50, "model": net})
