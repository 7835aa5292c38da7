"""`vdsr-data info` and `vdsr-data preview` as they are typed, on files of every kind."""

import os
from io import StringIO
from itertools import pairwise
from pathlib import Path

import command_line
import h5py
import numpy as np
import pytest
from command_line import fails
from PIL import Image
from rich.console import Console

from vdsr_data.benchmark.build import generate_test
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import list_images, write_image
from vdsr_data.inspect.figures import _overview
from vdsr_data.inspect.histogram import BAR, spread, table
from vdsr_data.inspect.sheet import preview
from vdsr_data.inspect.verification import verify
from vdsr_data.interop.pairs import Pairs
from vdsr_data.training.file import open_training
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.shards import merge

RECIPE = TrainingRecipe(patch_size=16, stride=16)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    return command_line.run


@pytest.fixture
def train(photographs: Path, tmp_path: Path) -> Path:
    generate_train(list_images(photographs), tmp_path / "train.h5", RECIPE)
    return tmp_path / "train.h5"


def pair_file(path: Path, lr: np.ndarray, gt: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        file["lr"], file["gt"] = lr[:, None].astype(np.float32), gt[:, None].astype(np.float32)
    return path


def colours(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.slow
def test_a_name_that_is_no_text_is_shown_escaped(run, train: Path):
    named = train.rename(train.with_name("t\udce9.h5"))
    assert run("preview", named, "-o", "p.png").exit_code == 0
    assert colours(Path("p.png")).shape[1] > 100


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("command", ["info", "preview", "verify"])
def test_a_pipe_is_not_waited_for(run, command: str):
    os.mkfifo("pipe")
    fails(run(command, "pipe"), 1, "pipe: not a plain file")


@pytest.mark.slow
def test_preview_of_a_training_file(run, train: Path):
    result = run("preview", train)
    assert (result.exit_code, result.stdout) == (0, f"train_preview.png: 24 patches of {train}\n")
    assert run("preview", train, "--count", 2, "--force").exit_code == 0
    first = Path("train_preview.png").read_bytes()
    fails(run("preview", train), 1, "train_preview.png: exists already", "--force")
    assert run("preview", train, "--count", 2, "--force").exit_code == 0
    assert Path("train_preview.png").read_bytes() == first
    assert run("preview", train, "--count", 2, "--seed", 1, "-o", "other.png").exit_code == 0
    Path("folder").mkdir()
    train.rename("folder/images_2_gt.mat")
    fails(run("preview", "folder", "-o", "folder/p.png"), 1, "folder/p.png: lies in", "which is read; name another")
    Path("folder/images_2_gt.mat").rename(train)
    assert Path("other.png").read_bytes() != first


def test_preview_shows_the_pixels_of_the_patches(run, tmp_path: Path):
    """Every pixel of a patch is a square of the sheet: gt can be read off it, and the residual's sign by its colour."""
    random = np.random.default_rng(3)
    gt = random.integers(0, 256, (1, 8, 8)) / 255
    lr = gt.copy()
    lr[0, 2, 3] -= 0.25
    lr[0, 5, 1] += 0.25
    assert run("preview", pair_file(tmp_path / "one.h5", lr.swapaxes(1, 2), gt.swapaxes(1, 2))).exit_code == 0
    sheet = colours(Path("one_preview.png"))
    side = 123 // 8
    at = np.s_[130 + side // 2 : 130 + 8 * side : side]
    low, high, residual = (
        sheet[at, 48 + k * (8 * side + 8) + side // 2 : 48 + k * (8 * side + 8) + 8 * side : side] for k in range(3)
    )
    assert np.abs(high - (gt[0] * 255).round()[..., None]).max() <= 1
    assert np.abs(low - (lr[0].clip(0, 1) * 255).round()[..., None]).max() <= 1
    red, _, blue = np.moveaxis(residual, 2, 0)
    assert red[2, 3] > blue[2, 3] + 50
    assert blue[5, 1] > red[5, 1] + 50
    rest = np.delete(residual.reshape(64, 3), [2 * 8 + 3, 5 * 8 + 1], axis=0)
    assert rest.min() > 240


@pytest.mark.slow
def test_preview_of_parts_virtual_compressed_and_damaged_values(run, photographs: Path, train: Path, tmp_path: Path):
    images = list_images(photographs)
    parts = [tmp_path / f"{k}.h5" for k in (1, 2)]
    for k, part in enumerate(parts, start=1):
        generate_train(images, part, RECIPE, shard=(k, 2))
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    generate_train(images, tmp_path / "small.h5", RECIPE, compression=4)
    assert run("preview", train, "--count", 4, "-o", "whole.png").exit_code == 0
    whole = colours(Path("whole.png"))
    for name in ("virtual.h5", "small.h5"):
        assert run("preview", name, "--count", 4, "-o", f"{name}.png").exit_code == 0
        assert (colours(Path(f"{name}.png"))[80:] == whole[80:]).all()  # below the name of the file
    assert "2 patches of 1.h5" in run("preview", "1.h5", "--count", 2).stdout
    broken = pair_file(tmp_path / "nan.h5", np.full((3, 9, 9), np.nan), np.full((3, 9, 9), 200.0))
    assert "3 patches" in run("preview", broken).stdout


@pytest.mark.slow
def test_preview_of_a_test_file(run, test_file: Path):
    assert run("preview", test_file).stdout == f"test_preview.png: 4 images of {test_file}\n"
    assert "2 images" in run("preview", test_file, "--count", 2, "-o", "two.png").stdout
    assert colours(Path("two.png")).shape[0] < colours(Path("test_preview.png")).shape[0]


@pytest.mark.slow
def test_names_are_shown_as_they_are(run, photographs: Path, tmp_path: Path):
    """No mathematics is read into a dollar sign, and a long name is cut."""
    for name in ("$x^{$", f"{'n' * 120}"):
        (photographs / "d.bmp").rename(photographs / f"{name}.bmp")
        generate_test("odd", [photographs / f"{name}.bmp"], tmp_path / "$$.h5", scales=(2,))
        assert run("preview", "$$.h5", "--force").exit_code == 0
        (photographs / f"{name}.bmp").rename(photographs / "d.bmp")


def test_what_preview_refuses(run, train: Path, test_file: Path, photographs: Path):
    fails(run("preview", train, "-o", "sheet.jpg"), 1, "sheet.jpg", ".png")
    fails(run("preview", "none.h5"), 1, "none.h5: no such file")
    fails(run("preview", photographs / "a.jpg"), 1, "not an HDF5 file")
    fails(run("preview", train, "-o", "none/sheet.png"), 1, "none: no such folder")
    fails(run("preview", train, "--count", 0), 2, "--count")
    for file in (train, test_file):
        fails(run("preview", file, "--count", 65), 2, "--count", "'65': whole numbers from 1 to 64 are allowed")
        with pytest.raises(ArgumentError, match="count: 65 is not allowed"):
            preview(file, "sheet.png", count=65)
    assert "1<=x<=64" in run("preview", "--help").stdout
    assert not list(Path().glob("*.png"))


@pytest.mark.slow
def test_options_that_would_do_nothing_are_refused(run, train: Path, test_file: Path):
    fails(run("preview", test_file, "--seed", 1), 2, "--seed is for a choice, but all 4 are shown")
    fails(
        run("verify", train, "--sample", 3), 2, "--sample is for a sample, which a training file has with --images only"
    )
    fails(run("verify", train, "--seed", 3), 2, "--seed is for a sample")
    fails(run("verify", test_file, "--sample", 0, "--seed", 3), 2, "--seed is for a sample, and --sample 0 is none")
    assert run("preview", test_file, "--count", 3, "--seed", 1).exit_code == 0
    assert run("verify", test_file, "--sample", 3, "--seed", 1).exit_code == 0


@pytest.mark.slow
def test_values_that_no_training_takes_are_said(run, tmp_path: Path, test_file: Path):
    patches = np.full((3, 9, 9), 0.5)
    path = pair_file(tmp_path / "range.h5", patches, patches * [[[1]], [[400]], [[1]]])
    done = run("preview", path)
    assert (done.exit_code, done.stdout) == (0, f"range_preview.png: 3 patches of {path}\n")
    assert done.stderr.endswith("gt of patch 1 holds 200 to 200, allowed is 0 to 1; luma is 0 to 1, divide by 255\n")
    with h5py.File(test_file, "r+") as file:
        file["x2/a/lr"][3, 4] = np.inf
        file["x2/a/gt"][3, 4] = np.inf
    assert "test.h5: lr of a at scale 2 holds NaN or infinite values\n" in run("preview", test_file).stderr
    assert "PSNR of lr nan dB" in spread(Pairs(test_file)).summary
    with h5py.File(test_file, "r+") as file:
        for key in ("lr", "gt"):
            del file[f"x2/a/{key}"]
            file[f"x2/a/{key}"] = np.zeros((0, 9))
    for command in ("info", "preview"):
        fails(run(command, test_file, *(["--force"] if command == "preview" else [])), 1, "/x2/a needs gt and lr")


def test_large_images_are_read_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    write_image(tmp_path / "large.png", random.integers(0, 256, (70, 610), dtype=np.uint8))
    generate_test("large", [tmp_path / "large.png"], tmp_path / "large.h5", scales=(2,))
    monkeypatch.setattr("vdsr_data.io.hdf5.BAND", 610 * 8 * 9)
    pairs = Pairs(tmp_path / "large.h5")
    ((lr, gt),) = pairs.read([0])
    shape, rows = pairs.bands(0)
    bands = list(rows)
    assert (shape, len(bands)) == ((70, 610), 8)
    assert (np.concatenate([band[0] for band in bands]) == lr).all()
    small_lr, small_gt, error, square = _overview(pairs, 0)
    assert square == 2
    for found, image in ((small_lr, lr), (small_gt, gt)):
        np.testing.assert_allclose(found, image.reshape(35, 2, 305, 2).mean((1, 3)), atol=1e-6)
    assert error == pytest.approx(np.mean((gt - lr) ** 2))
    summary = spread(pairs).summary
    monkeypatch.undo()
    assert spread(pairs).summary == summary
    assert not verify(tmp_path / "large.h5", images=[tmp_path / "large.png"]).failures


@pytest.mark.parametrize("command", ["info", "preview", "verify"])
def test_what_a_training_leaves_is_called_that(run, tmp_path: Path, command: str):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["conv_01/kernel"], file["conv_01/bias"] = np.zeros((3, 3, 1, 2)), np.zeros(2)
    (tmp_path / "checkpoints").mkdir()
    with h5py.File(tmp_path / "checkpoints/step-000000001.h5", "w") as file:
        file.attrs.update(step=1, data="", sha256="")
    for name in ("config.json", "log.csv"):
        (tmp_path / name).touch()
    at = tmp_path / "weights.h5"
    fails(
        run(command, at),
        1,
        f"weights.h5: holds the weights of a network, no images; score it with `vdsr-eval --weights {at}`",
    )
    fails(
        run(command, tmp_path / "checkpoints/step-000000001.h5"),
        1,
        "is a checkpoint of a training",
        "vdsr-train --resume",
    )
    fails(
        run(command, tmp_path / "checkpoints"), 1, "holds checkpoints of a training", f"vdsr-train --resume {tmp_path}"
    )
    fails(run(command, tmp_path), 1, "is the run folder of a training", f"vdsr-eval --weights {tmp_path}")


def test_info_names_the_file_and_the_image_that_is_damaged(run, test_file: Path):
    with h5py.File(test_file, "r+") as file:
        del file["x3/a/gt"]
        file["x3/a/gt"] = h5py.ExternalLink("other.h5", "/gt")
    fails(run("info", test_file), 1, f"{test_file}: /x3/a has no gt of (rows, columns); build the file again")


def test_an_empty_part_is_shown(run, photographs: Path, tmp_path: Path):
    """An image that is smaller than a patch gives none; the part is valid all the same."""
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(photographs / "a.bmp")
    generate_train(list_images(photographs), tmp_path / "part.h5", RECIPE, shard=(3, 5))
    result = run("info", "part.h5")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "part of a training file of 0 pairs" in result.stdout
    assert "images: a.jpg, b.jpg, a.bmp" in result.stdout
    result = run("preview", "part.h5")
    assert (result.exit_code, result.stdout) == (0, "part_preview.png: 0 patches of part.h5\n")
    assert colours(Path("part_preview.png")).shape[1] == 1200
    assert run("verify", "part.h5").exit_code == 0
    with pytest.raises(VdsrError, match="holds no patches"), open_training("part.h5"):
        pass


def test_histograms_are_those_of_all_values(tmp_path: Path):
    random = np.random.default_rng(0)
    gt = random.random((70, 9, 9)).astype(np.float32)
    lr = gt + random.normal(0, 0.05, gt.shape).astype(np.float32)
    found = spread(Pairs(pair_file(tmp_path / "all.h5", lr, gt)))
    assert found.sample == "all 70 pairs"
    assert found.gt == pytest.approx([np.mean((gt >= k / 10) & (gt < (k + 1) / 10)) for k in range(10)], abs=1e-6)
    error = np.abs(gt.astype(float) - lr.astype(float)) * 255
    edges = [0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 1e9]
    expected = [np.mean((error >= low) & (error < high)) for low, high in pairwise(edges)]
    assert found.residual == pytest.approx(expected, abs=1e-4)
    assert found.residual.sum() == pytest.approx(1)
    assert f"PSNR of lr {-10 * np.log10(np.mean((error / 255) ** 2)):.2f} dB" in found.summary
    assert "not in [0, 1]" not in found.summary


def test_sample_is_bounded_and_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []
    read = Pairs.read
    monkeypatch.setattr(Pairs, "read", lambda self, indices: asked.append(len(indices)) or read(self, indices))
    many = pair_file(tmp_path / "many.h5", np.zeros((3000, 3, 3)), np.full((3000, 3, 3), 0.55))
    found = spread(Pairs(many))
    assert found.sample == "1,024 of 3,000 pairs, at random"
    assert asked == [1024]
    assert found.gt.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    large = pair_file(tmp_path / "large.h5", np.zeros((3, 2100, 2100)), np.zeros((3, 2100, 2100)))
    assert spread(Pairs(large)).sample == "1 of 3 pairs, at random"


def test_strange_values_are_counted_not_hidden(tmp_path: Path):
    gt = np.array([0.5, 200, -1, np.nan] * 4).reshape(1, 4, 4)
    found = spread(Pairs(pair_file(tmp_path / "odd.h5", gt, gt)))
    assert found.gt[5] == 0.25
    assert "75.00% of gt not in [0, 1]" in found.summary
    nothing = pair_file(tmp_path / "nothing.h5", np.full((1, 2, 2), np.nan), np.full((1, 2, 2), np.nan))
    Console(file=StringIO()).print(table(spread(Pairs(nothing)), blocks=True))


@pytest.mark.parametrize("kind", ["train", "test_file"])
def test_info_on_a_pipe_is_plain_ascii(run, kind: str, request: pytest.FixtureRequest):
    output = run("info", request.getfixturevalue(kind)).stdout
    assert output.isascii()
    assert "\x1b" not in output
    assert "  0.4 to 0.5  ####" in output
    assert "128 or more" in output
    assert max(len(line) for line in output.splitlines() if "#" in line) <= 80


def test_info_on_a_terminal(train: Path):
    for blocks, full in ((True, "█"), (False, "#")):
        console = Console(file=StringIO(), force_terminal=True, color_system="truecolor", width=80, no_color=not blocks)
        with console.capture() as captured:
            console.print(table(spread(Pairs(train)), blocks=blocks))
        text = captured.get()
        assert full * BAR in text
        assert ("\x1b[36m" in text) == blocks  # colours go with NO_COLOR
        assert len(text.splitlines()) == 11
