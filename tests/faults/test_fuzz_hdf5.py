"""Damaged and hostile HDF5 files: training files, benchmark files, weights, packed trainings."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import SEED
from fuzz import campaign
from fuzz_hdf5 import DEGRADED, READERS, bench, images, patches, plain

from vdsr_data import info, verify
from vdsr_data.benchmark.build import generate_test
from vdsr_data.benchmark.file import is_benchmark_file, open_benchmark_file, summarise
from vdsr_data.errors import VdsrError
from vdsr_data.io.hdf5 import write_attribute
from vdsr_data.training.file import open_training
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_eval.networks.weights import read_weights

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")

COUNTS = {"training": 50_000, "test": 50_000, "weights": 50_000, "packed": 50_000}
SHAPE = (3, 1, 4, 4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
def test_damaged(kind: str, amount: Callable[[int, int], int], tried: Callable[..., None]):
    number, problems = campaign(kind, str(SEED), amount(100, COUNTS[kind]), seconds=300)
    tried(f"fuzz: {kind}.h5", number)
    assert not problems


@pytest.mark.parametrize("signature", [b"SNOD", b"TREE", b"HEAP"])
@pytest.mark.parametrize("kind", ["training", "test"])
def test_every_node_of_the_tree_may_be_damaged(kind: str, signature: bytes, tmp_path: Path):
    """HDF5 looks at these only when a name below them is asked for, each at another call."""
    reader, data = READERS[kind], plain({"training": patches, "test": bench}[kind])
    path, at = tmp_path / "damaged.h5", data.find(signature)
    while at >= 0:
        path.write_bytes(data[:at] + bytes(4) + data[at + 4 :])
        with pytest.raises(VdsrError, match=r"damaged\.h5"):
            reader.read(path)
        at = data.find(signature, at + 1)


def elsewhere(folder: Path) -> Path:
    with h5py.File(folder / "secret.h5", "w") as file:
        patches(file)
        bench(file)
    return folder / "secret.h5"


HOSTILE: dict[str, Callable[[h5py.File, Path], None]] = {
    "empty": lambda file, other: None,
    "one key": lambda file, other: file.create_dataset("lr", SHAPE, "f4"),
    "wrong rank": lambda file, other: [file.create_dataset(key, (3, 4, 4), "f4") for key in ("lr", "gt")],
    "text": lambda file, other: [file.create_dataset(k, SHAPE, h5py.string_dtype()) for k in ("lr", "gt")],
    "vlen": lambda file, other: [file.create_dataset(k, SHAPE, h5py.vlen_dtype("f4")) for k in ("lr", "gt")],
    "references": lambda file, other: [file.create_dataset(k, SHAPE, h5py.ref_dtype) for k in ("lr", "gt")],
    "compound": lambda file, other: [file.create_dataset(k, SHAPE, [("a", "f4")]) for k in ("lr", "gt")],
    "groups": lambda file, other: [file.create_group(k) for k in ("lr", "gt")],
    "external links": lambda file, other: [
        file.__setitem__(k, h5py.ExternalLink(str(other), v)) for k, v in (("lr", "data"), ("gt", "label"))
    ],
    "soft links": lambda file, other: [file.__setitem__(k, h5py.SoftLink("/" + k)) for k in ("lr", "gt")],
    "external storage": lambda file, other: [
        file.create_dataset(k, SHAPE, "f4", external=[(str(other), 0, 192)]) for k in ("lr", "gt")
    ],
    "a billion patches": lambda file, other: [
        file.create_dataset(k, (10**9, 1, 41, 41), "f4", chunks=(64, 1, 41, 41), **options)
        for k, options in (("lr", {}), ("gt", {"compression": "gzip"}))
    ],
    "huge chunks": lambda file, other: [
        file.create_dataset(k, SHAPE, "f4", maxshape=(None,) * 4, chunks=(2**20, 1, 30, 30), compression="gzip")
        for k in ("lr", "gt")
    ],
    "no patch": lambda file, other: [file.create_dataset(k, (0, 1, 4, 4), "f4") for k in ("lr", "gt")],
}


def virtual(file: h5py.File, other: Path) -> None:
    for key, source in (("lr", "data"), ("gt", "label")):
        layout = h5py.VirtualLayout(SHAPE, "f4")
        layout[...] = h5py.VirtualSource(other, source, SHAPE)
        file.create_virtual_dataset(key, layout)


@pytest.mark.parametrize("kind", [*HOSTILE, "virtual"])
def test_hostile_training(kind: str, tmp_path: Path, tried: Callable[..., None]):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        {**HOSTILE, "virtual": virtual}[kind](file, elsewhere(folder))
    tried("hostile HDF5")
    with pytest.raises(VdsrError, match=r"t\.h5"), open_training(path) as file:
        file.gather([0])


@pytest.mark.parametrize("link", [h5py.ExternalLink, lambda file, path: h5py.SoftLink(path)])
def test_test_file_leads_nowhere_else(link: Callable[..., object], tmp_path: Path):
    other = elsewhere(tmp_path)
    path = tmp_path / "b.h5"
    with h5py.File(path, "w") as file:
        file["original"] = link(str(other), "/original")
        file["x2"] = link(str(other), "/x2")
    assert not is_benchmark_file(path)
    with pytest.raises(VdsrError, match="not a benchmark file"), open_benchmark_file(path):
        pass
    with h5py.File(path, "w") as file:
        file["original/a"] = np.zeros((6, 5), "u1")
        file["x2"] = link(str(other), "/x2")
    with open_benchmark_file(path) as opened:
        assert opened.pair("a", 2) is None
    assert not list(summarise(path))


DEGRADATIONS = [
    *("[]", "{", "bd", '"bd"', "null", "7", "{}", '{"": 1}', '{"self": 1}', '{"kind": "bd", "more": 1}'),
    *(f'{{"kind": {kind}}}' for kind in ("null", '["bd"]', "{}", '"fog"', '"bd ', "1e999")),
    *(f'{{"kind": "dn", "noise": {noise}}}' for noise in ("\"__import__('os').abort()\"", "1e999", "NaN", "-1", "[3]")),
    *(f'{{"kind": "dn", "seed": {seed}}}' for seed in ("1.5", "true", "-1", "[1]", "1" + "0" * 400)),
    *(f'{{"kind": "srmd", "kernel": {kernel}}}' for kernel in ("5", "[]", "[[]]", '"k.npy"', "{}", "[[1], [2, 3]]")),
    *(
        f'{{"kind": "srmd", "kernel": [[{value}]]}}'
        for value in ('"1.5"', "null", "NaN", "1e999", "{}", "[1]", "9" * 400)
    ),
    *(f'{{"kind": "srmd", "kernel": {kernel}}}' for kernel in ("[" * 900 + "]" * 900, "[" * 20_000)),
]


@pytest.mark.parametrize("kept", DEGRADATIONS, ids=range(len(DEGRADATIONS)))
def test_no_degradation_that_a_file_keeps_does_harm(kept: str, tmp_path: Path, tried: Callable[..., None]):
    """What is none is one line, of whoever asks, and nothing of it is looked up or run."""
    paths = images(tmp_path)
    generate_test("b", paths, tmp_path / "b.h5", scales=(2,), degradation=DEGRADED)
    with h5py.File(tmp_path / "b.h5", "r+") as file:
        del file.attrs["degradation"]
        write_attribute(file, "degradation", kept)
    (failure,) = verify(tmp_path / "b.h5").failures
    assert failure.startswith("attributes: degradation is not what this file needs")
    assert failure.isprintable()
    assert "  degradation: none that this toolkit knows" in info(tmp_path / "b.h5").lines
    with pytest.raises(VdsrError, match=r"b\.h5: its degradation is none"), open_benchmark_file(tmp_path / "b.h5"):
        pass
    recipe = TrainingRecipe(scales=(2,), patch_size=3, stride=3, degradation=DEGRADED)
    generate_train(paths, tmp_path / "t.h5", recipe)
    with h5py.File(tmp_path / "t.h5", "r+") as file:
        whole = json.dumps(recipe.kept())
        assert whole == file.attrs["recipe"].decode()
        del file.attrs["recipe"]
        write_attribute(file, "recipe", whole.replace(json.dumps(DEGRADED.given()), kept))
    (failure, *_) = verify(tmp_path / "t.h5", images=paths).failures
    assert failure.startswith("attributes: recipe is not what this file needs")
    assert failure.isprintable()
    assert all(line.isprintable() for line in info(tmp_path / "t.h5").lines)
    tried("hostile degradations")


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "a\nb", "a\x1bb"])
def test_images_are_not_named_to_leave_their_folder(name: str, tmp_path: Path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file[f"original/{name}"] = np.zeros((6, 5), "u1")
        write_attribute(file, "names", [name])
    with (
        pytest.raises(VdsrError, match="cannot be the name of an image") as caught,
        open_benchmark_file(tmp_path / "b.h5"),
    ):
        pass
    assert str(caught.value).isprintable()


def test_weights_lead_nowhere_else(tmp_path: Path):
    layers = {"conv_01": (1, 2), "conv_02": (2, 1)}
    for name, target in (("secret.h5", None), ("w.h5", "secret.h5")):
        with h5py.File(tmp_path / name, "w") as file:
            for layer, (inputs, outputs) in layers.items():
                if target:
                    file[layer] = h5py.ExternalLink(target, f"/{layer}")
                else:
                    file[f"{layer}/kernel"] = np.ones((3, 3, inputs, outputs), "f4")
                    file[f"{layer}/bias"] = np.zeros(outputs, "f4")
    assert len(read_weights(tmp_path / "secret.h5")) == 2
    with pytest.raises(VdsrError, match="conv_01"):
        read_weights(tmp_path / "w.h5")


def test_weights_do_not_ask_for_memory_that_they_do_not_fill(tmp_path: Path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for layer in ("conv_01", "conv_02"):
            file.create_dataset(f"{layer}/kernel", (3, 3, 2**20, 2**20), "f4", chunks=(3, 3, 64, 64))
            file.create_dataset(f"{layer}/bias", (1,), "f4")
    with pytest.raises(VdsrError, match="more values"):
        read_weights(tmp_path / "w.h5")
