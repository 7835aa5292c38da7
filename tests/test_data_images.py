"""Reading image files as MATLAB's imread would."""

from pathlib import Path

import numpy as np
import png
import pytest
import tifffile
from PIL import Image

from vdsr_data.errors import VdsrError
from vdsr_data.images import TEST_ORDER, image_size, list_images, read_image, write_image

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
DEEP = np.random.default_rng(0).integers(0, 65536, (5, 7, 3), dtype=np.uint16)


def test_order_is_that_of_the_scripts(tmp_path: Path):
    for name in ("b.jpg", "a.JPG", "B.jpg", "z.jpeg", "c.bmp", "d.png", "e.tif", "f.tiff", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.name for path in list_images(tmp_path)]
    assert names == ["B.jpg", "a.JPG", "b.jpg", "z.jpeg", "c.bmp", "d.png", "e.tif", "f.tiff"]
    assert list_images(tmp_path, TEST_ORDER)[0].name == "c.bmp"


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
@pytest.mark.parametrize("image", [RGB, RGB[:, :, 0]], ids=["rgb", "grey"])
def test_written_is_read(tmp_path: Path, suffix: str, image: np.ndarray):
    path = tmp_path / f"image{suffix}"
    write_image(path, image)
    assert (read_image(path) == image).all()
    assert image_size(path) == (5, 7)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("image", [DEEP, DEEP[:, :, 0]], ids=["rgb", "grey"])
def test_sixteen_bits_are_kept(tmp_path: Path, suffix: str, image: np.ndarray):
    path = tmp_path / f"deep{suffix}"
    write_image(path, image)
    got = read_image(path)
    assert got.dtype == np.uint16
    assert (got == image).all()
    assert image_size(path) == (5, 7)


def test_sixteen_bit_alpha_is_left_out(tmp_path: Path):
    path = tmp_path / "deep.png"
    rgba = np.dstack([DEEP, DEEP[:, :, :1]])
    with open(path, "wb") as file:
        png.Writer(7, 5, bitdepth=16, greyscale=False, alpha=True).write(file, rgba.reshape(5, -1))
    assert (read_image(path) == DEEP).all()


def test_alpha_is_left_out(tmp_path: Path):
    alpha = np.dstack([RGB, RGB[:, :, :1]])
    Image.fromarray(alpha).save(tmp_path / "rgba.png")
    assert (read_image(tmp_path / "rgba.png") == RGB).all()
    Image.fromarray(alpha[:, :, 2:]).save(tmp_path / "la.png")
    assert (read_image(tmp_path / "la.png") == RGB[:, :, 2]).all()


def test_black_and_white(tmp_path: Path):
    Image.fromarray(RGB[:, :, 0] > 127).save(tmp_path / "bits.png")
    assert (read_image(tmp_path / "bits.png") == np.where(RGB[:, :, 0] > 127, 255, 0)).all()


def test_exif_rotation_is_not_applied(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (5, 7, 3)


def test_first_frame_is_read(tmp_path: Path):
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / "moving.png") == RGB).all()


@pytest.mark.parametrize(
    ("mode", "name", "words"),
    [("P", "a.png", "palette"), ("CMYK", "a.jpg", "CMYK"), ("F", "a.tif", "float"), ("RGBA", "a.tif", "RGBA")],
)
def test_undefined_kinds_are_refused(tmp_path: Path, mode: str, name: str, words: str):
    Image.fromarray(RGB).convert("L" if mode == "F" else "RGB").convert(mode).save(tmp_path / name)
    for function in (read_image, image_size):
        with pytest.raises(VdsrError, match=rf"{name}: .*{words}"):
            function(tmp_path / name)


def test_unreadable_files_are_named(tmp_path: Path):
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(VdsrError, match=r"text.png: cannot be read"):
        read_image(tmp_path / "text.png")
    with pytest.raises(VdsrError, match=r"none.png: no such file"):
        read_image(tmp_path / "none.png")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:-5000])
    with pytest.raises(VdsrError, match=r"cut.png: cannot be read"):
        read_image(tmp_path / "cut.png")
    tifffile.imwrite(tmp_path / "many.tif", np.zeros((5, 7, 5), dtype=np.uint16), photometric="rgb")
    with pytest.raises(VdsrError, match=r"many.tif: has 5 channels"):
        read_image(tmp_path / "many.tif")


def test_lossy_or_impossible_outputs_are_refused(tmp_path: Path):
    with pytest.raises(VdsrError, match="stored as they are"):
        write_image(tmp_path / "a.jpg", RGB)
    with pytest.raises(VdsrError, match="16-bit"):
        write_image(tmp_path / "a.bmp", DEEP)
    assert not list(tmp_path.iterdir())
