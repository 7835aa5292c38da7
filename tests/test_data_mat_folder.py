"""Folders of .mat files: what `build-test --format mat` wrote is shown, checked and read, and damage is found."""

from pathlib import Path

import command_line
import numpy as np
import pytest
from command_line import fails
from scipy.io import savemat

from vdsr_data.benchmark.build import generate_test_mat
from vdsr_data.benchmark.mat_folder import MatFolder, is_mat_folder
from vdsr_data.errors import VdsrError
from vdsr_data.images.files import list_images
from vdsr_data.inspect.verification import verify
from vdsr_data.interop.pairs import Pairs


@pytest.fixture
def folder(photographs: Path, tmp_path: Path) -> Path:
    generate_test_mat(list_images(photographs), tmp_path / "mats", scales=(2, 3), boundary="replicate")
    return tmp_path / "mats"


def test_the_commands_work_on_it(folder: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder.parent)
    shown = command_line.run("info", "mats")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "mats: 28 .mat files of 4 images" in shown.stdout
    assert "x3: 4 images, 3 of them in colour" in shown.stdout
    assert "values of all 8 pairs: gt " in shown.stdout
    assert command_line.run("preview", "mats", "--count", 3).stdout == "mats_preview.png: 3 images of mats\n"
    found = command_line.run("verify", "mats", "--images", photographs, "--sample", 3)
    assert (found.exit_code, found.stderr) == (0, "")
    assert "3 of 8 pairs, from the images; boundary replicate" in found.stdout
    fails(
        command_line.run("info", "mats/a_2_gt.mat"),
        1,
        "a_2_gt.mat: a .mat file, not HDF5; of a benchmark give",
    )


def test_pairs_are_those_of_the_test_file(folder: Path, test_file: Path):
    ours, theirs = Pairs(folder, scale=2), Pairs(test_file, scale=2)
    gt = {name: pair[1] for (name, _), pair in zip(theirs.images, theirs.read(range(4)), strict=True)}
    assert [name for name, _ in ours.images] == sorted(gt)
    for (name, _), pair in zip(ours.images, ours.read(range(4)), strict=True):
        assert (pair[1] == gt[name]).all()
    with pytest.raises(VdsrError, match=r"holds no pairs of scale 4; it has 2, 3"):
        Pairs(folder, scale=4)


def test_sound_folders_pass(folder: Path, photographs: Path, tmp_path: Path):
    found = verify(folder)
    assert not found.failures
    assert found.checks[-2].found == "8 of 8 pairs, from gt; boundary replicate"
    generate_test_mat(list_images(photographs), tmp_path / "again", scales=(3, 2), boundary="replicate")
    assert verify(tmp_path / "again", images=list_images(photographs)).sha256 == found.sha256


DAMAGE = {
    "missing": (lambda at: (at / "a_2_lr.mat").unlink(), "counts: a_2_lr.mat is missing"),
    "chroma": (lambda at: (at / "a_3_cb.mat").unlink(), "counts: a_3_cb.mat is missing"),
    "scale": (lambda at: [path.unlink() for path in at.glob("a_3_*")], "counts: a_3_lr.mat is missing"),
    "truncated": (
        lambda at: (at / "a_2_gt.mat").write_bytes((at / "a_2_gt.mat").read_bytes()[:300]),
        "a_2_gt.mat: can",
    ),
    "name": (lambda at: savemat(at / "a_2_gt.mat", {"lr": np.zeros((2, 2))}), "a_2_gt.mat: needs a variable gt"),
    "dtype": (lambda at: savemat(at / "a_2_cb.mat", {"cb": np.zeros((2, 2))}), "in uint8 or uint16"),
    "size": (lambda at: savemat(at / "a_2_gt.mat", {"gt": np.zeros((2, 2))}), "form: a at scale 2: sizes differ"),
    "range": (
        lambda at: savemat(at / "d_2_gt.mat", {"gt": np.full((60, 46), 200.0)}),
        "values of gt: d_2_gt.mat holds",
    ),
    "value": (lambda at: savemat(at / "d_2_gt.mat", {"gt": np.full((60, 46), 0.5)}), "d_2_lr.mat: not what gt gives"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(folder: Path, damage: str):
    change, words = DAMAGE[damage]
    change(folder)
    failures = verify(folder).failures
    assert len(failures) == (2 if damage == "scale" else 1), failures
    assert words in failures[0]


def test_other_images_are_found(folder: Path, photographs: Path):
    (photographs / "d.bmp").unlink()
    (photographs / "c.bmp").rename(photographs / "d.bmp")
    failures = verify(folder, images=list_images(photographs)).failures
    assert sorted(set(failures)) == [
        "made anew: d_2_cb.mat, d_2_cr.mat, d_2_gt.mat, d_2_lr.mat: not what its image gives",
        "made anew: d_3_cb.mat, d_3_cr.mat, d_3_gt.mat, d_3_lr.mat: not what its image gives",
        "made anew: the image c is not there",
    ]


def test_a_pair_that_is_none(folder: Path):
    savemat(folder / "a_2_gt.mat", {"gt": np.zeros((2, 2))})
    with pytest.raises(VdsrError, match=r"a_2_lr.mat: is \(82, 50\), gt is \(2, 2\)"):
        MatFolder(folder).pair("a", 2)
    assert MatFolder(folder).pair("a", 4) is None
    assert not is_mat_folder(folder / "none")
