"""The training file: layout, random access, and files that are none."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import next_second

from vdsr_data.errors import VdsrError
from vdsr_data.io.hdf5 import annotate
from vdsr_data.training.file import open_training
from vdsr_data.training.layout import CHUNK
from vdsr_data.training.writer import TrainingWriter, compress_training

PATCHES = np.random.default_rng(0).random((2, 2 * CHUNK + 5, 9, 9)).astype(np.float32)


def write(path: Path, axes: str = "matlab", keys: tuple[str, str] = ("lr", "gt")) -> None:
    writer = TrainingWriter(path, count=2 * CHUNK, patch_size=9, keys=keys, axes=axes)
    turned = PATCHES.swapaxes(2, 3) if axes == "matlab" else PATCHES
    order = np.random.default_rng(1).permutation(PATCHES.shape[1])
    for part in np.array_split(order, 7):
        writer.write(part, *(np.ascontiguousarray(turned[k, part]) for k in range(2)))
    writer.finish()
    writer.close()


@pytest.mark.parametrize("axes", ["matlab", "nhwc"])
def test_layout_is_that_of_store2hdf5(tmp_path: Path, axes: str):
    write(tmp_path / "train.h5", axes)
    with h5py.File(tmp_path / "train.h5") as file:
        for key, patches in zip(("lr", "gt"), PATCHES[:, : 2 * CHUNK], strict=True):
            data = file[key]
            patch = (1, 9, 9) if axes == "matlab" else (9, 9, 1)
            assert data.shape == (2 * CHUNK, *patch)
            assert data.chunks == (CHUNK, *patch)
            assert data.maxshape == (None, *patch)
            assert data.dtype == np.float32
            want = patches.swapaxes(1, 2)[:, np.newaxis] if axes == "matlab" else patches[..., np.newaxis]
            assert (data[...] == want).all()


@pytest.mark.slow
def test_same_bytes_every_time(tmp_path: Path):
    write(tmp_path / "a.h5")
    next_second()
    write(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("axes", ["matlab", "nhwc"])
@pytest.mark.parametrize("keys", [("lr", "gt"), ("data", "label"), ("x", "y")])
@pytest.mark.parametrize("compression", [0, 4])
def test_gather(tmp_path: Path, axes: str, keys: tuple[str, str], compression: int):
    path = tmp_path / "train.h5"
    write(path, axes, keys)
    annotate(path, {"keys": ",".join(keys), "axes": axes, "images": ["a", "b"], "recipe": {"seed": 0}})
    if compression:
        compress_training(path, tmp_path / "small.h5", compression)
        path = tmp_path / "small.h5"
    with open_training(path) as file:
        assert len(file) == 2 * CHUNK
        assert (file.patch_size, file.axes, file.keys) == (9, axes, keys)
        assert file.attributes == {"keys": ",".join(keys), "axes": axes, "images": ["a", "b"], "recipe": {"seed": 0}}
        for indices in ([5, 5, 127, 0], np.arange(128)[::-1], []):
            lr, gt = file.gather(indices)
            assert lr.tobytes() == PATCHES[0][np.asarray(indices, dtype=int)].tobytes()
            assert gt.tobytes() == PATCHES[1][np.asarray(indices, dtype=int)].tobytes()


@pytest.mark.parametrize("chunks", [None, (10, 1, 9, 9), (7, 1, 3, 9), (200, 1, 9, 9)])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8"])
def test_gather_from_files_of_others(tmp_path: Path, chunks: tuple | None, dtype: str):
    stored = PATCHES.swapaxes(2, 3)[:, :, np.newaxis]
    with h5py.File(tmp_path / "other.h5", "w") as file:
        for key, patches in zip(("data", "label"), stored, strict=True):
            file.create_dataset(key, data=patches.astype(dtype), chunks=chunks, maxshape=chunks and (None, 1, 9, 9))
    with open_training(tmp_path / "other.h5") as file:
        assert file.attributes == {}
        lr, gt = file.gather([3, 130, 64])
        assert lr.dtype == np.float32
        assert (lr == PATCHES[0, [3, 130, 64]]).all()
        assert (gt == PATCHES[1, [3, 130, 64]]).all()


@given(st.lists(st.integers(0, 2 * CHUNK - 1), max_size=40))
@settings(max_examples=20)
def test_gather_any_indices(tmp_path_factory: pytest.TempPathFactory, indices: list[int]):
    path = tmp_path_factory.getbasetemp() / "shared.h5"
    if not path.exists():
        write(path)
    with open_training(path) as file:
        assert (file.gather(np.array(indices, dtype=int))[0] == PATCHES[0][np.array(indices, dtype=int)]).all()


def test_many_image_names_fit(tmp_path: Path):
    write(tmp_path / "train.h5")
    names = [f"a_rather_long_image_name_{k:06}.png" for k in range(20_000)]
    annotate(tmp_path / "train.h5", {"images": names})
    with open_training(tmp_path / "train.h5") as file:
        assert file.attributes["images"] == names


def _file(path: Path, **data: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        for key, values in data.items():
            file[key] = values


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "needs data sets lr and gt .* found nothing"),
        ({"lr": np.zeros((4, 1, 9, 9))}, "found lr"),
        ({"lr": np.zeros((4, 9)), "gt": np.zeros((4, 9))}, "square luma"),
        ({"lr": np.zeros((4, 1, 9, 9)), "gt": np.zeros((5, 1, 9, 9))}, "square luma"),
        ({"lr": np.zeros((4, 3, 9, 9)), "gt": np.zeros((4, 3, 9, 9))}, "square luma"),
        ({"lr": np.zeros((4, 1, 9, 8)), "gt": np.zeros((4, 1, 9, 8))}, "square luma"),
        ({"lr": np.zeros((0, 1, 9, 9)), "gt": np.zeros((0, 1, 9, 9))}, "no patches"),
        ({"lr": np.array([b"text"]), "gt": np.array([b"text"])}, "needs data sets"),
    ],
)
def test_files_that_are_no_training_files(tmp_path: Path, data: dict, words: str):
    _file(tmp_path / "bad.h5", **data)
    with pytest.raises(VdsrError, match=rf"bad.h5: .*{words}"), open_training(tmp_path / "bad.h5"):
        pass


def test_links_to_elsewhere_are_not_followed(tmp_path: Path):
    write(tmp_path / "train.h5")
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["lr"] = h5py.ExternalLink("train.h5", "/lr")
        file["gt"] = h5py.ExternalLink("train.h5", "/gt")
    with pytest.raises(VdsrError, match="not a training file"), open_training(tmp_path / "links.h5"):
        pass


def test_missing_foreign_and_truncated_files(tmp_path: Path):
    with pytest.raises(VdsrError, match="no such file"), open_training(tmp_path / "none.h5"):
        pass
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(VdsrError, match="not an HDF5 file"), open_training(tmp_path / "text.h5"):
        pass
    write(tmp_path / "train.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "train.h5").read_bytes()[:50_000])
    with pytest.raises(VdsrError, match=r"cut.h5: damaged"), open_training(tmp_path / "cut.h5"):
        pass


def test_attributes_come_back(tmp_path: Path):
    write(tmp_path / "train.h5")
    given = {"text": "Bäume", "none": "", "list": ["a", "", "Bäume", "[1]"], "nothing": [], "number": 3,
             "json": {"a": [1.5]}, "long": [f"{'x' * 60}{number}" for number in range(3000)]}  # fmt: skip
    annotate(tmp_path / "train.h5", given)
    compress_training(tmp_path / "train.h5", tmp_path / "small.h5", 1)
    for name in ("train.h5", "small.h5"):
        with open_training(tmp_path / name) as file:
            assert {key: file.attributes[key] for key in given} == given


def test_text_without_a_length_is_not_read(tmp_path: Path):
    write(tmp_path / "train.h5")
    with h5py.File(tmp_path / "train.h5", "r+") as file:
        file.attrs["text"], file.attrs["list"], file.attrs["keys"] = "a", ["a", "b"], "gt,lr"
    with open_training(tmp_path / "train.h5") as file:
        assert file.attributes == {}
        assert file.keys == ("lr", "gt")
