"""--dry-run against what the builds then write."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from vdsr_data.cli.main import main
from vdsr_data.images import forecast
from vdsr_data.images.files import write_image
from vdsr_data.training.file import open_training


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `images` of seven images of several sizes, in the current folder."""
    (tmp_path / "images").mkdir()
    random = np.random.default_rng(0)
    for number in range(7):
        size = (90 + 7 * number, 120 - 5 * number)
        write_image(tmp_path / "images" / f"{number}.png", random.integers(0, 256, (*size, 3), dtype=np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def pairs(line: str) -> int:
    return int(re.search(r"([0-9,]+) pairs", line)[1].replace(",", ""))


def megabytes(line: str) -> float:
    return float(re.search(r", ([0-9.]+) MB", line)[1])


@pytest.mark.parametrize("options", [[], ["--scales", "3", "--rotations", "0"], ["--downsizes", "1,0.6"]])
def test_training_file_is_foretold(folder: Path, options: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forecast, "ENOUGH", 20_000)  # a sample of some, not all
    line = run("build-train", "images", "-o", "train.h5", "--patch-size", "21", "--stride", "21", *options, "--dry-run")
    assert [path.name for path in folder.iterdir()] == ["images"]
    run("build-train", "images", "-o", "train.h5", "--patch-size", "21", "--stride", "21", *options)
    with open_training(folder / "train.h5") as file:
        assert f"train.h5: would hold {len(file):,} pairs of 21 x 21 from 7 images" in line
        assert megabytes(line) == round(len(file) * 21**2 * 8 / 1e6, 1)
    assert "s on this machine; nothing was written" in line


def test_a_part_that_cannot_be_made_is_not_foretold(folder: Path):
    for dry in ([], ["--dry-run"]):
        done = CliRunner().invoke(main, ["build-train", "images", "--patch-size", "21", "--shard", "8/8", *dry])
        assert done.exit_code == 1
        assert "7 images give at most 7 parts, not 8" in done.stderr


def test_part_is_foretold(folder: Path):
    words = ["build-train", "images", "--patch-size", "21", "--stride", "21", "--shard", "2/3"]
    line = run(*words, "--dry-run")
    most = pairs(line)
    assert most - 63 <= pairs(run(*words)) <= most
    assert " from 2 images," in line


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hdf5", "mat"])
def test_test_file_is_foretold(folder: Path, kind: str):
    line = run("build-test", "images", "--format", kind, "-o", "out", "--dry-run")
    assert [path.name for path in folder.iterdir()] == ["images"]
    assert line.startswith("out: would hold 7 images, 21 pairs, ")
    assert 2 < megabytes(line) < 5
    assert run("build-test", "images", "--format", kind, "-o", "out").endswith("out: 7 images, 21 pairs\n")


def test_size_of_a_test_file_is_scaled_by_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch):
    sizes = []
    monkeypatch.setattr(forecast, "check_space", lambda _, size: sizes.append(size))
    monkeypatch.setattr(forecast, "ENOUGH", 20_000)
    run("build-test", "images", "-o", "out.h5", "--dry-run")
    run("build-test", "images", "-o", "out.h5")
    assert sizes[0] == pytest.approx((folder / "out.h5").stat().st_size, rel=0.05)


def test_what_would_fail_fails(folder: Path, monkeypatch: pytest.MonkeyPatch):
    done = CliRunner().invoke(main, ["build-train", "images", "--patch-size", "95", "--scales", "3", "--dry-run"])
    assert done.exit_code == 1
    assert "at least 64 are needed" in done.stderr
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    done = CliRunner().invoke(main, ["build-train", "images", "--patch-size", "21", "--dry-run"])
    assert (done.exit_code, "1.0 kB are free" in done.stderr) == (1, True)


@pytest.mark.slow
def test_an_output_that_exists_is_told(folder: Path):
    """A dry run replaces nothing, so it need not be forced."""
    small = ["--patch-size", "24", "--stride", "24"]
    for words, output in (
        (["build-train", "images", *small], "vdsr_train.h5"),
        (["build-train", "images", "--format", "png", "--scales", "2", *small], "vdsr_train_png/a"),
        (["build-test", "images", "--scales", "2"], "images.h5"),
        (["build-test", "images", "--scales", "2", "--format", "mat"], "images_mat/a"),
    ):
        assert run(*words, "--dry-run").endswith("; nothing was written\n")
        (folder / output).parent.mkdir(exist_ok=True)
        (folder / output).touch()
        assert run(*words, "--dry-run").endswith("; it exists already, and would be replaced with --force\n")
        assert (folder / output).read_bytes() == b""


def test_what_the_build_refuses_is_not_foretold(folder: Path):
    sub_images = ["--format", "png", "--scales", "2", "--patch-size", "24", "--stride", "24"]
    (folder / "HR_sub").mkdir()
    (folder / "images" / "0.png").rename(folder / "HR_sub" / "0.png")
    (folder / "far").mkdir()
    (folder / "out").mkdir()
    (folder / "out" / "HR_sub").symlink_to(folder / "far")
    write_image(folder / "far" / "deep.png", np.zeros((24, 24), dtype=np.uint16))
    write_image(folder / "images" / "tiny.png", np.zeros((3, 30), dtype=np.uint8))
    for words, complaint in (
        (["build-train", "HR_sub", *sub_images, "-o", ".", "--force"], "0.png: lies where the sub-images go"),
        (["build-train", "images", *sub_images, "-o", "out", "--force"], "out/HR_sub: is no plain folder"),
        (["build-train", "far", *sub_images], "deep.png: has 16 bits"),
        (["build-test", "images"], "tiny.png: 3 x 30 pixels are too few for scale 4; remove it"),
        (["build-test", "images", "--format", "mat"], "tiny.png: 3 x 30 pixels are too few for scale 4"),
        (["build-train", "images", "-o", "images/z.png"], "z.png: is the name of an image"),
        (["build-test", "images", "-o", "z.mat"], "z.mat: is the name of a MATLAB file"),
    ):
        for dry in (["--dry-run"], []):
            done = CliRunner().invoke(main, [*words, *dry])
            assert (done.exit_code, done.stdout) == (1, ""), done.output
            assert complaint in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["HR_sub", "far", "images", "out", "vdsr_train_png"]
    assert not list((folder / "vdsr_train_png").iterdir())
    assert (folder / "out" / "HR_sub").is_symlink()
