"""HDF5 files of all kinds, to damage: as the writers here make them, and as plain h5py does."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from fuzz import Reader

from vdsr_data.benchmark.build import generate_test
from vdsr_data.benchmark.file import open_benchmark_file
from vdsr_data.degradations.recipes import Degradation
from vdsr_data.images.files import write_image
from vdsr_data.inspect.describe import describe
from vdsr_data.io.hdf5 import write_attribute
from vdsr_data.training.file import open_training
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe, recipe_of
from vdsr_data.training.writer import compress_training
from vdsr_eval.networks.weights import read_weights, write_weights
from vdsr_train.config import Config
from vdsr_train.loop.checkpoint import Saved
from vdsr_train.loop.packed import Packed, read_packed, write_packed

DEGRADED = Degradation("srmd", kernel=np.full((3, 3), 1 / 9), noise=5, seed=7)
LAYERS = [(np.ones((3, 3, i, o), np.float32), np.zeros(o, np.float32)) for i, o in ((1, 2), (2, 1))]
DAMAGE = (b"kernel", b"noise", b"[[", b"1e999", b"null", b'"bd"')  # of its JSON text


def plain(fill: Callable[[h5py.File], None], **options: object) -> bytes:
    """The bytes of a file that h5py makes in memory, in the oldest format: without checksums."""
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as opened:
        fill(opened)
    return file.getvalue()


def patches(file: h5py.File) -> None:
    data = np.linspace(0, 1, 3 * 16, dtype="f4").reshape(3, 1, 4, 4)
    file.create_dataset("data", data=data)
    file.create_dataset("label", data=data, chunks=(2, 1, 4, 4), compression="gzip", shuffle=True, fletcher32=True)
    write_attribute(file, "keys", "data,label")
    write_attribute(file, "names", ["a", "b"])


def bench(file: h5py.File) -> None:
    data = np.linspace(0, 1, 30).reshape(6, 5)
    file["original/a"] = (data * 255).astype("u1")
    for key in ("gt", "lr"):
        file.create_dataset(f"x2/a/{key}", data=data, compression="lzf")
    write_attribute(file, "names", ["a"])
    write_attribute(file, "scales", "[2]")


def images(folder: Path) -> list[Path]:
    paths = [folder / "a.png", folder / "b.png"]
    for number, path in enumerate(paths):
        write_image(path, np.random.default_rng(number).integers(0, 256, (14, 13, 3), dtype=np.uint8))
    return paths


def training_seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_train(images(folder), folder / "t.h5", TrainingRecipe(patch_size=5, stride=5))
        compress_training(folder / "t.h5", folder / "c.h5", 9)
        recipe = TrainingRecipe(scales=(2,), patch_size=3, stride=3, degradation=DEGRADED)
        generate_train(images(folder), folder / "d.h5", recipe)
        return [
            *((folder / n).read_bytes() for n in ("t.h5", "c.h5", "d.h5")),
            plain(patches),
            plain(patches, libver="latest"),
        ]


def test_seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_test("b", images(folder), folder / "b.h5", scales=(2,))
        generate_test("d", images(folder), folder / "d.h5", scales=(2,), degradation=DEGRADED)
        return [*((folder / n).read_bytes() for n in ("b.h5", "d.h5")), plain(bench), plain(bench, libver="latest")]


def weight_seeds() -> list[bytes]:
    def fill(file: h5py.File) -> None:
        for number, (kernel, bias) in enumerate(LAYERS, start=1):
            file[f"conv_{number:02}/kernel"], file[f"conv_{number:02}/bias"] = kernel, bias

    with tempfile.TemporaryDirectory() as name:
        write_weights(Path(name) / "w.h5", LAYERS, attributes={"steps": 3})
        return [(Path(name) / "w.h5").read_bytes(), plain(fill), plain(fill, libver="latest")]


def packed_seeds() -> list[bytes]:
    arrays = {f"conv_{n:02}/{part}": array for n, layer in enumerate(LAYERS, start=1)
              for part, array in zip(("kernel", "bias"), layer, strict=True)}  # fmt: skip
    state = {**arrays, "optimizer/iteration": np.array(3, np.int64)}
    config = Config(depth=2, channels=2)
    with tempfile.TemporaryDirectory() as name:
        write_packed(Path(name) / "p.h5", Packed(config, Saved(3, state, "d" * 64, None), "vdsr-train decay a\n"))
        return [(Path(name) / "p.h5").read_bytes()]


def read_training(path: Path) -> None:
    list(describe(path))
    with open_training(path) as file:
        assert file.layout
        recipe_of(file.attributes.get("recipe"))
        lr, gt = file.gather([0, len(file) - 1])
        assert lr.shape == gt.shape == (2, file.patch_size, file.patch_size)


def read_test(path: Path) -> None:
    list(describe(path))
    with open_benchmark_file(path) as file:
        for name in file.names[:4]:
            file.original(name)
            file.pair(name, 2)


READERS = {
    "training": Reader(
        (".h5",), training_seeds, read_training, words=(b"data", b"label", b"lr\0\0", b"gt\0\0", *DAMAGE)
    ),
    "test": Reader((".h5",), test_seeds, read_test, words=(b"original", b"x2\0\0", b"gt\0\0", *DAMAGE)),
    "weights": Reader((".h5",), weight_seeds, read_weights, words=(b"conv_02\0", b"kernel\0\0", b"bias\0\0\0\0")),
    "packed": Reader((".h5",), packed_seeds, read_packed, words=(b"conv_02.", b"sha256\0\0", b'"depth": ', *DAMAGE)),
}
