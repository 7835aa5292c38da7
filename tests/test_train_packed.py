"""A training in one file: exact there and back, the same bytes, and one line for whatever is no such file."""

import h5py
import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.io.hdf5 import annotate
from vdsr_eval.networks.weights import write_weights
from vdsr_train.config import Config
from vdsr_train.loop import packed
from vdsr_train.loop.checkpoint import Saved, save
from vdsr_train.loop.packed import Packed, read_packed, write_packed

CONFIG = Config(depth=2, channels=3, images="a b", scales=(2, 3), learning_rate=1e-3)


def state(channels: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(channels)
    shapes = {"conv_01/kernel": (3, 3, 1, channels), "conv_01/bias": (channels,)}
    shapes |= {"conv_02/kernel": (3, 3, channels, 1), "conv_02/bias": (1,), "optimizer/conv_01_kernel_momentum": (9,)}
    arrays = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return {**arrays, "optimizer/iteration": np.array(7, np.int64), "optimizer/learning_rate": np.array(1e-3, "f4")}


@pytest.fixture
def path(tmp_path):
    write_packed(tmp_path / "a.h5", Packed(CONFIG, Saved(7, state(), "abc def", None), "one\ntwo\n"))
    return tmp_path / "a.h5"


def test_there_and_back_is_bit_exact(path) -> None:
    config, saved, commands = read_packed(path)
    assert (config, saved.step, saved.data, saved.pending, commands) == (CONFIG, 7, "abc def", None, "one\ntwo\n")
    assert saved.state.keys() == state().keys()
    for name, array in state().items():
        assert saved.state[name].dtype == array.dtype
        assert saved.state[name].tobytes() == array.tobytes()


def test_the_same_training_is_the_same_bytes(path) -> None:
    again = path.with_name("b.h5")
    write_packed(again, read_packed(path))
    assert again.read_bytes() == path.read_bytes()
    assert len(path.read_bytes()) < sum(array.nbytes for array in state().values()) + 12000


def refused(path, match: str) -> None:
    with pytest.raises(VdsrError, match=match) as caught:
        read_packed(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "garbage", "gone"])
def test_what_is_damaged(path, damage) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(state()["conv_02/kernel"].tobytes()) + 5
    content[at] ^= 1
    short = {"cut": content[: len(content) // 2], "empty": b"", "garbage": b"x" * 4096}
    path.write_bytes(short.get(damage, content))
    if damage == "gone":
        path.unlink()
    refused(path, "checksum does not match" if damage == "flip" else "HDF5|no such file|is empty")


def test_files_of_another_kind(tmp_path) -> None:
    write_weights(tmp_path / "w.h5", [(np.ones((3, 3, 1, 2)), np.zeros(2)), (np.ones((3, 3, 2, 1)), np.zeros(1))])
    annotate(tmp_path / "w.h5", {"kind": "x"})
    refused(tmp_path / "w.h5", "not a training that this version has packed")
    refused(save(tmp_path, 3, state(), data=""), r"not a training that .*write one with: vdsr-train pack RUN OUT\.h5")


def test_another_version_says_which(path, monkeypatch) -> None:
    monkeypatch.setattr(packed, "__version__", "9.9")
    refused(path, r"packed by vdsr-toolkit .*; this is 9\.9, .*: go on with that version")


def test_arrays_of_another_network_than_the_configuration_says(tmp_path) -> None:
    for number, (config, channels) in enumerate(((CONFIG, 4), (Config(depth=10**9, channels=3), 3))):
        path = tmp_path / f"{number}.h5"
        write_packed(path, Packed(config, Saved(7, state(channels), "", None), ""))
        refused(path, "its 2 layers are those of another network")


def test_more_than_the_file_holds_is_not_asked_for(path) -> None:
    """Nor what lies elsewhere: other files, other kinds of values, and compressed ones, which could be any amount."""
    with h5py.File(path, "r+") as file:
        file.create_dataset("huge", (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip")
    refused(path, "'huge'|huge declares more")
    for make in (
        lambda file: file.create_dataset("text", data="x"),
        lambda file: file.__setitem__("linked", h5py.ExternalLink("/etc/passwd", "/")),
        lambda file: file.__setitem__("group", file),
        lambda file: file.create_dataset("small", data=np.zeros(9), compression="gzip"),
    ):
        write_packed(path, Packed(CONFIG, Saved(7, state(), "", None), ""))
        with h5py.File(path, "r+") as file:
            make(file)
        refused(path, "not as vdsr-train pack writes arrays")
