"""Tensors of PyTorch's files and of safetensors: value for value, out of files made by hand and by their libraries."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_files import Writer

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.pickled import read_pickle
from vdsr_eval.networks.torchfile import is_array, open_torch, read_safetensors, tensor_of

FORMS: dict[str, tuple[dict[str, bool], Callable[[Writer, Any], bytes]]] = {
    "archive": ({}, Writer.archive),
    "big-endian archive": ({"big": True}, Writer.archive),
    "stream": ({"old": True}, Writer.stream),
    "stream of Python 2": ({"python2": True}, Writer.stream),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Writer, Callable[[Any], Path]]:
    """A writer of a format, and a function that makes the file."""
    options, finish = FORMS[request.param]
    writer = Writer(**options)

    def made(content: Any) -> Path:
        (tmp_path / "net.pth").write_bytes(finish(writer, content))
        return tmp_path / "net.pth"

    return writer, made


def arrays(path: Path) -> dict[str, np.ndarray]:
    with open_torch(path) as content:
        return {name: tensor_of(value).array() for name, value in content.named().items()}


VALUES = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("f4")


def test_values_of_each_type(form) -> None:
    _, made = form
    bits = (VALUES.view("u4") >> 16).astype("u2")  # as bfloat16
    content = {"single": VALUES, "double": VALUES.astype("f8"), "half": VALUES.astype("f2"), "bfloat": bits}
    content |= {"counter": np.array(7), "bytes": np.arange(5, dtype="u1"), "nothing": np.zeros((0, 3), "f4")}
    found = arrays(made(content))
    assert found.keys() == content.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(
            array, content[name] if name != "bfloat" else (bits.astype("u4") << 16).view("f4")
        )
        assert array.dtype.itemsize == (4 if name == "bfloat" else content[name].dtype.itemsize)


def test_views_of_one_storage(form) -> None:
    writer, made = form
    row = np.arange(24, dtype="f4")
    storage = writer.storage(row)
    content = {
        "part": writer.view(storage, 6, (3, 2), (2, 1)),
        "turned": writer.view(storage, 0, (2, 3, 4), (1, 2, 6)),
        "number": writer.view(storage, 23, (), ()),
    }
    found = arrays(made(content))
    np.testing.assert_array_equal(found["part"], row[6:12].reshape(3, 2))
    np.testing.assert_array_equal(found["turned"], row.reshape(4, 3, 2).transpose(2, 1, 0))
    assert found["number"] == 23


def test_parameters_of_each_age(tmp_path: Path) -> None:
    new, old = Writer(), Writer(python2=True)
    wrapped = Writer(python2=True)
    made = wrapped.call(wrapped.name("torch.nn.parameter", "Parameter"))  # 0.1.6: all of it is a state
    made = type(made)(made + wrapped.put((VALUES, None, wrapped.ordered({}), True, False)) + b"b")
    files = {
        "new": new.archive({"w": new.parameter(VALUES)}),
        "old": old.stream({"w": old.parameter(VALUES)}),
        "oldest": wrapped.stream({"w": made}),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(arrays(tmp_path / name)["w"], VALUES)


def test_a_view_of_a_storage_in_the_older_format(tmp_path: Path) -> None:
    """Some storages are a part of another one, by its name, the first value and the number of values."""
    writer = Writer(old=True)
    writer.storage(np.arange(10, dtype="f8"))
    name = ("storage", writer.name("torch", "DoubleStorage"), "0", "cpu", 10, ("1", 3, 4))
    (tmp_path / "net.pth").write_bytes(writer.stream({"w": writer.view(writer.stored(name), 1, (3,), (1,))}))
    np.testing.assert_array_equal(arrays(tmp_path / "net.pth")["w"], [4, 5, 6])


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(20, (5,), (1,)), (0, (5, 5), (5, 1)), (-1, (2,), (1,)), (0, (-1,), (1,)), (9, (2,), (-1,)), (0, (30,), (0,))],
)
def test_a_tensor_beyond_its_storage(form, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    writer, made = form
    path = made({"w": writer.view(writer.storage(np.arange(24, dtype="f4")), offset, shape, strides)})
    with pytest.raises(ValueError, match="that its storage of 24 values does not hold"):
        arrays(path)


def test_what_is_no_tensor() -> None:
    writer = Writer()

    def read(content: Any) -> Any:
        return read_pickle(io.BytesIO(b"\x80\x02" + writer.put(content) + b"."))

    rebuild = writer.name("torch._utils", "_rebuild_tensor_v2")
    calls = [
        writer.call(rebuild),
        writer.call(rebuild, 1, 2, (3,), (1,)),
        writer.call(writer.name("torch", "Size"), (3,)),
    ]
    for content in (None, 5, "text", [1], {}, rebuild, *calls, writer.name("torch.nn", "Parameter")):
        assert tensor_of(read(content)) is None
    assert is_array(read(writer.call(rebuild, 1)))
    assert not is_array(read(writer.ordered({})))


def test_types_that_are_not_read_are_named(tmp_path: Path) -> None:
    writer = Writer()
    name = ("storage", writer.name("torch", "QInt8Storage"), "0", "cpu", 4)
    (tmp_path / "net.pth").write_bytes(writer.archive({"w": writer.view(writer.stored(name), 0, (4,), (1,))}))
    with pytest.raises(VdsrError, match=r"net\.pth: holds values of torch\.QInt8Storage, which are not read"):
        arrays(tmp_path / "net.pth")


def test_torchscript_is_not_run(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02N.")
        archive.writestr("net/constants.pkl", b"\x80\x02N.")
    with pytest.raises(VdsrError, match=r"net\.pt: is a TorchScript program, which is not run"):
        arrays(tmp_path / "net.pt")


def test_damaged_files(tmp_path: Path) -> None:
    writer, old = Writer(), Writer(old=True)
    whole, stream = writer.archive({"w": VALUES}), old.stream({"w": VALUES})
    spoiled = whole.replace(VALUES.tobytes(), VALUES.tobytes()[::-1])
    assert spoiled != whole
    for content, message in ((spoiled, "CRC"), (stream[:-10], "ends early"), (stream[:-120], "exhausted"),
                             (stream[4:], ".")):  # fmt: skip
        (tmp_path / "net.pth").write_bytes(content)
        with pytest.raises(Exception, match=message) as caught:
            arrays(tmp_path / "net.pth")
        assert isinstance(caught.value, (ValueError, zipfile.BadZipFile))


@pytest.mark.slow
def test_what_pytorch_writes(tmp_path: Path, torch) -> None:
    content = {
        "w": torch.from_numpy(VALUES),
        "b": torch.from_numpy(VALUES).bfloat16(),
        "s": torch.from_numpy(VALUES).mT,
    }
    for new in (True, False):
        torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=new)
        for name, array in arrays(tmp_path / "net.pth").items():
            np.testing.assert_array_equal(array, content[name].float().numpy())


def write_safetensors(path: Path, header: dict[str, Any], values: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


def test_safetensors(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    content = {"a": VALUES, "b": VALUES.astype("f2"), "c": np.arange(3), "d": np.array(2.5)}
    save_file(content, tmp_path / "net.safetensors", metadata={"format": "pt"})
    found = read_safetensors(tmp_path / "net.safetensors")
    assert found.keys() == content.keys()
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor.array(), content[name])


def test_safetensors_of_bfloat16_which_numpys_reader_of_its_library_does_not_know(tmp_path: Path) -> None:
    bits = np.array([0x3F80, 0xC000], "<u2")  # 1, -2
    header = {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    write_safetensors(tmp_path / "net.safetensors", header, bits.tobytes())
    np.testing.assert_array_equal(read_safetensors(tmp_path / "net.safetensors")["w"].array(), [1, -2])


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0]},
        {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
        [],
    ],
)
def test_damaged_safetensors(tmp_path: Path, entry: Any) -> None:
    write_safetensors(tmp_path / "net.safetensors", {"w": entry}, bytes(8))
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_safetensors(tmp_path / "net.safetensors")["w"].array()
