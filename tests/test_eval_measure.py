"""`vdsr-eval measure` and `measure`: tables, files, and what they refuse."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from command_line import fails
from test_eval_naturalness import model as made
from test_eval_naturalness import textured

from vdsr_data import ArgumentError, VdsrError, write_image
from vdsr_eval import brisque, measure, niqe
from vdsr_eval.cli.main import main

model = made


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def images(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two images, one of which is flat here and there, and the models where they are looked for."""
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "data"))
    for name in ("niqe", "brisque"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for file in model.iterdir():
            (tmp_path / "data" / name / file.name).write_bytes(file.read_bytes())
    (folder := tmp_path / "mine").mkdir()
    flat = textured((204, 210, 3), 1)
    flat[20:60, 20:90] = 103
    write_image(folder / "a.png", textured((204, 210), 2))
    write_image(folder / "b.png", flat)
    return folder


def test_measures_are_those_of_the_functions(images: Path):
    found = measure(images, metrics=["brisque", "niqe"], crop_border=4)
    assert [(one.image, one.metric) for one in found.measurements] == [
        ("a", "brisque"), ("a", "niqe"), ("b", "brisque"), ("b", "niqe"),
    ]  # fmt: skip
    assert found.of("niqe")[0] == niqe(textured((204, 210), 2)[4:-4, 4:-4])
    assert found.of("brisque")[0] == brisque(textured((204, 210), 2)[4:-4, 4:-4])
    assert found.means()["niqe"].high == pytest.approx(sum(one.high for one in found.of("niqe")) / 2)
    assert "4 pixels of each side left out" in str(found)
    single = measure(images / "b.png", metrics="niqe", crop_border=4)
    assert single.of("niqe") == found.of("niqe")[1:]


def test_command_prints_and_writes(images: Path, tmp_path: Path):
    files = {"--csv": tmp_path / "a.csv", "--json": tmp_path / "a.json"}
    words = [word for pair in files.items() for word in pair]
    result = run("measure", images, "--metric", "niqe,brisque", *words)
    assert result.exit_code == 0, result.output
    found = measure(images, metrics=("niqe", "brisque"))
    assert result.stdout.rstrip() == str(found).rstrip()
    rows = list(csv.DictReader(io.StringIO(files["--csv"].read_text())))
    assert [float(row["value"]) for row in rows] == [one.found.value for one in found.measurements]
    assert json.loads(files["--json"].read_text()) == found.rows()
    fails(run("measure", images, "--csv", files["--csv"]), 1, "exists already; use --force")
    assert run("measure", images, "--csv", files["--csv"], "--force").exit_code == 0
    fails(run("measure", images, "--csv", images / "x.csv"), 1, "which is read")
    fails(run("measure", images, "--csv", "x.txt", "--json", "x.txt"), 2, "is --csv and --json")
    fails(run("measure", images, "--metric", "lpips"), 2, "lpips")


def test_what_cannot_be_measured_is_one_line(images: Path, tmp_path: Path):
    write_image(images / "c.png", np.zeros((300, 300), np.uint16))
    with pytest.raises(VdsrError, match=r"c: niqe takes uint8, 0 to 255, got uint16; convert it first"):
        measure(images)
    with pytest.raises(VdsrError, match=r"a: niqe needs at least .* got 4x10 \(100 pixels of each side are left out\)"):
        measure(images, crop_border=100)
    with pytest.raises(VdsrError, match="b: brisque needs at least 7x7 pixels, got 0x0"):
        measure(images / "b.png", metrics="brisque", crop_border=10**6)
    for wrong in ("lpips", [], ["niqe", "niqe"], 5):
        with pytest.raises(ArgumentError, match="metrics"):
            measure(images, metrics=wrong)
    (tmp_path / "data" / "niqe" / "modelparameters.mat").unlink()
    (tmp_path / "data" / "niqe").rename(tmp_path / "gone")
    fails(run("measure", images), 1, "vdsr-data fetch niqe")
