"""What is measured on whole commands: building data, evaluating, and how long a user waits for the first result."""

import atexit
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from contest import Limit, Peak, Row

from vdsr_data import degrade, degrade_folder, imresize, imresize_folder, read_image, write_image

__all__ = ["command_rows"]

SETS = ("Set5", "Set14", "B100")
CHUNK, SIZE = 64, 41
DISTINCT = 10  # images under 100 names


def command_rows() -> Iterator[Row | Limit | Peak]:
    """Every row on commands; those that want the reference data are left out where VDSR_DATA does not lead to them."""
    for name in ("vdsr-data", "vdsr-eval", "vdsr-train"):
        yield Limit(f"{name} --help", lambda _, n=name: command(n, "--help"), 0.25)
    yield Limit("a new process and its first imresize", lambda _: python(FIRST_USE), 0.3, note=imports)
    yield degrading()
    yield resizing()
    yield scoring()
    yield from peaks()
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


def temporary() -> Path:
    """A folder that is there until the end."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name)


def photograph(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """An 8-bit colour image that is as smooth, and as grainy, as a photograph."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-rows // 8), -(-columns // 8), 3), dtype=np.uint8)
    smooth = imresize(coarse, 8)[:rows, :columns]
    return np.clip(smooth + random.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def photographs(folder: Path, rows: int, columns: int, noise: int = 0) -> Path:
    """A folder of 100 names for `DISTINCT` photographs, whose values are up to `noise` levels off."""
    folder.mkdir()
    for k in range(DISTINCT):
        image = photograph(rows, columns, k) + np.random.default_rng(k).integers(-noise, noise + 1, (rows, columns, 3))
        write_image(folder / f"{k:03}.png", image.clip(0, 255).astype(np.uint8))
    for k in range(DISTINCT, 100):
        os.link(folder / f"{k % DISTINCT:03}.png", folder / f"{k:03}.png")
    return folder


def files_alone(originals: Path, made: Path, small: np.ndarray, workers: int) -> Callable[[], object]:
    """Read every original and write as many results, and nothing between."""

    def file(path: Path) -> None:
        read_image(path)
        write_image(made / path.name, small)

    def files() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(file, originals.iterdir()))

    return files


def degrading() -> Row:
    """BD of 100 images as large as DIV2K's, one thread; here "peer / ours" is the share of reading and writing."""
    folder = temporary()
    originals, made = photographs(folder / "hr", 1356, 2040), folder / "lr"
    small = degrade(read_image(originals / "000.png"), "bd", 3)

    def ours() -> None:
        degrade_folder(originals, made, kind="bd", scale=3, workers=1, force=True)

    peers = {"reading and writing these PNG": (files_alone(originals, made, small, 1), None)}
    return Row("degrade bd, 100 images of 2040 x 1356", ours, peers, rounds=3)


def resizing() -> Row:
    """Imresize of as many as large, two threads."""
    folder = temporary()
    originals, made = photographs(folder / "hr", 1356, 2040), folder / "lr"
    small = imresize(read_image(originals / "000.png"), 1 / 3)

    def ours() -> None:
        imresize_folder(originals, made, scale=1 / 3, workers=2, force=True)

    peers = {"reading and writing these PNG": (files_alone(originals, made, small, 2), 1 / 1.2)}
    return Row("vdsr-data imresize x1/3, 100 images of 2040 x 1356", ours, peers, rounds=3)


def scoring() -> Row:
    """Score 100 results in colour, and bicubic beside them, which the peer is spared.

    The peer computes what `calculate_psnr` and `calculate_ssim` of BasicSR 1.4.2 do, with OpenCV in float64: the same
    numbers to the last digit, in 3.6 s for 12 images where those took 3.8. BasicSR itself needs a torchvision of 2023.
    """
    import cv2

    folder = temporary()
    originals, results = photographs(folder / "hr", 720, 1280), photographs(folder / "sr", 720, 1280, noise=9)
    window = cv2.getGaussianKernel(11, 1.5)

    def mean_ssim(a: np.ndarray, b: np.ndarray) -> float:
        blur = lambda image: cv2.filter2D(image, -1, window @ window.T)[5:-5, 5:-5]  # noqa: E731
        mean_a, mean_b = blur(a), blur(b)
        var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
        top = (2 * mean_a * mean_b + 6.5025) * (2 * cov + 58.5225)
        return float((top / ((mean_a**2 + mean_b**2 + 6.5025) * (var_a + var_b + 58.5225))).mean())

    def opencv() -> None:
        cv2.setNumThreads(2)
        for path in sorted(originals.iterdir()):
            a, b = (cv2.imread(str(root / path.name))[4:-4, 4:-4].astype(np.float64) for root in (originals, results))
            float(20 * np.log10(255 / np.sqrt(np.mean((a - b) ** 2))))
            float(np.mean([mean_ssim(a[..., c], b[..., c]) for c in range(3)]))

    def ours() -> None:
        command("vdsr-eval", "score", "sr", "--gt", "hr", "--scale", "4", "--protocol", "rcan", "--rgb",
                folder=folder)  # fmt: skip

    peers = {"PSNR and SSIM by OpenCV, without bicubic": (opencv, 4.0)}
    return Row("vdsr-eval score, 100 results of 1280 x 720, RGB", ours, peers, rounds=3)


def peaks() -> Iterator[Peak]:
    """Memory for a photograph of 24 megapixels."""
    for what, words, size in (
        ("score sr --gt hr --scale 3", ["score", "sr", "--gt", "hr", "--scale", "3"], (3999, 6000)),
        ("score sr --gt hr --scale 3 --rgb", ["score", "sr", "--gt", "hr", "--scale", "3", "--rgb"], (3999, 6000)),
        ("upscale hr/a.png --scale 2", ["upscale", "hr/a.png", "--scale", "2", "-o", "a.png"], (4000, 6000)),
    ):

        def prepare(folder: Path, size: tuple[int, int] = size) -> None:
            for name in ("hr", "sr"):
                (folder / name).mkdir()
                write_image(folder / name / "a.png", photograph(*size))

        yield Peak(f"vdsr-eval {what}, 24 megapixels", [sys.executable, "-m", "vdsr_eval", *words], prepare, 1500)


def build_train() -> Row:
    """The training file of the 291 images, and plain h5py writing as many bytes from memory."""
    folder = temporary()

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
