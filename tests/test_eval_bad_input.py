"""Bad results and bad weights through the commands: one line each, exit code 1, nothing written, nothing run."""

import io
import pickle
import re
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.io import savemat

from vdsr_data import imresize
from vdsr_data.errors import VdsrError
from vdsr_data.images.files import write_image
from vdsr_eval.cli.main import main
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.weights import write_weights
from vdsr_train.cli.main import main as train

SHAPE = (40, 52)


def photo(*channels: int, dtype: type = np.uint8) -> np.ndarray:
    small = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (9, 12, *channels), dtype)
    return imresize(small, size=SHAPE)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the sets `fruit` (colour), `grey` and `deep` (16 bits), of one image each."""
    monkeypatch.chdir(tmp_path)
    for name, image in {"fruit": photo(3), "grey": photo(), "deep": photo(3, dtype=np.uint16)}.items():
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "apple.png", image)
    (tmp_path / "r").mkdir()
    return tmp_path


def one_line(command: object, words: str, *args: object) -> None:
    before = sorted(Path.cwd().rglob("*"))
    done = CliRunner().invoke(command, [str(arg) for arg in args])  # type: ignore[arg-type]
    assert done.exit_code == 1, done.output
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert sorted(Path.cwd().rglob("*")) == before


@pytest.mark.parametrize(
    ("gt", "name", "result", "words"),
    [
        ("fruit", "apple.png", b"no image at all", "r/apple.png: cannot be read as an image"),
        ("fruit", "apple.png", b"\x89PNG\r\n\x1a\n", "r/apple.png: cannot be read as an image"),
        ("fruit", "apple.mat", b"no variables", "r/apple.mat: cannot be read as a .mat file"),
        ("fruit", "apple.png", photo(3)[:-2, :-2], "is 38x50, expected 40x52: a border of 1 was cut off already"),
        ("fruit", "apple.png", photo(3)[::2, ::2], "is 20x26, expected 40x52: that is the low-resolution image"),
        ("fruit", "apple.png", photo(3)[:30], "r/apple.png: is 30x52, expected 40x52"),
        ("fruit", "apple.png", photo(), "r/apple.png: is grey, the original in colour"),
        ("grey", "apple.png", photo(3), "r/apple.png: is in colour, the original grey"),
        ("fruit", "apple.png", photo(3, dtype=np.uint16), "r/apple.png: is 16-bit, the original 8-bit"),
        ("deep", "apple.png", photo(3), "r/apple.png: is 8-bit, the original 16-bit"),
        ("fruit", "apple.mat", {"sr": np.full(SHAPE, np.nan)}, "r/apple.mat: holds NaN or infinity"),
        ("fruit", "apple.mat", {"sr": photo().astype(float)}, "floats must be in [0, 1]"),
        (
            "fruit",
            "apple.mat",
            {"a": photo(), "b": photo()},
            "a variable such as sr; holds a (uint8 40x52), b (uint8 40x52)",
        ),
        ("fruit", "pear.png", photo(3), "no file is named after the image apple at x2; candidates: pear.png"),
    ],
)
def test_results(here: Path, gt: str, name: str, result: object, words: str) -> None:
    if isinstance(result, bytes):
        (here / "r" / name).write_bytes(result)
    elif isinstance(result, dict):
        savemat(here / "r" / name, result)
    else:
        write_image(here / "r" / name, np.ascontiguousarray(result))
    one_line(main, words, "score", "r", "--gt", gt, "--scale", 2, "--json", "scores.json")


def test_results_that_could_be_either(here: Path) -> None:
    for name in ("apple_EDSR_x2.png", "apple_RCAN_x2.png"):
        write_image(here / "r" / name, photo(3))
    words = "r: 2 files could be the image apple at x2; candidates: apple_EDSR_x2.png, apple_RCAN_x2.png"
    one_line(main, words, "score", "r", "--gt", "fruit", "--scale", 2)


@pytest.mark.parametrize(("border", "side"), [(None, 14), (16, 40)])
def test_images_too_small_for_the_window_or_the_border(here: Path, border: int | None, side: int) -> None:
    write_image(here / "fruit" / "apple.png", photo(3)[:side, :side])
    options = [] if border is None else ["--border", border]
    done = CliRunner().invoke(main, ["--dataset", "fruit", "--model", "bicubic", "--scale", "2", *map(str, options)])
    assert done.exit_code == 1
    assert "nan" not in done.output.lower()
    skipped, end = done.stderr.splitlines()
    assert skipped.startswith(f"fruit/apple: left out, {side}x{side} pixels leave")
    assert "no image is large enough to be scored at x2" in end


def layers(depth: int = 3, channels: int = 4, value: float = 0.1) -> list[tuple[np.ndarray, np.ndarray]]:
    widths = [1, *[channels] * (depth - 1), 1]
    return [(np.full((3, 3, i, o), value, np.float32), np.full(o, value, np.float32)) for i, o in pairwise(widths)]


def matconvnet(path: Path, weights: list[tuple[np.ndarray, np.ndarray]]) -> None:
    cells = np.empty((2, 1, len(weights)), object)
    for k, layer in enumerate(weights):
        cells[0, 0, k], cells[1, 0, k] = layer
    savemat(path, {"model": {"weight": cells[0], "bias": cells[1]}})


def another_network(path: Path) -> None:
    weights = layers()
    weights[1] = (np.zeros((3, 3, 7, 4), np.float32), weights[1][1])
    matconvnet(path, weights)


def larger_kernels(path: Path) -> None:
    matconvnet(path, [(np.zeros((9, 9, 1, 64), np.float32), np.zeros(64, np.float32)), *layers()[1:]])


def not_a_number(path: Path) -> None:
    matconvnet(path, [*layers()[:2], *layers(value=np.nan)[2:]])


def truncated(path: Path) -> None:
    matconvnet(path, layers())
    path.write_bytes(path.read_bytes()[:1000])


def version_73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["model"] = 1
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")


class Bomb:
    """What runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("boom"),))


def code(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:  # as torch.save lays out its files
        archive.writestr("x/data.pkl", pickle.dumps(Bomb()))
        archive.writestr("x/version", "3\n")


def old_code(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))


def objects(path: Path) -> None:
    memory = io.BytesIO()
    np.lib.format.write_array(memory, np.array([Bomb()], object), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", memory.getvalue())


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("net.mat", another_network, "net.mat: layer conv_02: the kernel is (3, 3, 7, 4), expected (3, 3, 4, 4)"),
        ("net.mat", larger_kernels, "net.mat: layer conv_01: the kernel is (9, 9, 1, 64), expected (3, 3, 1, 64)"),
        ("net.mat", not_a_number, "net.mat: layer conv_03: the kernel holds NaN or infinity"),
        ("net.mat", truncated, "net.mat: cannot be read as a .mat file"),
        ("net.mat", version_73, "net.mat: neither a struct `model` with the cells `weight` and `bias`"),
        ("net.pth", code, "net.pth: no mapping of named tensors with kernels in it"),
        ("net.pt", old_code, "net.pt: a pickle that PyTorch did not write, which is not read"),
        ("net.npz", objects, "net.npz: cannot be read as weights"),
        ("net.h5", lambda path: path.write_bytes(b"HDF"), "net.h5: unknown format of weights, or damaged"),
        ("net.bin", lambda path: path.write_bytes(b"?"), "net.bin: unknown format of weights, or damaged"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_weights(here: Path, name: str, write: Callable[[Path], object], words: str) -> None:
    write(here / name)
    one_line(main, words, "--dataset", "fruit", "--scale", 2, "--weights", name, "--csv", "s.csv")
    one_line(main, words, "upscale", "fruit/apple.png", "--scale", 2, "--weights", name)
    one_line(train, words, "convert", name, "ours.h5")
    assert not (here / "boom").exists()


@pytest.mark.parametrize(("name", "write"), [("net.mat", matconvnet), ("net.h5", write_weights)])
@pytest.mark.parametrize("damage", ["cut", "spoiled"])
def test_wherever_a_file_is_damaged_the_reader_ends_in_one_line(here: Path, name: str, write, damage: str) -> None:
    """Or reads the network, where only padding or a number was hit."""
    write(here / name, layers())
    content = (here / name).read_bytes()
    refused = 0
    places = range(0, len(content), 61 if damage == "cut" else 47)
    for place in places:
        rest = b"" if damage == "cut" else b"\xff" * 4 + content[place + 4 :]
        (here / name).write_bytes(content[:place] + rest)
        try:
            assert len(read_any(here / name)) == 3
        except VdsrError as error:
            refused += 1
            assert re.fullmatch(rf"{here / name}: [^\n]{{8,300}}", str(error)), error  # noqa: PT017
    assert refused > (0.9 if damage == "cut" else 0.1) * len(places)


def test_images_of_the_wrong_kind(here: Path) -> None:
    Image.fromarray(photo(3)).convert("P").save(here / "fruit" / "plum.png")
    one_line(main, "plum.png: has a palette", "--dataset", "fruit", "--model", "bicubic", "--scale", 2)
