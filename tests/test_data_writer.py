"""The writing of training files: whatever the order, the windows and the threads, the same bytes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vdsr_data.training import writer as module
from vdsr_data.training.planes import Planes
from vdsr_data.training.writer import TrainingWriter, create_training

SIZE = 7
LAYOUT = {"patch_size": SIZE, "keys": ("lr", "gt"), "axes": "matlab"}


def pairs(count: int) -> np.ndarray:
    """Lr and gt of so many patches, no two of which are alike."""
    return np.random.default_rng(count).random((2, count, SIZE**2)).astype(np.float32)


class Late(Planes):
    """Planes that are patches already."""

    def __init__(self, patches: np.ndarray) -> None:
        self._patches = patches

    def patches(self, start: int, stop: int) -> np.ndarray:
        return self._patches[start:stop]

    def release(self) -> None:
        self._patches = self._patches[:0]


def stored(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.stack([file[key][...].reshape(len(file[key]), -1) for key in ("lr", "gt")])


@given(
    count=st.integers(1, 400),
    beyond=st.integers(0, 5),
    group=st.integers(1, 40),
    batch=st.sampled_from([200, 1_000, 5_000, 2**20]),
    window=st.sampled_from([200, 1_000, 5_000, 2**20]),
    piece=st.sampled_from([100, 1_000, 2**18]),
    together=st.sampled_from([0.01, 2, 10**9]),
    threads=st.integers(1, 3),
    shuffled=st.booleans(),
    late=st.booleans(),
    part=st.booleans(),
)
def test_every_patch_is_at_its_position(
    count, beyond, group, batch, window, piece, together, threads, shuffled, late, part
) -> None:
    whole = pairs(count + beyond)
    order = np.random.default_rng(1).permutation(count + beyond)
    groups = [order[start : start + group] for start in range(0, len(order), group)]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (("BATCH", batch), ("WINDOW", window), ("PIECE", piece), ("TOGETHER", together)):
            patch.setattr(module, name, value)
        path = Path(folder, "a.h5")
        how = {"workers": threads, "shuffled": shuffled, "position": np.arange(count) if part else None}
        planes = Late(whole[1]) if late else None
        with create_training(path, count=count, planes=planes, **how, **LAYOUT) as writer:

            def put(rows: np.ndarray) -> None:
                with writer.room(rows) as room:
                    assert room.shape == (1 if late else 2, len(rows), SIZE**2)
                    room[:] = whole[: len(room), rows]

            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(put, groups))
        assert stored(path).tobytes() == whole[:, :count].tobytes()
        if part:
            with h5py.File(path) as file:
                found = file["crc32"][...].tolist()
            assert found == [[crc32(lr), crc32(gt)] for lr, gt in zip(*whole[:, :count], strict=True)]


@pytest.mark.parametrize("shuffled", [True, False])
def test_what_is_never_written_is_zero(tmp_path: Path, shuffled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 2_000)
    whole = pairs(100)
    rows = np.random.default_rng(0).permutation(100)[:60]
    writer = TrainingWriter(tmp_path / "a.h5", count=100, shuffled=shuffled, **LAYOUT)
    for start in range(0, 60, 7):
        own = rows[start : start + 7]
        writer.write(own, *whole[:, own])
    writer.finish()
    writer.close()
    whole[:, np.setdiff1d(np.arange(100), rows)] = 0
    assert stored(tmp_path / "a.h5").tobytes() == whole.tobytes()


def test_a_disk_that_takes_less_than_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingWriter, "_write_at", lambda *_: 5)
    with (
        pytest.raises(OSError, match="a patch could not be written in full"),
        create_training(tmp_path / "a.h5", count=9, **LAYOUT) as writer,
    ):
        writer.write(np.arange(9), *pairs(9))
    assert not list(tmp_path.iterdir())
