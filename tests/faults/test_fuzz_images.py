"""Damaged and hostile image files: an image or one line, no crash, no hang, no flood of memory."""

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import SEED
from fuzz import campaign
from fuzz_images import READERS, every_mode, pixels, repair_png, saved
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import image_size, read_image, read_picture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")

COUNTS = {"png": 250_000, "bmp": 250_000, "jpg": 150_000, "tif": 50_000, "other images": 50_000}
MANY = 100_000  # rows and columns of a bomb


@pytest.mark.parametrize("kind", READERS)
def test_damaged(kind: str, amount: Callable[[int, int], int], tried: Callable[..., None]):
    number, problems = campaign(kind, str(SEED), amount(100, COUNTS[kind]), seconds=300)
    tried(f"fuzz: {kind}", number)
    assert not problems


@given(
    data=st.binary(max_size=300), head=st.sampled_from((b"", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"\xff\xd8\xff"))
)
@settings(max_examples=100)
def test_bytes_that_are_no_image(data: bytes, head: bytes, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.getbasetemp()
    for suffix in (".png", ".tif"):
        path = folder / f"noise{suffix}"
        path.write_bytes(head + data)
        for read in (image_size, read_image, read_picture):
            with suppress(VdsrError):
                read(path)


def bombs() -> dict[str, bytes]:
    """Files of a few hundred bytes that declare 100,000 x 100,000 pixels."""
    modes = every_mode()
    png, bmp, tif = (bytearray(saved(modes["RGB"], kind)) for kind in ("PNG", "BMP", "TIFF"))
    png[16:24] = struct.pack(">II", MANY, MANY)
    bmp[18:26] = struct.pack("<ii", MANY, MANY)
    deep = io.BytesIO()
    import tifffile

    tifffile.imwrite(deep, pixels(5, 6, 3, dtype="uint16"), photometric="rgb")
    files = {"png": repair_png(png), "bmp": bytes(bmp)}
    for name, data in (("tif", tif), ("deep tif", bytearray(deep.getvalue()))):
        at = int.from_bytes(data[4:8], "little")
        for entry in range(at + 2, at + 2 + 12 * int.from_bytes(data[at : at + 2], "little"), 12):
            if int.from_bytes(data[entry : entry + 2], "little") in (256, 257):
                data[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, MANY)
        files[name] = bytes(data)
    jpg = bytearray(saved(modes["RGB"], "JPEG"))
    at = jpg.index(b"\xff\xc0")
    jpg[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)  # more does not fit its head
    files["jpg"] = bytes(jpg)
    return files


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "bmp", "tif", "deep tif", "jpg"])
def test_bombs(kind: str, tmp_path: Path, tried: Callable[..., None]):
    """Under a limit of memory far below what they declare, at a command line."""
    path = tmp_path / f"bomb.{kind[-3:]}"
    path.write_bytes(bombs()[kind])
    tried("bombs")
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)\n"
        "from vdsr_data.start import main; main()"
    )
    command = [sys.executable, "-c", code, "imresize", path, tmp_path / "out.png", "--scale", "2"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert path.name in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_pipes_and_folders_are_no_images(tmp_path: Path):
    pipe, folder = tmp_path / "pipe.png", tmp_path / "folder.png"
    os.mkfifo(pipe)
    folder.mkdir()
    (tmp_path / "empty.png").touch()
    for name in ("pipe.png", "folder.png", "empty.png", "missing.png"):
        for read in (image_size, read_image, read_picture):
            with pytest.raises(VdsrError, match=name):
                read(tmp_path / name)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_tif_is_not_turned(orientation: int, compression: str | None, tmp_path: Path):
    image, exif = pixels(6, 4, 3), Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.tif"
    Image.fromarray(image).save(path, exif=exif, compression=compression)
    assert image_size(path) == (6, 4)
    np.testing.assert_array_equal(read_image(path), image)
    assert read_picture(path).colors.shape == ((6, 4, 3) if orientation < 5 else (4, 6, 3))


def test_first_frame_of_animation_and_wrong_suffix(tmp_path: Path):
    first, second = pixels(5, 6, 3), pixels(5, 6, 3)[::-1]
    path = tmp_path / "a.jpg"  # a PNG, whatever its name
    path.write_bytes(saved(Image.fromarray(first), "PNG", save_all=True, append_images=[Image.fromarray(second)]))
    np.testing.assert_array_equal(read_image(path), first)


@pytest.mark.parametrize(
    ("mode", "kind", "word"), [("CMYK", "JPEG", "CMYK"), ("F", "TIFF", "float"), ("P", "PNG", "palette")]
)
def test_pixels_without_luma(mode: str, kind: str, word: str, tmp_path: Path):
    path = tmp_path / f"a.{kind[:3].lower()}"
    path.write_bytes(saved(every_mode()[mode], kind))
    with pytest.raises(VdsrError, match=word):
        read_image(path)


@pytest.mark.filterwarnings("ignore")  # as at the command line
def test_broken_exif_and_profile_do_not_matter(tmp_path: Path):
    path = tmp_path / "a.png"
    image = pixels(5, 6, 3)
    broken = {"exif": b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03", "icc_profile": b"no profile"}
    path.write_bytes(saved(Image.fromarray(image), "PNG", **broken))
    np.testing.assert_array_equal(read_image(path), image)
    np.testing.assert_array_equal(read_picture(path).colors, image)
