"""The command line of vdsr-eval: what it prints and writes, and one clear line for each thing that can go wrong."""

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from reference import random_network
from scipy.io import loadmat, savemat

from vdsr_data import imresize, modcrop
from vdsr_data.benchmark.build import generate_test
from vdsr_data.images.files import read_image, write_image
from vdsr_eval.cli import options as named
from vdsr_eval.cli.main import main
from vdsr_eval.metrics.naturalness import NATURALNESS
from vdsr_eval.networks.network import ENGINES
from vdsr_eval.networks.probed import INPUTS
from vdsr_eval.networks.weights import write_weights
from vdsr_eval.protocols.protocol import PROTOCOLS, Luma
from vdsr_eval.reports.further import FURTHER


def vdsr_eval(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def cells(result: Result) -> list[list[str]]:
    """Set, scale and number of images of each row of the only table."""
    return [line.split()[:3] for line in result.stdout.splitlines()[3:] if line]


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


@pytest.mark.slow
def test_without_runs_the_shipped_network_is_evaluated(folder: Path) -> None:
    pytest.importorskip("tensorflow")
    result = vdsr_eval("--dataset", "fruit", "--scale", 2)
    assert result.exit_code == 0
    assert "VDSR (default)" in result.stdout
    assert vdsr_eval("--dataset", "fruit", "--scale", 2, "--weights", "default").stdout == result.stdout


def test_without_tensorflow_networks_run_all_the_same(folder: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    write_weights(folder / "mine.h5", [(0 * kernel, 0 * bias) for kernel, bias in random_network(2)])
    options = ["--dataset", "fruit", "--scale", 2, "--weights", "mine.h5"]
    result = vdsr_eval(*options)
    assert result.exit_code == 0
    assert "VDSR (mine.h5)" in result.stdout
    refused = vdsr_eval(*options, "--engine", "tensorflow")
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert 'needed to train, and for the engine tensorflow: pip install "vdsr-toolkit[train]"' in refused.stderr


def test_without_weights_bicubic_is_evaluated(folder: Path) -> None:
    (folder / "runs" / "bad").mkdir(parents=True)
    (folder / "runs" / "bad" / "weights.h5").write_bytes(b"no weights")
    result = vdsr_eval("--dataset", "fruit", "--scale", 2)
    assert result.exit_code == 0
    assert cells(result) == [["fruit", "x2", "2"]]
    assert result.stderr.startswith("bicubic alone: ")
    assert result.stderr.count("\n") == 1


def test_test_files_of_the_folder_are_the_default(folder: Path) -> None:
    generate_test("fruit", sorted((folder / "fruit").iterdir()), folder / "Orchard.h5")
    (folder / "other.h5").write_bytes(b"no benchmark file")
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
        lines = list(csv.DictReader(file))
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
    fails(2, "'--scale': 0: give one factor from 1 to 16", "--scale", 0)
    fails(2, "'--scale'", "--scale", "two")
    fails(2, "'--protocol'", "--protocol", "set5")
    fails(2, "'--border'", "--border", -1)
    fails(2, "No such option", "--colour")
    fails(2, "--weights names a network", "--model", "bicubic", "--weights", "w.h5")
    fails(1, "w.h5: no such file", "--dataset", "fruit", "--weights", "w.h5")
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


def test_compare_sets_published_rows_beside_measured_ones(folder: Path) -> None:
    (folder / "fruit").rename(folder / "Set5")
    result = vdsr_eval("--dataset", "Set5", "--model", "bicubic", "--scale", 2, "--protocol", "paper", "--compare")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    measured = next(line.split() for line in lines if "measured  " in line)
    bicubic = next(line.split() for line in lines if line.split()[:1] == ["bicubic"])
    assert bicubic[1:4] == ["33.66", "/", "0.9299"]
    assert float(bicubic[4]) == pytest.approx(float(measured[3]) - 33.66, abs=1e-9)
    assert "SRCNN  " in result.stdout
    assert "bicubic is not the published one; other images, or another protocol" in result.stdout
    assert "CVPR 2016, Table 3" in result.stdout
    varied = vdsr_eval("--dataset", "Set5", "--model", "bicubic", "--scale", 2, "--border", 0, "--compare")
    assert "nothing is published here for vdsr-tf (border 0)" in varied.stdout


def test_explain_scores_under_every_protocol(folder: Path) -> None:
    (folder / "fruit").rename(folder / "Set5")
    result = vdsr_eval("--dataset", "Set5", "--model", "bicubic", "--scale", 2, "--explain")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].split() == ["set", "scale", "model", "vdsr-tf", "paper", "rdn", "rcan"]
    for name in ("vdsr-tf", "paper", "rdn", "rcan"):
        assert f"\n{name}: imresize of " in result.stdout
        assert f"\n{name} (used by " in result.stdout
    assert result.stdout.count("bicubic agrees with no published one; nearest is") == 4
    assert result.stdout.count("is none of these; find its rules with --claim 33.6") == 3


def test_rgb_and_boundary_vary_the_protocol(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--protocol", "rcan"]
    plain, rgb, old = (vdsr_eval(*options, *more) for more in ([], ["--rgb"], ["--boundary", "replicate"]))
    assert rgb.stdout.startswith("rcan (RGB): ")
    assert old.stdout.startswith("rcan (replicate): imresize of the 8-bit RGB image (replicate)")
    assert len({result.stdout.splitlines()[3] for result in (plain, rgb, old)}) == 3


def save_results(folder: Path, name: str, shift: int) -> None:
    """Results of a method that is off by `shift` levels, as RCAN saves them."""
    (folder / name).mkdir()
    for path in (folder / "fruit").iterdir():
        image = modcrop(read_image(path), 3)
        write_image(
            folder / name / f"{path.stem}_{name}_x3.png", (image.astype(int) + shift).clip(0, 255).astype(np.uint8)
        )


def test_score_reads_the_results_of_others(folder: Path) -> None:
    save_results(folder, "close", 3)
    save_results(folder, "closer", 2)
    options = ["--gt", "fruit", "--scale", 3, "--protocol", "rcan"]
    result = vdsr_eval("score", "closer", *options, "--baseline", "close", "--json", "r.json")
    assert result.exit_code == 0, result.output
    rows = {row["model"]: row for row in json.loads((folder / "r.json").read_text())}
    assert list(rows) == ["bicubic", "closer", "close"]
    assert rows["closer"]["psnr"] > rows["close"]["psnr"] > rows["bicubic"]["psnr"]
    assert rows["close"]["psnr"] == pytest.approx(20 * np.log10(255 / (3 * 219 / 255)), abs=0.2)
    assert "rcan - PSNR minus that of close, paired bootstrap" in result.stdout
    assert "2 of 2    better" in result.stdout
    named = vdsr_eval("score", "closer", *options, "--name", "RCAN", "--baseline", "bicubic")
    assert "RCAN" in named.stdout
    assert "minus that of bicubic" in named.stdout


def test_score_refuses_what_does_not_match(folder: Path) -> None:
    save_results(folder, "r", 0)
    fails(2, "Missing option '--gt'", "score", "r", "--scale", 3)
    fails(1, "nowhere: no such folder of results", "score", "nowhere", "--gt", "fruit", "--scale", 3)
    fails(
        1,
        "no file is named after the image apple at x2; candidates: apple_r_x3.png",
        "score",
        "r",
        "--gt",
        "fruit",
        "--scale",
        2,
    )
    (folder / "r" / "apple_r_x3.png").unlink()
    fails(1, "no file is named after the image apple", "score", "r", "--gt", "fruit", "--scale", 3)
    write_image(folder / "r" / "apple_x3.png", np.zeros((40, 52, 3), np.uint8))
    fails(
        1,
        "apple_x3.png: is 40x52, expected 39x51: the original was not cropped",
        "score",
        "r",
        "--gt",
        "fruit",
        "--scale",
        3,
    )
    fails(2, "options go behind the name of the command: score --help", "--scale", 3, "score", "r", "--gt", "fruit")


def test_given_low_resolution_images(folder: Path) -> None:
    (folder / "lr").mkdir()
    for path in (folder / "fruit").iterdir():
        write_image(folder / "lr" / f"{path.stem}x2.png", imresize(modcrop(read_image(path), 2), 1 / 2))
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--protocol", "rcan"]
    given, made = vdsr_eval(*options, "--lr", "lr"), vdsr_eval(*options)
    assert given.stdout == made.stdout
    (folder / "lr" / "applex2.png").rename(folder / "lr" / "plumx2.png")
    fails(1, "no file is named after the image apple", *options, "--lr", "lr")


@pytest.mark.slow
def test_pictures_and_details(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2]
    result = vdsr_eval(*options, "--save-images", "p", "--save-mat", "m", "--detail", "4,2,24,22", "--image", "apple")
    assert result.exit_code == 0, result.output
    files = sorted(path.relative_to(folder).as_posix() for top in ("p", "m") for path in (folder / top).rglob("*.*"))
    assert files == [
        "m/fruit/x2/apple_bicubic.mat",
        "p/fruit/x2/apple_bicubic.png", "p/fruit/x2/apple_detail.png", "p/fruit/x2/apple_gt.png",
    ]  # fmt: skip
    fails(1, "p: is not empty; name a new folder, or use --force", *options, "--save-images", "p")
    fails(2, "--detail draws into the folder of --save-images", *options, "--detail", "auto")
    fails(2, "give x0,y0,x1,y1 in pixels", *options, "--save-images", "q", "--detail", "1,2,3")
    fails(1, "fruit/apple: the detail 0,0,60,20 must be", *options, "--save-images", "q", "--detail", "0,0,60,20")
    fails(1, "fruit/pear: the detail 0,0,50,20 must be", *options, "--save-images", "q", "--detail", "0,0,50,20")
    assert not (folder / "q").exists()
    seen = vdsr_eval(*options, "--save-images", "q", "--detail", "0,0,50,20", "--image", "apple")
    assert seen.exit_code == 0, seen.output


def test_markdown_and_latex(folder: Path) -> None:
    result = vdsr_eval(
        "--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--markdown", "t.md", "--latex", "t.tex"
    )
    score = next(line.split()[3] for line in result.stdout.splitlines() if line.startswith("fruit"))
    assert f"| {score} / " in (folder / "t.md").read_text()
    assert f"& {score} / " in (folder / "t.tex").read_text()


def test_help_is_quick() -> None:
    code = (
        "import sys\nfrom vdsr_eval.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numba', 'scipy', 'tensorflow', 'keras', 'matplotlib', 'h5py', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--protocol" in done.stdout


def means(path: Path) -> dict[tuple[str, str], float]:
    """PSNR by set and model, from a JSON file."""
    rows = json.loads(path.read_text())
    found = {(row["dataset"], row["model"]): row["psnr"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_two_sets_of_one_name_have_a_row_each(folder: Path) -> None:
    (folder / "other" / "fruit").mkdir(parents=True)
    write_image(folder / "other" / "fruit" / "apple.png", read_image(folder / "fruit" / "pear.png"))
    generate_test("fruit", sorted((folder / "fruit").iterdir()), folder / "fruit.h5", scales=(2,))
    sets = [word for name in ("fruit", "other/fruit", "fruit.h5", "./fruit") for word in ("--dataset", name)]
    options = ["--model", "bicubic", "--scale", 2, "--save-images", "p", "--json", "r.json"]
    result = vdsr_eval(*sets, *options)
    assert result.exit_code == 0, result.output
    found = means(folder / "r.json")
    here = folder.name
    names = [f"fruit ({here}/fruit)", "fruit (other/fruit)", f"fruit ({here}/fruit.h5)"]
    assert [dataset for dataset, _ in found] == names
    assert found[names[0], "bicubic"] == found[names[2], "bicubic"] != found[names[1], "bicubic"]
    assert len(list((folder / "p").iterdir())) == 3


def test_results_called_like_the_baseline_or_each_other_have_a_row_each(folder: Path) -> None:
    save_results(folder, "bicubic", 3)
    (folder / "old").mkdir()
    save_results(folder, "EDSR", 2)
    (folder / "EDSR").rename(folder / "old" / "EDSR")
    save_results(folder, "EDSR", 1)
    options = ["--gt", "fruit", "--scale", 3, "--protocol", "rcan", "--json", "r.json", "--force"]
    assert vdsr_eval("score", "bicubic", *options).exit_code == 0
    assert {model for _, model in means(folder / "r.json")} == {"bicubic", f"bicubic ({folder.name}/bicubic)"}
    assert vdsr_eval("score", "EDSR", *options, "--baseline", "old/EDSR").exit_code == 0
    found = means(folder / "r.json")
    assert found["fruit", f"EDSR ({folder.name}/EDSR)"] > found["fruit", "EDSR (old/EDSR)"] > found["fruit", "bicubic"]
    fails(2, "bicubic is the name of the baseline", "score", "EDSR", *options, "--name", "bicubic")
    fails(2, "is FOLDER itself", "score", "EDSR", *options, "--baseline", "./EDSR")


def test_originals_among_the_results_are_remarked_upon(folder: Path) -> None:
    save_results(folder, "r", 0)
    result = vdsr_eval("score", "r", "--gt", "fruit", "--scale", 3, "--protocol", "rcan", "--markdown", "t.md")
    assert "r: equals the original, 2 images: fruit/apple x3, fruit/pear x3" in result.stderr
    assert "- r: equals the original" in (folder / "t.md").read_text()


@pytest.mark.parametrize("protocol", ["vdsr-tf", "paper", "rcan"])
@pytest.mark.parametrize("rgb", [[], ["--rgb"]])
def test_what_is_saved_scores_the_same_again(folder: Path, protocol: str, rgb: list[str]) -> None:
    Image.fromarray(read_image(folder / "fruit" / "apple.png")[:, :, 0]).save(folder / "fruit" / "grey.png")
    options = ["--scale", 2, "--protocol", protocol, *rgb, "--json", "r.json", "--force"]
    first = vdsr_eval("--dataset", "fruit", "--model", "bicubic", *options, "--save-mat", "m", "--save-images", "p")
    assert first.exit_code == 0, first.output
    assert "p: 8-bit pictures for the eye, whose scores are not those of the table" in first.stderr
    before = means(folder / "r.json")["fruit", "bicubic"]
    again = vdsr_eval("score", "m/fruit/x2", "--gt", "fruit", *options, "--name", "again")
    assert again.exit_code == 0, again.output
    assert means(folder / "r.json")["fruit", "again"] == pytest.approx(before, abs=1e-9)
    other = "paper" if protocol != "paper" else "rcan"
    words = f"by --save-mat; score it under that protocol, not under {other}"
    fails(1, words, "score", "m/fruit/x2", "--gt", "fruit", "--scale", 2, "--protocol", other)


@pytest.mark.parametrize("protocol", ["vdsr-tf", "paper", "rcan"])
def test_16_bits_score_alike_from_a_folder_and_a_test_file(folder: Path, protocol: str) -> None:
    (folder / "deep").mkdir()
    small = np.random.default_rng(5).integers(0, 2**16, (9, 12, 3), np.uint16)
    write_image(folder / "deep" / "plum.png", imresize(small, size=(40, 52)))
    generate_test("deep", [folder / "deep" / "plum.png"], folder / "deep.h5", scales=(2,))
    options = ["--model", "bicubic", "--scale", 2, "--protocol", protocol, "--json", "r.json", "--force"]
    found = []
    for name in ("deep", "deep.h5"):
        assert vdsr_eval("--dataset", name, *options).exit_code == 0
        found.append(means(folder / "r.json")["deep", "bicubic"])
    assert found[0] == found[1]


def test_grey_originals_are_read_as_the_protocol_says(folder: Path) -> None:
    grey = read_image(folder / "fruit" / "apple.png")[:, :, 0]
    for name, image in {"grey": grey, "rgb": np.dstack([grey] * 3)}.items():
        (folder / name).mkdir()
        write_image(folder / name / "plum.png", image)

    def psnr(name: str, *more: str) -> float:
        options = ["--model", "bicubic", "--scale", 2, "--json", "r.json", "--force", *more]
        assert vdsr_eval("--dataset", name, *options).exit_code == 0
        return means(folder / "r.json")[name, "bicubic"]

    assert psnr("grey", "--protocol", "rcan") == psnr("rgb", "--protocol", "rcan")
    kept = psnr("grey", "--protocol", "rcan", "--grey", "keep")
    assert psnr("grey", "--protocol", "rcan") - kept == pytest.approx(20 * np.log10(255 / 219), abs=1e-6)
    assert psnr("grey", "--protocol", "paper", "--grey", "rgb") == psnr("rgb", "--protocol", "paper")
    assert psnr("grey", "--protocol", "paper") < psnr("rgb", "--protocol", "paper")
    options = ["--model", "bicubic", "--protocol", "rcan", "--scale", 2, "--grey", "keep"]
    assert vdsr_eval("--dataset", "grey", *options).stdout.startswith("rcan (grey keep): ")


def test_outputs_that_meet_are_refused(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--force"]
    fails(2, "out: is --json and --csv; give each a file of its own", *options, "--json", "out", "--csv", "./out")
    assert sorted(path.name for path in folder.iterdir()) == ["fruit"]
    generate_test("fruit", sorted((folder / "fruit").iterdir()), folder / "fruit.h5", scales=(2,))
    options = ["--dataset", "fruit.h5", *options[2:]]
    fails(2, "fruit.h5: is what is read and --json", *options, "--json", "fruit.h5")
    fails(2, "log: is --log-file and --csv", *options, "--log-file", "log", "--csv", "log")
    fails(2, "both: is --save-mat and --json", *options, "--save-mat", "both", "--json", "both")
    fails(1, "fruit/new.png: is the name of an image; what is written here is called .csv or .txt", *options, "--csv",
          "fruit/new.png")  # fmt: skip


def test_options_that_would_do_nothing_are_refused(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2]
    fails(1, "--image nosuch: no such image in fruit; there are apple, pear", *options, "--save-images", "p", "--image",
          "nosuch")  # fmt: skip
    fails(2, "--image says what --html, --save-images and --save-mat show", *options, "--image", "apple")
    fails(2, "--html-images is for the page of --html", *options, "--html-images", 3)
    fails(2, "--html-images counts images", *options, "--html", "h", "--html-images", 3, "--image", "apple")
    fails(2, "--self-ensemble is for networks", *options, "--self-ensemble")
    assert sorted(path.name for path in folder.iterdir()) == ["fruit"]
    explained = vdsr_eval(*options, "--explain", "--protocol", "paper", "--protocol", "RCAN")
    assert explained.stdout.splitlines()[1].split() == ["set", "scale", "model", "paper", "rcan"]


def test_several_values_after_one_option_are_explained(folder: Path) -> None:
    hint = "no such command (score, protocols, upscale, measure, convert); several values take commas, such as"
    fails(2, f"pear: {hint} --dataset Set5,pear", "--dataset", "fruit", "pear")
    fails(2, f"3: {hint} --scale 2,3", "--dataset", "fruit", "--scale", 2, 3)
    fails(
        2, "scor: no such command (score, protocols, upscale, measure, convert); did you mean score?", "scor", "results"
    )


def test_values_may_be_repeated_or_joined_by_commas(folder: Path) -> None:
    shutil.copytree("fruit", "a,b")
    repeated = ["--dataset", "fruit", "--dataset", "a,b", "--scale", 3, "--scale", 2]
    repeated += ["--protocol", "paper", "--protocol", "rcan", "--model", "bicubic"]
    save = ["--save-mat", "m", "--force", "--image"]
    expected = vdsr_eval(*repeated, *save, "apple", "--image", "pear")
    assert expected.exit_code == 0, expected.output
    joined = [
        "--dataset",
        "a,b",
        "--dataset",
        "fruit",
        "--scale",
        "3,2",
        "--protocol",
        "paper,RCAN",
        "--model",
        "bicubic",
    ]
    found = vdsr_eval(*joined, *save, "apple,pear")
    assert sorted(found.stdout.splitlines()) == sorted(expected.stdout.splitlines())
    Path("a,b").rename("other")
    listed, each = (vdsr_eval(*sets, *joined[4:]) for sets in (["--dataset", "fruit,other"], [*repeated[:3], "other"]))
    assert listed.stdout == each.stdout
    fails(2, "'--scale': 0: give one factor from 1 to 16", *joined[:4], "--scale", "2,0")
    fails(1, "nope: no such data set", "--dataset", "fruit,nope", "--model", "bicubic")
    fails(1, "--image plum: no such image in fruit", "--dataset", "fruit", "--model", "bicubic", "--save-mat", "n",
          "--image", "apple,plum")  # fmt: skip


def test_every_table_is_read_back_by_a_csv_reader(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--scale", 3, "--border", 0, "--rgb"]
    assert vdsr_eval(*options, "--csv", "c.csv").exit_code == 0
    with open(folder / "c.csv", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [(row["file name"], row["scale"]) for row in rows] == [
        ("apple", "2"), ("pear", "2"), ("apple", "3"), ("pear", "3"),
    ]  # fmt: skip
    assert {row["protocol"] for row in rows} == {"vdsr-tf (border 0, RGB)"}


@pytest.mark.slow
def test_the_ensemble_of_a_baseline(folder: Path) -> None:
    pytest.importorskip("tensorflow")
    result = vdsr_eval(
        "--dataset", "fruit", "--scale", 2, "--self-ensemble", "--baseline", "default", "--json", "r.json"
    )
    assert result.exit_code == 0, result.output
    assert {model for _, model in means(folder / "r.json")} == {"bicubic", "VDSR (default) x8"}
    assert "PSNR minus that of VDSR (default) x8" in result.stdout


def test_what_does_not_fit_into_memory_is_said_before_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--protocol", "rcan"]
    monkeypatch.setattr("vdsr_data.images.memory.available_memory", lambda: (2_000, 10**9))
    result = vdsr_eval(*options)
    assert result.exit_code == 0
    assert "fruit: 0 megapixels: about 0.0 GB of memory; 0.0 GB are available" in result.stderr
    monkeypatch.setattr("vdsr_data.images.memory.available_memory", lambda: (2_000, 3_000))
    fails(1, "fruit: 0 megapixels: about 0.0 GB of memory; there are 0.0 GB", *options)


def test_what_is_read_is_not_overwritten(folder: Path) -> None:
    save_results(folder, "r", 1)
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    (folder / "lr").mkdir()
    write_image(folder / "lr" / "applex3.png", np.zeros((5, 5), np.uint8))
    (folder / "better").mkdir()
    (folder / "better" / "apple.png").symlink_to(folder / "lr" / "applex3.png")
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    options = ["--gt", "fruit", "--scale", 3, "--force"]
    more = ["--baseline", "better"]
    for target in ("fruit/apple.png", "r/pear_r_x3.png", "better/apple.png", "lr/applex3.png"):
        words = f"{target}: is in a folder that is read and --csv"
        fails(2, words, "score", "r", *options, *more, "--csv", target)
    fails(2, "lr/applex3.png: is in a folder that is read", "score", "r", *options, "--lr", "lr", "--csv",
          "lr/applex3.png")  # fmt: skip
    (folder / "w.h5").write_text("mine")
    for more in (["--weights", "w.h5"], ["--model", "bicubic", "--baseline", "w.h5"]):
        words = "w.h5: is what is read and --json"
        fails(2, words, "--dataset", "fruit", "--scale", 2, "--force", *more, "--json", "w.h5")
    assert (folder / "w.h5").read_text() == "mine"
    fails(
        2,
        "there is nothing else to compare with it",
        "--dataset",
        "fruit",
        "--model",
        "bicubic",
        "--baseline",
        "bicubic",
    )
    fails(2, "give x0,y0,x1,y1 in pixels", "score", "r", *options, "--save-images", "p", "--detail", "²,1,2,3")
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_saved_results_know_their_scale_and_foreign_ones_are_not_taken_for_them(folder: Path) -> None:
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2, "--protocol", "paper"]
    assert vdsr_eval(*options, "--save-mat", "m").exit_code == 0
    saved = folder / "m/fruit/x2"
    again = ["--gt", "fruit", "--protocol", "paper", "--scale"]
    words = "apple_bicubic.mat: was scored at x2, not at x4, when --save-mat wrote it"
    fails(1, words, "score", saved, *again, 4)
    fails(1, "was written by --save-mat, and is in [0, 1]; leave out --peak", "score", saved, *again, 2, "--peak", 255)
    for path in saved.iterdir():
        savemat(path, {"sr": loadmat(path)["sr"], "protocol": "my own"})
    assert vdsr_eval("score", saved, *again, 2).exit_code == 0
    for path in saved.iterdir():
        savemat(path, {"sr": np.full_like(loadmat(path)["sr"], np.nan), "protocol": "paper"})
    fails(1, "apple_bicubic.mat: is not what --save-mat writes under paper", "score", saved, *again, 2)


def test_pictures_are_not_written_among_what_is_read(folder: Path) -> None:
    options = ["--scale", 2, "--protocol", "paper", "--force", "--save-mat", "m"]
    assert vdsr_eval("--dataset", "fruit", "--model", "bicubic", *options).exit_code == 0
    before = {path: path.read_bytes() for path in folder.rglob("*.mat")}
    fails(1, "m: what is written there would lie in m/fruit/x2, which is read", "score", "m/fruit/x2", "--gt", "fruit",
          *options)  # fmt: skip
    assert {path: path.read_bytes() for path in folder.rglob("*.mat")} == before


def test_a_place_that_cannot_be_written_is_told_before_the_work(folder: Path, monkeypatch) -> None:
    (folder / "sealed").mkdir()
    opened = os.open

    def refused(path: str, *more: object) -> int:
        if "sealed" in str(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opened(path, *more)

    monkeypatch.setattr("os.open", refused)
    monkeypatch.setattr(
        "vdsr_eval.reports.evaluation.evaluate_images", lambda *_, **__: pytest.fail("worked before it looked")
    )
    options = ["--dataset", "fruit", "--model", "bicubic", "--scale", 2]
    fails(1, "sealed/out.json: Read-only file system", *options, "--json", "sealed/out.json")


def test_an_output_that_fails_keeps_no_other_back(folder: Path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "t.md")

    monkeypatch.setattr("vdsr_eval.reports.export.markdown_text", full)
    outputs = ["--json", "r.json", "--markdown", "t.md", "--latex", "t.tex", "--html", "r.html"]
    done = vdsr_eval("--dataset", "fruit", "--model", "bicubic", "--scale", 2, *outputs)
    assert done.exit_code == 1
    assert cells(done) == [["fruit", "x2", "2"]]
    *wrote, last = done.stderr.splitlines()
    assert wrote == ["wrote r.json", "wrote t.tex", "wrote r.html"]
    assert "not written: t.md: No space left on device" in last
    assert sorted(path.name for path in folder.iterdir()) == ["fruit", "r.html", "r.json", "t.tex"]


def test_files_are_written_though_nobody_reads_the_tables(folder: Path, monkeypatch) -> None:
    def closed(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("vdsr_eval.cli.scoring.print_table", closed)
    with pytest.raises(BrokenPipeError):
        main(["--dataset", "fruit", "--model", "bicubic", "--scale", "2", "--json", "r.json"], standalone_mode=False)
    assert means(folder / "r.json")


def test_missing_images_of_a_public_set_are_named(folder: Path) -> None:
    (folder / "Set5").mkdir()
    for name in ("baby", "bird", "butterfly", "head"):
        (folder / "Set5" / f"{name}.png").symlink_to(folder / "fruit" / "apple.png")
    for option in ("--explain", "--compare"):
        result = vdsr_eval("--dataset", "Set5", "--model", "bicubic", "--scale", 2, option)
        assert "Set5: 4 images, of which published means have 5; missing: woman" in result.stderr


def test_which_files_of_a_baseline_is_said_by_a_pattern_of_its_own(folder: Path) -> None:
    for name in ("r", "EDSR"):
        save_results(folder, name, 1)
    for path in list((folder / "EDSR").iterdir()):
        write_image(path.with_name(path.name.replace("EDSR", "RCAN")), modcrop(read_image(path), 3) // 2)
    options = ["score", "r", "--gt", "fruit", "--scale", 3, "--pattern", "*_r_*"]
    fails(1, "EDSR: 2 files could be the image apple at x3", *options, "--baseline", "EDSR")
    done = vdsr_eval(*options, "--baseline", "EDSR", "--baseline-pattern", "*_EDSR_*", "--json", "r.json")
    assert done.exit_code == 0, done.output
    found = means(folder / "r.json")
    assert found["fruit", "EDSR"] == found["fruit", "r"]
    fails(2, "--baseline-pattern is for a --baseline FOLDER", *options, "--baseline-pattern", "x")


def test_names_of_options_are_those_of_the_modules() -> None:
    """The command line has them apart, so that --help imports neither NumPy nor Numba."""
    assert tuple(PROTOCOLS) == named.PROTOCOLS
    assert get_args(Luma) == named.LUMA
    assert (ENGINES, INPUTS) == (named.ENGINES, named.INPUTS)
    assert tuple(NATURALNESS) == named.METRICS
    assert tuple(FURTHER) == named.FURTHER
