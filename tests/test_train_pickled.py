"""Pickles as records: every protocol of Python's own pickler, and nothing is ever called."""

import io
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from vdsr_eval.networks import pickled
from vdsr_eval.networks.pickled import Record, read_pickle


class Thing:
    """Something with a state."""


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.mkdir, (self.target,)


def read(data: bytes, **options: Any) -> Any:
    return read_pickle(io.BytesIO(data), **options)


PLAIN = [
    None,
    True,
    False,
    0,
    -5,
    2**31,
    2**80,
    1.5,
    "text",
    "t\xe9xt" * 100,
    (),
    (1,),
    (1, 2),
    (1, 2, 3),
    (1, 2, 3, 4),
    [],
    [[1], "a"],
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_back(protocol: int) -> None:
    assert read(pickle.dumps(PLAIN, protocol)) == PLAIN
    assert [type(value) for value in read(pickle.dumps(PLAIN, protocol))] == [type(value) for value in PLAIN]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_dicts_and_objects_are_records(protocol: int) -> None:
    thing = Thing()
    thing.size = 3
    value = OrderedDict(a=1, b={"c": thing, 7: b"bytes", (1, 2): {5}})
    record = read(pickle.dumps(value, protocol))
    assert record.name == "collections.OrderedDict"
    assert record.named()["a"] == 1
    inner = record.named()["b"]
    assert inner.name == "dict"
    assert [key for key, _ in inner.entries()] == ["c", 7, (1, 2)]
    assert inner.named().keys() == {"c"}
    made = inner.named()["c"]
    assert made.name == f"{__name__}.Thing"
    assert made.state.named() == {"size": 3}


def test_what_is_named_twice_is_one(tmp_path: Path) -> None:
    shared = ["x"]
    once = read(pickle.dumps([shared, shared]))
    assert once[0] is once[1]
    shared.append(shared)
    itself = read(pickle.dumps(shared))
    assert itself[1] is itself


def test_text_and_dicts_of_python_2() -> None:
    """SHORT_BINSTRING, long integers, and an OrderedDict that is called with lists of two."""
    data = b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01(]q\x02(U\x01aK\x01e]q\x03(U\x01b\x8a\x01\x02ee\x85Rq\x04."
    assert read(data).named() == {"a": 1, "b": 2}
    assert read(b"(dp0\nS'a'\np1\nI7\ns.").named() == {"a": 7}  # protocol 0


def test_what_is_stored_elsewhere_goes_by_its_name() -> None:
    data = b"\x80\x02(X\x07\x00\x00\x00storageK\x05tQ."
    assert read(data, persistent=lambda name: Record("here", name)).args == ("storage", 5)
    assert read(b"Pname\n.", persistent=lambda name: name) == "name"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_called(tmp_path: Path, protocol: int) -> None:
    data = pickle.dumps({"a": Evil(tmp_path / "made")}, protocol)
    record = read(data).named()["a"]
    assert record.name.endswith("mkdir") or record.name.endswith("getattr")  # as older protocols spell a method
    assert not (tmp_path / "made").exists()
    pickle.loads(data)
    assert (tmp_path / "made").is_dir()


def test_nothing_is_imported() -> None:
    assert read(b"cxmlrpc.server\nSimpleXMLRPCServer\n.").name == "xmlrpc.server.SimpleXMLRPCServer"
    assert "xmlrpc.server" not in sys.modules


BAD = {
    "nothing": (b"", "ends early|exhausted"),
    "no end": (b"\x80\x02N", "ends early|exhausted"),
    "unknown instruction": (b"\xff.", "opcode"),
    "extension": (b"\x82\x01.", "EXT1"),
    "empty stack": (b"\x80\x02.", "damaged pickle"),
    "no mark": (b"Nt.", "damaged pickle"),
    "a mark as a value": (b"(.", "takes more than it puts"),
    "not remembered": (b"h\x05.", "damaged pickle"),
    "a call of a number": (b"K\x01)R.", "uses a int as an object"),
    "a call with a list": (b"cos\nmkdir\n]R.", "what are no arguments"),
    "a state of a number": (b"K\x01Nb.", "uses a int as an object"),
    "items of a list": (b"]NNs.", "uses a list as an object"),
    "a key without a value": (b"}(Nu.", "shorter"),
    "a name of numbers": (b"K\x01K\x02\x93.", "by a int"),
    "too much remembered": (b"Np99999999999\n.", "remembers too much"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_pickle_is_a_value_error(name: str) -> None:
    data, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        read(data)


def test_depth_and_length_are_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = read(b"\x80\x02N" + b"\x85" * 200_000 + b".")
    assert isinstance(deep, tuple)
    monkeypatch.setattr(pickled, "INSTRUCTIONS", 1000)
    with pytest.raises(ValueError, match="more than 1000 instructions"):
        read(b"\x80\x02" + b"N" * 2000 + b".")
