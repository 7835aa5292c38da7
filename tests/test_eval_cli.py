"""The command line of vdsr-eval: what it prints and writes, and one clear line for each thing that can go wrong."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from vdsr_data import imresize
from vdsr_eval.cli import main


def vdsr_eval(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def cells(result: Result) -> list[list[str]]:
    """Set, scale and number of images of each row of the only table."""
    return [line.split()[:3] for line in result.stdout.splitlines()[3:]]


def fails(code: int, message: str, *args: object) -> None:
    """The command ends with the exit code and exactly one line on stderr that holds the message."""
    result = vdsr_eval(*args)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `fruit` of two images in an otherwise empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VDSR_DATA", raising=False)
    (tmp_path / "fruit").mkdir()
    for seed, (name, shape) in enumerate({"apple": (40, 52), "pear": (45, 37)}.items()):
        small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
        Image.fromarray(imresize(small, size=shape)).save(tmp_path / "fruit" / f"{name}.png")
    return tmp_path


def test_bicubic_alone(folder: Path) -> None:
    result = vdsr_eval("--dataset", "fruit", "--model", "bicubic", "--scale", 3, "--scale", 2)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("vdsr-tf: imresize of float luma (symmetric); float luma, not rounded; border scale")
    assert lines[1].split() == ["set", "scale", "images", "bicubic"]
    assert cells(result) == [["fruit", "x3", "2"], ["fruit", "x2", "2"]]


def test_every_protocol_prints_its_table(folder: Path) -> None:
    options = [word for name in ("rcan", "paper", "vdsr-tf") for word in ("--protocol", name)]
    result = vdsr_eval("--dataset", "fruit", "--model", "bicubic", "--scale", 2, *options)
    titles = [line.split(":")[0] for line in result.stdout.splitlines() if ": imresize" in line]
    assert titles == ["rcan", "paper", "vdsr-tf"]


def test_without_weights_bicubic_is_evaluated_and_the_way_to_weights_told(folder: Path) -> None:
    result = vdsr_eval("--dataset", "fruit", "--scale", 2)
    assert result.exit_code == 0
    assert cells(result) == [["fruit", "x2", "2"]]
    assert result.stderr.startswith("bicubic alone: ")
    assert "--weights" in result.stderr
    assert "vdsr-train" in result.stderr
    assert result.stderr.count("\n") == 1


def test_test_files_of_the_folder_are_the_default(folder: Path) -> None:
    from vdsr_data.generate import generate_test

    generate_test("fruit", sorted((folder / "fruit").iterdir()), folder / "Orchard.h5")
    (folder / "other.h5").write_bytes(b"no test file")
    stored = vdsr_eval("--model", "bicubic", "--per-image")
    assert stored.exit_code == 0, stored.output
    direct = vdsr_eval("--model", "bicubic", "--per-image", "--dataset", "fruit")
    scores = [[line.split()[1:] for line in result.stdout.splitlines() if " / " in line] for result in (stored, direct)]
    assert scores[0] == scores[1]
    assert len(scores[0]) == 3 * (2 + 1)
    assert "Orchard" in stored.stdout


@pytest.mark.jit
def test_sample_is_the_default_elsewhere(folder: Path) -> None:
    result = vdsr_eval("--model", "bicubic", "--scale", 4)
    assert cells(result) == [["sample", "x4", "4"]]


def test_per_image_json_and_csv_agree(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--protocol", "paper"]
    result = vdsr_eval(*options, "--per-image", "--json", "out.json", "--csv", "out.csv")
    assert result.exit_code == 0
    assert result.stderr == "wrote out.json\nwrote out.csv\n"
    (row,) = json.loads((folder / "out.json").read_text())
    assert {key: row[key] for key in ("dataset", "scale", "model", "protocol")} == {
        "dataset": "fruit", "scale": 2, "model": "bicubic", "protocol": "paper",
    }  # fmt: skip
    assert row["psnr"] == pytest.approx(sum(image["psnr"] for image in row["images"]) / 2)
    with open(folder / "out.csv") as file:
        lines = list(csv.DictReader(file, skipinitialspace=True))
    assert [line["file name"] for line in lines] == ["apple", "pear"]
    assert [float(line["psnr"]) for line in lines] == pytest.approx([i["psnr"] for i in row["images"]], abs=1e-6)
    assert f"{row['psnr']:.2f} / {row['ssim']:.4f}" in result.stdout
    assert all(f"{image['psnr']:.4f} / {image['ssim']:.4f}" in result.stdout for image in row["images"])


def test_an_image_too_small_is_skipped_with_a_message(folder: Path) -> None:
    Image.fromarray(np.zeros((12, 30), np.uint8)).save(folder / "fruit" / "seed.png")
    result = vdsr_eval("--dataset", "fruit", "--model", "bicubic", "--scale", 2)
    assert result.exit_code == 0
    assert result.stderr == ("fruit/seed: left out, 12x30 pixels leave 8x26 inside a border of 2; SSIM needs 11x11\n")
    assert cells(result) == [["fruit", "x2", "2"]]
    assert "nan" not in result.stdout
    assert vdsr_eval("--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--border", 0).stderr == ""


def test_border_is_part_of_the_title(folder: Path) -> None:
    result = vdsr_eval("--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--border", 6)
    assert result.stdout.startswith("vdsr-tf (border 6): ")


def test_what_cannot_be_done_is_one_line(folder: Path) -> None:
    fails(1, "nope: no such data set; looked for a path", "--dataset", "nope", "--model", "bicubic")
    fails(2, "'--scale'", "--scale", 0)
    fails(2, "'--scale'", "--scale", 1.5)
    fails(2, "'--protocol'", "--protocol", "ntire")
    fails(2, "'--border'", "--border", -1)
    fails(2, "No such option", "--colour")
    fails(2, "--weights names a network", "--model", "bicubic", "--weights", "w.h5")
    fails(1, "w.h5: no such file", "--dataset", "fruit", "--weights", "w.h5")
    fails(1, "no weights.h5", "--dataset", "fruit", "--model", "vdsr")
    (folder / "fruit" / "worm.png").write_bytes(b"\x89PNG\r\n\x1a\n but no further")
    fails(1, "worm.png: cannot be read", "--dataset", "fruit", "--model", "bicubic")


def test_outputs_are_checked_before_the_work_and_never_half_written(folder: Path) -> None:
    (folder / "old.json").write_text("mine")
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2]
    fails(1, "old.json: exists already; use --force", *options, "--json", "old.json")
    assert (folder / "old.json").read_text() == "mine"
    fails(1, "no such folder", *options, "--csv", "missing/out.csv")
    assert vdsr_eval(*options, "--json", "old.json", "--force").exit_code == 0
    assert json.loads((folder / "old.json").read_text())[0]["dataset"] == "fruit"
    assert sorted(path.name for path in folder.iterdir()) == ["fruit", "old.json"]


def test_help_is_quick() -> None:
    code = (
        "import sys\nfrom vdsr_eval.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numba', 'scipy', 'tensorflow', 'keras', 'matplotlib', 'h5py', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--protocol" in done.stdout
