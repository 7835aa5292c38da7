"""`vdsr-data` as it is typed: what it writes, and the one line that it says when it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import command_line
import h5py
import numpy as np
import pytest
from command_line import fails
from PIL import Image

from vdsr_data import imresize
from vdsr_data.images.files import read_image


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VDSR_DATA", raising=False)
    return command_line.run


def test_build_train_and_info(run, photographs: Path):
    result = run("build-train", photographs, "--patch-size", 16, "--stride", 16)
    assert result.exit_code == 0, result.output
    assert "pairs of 16 x 16 from 4 images" in result.output
    shown = run("info", "vdsr_train.h5").output
    assert "training file of" in shown
    assert "a.jpg, b.jpg, c.bmp, d.bmp" in shown
    fails(run("build-train", photographs), 1, "vdsr_train.h5", "--force")
    assert run("build-train", photographs, "--patch-size", 16, "--stride", 8, "--force").exit_code == 0


def test_build_train_options(run, photographs: Path):
    arguments = ("--patch-size", 12, "--stride", 12, "--scales", "2", "--rotations", "0,180", "--flips", "none",
                 "--downsizes", "1,0.5", "--axes", "nhwc", "--keys", "data,label", "--compression", 1, "--seed", 3,
                 "--boundary", "replicate", "--workers", 2, "-o", "caffe.h5")  # fmt: skip
    assert run("build-train", photographs, *arguments).exit_code == 0
    with h5py.File("caffe.h5") as file:
        assert file["data"].shape[1:] == (12, 12, 1)
        assert file["label"].compression == "gzip"


def test_build_train_reports_small_images(run, photographs: Path):
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(photographs / "dot.png")
    result = run("build-train", photographs, "--patch-size", 16, "--stride", 16)
    assert result.exit_code == 0
    assert "1 images are smaller than a patch and give none: dot.png" in result.stderr


def test_build_test_and_info(run, photographs: Path):
    result = run("build-test", photographs)
    assert result.exit_code == 0
    assert "photographs.h5: 4 images, 12 pairs" in result.output
    assert result.output.count("bicubic") == 12
    assert "x3: 4 images" in run("info", "photographs.h5").output
    assert run("build-test", photographs, "--format", "mat", "--scales", "3", "-o", "mat").exit_code == 0
    assert sorted(path.name for path in Path("mat").glob("a_*")) == [f"a_3_{k}.mat" for k in ("cb", "cr", "gt", "lr")]
    fails(run("build-test", photographs, "--format", "mat", "-o", "mat"), 1, "not empty", "--force")


def test_build_test_of_the_built_in_set(run):
    assert run("build-test", "sample", "--scales", "4").exit_code == 0
    assert Path("sample.h5").is_file()


def test_imresize_of_a_file_and_a_folder(run, photographs: Path):
    assert run("imresize", photographs / "c.bmp", "small.png", "--scale", "1/3").exit_code == 0
    assert (read_image("small.png") == imresize(read_image(photographs / "c.bmp"), 1 / 3)).all()
    assert run("imresize", photographs, "small", "--scale", "1/2", "--modcrop", 2, "--format", "bmp").exit_code == 0
    assert sorted(path.name for path in Path("small").iterdir()) == ["a.bmp", "b.bmp", "c.bmp", "d.bmp"]
    assert run("imresize", photographs / "c.bmp", "sized.png", "--size", "20x30", "--no-antialias").exit_code == 0
    assert read_image("sized.png").shape == (20, 30, 3)


def test_imresize_looks_names_up_as_the_others_do(run, photographs: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "sets").mkdir()
    photographs.rename(tmp_path / "sets" / "Flowers")
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "sets"))
    assert run("imresize", "Flowers", "half", "--scale", "1/2").exit_code == 0
    expected = imresize(read_image(tmp_path / "sets" / "Flowers" / "a.jpg"), 1 / 2)
    assert (read_image("half/a.png") == expected).all()
    assert run("imresize", "sample", "small", "--scale", "1/8").exit_code == 0
    assert Path("small/astronaut.png").is_file()
    fails(run("imresize", "Flower", "out", "--scale", "1/2"), 1, "no such data set", "did you mean Flowers?")
    fails(run("imresize", "half", "half", "--scale", "1/2", "--force"), 1, "holds the images themselves")


def test_options_that_would_do_nothing_are_refused(run, photographs: Path):
    fails(
        run("imresize", photographs / "c.bmp", "o.png", "--scale", "2", "--format", "bmp"), 2, "--format is for folders"
    )
    for option in ("--mirror", "--workers", "--retries"):
        fails(run("fetch", "--list", option, "3"), 2, f"{option} has nothing to do with --list")
    fails(
        run("build-train", photographs, "--dask", "tcp://nowhere:1", "--workers", 2), 2, "--workers is for this machine"
    )
    fails(run("build-train", photographs, "--format", "png", "--seed", 0), 2, "--seed is for training files only")
    assert not list(Path().glob("*.*"))


def test_images_that_may_not_fit_into_memory(run, photographs: Path, monkeypatch: pytest.MonkeyPatch):
    """Said before the work of each command that reads images; refused where it cannot fit."""
    commands = {
        ("build-train", photographs, "--patch-size", 16, "--stride", 16, "--workers", 1): "b.jpg: 0 megapixels",
        ("build-train", photographs, "--format", "png", "--patch-size", 24, "--stride", 24, "--workers", 1): "b.jpg",
        ("build-test", photographs, "--workers", 1): "b.jpg: 0 megapixels",
        ("imresize", photographs, "out", "--scale", "2", "--workers", 1): "b.jpg: 0 megapixels",
    }
    monkeypatch.setattr("vdsr_data.images.memory.available_memory", lambda: (1000, 10**9))
    for command, words in commands.items():
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert result.stderr.count("\n") == 1
        assert f"{words}" in result.stderr
        assert "0.0 GB are available" in result.stderr
    monkeypatch.setattr("vdsr_data.images.memory.available_memory", lambda: (1000, 2000))
    for command, words in commands.items():
        fails(run(*command, "--force"), 1, words, "of memory; there are 0.0 GB; use a smaller image")


def test_missing_and_empty_folders(run, tmp_path: Path):
    fails(run("build-train", "nowhere"), 1, "nowhere: no such data set")
    (tmp_path / "empty").mkdir()
    fails(run("build-train", "empty"), 1, "empty: no image in it", ".jpg")
    fails(run("build-test", "Set5"), 1, "Set5: no such data set", "VDSR_DATA", "sample")


def test_truncated_image(run, photographs: Path):
    whole = (photographs / "a.jpg").read_bytes()
    (photographs / "a.jpg").write_bytes(whole[:700])
    fails(run("build-test", photographs), 1, "a.jpg", "cannot be read")
    assert not list(Path().glob("*.h5"))


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "1/0", "one", "", "1,2,3", f"1/{10**400}"])
def test_bad_scale(run, photographs: Path, scale: str):
    fails(run("imresize", photographs / "a.jpg", "out.png", "--scale", scale), 2, "--scale")


@pytest.mark.parametrize("scales", ["0", "-1", "nan", "1.5", "two", "", "2,2", "2,65"])
def test_bad_scales(run, photographs: Path, scales: str):
    fails(run("build-train", photographs, "--scales", scales), 2, "--scales", "different whole numbers from 1 to 64")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--patch-size", 0), "--patch-size"),
        (("--stride", "x"), "--stride"),
        (("--rotations", "45"), "--rotations"),
        (("--flips", "sideways"), "--flips"),
        (("--flips", "none,none"), "--flips"),
        (("--keys", "lr"), "--keys"),
        (("--keys", "lr,lr"), "--keys"),
        (("--keys", "../lr,gt"), "--keys"),
        (("--downsizes", "2"), "--downsizes"),
        (("--seed", -1), "--seed"),
        (("--axes", "nchw"), "--axes"),
        (("--scales", "2,2"), "--scales"),
        (("--workers", 100000), "'100000': whole numbers from 1 to 1024 are allowed"),
    ],
)
def test_bad_options(run, photographs: Path, arguments: tuple, words: str):
    fails(run("build-train", photographs, *arguments), 2, words)


def test_impossible_requests(run, photographs: Path):
    fails(run("build-train", photographs, "--patch-size", 200), 1, "0 patches of 200 x 200")
    fails(run("build-train", photographs, "-o", "none/out.h5"), 1, "none: no such folder")
    fails(run("imresize", photographs / "a.jpg", "out.png"), 2, "either --scale or --size")
    for size in ("3", "0x5", "5x", "1.5x2", f"{'9' * 5000}x1"):
        fails(run("imresize", photographs / "a.jpg", "out.png", "--size", size), 2, "--size", "such as 240x320")
    fails(run("imresize", photographs / "a.jpg", "out.png", "--size", "9999999999x2"), 1, "GB of memory; there are")
    fails(run("build-train", photographs, "--shard", f"1/{'9' * 5000}"), 2, "--shard", "give K/N")
    fails(run("imresize", photographs / "a.jpg", "out.jpg", "--scale", "2"), 1, "out.jpg")
    fails(run("imresize", photographs / "a.jpg", "out.png", "--scale", "2", "--modcrop", 999), 1, "a.jpg")
    fails(run("imresize", "none.png", "out.png", "--scale", "2"), 1, "none.png: no such file")
    fails(run("build-test", photographs, "--scales", "64"), 1, "too few for scale 64")
    fails(run("info", photographs / "a.jpg"), 1, "not an HDF5 file")
    assert not [path for path in Path().iterdir() if path.name != "photographs"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_outputs_may_be_named_by_any_bytes(run, photographs: Path):
    small = ("--patch-size", 16, "--stride", 16, "--scales", "2")
    for words, name in (
        (("build-train", photographs, *small, "-o"), "r\udce9.h5"),
        (("build-train", photographs, *small, "--shard", "1/1", "-o"), "p\udce9.h5"),
        (("merge", "p\udce9.h5", "-o"), "m\udce9.h5"),
        (("build-test", photographs, "--scales", "2", "-o"), "t\udce9.h5"),
    ):
        result = run(*words, name)
        assert (result.exit_code, Path(name).is_file()) == (0, True), result.output
        assert ascii(name)[1:-1] in result.output
    fails(run("merge", "p\udce9.h5", "--virtual", "-o", "v.h5"), 1, r"p\udce9.h5: a virtual file", "UTF-8")
    fails(run("info", "no\udce9.h5"), 1, r"no\udce9.h5: no such file")


def test_bare_command_shows_its_help(run):
    result = run()
    assert result.exit_code == 2
    assert "vdsr-data build-train 291/        the training file" in result.stderr


@pytest.mark.parametrize(
    ("command", "words", "expected"),
    [
        ("vdsr-data", "vdsr-data bu", {"plain,build-train", "plain,build-test"}),
        ("vdsr-data", "vdsr-data build-test Fl", {"plain,Flowers", "file,Fl"}),
        ("vdsr-eval", "vdsr-eval --dataset sam", {"plain,sample", "file,sam"}),
        ("vdsr-train", "vdsr-train --preset vd", {"plain,vdsr-tf"}),
    ],
)
def test_shells_complete_commands_and_sets(command: str, words: str, expected: set[str], tmp_path: Path):
    (tmp_path / "Flowers").mkdir()
    (tmp_path / "Flowers" / "a.png").touch()
    asked = {
        f"_{command.upper().replace('-', '_')}_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "VDSR_DATA": str(tmp_path),
    }
    code = f"import sys; sys.argv = [{command!r}]; from {command.replace('-', '_')}.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == expected, done.stderr
