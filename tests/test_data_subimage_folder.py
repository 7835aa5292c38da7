"""`info`, `verify` and `preview` of what `build-train --format png` and `--format lmdb` have made."""

import io
import shutil
from pathlib import Path

import command_line
import numpy as np
import pytest
from command_line import fails
from PIL import Image

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import list_images, write_image
from vdsr_data.inspect.verification import verify
from vdsr_data.training.subimage_folder import SubimageFolder
from vdsr_data.training.subimages import SubimageRecipe, generate_subimages

RECIPE = SubimageRecipe(scales=(2, 3), patch_size=36, stride=24)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    return command_line.run


@pytest.fixture(params=["png", "lmdb"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "lmdb":
        pytest.importorskip("lmdb")
    return request.param


@pytest.fixture
def folder(photographs: Path, tmp_path: Path, kind: str) -> Path:
    generate_subimages(list_images(photographs), tmp_path / kind, RECIPE, kind)
    return tmp_path / kind


@pytest.fixture
def files(photographs: Path, tmp_path: Path) -> Path:
    generate_subimages(list_images(photographs), tmp_path / "files", RECIPE, "png")
    return tmp_path / "files"


def test_info(run, folder: Path, kind: str):
    result = run("info", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    count = len(SubimageFolder(folder).shapes)
    assert (
        f": {count} sub-images as {'LMDB' if kind == 'lmdb' else 'PNG files'}, in HR and in LR x2, x3" in result.stdout
    )
    assert "36 x 36 pixels in HR" in result.stdout
    assert "RGB, " in result.stdout
    assert "4 images: a, b, c, d" in result.stdout
    for name in (
        ("HR_sub", "LR_bicubic/X2_sub", "X3_sub") if kind == "png" else ("HR_sub.lmdb", "LR_bicubic_X2_sub.lmdb")
    ):
        assert f"{name}: {count} sub-images, 0." in result.stdout


def test_verify(run, folder: Path):
    result = run("verify", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    count = len(SubimageFolder(folder).shapes)
    assert f"{min(64, 2 * count)} of {2 * count} in LR" in result.stdout
    found = verify(folder, sample=10**6)
    assert found.checks[2].found.startswith(f"{2 * count} of {2 * count} in LR")
    assert not found.failures
    assert run("verify", folder, "--expect", found.sha256, "--sample", 3, "--seed", 1).exit_code == 0
    fails(run("verify", folder, "--expect", "0" * 64), 1, "content: its SHA-256 is")
    fails(run("verify", folder, "--images", folder), 2, "--images is for files")
    with pytest.raises(ArgumentError, match="`images` is for files: sub-images do not say"):
        verify(folder, images=[folder])


def test_preview(run, folder: Path, kind: str):
    result = run("preview", folder, "--count", 3)
    assert (result.exit_code, result.stdout) == (0, f"{kind}_preview.png: 3 sub-images of {folder}\n")
    sheet = np.asarray(Image.open(f"{kind}_preview.png").convert("RGB")).astype(int)
    assert (np.ptp(sheet, axis=2) > 60).any()  # they are in colour
    fails(run("preview", folder, "--count", 64, "--seed", 1, "--force"), 2, "--seed is for a choice")


def test_content_is_that_of_names_and_pixels(photographs: Path, tmp_path: Path, files: Path):
    """The same however it is stored, another if a pixel or a name is."""
    pytest.importorskip("lmdb")
    expected = verify(files).sha256
    slow = SubimageRecipe(scales=(2, 3), patch_size=36, stride=24, compression=9)
    generate_subimages(list_images(photographs), tmp_path / "database", slow, "lmdb")
    assert verify(str(tmp_path / "database")).sha256 == expected
    path = next((files / "LR_bicubic" / "X2_sub").iterdir())
    pixels = np.asarray(Image.open(path)).copy()
    pixels.flat[0] ^= 1  # at an edge, which nothing tells of
    write_image(path, pixels)
    found = verify(files)
    assert not found.failures
    assert found.sha256 != expected


def test_what_is_wrong_is_named(files: Path, run):
    low, high = files / "LR_bicubic" / "X3_sub", files / "HR_sub"
    (low / "a_s001.png").unlink()
    shutil.copy(high / "a_s002.png", high / "z_s001.png")
    (low / "a_s002.png").write_bytes((low / "a_s002.png").read_bytes()[:60])
    shutil.copy(high / "a_s003.png", low / "a_s003.png")
    write_image(low / "a_s004.png", 255 - np.asarray(Image.open(low / "a_s004.png")))
    Image.fromarray(np.zeros((12, 12, 4), dtype=np.uint8)).save(low / "b_s001.png")
    failures = verify(files, sample=1000).failures
    for words in ("names: LR_bicubic/X3_sub: a_s001 is missing", "names: HR_sub: z_s001 is not in meta_info.txt",
                  "images: LR_bicubic/X3_sub: a_s002 cannot be read as an image of 8-bit grey or RGB (",
                  "images: LR_bicubic/X3_sub: a_s003 has the shape (36, 36, 3), its HR (36, 36, 3)",
                  "made anew: LR_bicubic/X3_sub: a_s004 is not HR resized by 1/3",
                  "images: LR_bicubic/X3_sub: b_s001 cannot be read as an image of 8-bit grey or RGB"):  # fmt: skip
        assert sum(failure.startswith(words) for failure in failures) == 1, words
    assert len(failures) == 6
    assert run("verify", files).exit_code == 1


def test_lr_of_other_software_is_not_what_imresize_makes(files: Path):
    for path in (files / "LR_bicubic" / "X2_sub").iterdir():
        with Image.open(files / "HR_sub" / path.name) as image:
            image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC).save(path)
    assert any("is not HR resized by 1/2" in failure for failure in verify(files, sample=1000).failures)


def test_folders_that_are_none(tmp_path: Path, files: Path, run):
    (tmp_path / "empty").mkdir()
    for command in ("info", "verify", "preview"):
        fails(run(command, "empty"), 1, "empty: a folder without HR_sub, HR_sub.lmdb or NAME_SCALE_gt.mat")
        fails(run(command, "none"), 1, "none: no such file")
    with pytest.raises(VdsrError, match="none: no such folder of sub-images"):
        SubimageFolder("none")
    shutil.rmtree(files / "LR_bicubic")
    assert verify(files).failures == ["names: there is no LR"]
    lines = (files / "meta_info.txt").read_text()
    for content in ("a_s001.png 36 36\n", lines + lines, "../a.png (36,36,3)\n", "a\x1b.png (36,36,3)\n"):
        (files / "meta_info.txt").write_text(content)
        fails(run("verify", files), 1, "meta_info.txt: line")
    (files / "meta_info.txt").unlink()
    fails(run("info", files), 1, "meta_info.txt: no such file, which lists the sub-images")


def test_a_database_that_lacks_an_image(photographs: Path, tmp_path: Path, run):
    lmdb = pytest.importorskip("lmdb")
    generate_subimages(list_images(photographs), tmp_path / "data", RECIPE, "lmdb")
    with lmdb.open(str(tmp_path / "data" / "LR_bicubic_X2_sub.lmdb"), lock=False) as database:
        with database.begin(write=True) as transaction:
            transaction.delete(b"a_s001")
        with database.begin() as transaction:
            assert Image.open(io.BytesIO(transaction.get(b"a_s002"))).format == "PNG"
    assert verify(tmp_path / "data").failures == ["names: LR_bicubic_X2_sub.lmdb: a_s001 is missing"]
    fails(run("preview", "data", "--count", 64), 1, "data.mdb: has no a_s001")


def test_a_folder_of_both_kinds_is_refused(files: Path, run):
    (files / "HR_sub.lmdb").mkdir()
    for command in ("info", "verify", "preview"):
        fails(run(command, files), 1, "files: holds sub-images both as PNG files and as LMDB; move HR_sub")


def test_no_sub_images_are_not_fine(files: Path):
    for path in files.rglob("*.png"):
        path.unlink()
    (files / "meta_info.txt").write_text("")
    assert verify(files).failures == ["names: there is none in HR"]
