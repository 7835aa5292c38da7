"""Files of ours in the hands of others: PyTorch's and TensorFlow's loaders, and readers that people already have."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import command_line
import h5py
import numpy as np
import pytest
from PIL import Image

import vdsr_data
from vdsr_data import VdsrError, tf_dataset, torch_dataset
from vdsr_data.images.files import list_images
from vdsr_data.interop.pairs import Pairs
from vdsr_data.training.file import open_training
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.shards import merge

SIZE = 12
RECIPE = TrainingRecipe(patch_size=SIZE, stride=SIZE)


@pytest.fixture
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture
def whole(photographs: Path, tmp_path: Path) -> Path:
    generate_train(list_images(photographs), tmp_path / "whole.h5", RECIPE)
    return tmp_path / "whole.h5"


def stored(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """All patches, upright: h5py shows MATLAB's arrays with columns before rows."""
    with h5py.File(path) as file:
        return tuple(file[key][:, 0].swapaxes(1, 2) for key in ("lr", "gt"))


def make(kind: str, whole: Path) -> Path:
    """A file of that kind with the very patches of `whole`."""
    images, path = list_images(whole.parent / "photographs"), whole.with_name(f"{kind}.h5")
    if kind == "virtual":
        parts = [path.with_name(f"part{k}.h5") for k in (1, 2)]
        for k, part in enumerate(parts, start=1):
            generate_train(images, part, RECIPE, shard=(k, 2))
        merge(parts, path, virtual=True)
    else:
        changes = {"nhwc": {"axes": "nhwc"}, "caffe": {"keys": ("data", "label")}}.get(kind, {})
        recipe = TrainingRecipe(patch_size=SIZE, stride=SIZE, **changes)
        generate_train(images, path, recipe, compression=3 if kind == "compressed" else 0)
    return path


@pytest.mark.parametrize("kind", ["plain", "compressed", "virtual", "nhwc", "caffe"])
def test_torch_dataset_gives_the_patches_of_every_kind_of_file(torch, whole: Path, kind: str):
    from torch.utils.data import DataLoader, Dataset

    lr, gt = stored(whole)
    pairs = torch_dataset(make(kind, whole))
    assert isinstance(pairs, Dataset)
    assert len(pairs) == len(lr)
    for index in (0, 70, len(lr) - 1, -1):
        for tensor, expected in zip(pairs[index], (lr[index], gt[index]), strict=True):
            assert tensor.dtype == torch.float32
            assert tensor.shape == (1, SIZE, SIZE)
            assert (tensor[0].numpy() == expected).all()
    batches = list(DataLoader(pairs, batch_size=50, shuffle=False))
    assert batches[0][0].shape == (50, 1, SIZE, SIZE)
    assert (torch.cat([low for low, _ in batches])[:, 0].numpy() == lr).all()
    assert (torch.cat([high for _, high in batches])[:, 0].numpy() == gt).all()
    for index in (len(lr), -len(lr) - 1):
        with pytest.raises(IndexError, match=f"0 to {len(lr) - 1}"):
            pairs[index]


def test_tensors_are_the_callers_own(torch, whole: Path):
    pairs = torch_dataset(whole)
    pairs[3][0].fill_(7)
    assert pairs[3][0].max() <= 1


WORKERS = """
import sys, torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from vdsr_data import torch_dataset

class Numbered(Dataset):
    def __init__(self, paths):
        self.pairs = ConcatDataset([torch_dataset(path) for path in paths])

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return index, *self.pairs[index]

if __name__ == "__main__":
    expected = [torch.stack(images) for images in zip(*Numbered(sys.argv[1:]).pairs, strict=True)]
    for method in ("fork", "spawn") if sys.platform != "win32" else ("spawn",):
        numbered = Numbered(sys.argv[1:])
        if method == "fork":  # the parent has the files open when its workers start
            for pairs in numbered.pairs.datasets:
                pairs[0]
        how = {"num_workers": 2, "multiprocessing_context": method, "persistent_workers": True}
        loader = DataLoader(numbered, batch_size=16, shuffle=True, **how)
        for epoch in range(2):
            index, *seen = [torch.cat(parts) for parts in zip(*loader, strict=True)]
            assert index.sort().values.tolist() == [*range(len(numbered))]
            for found, wanted in zip(seen, expected, strict=True):
                assert torch.equal(found, wanted[index])
        print(method, "read", len(index))
"""


@pytest.mark.slow
def test_torch_workers(torch, whole: Path, tmp_path: Path):
    """Two worker processes, forked from a parent that has the files open, or spawned, read what is in each file."""
    (tmp_path / "train.py").write_text(WORKERS)
    words = [sys.executable, "train.py", *(make(kind, whole) for kind in ("plain", "compressed", "virtual"))]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    count = 3 * len(stored(whole)[0])
    methods = ("spawn",) if sys.platform == "win32" else ("fork", "spawn")
    assert done.stdout.splitlines() == [f"{method} read {count}" for method in methods]


def test_pairs_can_be_pickled_before_and_after_they_are_read(torch, whole: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(whole.parent)
    pairs = torch_dataset(whole.name)  # a relative path
    for _ in range(2):
        monkeypatch.chdir(whole.parent / "photographs")
        again = pickle.loads(pickle.dumps(pairs))
        assert torch.equal(again[5][1], pairs[5][1])


def test_compressed_files_are_not_taken_into_memory(whole: Path):
    pairs = Pairs(make("compressed", whole))
    pairs.read([3, 1])
    assert isinstance(pairs._file()._data[0], h5py.Dataset)


def test_a_pair_can_be_closed_and_read_again(whole: Path):
    pairs = Pairs(whole)
    first = pairs.read([2])[0][0]
    pairs.close()
    pairs.close()
    assert (pairs.read([2])[0][0] == first).all()
    assert pairs.read([]) == []


def test_torch_dataset_of_a_test_file(torch, test_file: Path):
    everything, third = torch_dataset(test_file), torch_dataset(test_file, scale=3)
    assert (len(everything), len(third)) == (8, 4)
    assert third.pairs.images[0] == ("c", 3)
    with h5py.File(test_file) as file:
        for k, name in enumerate(["c", "d", "a", "b"]):
            lr, gt = third[k]
            assert lr.shape == gt.shape == (1, *file[f"x3/{name}/gt"].shape)
            assert (gt[0].numpy() == file[f"x3/{name}/gt"][...].astype(np.float32)).all()
            assert (lr[0].numpy() == file[f"x3/{name}/lr"][...].astype(np.float32)).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "compressed", "virtual", "nhwc"])
def test_tf_dataset(tf, whole: Path, kind: str):
    lr, gt = stored(whole)
    pairs = tf_dataset(make(kind, whole))
    assert pairs.cardinality() == len(lr)
    assert pairs.element_spec == (tf.TensorSpec((SIZE, SIZE, 1), tf.float32),) * 2
    for _ in range(2):  # it can be read again
        low, high = zip(*pairs.as_numpy_iterator(), strict=True)
        assert (np.stack(low)[..., 0] == lr).all()
        assert (np.stack(high)[..., 0] == gt).all()
    batch = next(iter(pairs.shuffle(256, seed=1).batch(32).prefetch(2)))
    assert batch[0].shape == (32, SIZE, SIZE, 1)


@pytest.mark.slow
def test_tf_dataset_trains_a_network(tf, whole: Path):
    import keras

    layers = [keras.layers.Conv2D(4, 3, padding="same", activation="relu"), keras.layers.Conv2D(1, 3, padding="same")]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    history = model.fit(tf_dataset(whole).batch(64), epochs=3, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_tf_dataset_of_a_test_file(tf, test_file: Path):
    pairs = tf_dataset(test_file, scale=2)
    shapes = [tuple(gt.shape) for _, gt in pairs]
    assert pairs.element_spec[0].shape.as_list() == [None, None, 1]
    assert shapes == [(44, 90, 1), (60, 46, 1), (82, 50, 1), (60, 96, 1)]


def test_values_are_those_that_a_training_takes(tf, whole: Path):
    bad = Path(shutil.copy(whole, whole.with_name("bad.h5")))
    for path, patches, value in ((bad, slice(None), np.nan), (whole, 3, 200)):
        with h5py.File(path, "r+") as file:
            file["gt"][patches, 0, 1, 2] = value
    with pytest.raises(VdsrError, match=r"bad.h5: patch 0 of /gt holds NaN or infinite values"):
        tf_dataset(bad)  # here already
    words = r"whole.h5: patch 3 of /gt holds .* to 200, allowed is 0 to 1; luma is 0 to 1, divide by 255; build the"
    with pytest.raises(VdsrError, match=words):
        Pairs(whole).read([1, 3], sound=True)
    assert Pairs(whole).read([1, 3])[1][1].max() == 200  # for a look
    with pytest.raises(tf.errors.OpError, match=words):
        list(tf_dataset(whole))


def test_values_of_images_are_too(tf, test_file: Path):
    with h5py.File(test_file, "r+") as file:
        file["x2/a/lr"][3, 4] = 200
    words = "lr of a at scale 2 holds .* to 200, allowed is -0.7207 to 1.721; luma is 0 to 1, divide by 255"
    with pytest.raises(tf.errors.OpError, match=words):
        list(tf_dataset(test_file, scale=2))
    assert len(list(tf_dataset(test_file, scale=3))) == 4


@pytest.mark.parametrize("dataset", [torch_dataset, tf_dataset])
def test_what_is_refused(dataset, photographs: Path, whole: Path, test_file: Path):
    pytest.importorskip("torch" if dataset is torch_dataset else "tensorflow")
    with pytest.raises(VdsrError, match="not an HDF5 file"):
        dataset(photographs / "a.jpg")
    with pytest.raises(VdsrError, match=r"none\.h5: no such file"):
        dataset("none.h5")
    with pytest.raises(VdsrError, match="a training file, whose scales are mixed"):
        dataset(whole, scale=2)
    with pytest.raises(VdsrError, match=r"holds no pairs of scale 4; it has 2, 3"):
        dataset(test_file, scale=4)


def test_without_the_libraries(whole: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("torch", "tensorflow", "vdsr_data.interop.torch_pairs"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(VdsrError, match="torch_dataset needs PyTorch: pip install"):
        torch_dataset(whole)
    with pytest.raises(VdsrError, match="tf_dataset needs TensorFlow: pip install"):
        tf_dataset(whole)


@pytest.mark.slow
def test_names_can_be_listed_without_the_libraries():
    code = "import sys; from vdsr_data import *; assert not {'torch', 'tensorflow'} & set(sys.modules), 'imported'"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"tf_dataset", "torch_dataset"} <= set(dir(vdsr_data))


def read_as_caffe_does(list_file: Path, tops: tuple[str, ...]) -> list[np.ndarray]:
    """What Caffe's layer HDF5Data makes of its source: per top one float blob, the files of the list one after another.

    The layer takes data sets of class float, with as many rows in each top, and at most 2 ** 31 - 1 numbers in a blob.
    """
    blobs: list[list[np.ndarray]] = [[] for _ in tops]
    for name in list_file.read_text().split():
        with h5py.File(list_file.parent / name) as file:
            for top, blob in zip(tops, blobs, strict=True):
                assert file[top].id.get_type().get_class() == h5py.h5t.FLOAT
                assert file[top].size < 2**31
                blob.append(np.asarray(file[top], dtype=np.float32))
            assert len({len(blob[-1]) for blob in blobs}) == 1
    return [np.concatenate(blob) for blob in blobs]


def test_keys_for_pytorch_vdsr_and_caffe(photographs: Path, whole: Path, monkeypatch: pytest.MonkeyPatch):
    """`--keys data,label` gives those readers the values that the default file has; so do its parts."""
    monkeypatch.chdir(whole.parent)
    how = ("--keys", "data,label", "--patch-size", SIZE, "--stride", SIZE)
    for name, options in {"caffe.h5": (), "1.h5": ("--shard", "1/2"), "2.h5": ("--shard", "2/2")}.items():
        result = command_line.run("build-train", photographs, *how, *options, "-o", name)
        assert result.exit_code == 0, result.output
    with h5py.File(whole) as file:
        lr, gt = file["lr"][...], file["gt"][...]
    Path("train.txt").write_text("caffe.h5\n")
    data, label = read_as_caffe_does(Path("train.txt"), ("data", "label"))
    assert data.shape == label.shape == (len(lr), 1, SIZE, SIZE)
    assert (data == lr).all()
    assert (label == gt).all()
    Path("parts.txt").write_text("1.h5\n2.h5\n")
    parts = read_as_caffe_does(Path("parts.txt"), ("data", "label"))
    for found, expected in zip(parts, (lr, gt), strict=True):
        assert sorted(patch.tobytes() for patch in found) == sorted(patch.tobytes() for patch in expected)


def test_reader_of_pytorch_vdsr(torch, whole: Path):
    """As in twtygqyy/pytorch-vdsr: `data` and `label` are read patch by patch, as float tensors of three axes."""
    from torch.utils.data import DataLoader

    class Reader(torch.utils.data.Dataset):
        def __init__(self, path: Path) -> None:
            self.file = h5py.File(path)

        def __len__(self) -> int:
            return self.file["data"].shape[0]

        def __getitem__(self, index: int) -> tuple:
            return tuple(torch.from_numpy(self.file[key][index, :, :, :]).float() for key in ("data", "label"))

    reader = Reader(make("caffe", whole))
    data, label = next(iter(DataLoader(reader, batch_size=len(reader))))
    assert data.shape == (len(reader), 1, SIZE, SIZE)
    with h5py.File(whole) as file:
        assert torch.equal(data, torch.from_numpy(file["lr"][...]))
        assert torch.equal(label, torch.from_numpy(file["gt"][...]))
    reader.file.close()


def test_resident_files_read_the_same(whole: Path):
    with open_training(make("compressed", whole)) as one, open_training(one.path) as other:
        other.resident = False
        for a, b in zip(one.gather([5, 0, 5]), other.gather([5, 0, 5]), strict=True):
            assert (a == b).all()


HUGGING_FACE = """
import sys
from datasets import load_dataset

found = load_dataset("hdf5", data_files=sys.argv[1], split="train")
found.to_parquet("train.parquet")
again = load_dataset("parquet", data_files="train.parquet", split="train")
for pairs in (found, again):
    assert len(pairs) == int(sys.argv[2]) and set(pairs.features) == {"lr", "gt"}
print(found.with_format("numpy")[7]["gt"].tobytes().hex(), again.with_format("numpy")[7]["gt"].tobytes().hex())
"""


@pytest.mark.slow
def test_hugging_face_reads_the_file_as_it_is(whole: Path, tmp_path: Path):
    """And writes it as Parquet, so that no export of ours is needed."""
    pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed: pip install datasets")
    with h5py.File(whole) as file:
        count, expected = len(file["gt"]), file["gt"][7].tobytes().hex()
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    words = [sys.executable, "-c", HUGGING_FACE, str(whole), str(count)]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [expected, expected]


def test_an_empty_part_is_no_data_set(tf, photographs: Path, tmp_path: Path):
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(photographs / "a.bmp")
    generate_train(list_images(photographs), tmp_path / "part.h5", RECIPE, shard=(3, 5))
    with pytest.raises(VdsrError, match=r"part.h5: holds no pairs"):
        tf_dataset(tmp_path / "part.h5")
