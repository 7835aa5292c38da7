"""Reading image files as MATLAB's imread would."""

import errno
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.deep_png import write_png
from vdsr_data.images.files import TEST_ORDER, image_size, list_images, read_image, read_picture, write_image

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]
DEEP = np.random.default_rng(0).integers(0, 65536, (5, 7, 3), dtype=np.uint16)


def test_order_is_that_of_the_scripts(tmp_path: Path):
    for name in ("b.jpg", "a.JPG", "B.jpg", "z.jpeg", "c.bmp", "d.png", "e.tif", "f.tiff", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.name for path in list_images(tmp_path)]
    assert names == ["B.jpg", "a.JPG", "b.jpg", "z.jpeg", "c.bmp", "d.png", "e.tif", "f.tiff"]
    assert list_images(tmp_path, TEST_ORDER)[0].name == "c.bmp"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["a\nb.png", "a\r.png", "\udcff.png", "\x1b[2J.jpg", "\x9d.png", "a\u2028b.png"])
def test_names_that_no_table_can_hold_are_refused(tmp_path: Path, name: str):
    (tmp_path / "fine.png").touch()
    (tmp_path / "a\u3000b\u00df:\\.png").touch()
    assert len(list_images(tmp_path)) == 2
    (tmp_path / name).touch()
    with pytest.raises(VdsrError, match=r"its name is not text in one line .*rename") as caught:
        list_images(tmp_path)
    assert str(caught.value).isprintable()
    (tmp_path / name).rename(tmp_path / f"{name}.txt")  # no image: no table will name it
    assert len(list_images(tmp_path)) == 2


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


def test_what_is_no_image_is_called_what_it_is(tmp_path: Path):
    path = tmp_path / "a.png"
    for content, words in {"<html><body>": "web page", "version https://git-lfs.github.com/spec/v1\noid": "LFS pointer",
                           "": "is empty"}.items():  # fmt: skip
        path.write_text(content)
        for function in (read_image, image_size, read_picture):
            with pytest.raises(VdsrError, match=rf"a[.]png: .*{words}"):
                function(path)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_what_the_system_refuses_is_no_damage(tmp_path, monkeypatch, number: int, suffix: str):
    path = tmp_path / f"a{suffix}"
    write_image(path, RGB)

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), "/some/other/name")

    monkeypatch.setattr(Image, "open", refuse)
    for function in (read_image, image_size, read_picture):
        with pytest.raises(OSError) as caught:
            function(path)
        assert (caught.value.errno, caught.value.filename) == (number, str(path))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (RGB / 255, "uint8 or uint16 is written, not of float64"),
        ([[1, 2], [3, 4]], "not of int64"),
        (np.zeros((3, 30, 40), np.uint8), "an image of 3 x 30 pixels with 40 channels; .*np.moveaxis"),
        (np.zeros((0, 4), np.uint8), r"\(rows, columns, 1 to 4\), got \(0, 4\)"),
        (np.zeros(4, np.uint8), r"got \(4,\)"),
        ([[1], [2, 3]], "write_image needs an array of numbers, whose rows have one length"),
    ],
)
def test_what_no_image_file_holds(tmp_path: Path, image, words: str):
    with pytest.raises(ArgumentError, match=words):
        write_image(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
def test_one_channel_is_grey(tmp_path: Path, name: str, dtype: str):
    image = np.arange(600).reshape(20, 30, 1).astype(dtype)
    write_image(tmp_path / name, image)
    assert (read_image(tmp_path / name) == image[:, :, 0]).all()


@pytest.mark.parametrize(
    ("pixels", "photometric", "words"),
    [
        (DEEP[:, :, 0], "miniswhite", "16 bits with white as 0"),
        (GREY.astype(np.int8), "minisblack", "with a sign"),
        (DEEP.astype(np.int16), "rgb", "with a sign"),
        (DEEP, "cielab", "colours of kind CIELAB"),
        (DEEP, "icclab", "colours of kind ICCLAB"),
        (DEEP, "ycbcr", "colours of kind YCBCR"),
        (np.dstack([DEEP, DEEP[:, :, 0]]), "separated", "colours of kind SEPARATED"),
        (DEEP[:, :, 0], "cfa", "colours of kind CFA"),
        (DEEP, "linear_raw", "colours of kind LINEAR_RAW"),
    ],
)
def test_tif_files_that_pillow_would_read_as_others(tmp_path: Path, pixels, photometric: str, words: str):
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric)
    for function in (read_image, image_size, read_picture):
        with pytest.raises(VdsrError, match=rf"a[.]tif: .*{words}"):
            function(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", GREY, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif"), 255 - GREY)


def test_a_deep_tif_multiplied_by_its_alpha_is_refused(tmp_path: Path):
    pixels = np.dstack([DEEP, DEEP[:, :, 0]])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
    with pytest.raises(VdsrError, match=r"a.tif: .*multiplied by their alpha; save it with straight alpha"):
        read_picture(tmp_path / "a.tif")


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("pixels", [RGB, DEEP], ids=["8-bit", "16-bit"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("profile", [None, PROFILE], ids=["sRGB", "profile"])
def test_pictures_keep_alpha_bits_and_profile(tmp_path: Path, suffix, pixels, channels: int, profile: bytes | None):
    """Written by us, read by us and, where it can, by Pillow."""
    image = np.dstack([pixels, pixels[::-1, :, 0]])[:, :, -channels:]
    write_image(tmp_path / f"a{suffix}", image[:, :, 0] if channels == 1 else image, profile=profile)
    found = read_picture(tmp_path / f"a{suffix}")
    colors, alpha = (image[:, :, :-1], image[:, :, -1]) if channels in (2, 4) else (image, None)
    np.testing.assert_array_equal(found.colors, colors[:, :, 0] if channels < 3 else colors)
    assert found.colors.dtype == pixels.dtype
    assert (found.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(found.alpha, alpha)
    assert found.profile == profile
    if suffix == ".png":
        with Image.open(tmp_path / "a.png") as image:
            image.load()
            assert image.info.get("icc_profile") == profile
            assert image.has_transparency_data == (alpha is not None)


def test_pictures_are_seen_as_viewers_show_them(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "turned.png").colors, np.rot90(RGB, -1))
    drawn = Image.fromarray(RGB).quantize(8)
    drawn.save(tmp_path / "drawn.png", transparency=3)
    found = read_picture(tmp_path / "drawn.png")
    np.testing.assert_array_equal(found.colors, drawn.convert("RGB"))
    np.testing.assert_array_equal(found.alpha, np.where(np.asarray(drawn) == 3, 0, 255))
    printed = Image.fromarray(np.full((5, 7, 3), [200, 40, 40], np.uint8)).convert("CMYK")
    printed.save(tmp_path / "printed.jpg", quality=100, icc_profile=b"for ink")
    found = read_picture(tmp_path / "printed.jpg")
    np.testing.assert_allclose(found.colors.astype(int), np.broadcast_to([200, 40, 40], (5, 7, 3)), atol=4)
    assert found.profile is None  # it spoke of ink


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pictures_of_unknown_range_are_refused(tmp_path: Path, mode: str):
    Image.fromarray(RGB[:, :, 0]).convert(mode).save(tmp_path / "a.tif")
    with pytest.raises(VdsrError, match=r"a.tif: has (32-bit|float) pixels"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("tag", [256, 257, 258, 273, 277])
def test_a_damaged_tif_is_one_line(tmp_path: Path, tag: int):
    """Without what the decoders log beside it; the tags say size, depth, channels and where the pixels are."""
    write_image(tmp_path / "whole.tif", DEEP)
    content = (tmp_path / "whole.tif").read_bytes()
    place = content.index(tag.to_bytes(2, "little"), 10)
    (tmp_path / "bad.tif").write_bytes(content[: place + 4] + b"\xff\xff\xff\0" + content[place + 8 :])
    code = (
        "import sys, warnings; from vdsr_data.images.files import read_image\n"
        "warnings.simplefilter('ignore')  # as the commands do\n"
        "try: read_image(sys.argv[1])\n"
        "except Exception as error: print(error)"
    )
    command = [sys.executable, "-c", code, tmp_path / "bad.tif"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith(f"{tmp_path / 'bad.tif'}: cannot be read as an image")
    assert done.stdout.count("\n") == 1


def test_lossy_or_impossible_outputs_are_refused(tmp_path: Path):
    with pytest.raises(VdsrError, match="stored as they are"):
        write_image(tmp_path / "a.jpg", RGB)
    with pytest.raises(VdsrError, match="16-bit"):
        write_image(tmp_path / "a.bmp", DEEP)
    with pytest.raises(VdsrError, match="transparency"):
        write_image(tmp_path / "a.bmp", np.dstack([RGB, RGB[:, :, 0]]))
    assert not list(tmp_path.iterdir())


def test_a_tif_that_lacks_strips_is_refused(tmp_path: Path):
    """Pillow and tifffile would leave black what is missing."""
    path = tmp_path / "grey.tif"
    tifffile.imwrite(path, GREY, rowsperstrip=1, photometric="minisblack")
    np.testing.assert_array_equal(read_image(path), GREY)
    content = path.read_bytes()
    place = content.index((257).to_bytes(2, "little"), 8)  # the rows
    path.write_bytes(content[: place + 8] + (len(GREY) + 1).to_bytes(4, "little") + content[place + 12 :])
    for read in (image_size, read_image, read_picture):
        with pytest.raises(VdsrError, match=rf"take {len(GREY) + 1} strips or tiles, not {len(GREY)}"):
            read(path)


def test_libtiff_says_nothing_beside_the_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    path = tmp_path / "packed.tif"
    Image.fromarray(GREY).save(path, compression="tiff_adobe_deflate")
    content = path.read_bytes()
    with Image.open(path) as image:
        offset = image.tag_v2[273][0]
    path.write_bytes(content[:offset] + b"\xff" * 8 + content[offset + 8 :])
    with pytest.raises(VdsrError, match="cannot be read"):
        read_image(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(), (2,), (3,), (4,)])
@pytest.mark.parametrize("strip", [1, 7, 100])
def test_png_files_are_written_strip_by_strip(tmp_path: Path, dtype, shape: tuple[int, ...], strip: int):
    """Of noise and of what is smooth, so that every filter is chosen; the strips do not show."""
    rows = np.arange(40)[:, None] * 5 + np.arange(31) * 3
    smooth = np.broadcast_to(rows.reshape(40, 31, *([1] * len(shape))), (40, 31, *shape))
    noise = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, smooth.shape)
    image = np.concatenate([smooth, noise, smooth[:, ::-1]]).astype(dtype)
    path = tmp_path / "a.png"
    write_png(path, len(image), (image[k : k + strip] for k in range(0, len(image), strip)), PROFILE)
    found = read_picture(path)
    colors, alpha = (image, None) if shape in ((), (3,)) else (image[..., :-1], image[..., -1])
    np.testing.assert_array_equal(found.colors, colors[..., 0] if shape == (2,) else colors)
    assert found.profile == PROFILE
    if alpha is not None:
        np.testing.assert_array_equal(found.alpha, alpha)
    data = path.read_bytes()
    pixels = zlib.decompress(b"".join(content for name, content in chunks(data) if name == b"IDAT"))
    filters = set(pixels[:: 1 + 31 * image[0, 0].nbytes])
    assert filters == {1, 2, 4}


def chunks(data: bytes):
    """Names and contents of a PNG file, whose checksums must be right."""
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(name + content)
        yield name, content
        at += 12 + length
