"""Sets of images by path, by name, and built in."""

import os
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from vdsr_data.benchmark.build import generate_test
from vdsr_data.benchmark.sets import SAMPLE, find_images, open_set
from vdsr_data.errors import VdsrError
from vdsr_data.images.files import TEST_ORDER, list_images


def test_sample_is_built_in_and_split():
    name, train = find_images("sample", "train")
    _, test = find_images("sample", "test")
    assert name == "sample"
    assert all(path.is_file() for path in (*train, *test))
    assert not set(SAMPLE["train"]) & set(SAMPLE["test"])
    originals = list(open_set("sample"))
    assert [original.name for original in originals] == ["astronaut", "camera", "chelsea", "coffee"]
    assert originals[0].pixels.shape == (512, 512, 3)
    assert originals[1].pixels.ndim == 2


def test_test_file_equals_its_folder(photographs: Path, tmp_path: Path):
    generate_test("photographs", list_images(photographs, TEST_ORDER), tmp_path / "photographs.h5", scales=(2,))
    folder, file = open_set(photographs), open_set(tmp_path / "photographs.h5")
    assert folder.name == file.name == "photographs"
    assert folder.image_names == file.image_names == ["c", "d", "a", "b"]
    assert len(folder) == len(file) == 4
    for a, b in zip(folder, file, strict=True):
        assert a.name == b.name
        assert (a.pixels == b.pixels).all()
    assert folder.stored("a", 2) is None
    assert file.stored("a", 3) is None
    pair = file.stored("a", 2)
    assert pair is not None
    assert pair.gt.shape == pair.lr.shape == (82, 50)
    assert pair.boundary == "symmetric"


def test_names_are_looked_up_below_vdsr_data(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    assert len(find_images("photographs", "train")[1]) == 4
    generate_test("mine", list_images(photographs), tmp_path / "mine.h5", scales=(2,))
    assert open_set("mine").stored("b", 2) is not None


def test_unknown_name_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VDSR_DATA", raising=False)
    with pytest.raises(VdsrError, match=r"Set99: no such data set; .*VDSR_DATA is not set.*sample"):
        open_set("Set99")
    for file in ("Set5/a.png", "weights/a.h5", ".hidden/a.png"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    with pytest.raises(VdsrError, match=r"Set99: .*sample \(built in\), Set5$"):  # the others hold no images
        open_set("Set99")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names there have no case")
def test_the_case_of_a_name_does_not_matter(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "data").mkdir()
    photographs.rename(tmp_path / "data" / "Set5")
    monkeypatch.setenv("VDSR_DATA", str(tmp_path / "data"))
    assert find_images("set5", "train")[0] == open_set("SET5").name == "Set5"
    (tmp_path / "data" / "Mine.h5").write_bytes(b"text")
    with pytest.raises(VdsrError, match=r"Mine.h5: not an HDF5 file"):
        open_set("mine")
    (tmp_path / "data" / "SET5").mkdir()
    assert open_set("Set5").name == "Set5"
    with pytest.raises(VdsrError, match=r"set5: could be SET5 or Set5 in .*; write its name as it is there"):
        open_set("set5")
    (tmp_path / "data" / "Sample").mkdir()
    assert len(open_set("sample")) == 4  # the built-in one


def test_file_that_is_no_test_file(tmp_path: Path):
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(VdsrError, match=r"a.png: not an HDF5 file; a set is a folder of images or a benchmark file"):
        open_set(tmp_path / "a.png")
    (tmp_path / "page.h5").write_text("<!DOCTYPE html><html>")
    with pytest.raises(VdsrError, match=r"page.h5: is a web page"):
        open_set(tmp_path / "page.h5")


def test_a_damaged_test_file_is_called_that(test_file: Path):
    test_file.write_bytes(test_file.read_bytes()[:3000])
    with pytest.raises(VdsrError, match="damaged HDF5 file"):
        open_set(test_file)


def test_a_set_does_not_shrink_without_a_word(test_file: Path, photographs: Path):
    with h5py.File(test_file, "r+") as file:
        name = next(iter(file["original"]))
        del file[f"original/{name}"]
    with pytest.raises(VdsrError, match=f"the image '{name}' is missing; get the file or build it again"):
        open_set(test_file)
    (photographs / "e.png").symlink_to("nowhere.png")
    with pytest.raises(VdsrError, match=r"e.png: a symbolic link to nothing"):
        open_set(photographs)
    (photographs / "e.png").rename(photographs / "notes")  # no image by its name
    if hasattr(os, "mkfifo"):
        os.mkfifo(photographs / "f.png")
        with pytest.raises(VdsrError, match=r"f.png: not a plain file; remove it from the folder"):
            open_set(photographs)
        (photographs / "f.png").unlink()
    assert len(open_set(photographs)) == 4


def test_two_images_of_one_name(tmp_path: Path):
    for name in ("a.png", "a.bmp"):
        Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / name)
    with pytest.raises(VdsrError, match=r"a.bmp and a.png: two images of one name"):
        open_set(tmp_path)


def test_names_that_differ_only_in_how_unicode_writes_them(tmp_path: Path):
    for name in ("caf\u00e9.png", "cafe\u0301.bmp", "CAF\u00c9.png"):
        Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / name)
    with pytest.raises(VdsrError, match="two images of one name"):
        open_set(tmp_path)
    (tmp_path / "cafe\u0301.bmp").unlink()
    assert open_set(tmp_path).image_names == ["CAF\u00c9", "caf\u00e9"]  # of another case: another name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["a\nb", "a\udcff"])
def test_sets_whose_name_no_table_can_hold(tmp_path: Path, name: str, test_file: Path):
    folder, file = tmp_path / name, tmp_path / f"{name}.h5"
    folder.mkdir()
    Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(folder / "a.png")
    test_file.rename(file)
    for path in (folder, file):
        with pytest.raises(VdsrError, match="its name is not text in one line"):
            open_set(path)


def test_a_mistyped_set_is_met_with_names_that_are_near(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "Flowers").mkdir()
    (tmp_path / "Flowers" / "a.png").touch()
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    with pytest.raises(VdsrError, match=r"Flower: no such data set; did you mean Flowers[?] looked"):
        find_images("Flower", "test")
    with pytest.raises(VdsrError, match=r"did you mean Urban100[?]"):
        find_images("Urban10", "test")


def test_what_a_file_is_that_is_no_folder_of_images(photographs: Path, tmp_path: Path):
    (tmp_path / "set.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "tr.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    for path, words in (
        (photographs / "a.jpg", "a.jpg: is an image; give the folder that holds the images"),
        (tmp_path / "tr.h5", "tr.h5: is a file; give the folder that holds the images"),
        (tmp_path / "set.zip", r"set.zip: is an archive \(zip\); unpack it first"),
    ):
        with pytest.raises(VdsrError, match=words):
            find_images(path, "train")
    with pytest.raises(VdsrError, match="Set5,Set14: no such data set; here a name is of one set; looked"):
        find_images("Set5,Set14", "test")


def test_an_empty_name_is_not_the_current_folder(photographs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(photographs)
    for call in (open_set, lambda name: find_images(name, "train")):
        with pytest.raises(VdsrError, match="an empty name"):
            call("")
    assert find_images(".", "train")[0] == photographs.name
