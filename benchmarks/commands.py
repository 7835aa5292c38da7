"""What is measured on whole commands: building data, evaluating, and how long a user waits for the first result."""

import atexit
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from contest import Limit, Row

from vdsr_data import degrade, degrade_folder, imresize, read_image, write_image

__all__ = ["command_rows"]

SETS = ("Set5", "Set14", "B100")
CHUNK, SIZE = 64, 41
DISTINCT = 10  # images under 100 names


def command_rows() -> Iterator[Row | Limit]:
    """Every row on commands; those that want the reference data are left out where VDSR_DATA does not lead to them."""
    for name in ("vdsr-data", "vdsr-eval", "vdsr-train"):
        yield Limit(f"{name} --help", lambda _, n=name: command(n, "--help"), 0.25)
    yield Limit("a new process and its first imresize", lambda _: python(FIRST_USE), 0.3, note=imports)
    yield degrading()
    yield Limit("a new process and its first picture by a network", lambda _: python(FIRST_PICTURE), 1.5)
    data = os.environ.get("VDSR_DATA", "")
    if all(Path(data, name).is_dir() for name in ("291", *SETS)):
        yield Limit("build-test and bicubic vdsr-eval, three sets, all scales", benchmark, 3.0, note=pace)
        yield Limit("vdsr-eval --scale 3 on Set5, bicubic and the shipped network", network, 3.0)
        yield build_train()


FIRST_USE = "import numpy; from vdsr_data import imresize; imresize(numpy.zeros((64, 64)), 2)"

FIRST_PICTURE = "import numpy; from vdsr_eval import load_network; load_network('default')(numpy.zeros((64, 64)), 3)"


def command(name: str, *words: str, folder: Path | None = None) -> None:
    """Run one of the toolkit's commands as a process of its own."""
    code = f"import sys; sys.argv[0] = {name!r}; from {name.replace('-', '_')}.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", code, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def network(folder: Path) -> None:
    """Score the network that comes with the toolkit."""
    command("vdsr-eval", "--scale", "3", "--dataset", "Set5", "--weights", "default", folder=folder)


def python(code: str) -> None:
    """Run Python code as a process of its own."""
    subprocess.run([sys.executable, "-c", code], check=True)


def imports(_: float) -> str:
    """How much of it is the import of Numba alone, in the same minute."""
    row = Limit("", lambda _: python("import numpy, numba"), 1.0)
    row.measure()
    return f"import numba alone: {1e3 * row.median():.0f} ms"


def benchmark(folder: Path) -> None:
    """Make a file of each set and score them all."""
    for name in SETS:
        command("vdsr-data", "build-test", name, folder=folder)
    files = [word for name in SETS for word in ("--dataset", f"{name}.h5")]
    command("vdsr-eval", "--model", "bicubic", *files, folder=folder)


def pace(seconds: float) -> str:
    """Images per second, each at three scales."""
    count = sum(len(list(Path(os.environ["VDSR_DATA"], name).iterdir())) for name in SETS)
    return f"{count / seconds:.0f} images/s"


def degrading() -> Row:
    """BD of 100 images as large as DIV2K's, one thread; here "peer / ours" is the share of reading and writing."""
    temporary = TemporaryDirectory()
    atexit.register(temporary.cleanup)
    originals, made = Path(temporary.name, "hr"), Path(temporary.name, "lr")
    originals.mkdir()
    random = np.random.default_rng(0)
    for k in range(DISTINCT):
        smooth = imresize(random.integers(0, 256, (170, 255, 3), dtype=np.uint8), 8)[:1356]
        grain = random.normal(0, 3, smooth.shape)
        write_image(originals / f"{k:03}.png", np.clip(smooth + grain, 0, 255).astype(np.uint8))
    for k in range(DISTINCT, 100):
        os.link(originals / f"{k % DISTINCT:03}.png", originals / f"{k:03}.png")
    small = degrade(read_image(originals / "000.png"), "bd", 3)

    def files() -> None:
        for path in originals.iterdir():
            read_image(path)
            write_image(made / path.name, small)

    def ours() -> None:
        degrade_folder(originals, made, kind="bd", scale=3, workers=1, force=True)

    return Row(
        "degrade bd, 100 images of 2040 x 1356", ours, {"reading and writing these PNG": (files, None)}, rounds=3
    )


def build_train() -> Row:
    """The training file of the 291 images, and plain h5py writing as many bytes from memory."""
    temporary = TemporaryDirectory()
    atexit.register(temporary.cleanup)
    folder = Path(temporary.name)

    def ours() -> None:
        command("vdsr-data", "build-train", "291", "--workers", "2", folder=folder)

    def reset() -> None:
        for file in folder.iterdir():
            file.unlink()

    block = np.random.default_rng(0).random((16 * CHUNK, 1, SIZE, SIZE)).astype(np.float32)

    def plain() -> None:
        with h5py.File(folder / "plain.h5", "w") as file:
            for key in ("lr", "gt"):
                data = file.create_dataset(key, (216_768, *block.shape[1:]), "f4", chunks=(CHUNK, *block.shape[1:]))
                for start in range(0, len(data), len(block)):
                    data[start : start + len(block)] = block[: len(data) - start]

    return Row("build-train, 291 images", ours, {"plain h5py, as many bytes": (plain, 1 / 1.5)}, rounds=3, reset=reset)
