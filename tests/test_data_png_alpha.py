"""Transparent PNG files, as MATLAB's imread documents them: laid over the file's background colour, else over black."""

import io
import struct
import warnings
import zlib
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import png
import pytest
from PIL import Image

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import image_size, read_image, read_picture
from vdsr_data.images.png_alpha import TransparencyWarning

RANDOM = np.random.default_rng(3)
GREY, COLOR = 0, 2  # colour types of PNG; 4 more with alpha


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def save(path: Path, pixels: np.ndarray, depth: int, *chunks: tuple[bytes, bytes]) -> None:
    """Write (rows, columns, 1 to 4) of any depth by pypng, with further chunks behind its head."""
    rows, columns, channels = pixels.shape
    file = io.BytesIO()
    writer = png.Writer(columns, rows, bitdepth=depth, greyscale=channels < 3, alpha=channels in (2, 4))
    writer.write(file, pixels.reshape(rows, -1).tolist())
    data = file.getvalue()
    path.write_bytes(data[:33] + b"".join(chunk(*one) for one in chunks) + data[33:])


def values(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def read(path: Path) -> np.ndarray:
    """What is read, with its warning."""
    with pytest.warns(TransparencyWarning, match=path.name):
        return read_image(path)


def over(pixels: np.ndarray, background: tuple[int, ...], top: int) -> np.ndarray:
    """The definition, number by number in fractions."""
    out = np.empty((*pixels.shape[:2], pixels.shape[2] - 1), dtype=int)
    for row, column, channel in np.ndindex(out.shape):
        share = Fraction(int(pixels[row, column, -1]), top)
        mixed = share * int(pixels[row, column, channel]) + (1 - share) * background[channel]
        out[row, column, channel] = floor(mixed + Fraction(1, 2))
    return out.squeeze(axis=2) if out.shape[2] == 1 else out


def random(channels: int, depth: int) -> np.ndarray:
    pixels = RANDOM.integers(0, 2**depth, (5, 7, channels))
    pixels[0, :2, -1] = 0, 2**depth - 1
    pixels[1, :2, -1] = 1, 2**depth - 2
    return pixels


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [2, 4], ids=["grey", "color"])
@pytest.mark.parametrize("background", [None, 200, 255])
def test_alpha_is_laid_over_the_background(tmp_path: Path, channels: int, depth: int, background: int | None):
    pixels, top = random(channels, depth), 2**depth - 1
    color = (0,) * (channels - 1)
    chunks = []
    if background is not None:
        color = tuple(background * (k + 1) % 2**depth for k in range(channels - 1))
        chunks = [(b"bKGD", values(*color))]
    save(tmp_path / "a.png", pixels, depth, *chunks)
    found = read(tmp_path / "a.png")
    assert found.dtype == (np.uint16 if depth == 16 else np.uint8)
    np.testing.assert_array_equal(found, over(pixels, color, top))
    assert image_size(tmp_path / "a.png") == (5, 7)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [2, 4], ids=["grey", "color"])
def test_opaque_alpha_is_as_no_alpha(tmp_path: Path, channels: int, depth: int):
    pixels = random(channels, depth)
    pixels[:, :, -1] = 2**depth - 1
    save(tmp_path / "with.png", pixels, depth, (b"bKGD", values(*(9,) * (channels - 1))))
    save(tmp_path / "without.png", pixels[:, :, :-1], depth)
    found, expected = read_image(tmp_path / "with.png"), read_image(tmp_path / "without.png")
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("background", [None, 1])
def test_a_transparent_grey(tmp_path: Path, depth: int, background: int | None):
    pixels = RANDOM.integers(0, min(2**depth, 4), (6, 9, 1))
    top, shown = 2**depth - 1, 255 if depth < 16 else 65535
    chunks = [(b"tRNS", values(top if depth == 1 else 2))]
    if background is not None:
        chunks.append((b"bKGD", values(background)))
    save(tmp_path / "a.png", pixels, depth, *chunks)
    expected = np.where(pixels == (top if depth == 1 else 2), background or 0, pixels)[:, :, 0]
    np.testing.assert_array_equal(read(tmp_path / "a.png"), expected * shown // top)
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.colors, pixels[:, :, 0] * shown // top)
    np.testing.assert_array_equal(picture.alpha, np.where(pixels[:, :, 0] == (top if depth == 1 else 2), 0, shown))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("background", [None, (7, 8, 9)])
def test_a_transparent_colour(tmp_path: Path, depth: int, background: tuple[int, ...] | None):
    """Only where all three channels are that colour's."""
    key = 2 ** (depth - 1) + np.arange(3)
    pixels = np.tile(key, (4, 6, 1))
    pixels[::2, :, 1] += 1
    pixels[:, ::3, 2] = 0
    chunks = [(b"tRNS", values(*key))] + ([(b"bKGD", values(*background))] if background else [])
    save(tmp_path / "a.png", pixels, depth, *chunks)
    hidden = (pixels == key).all(axis=2)
    assert 0 < hidden.sum() < hidden.size
    expected = np.where(hidden[:, :, np.newaxis], background or (0, 0, 0), pixels)
    np.testing.assert_array_equal(read(tmp_path / "a.png"), expected)
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.colors, pixels)
    np.testing.assert_array_equal(picture.alpha, np.where(hidden, 0, 2**depth - 1))


def test_a_colour_that_no_pixel_has_and_chunks_of_other_kinds(tmp_path: Path):
    """High bits that a depth does not have are left out, as libpng does; chunks of wrong lengths do not count."""
    pixels = np.arange(24).reshape(4, 6, 1)
    for name, content in (("unused", values(200)), ("long", values(3, 3))):
        save(tmp_path / f"{name}.png", pixels, 8, (b"tRNS", content), (b"tEXt", b"Title\0tRNS"))
        np.testing.assert_array_equal(read_image(tmp_path / f"{name}.png"), pixels[:, :, 0])
    save(tmp_path / "high.png", pixels, 8, (b"tRNS", values(0xFF03)))
    np.testing.assert_array_equal(read(tmp_path / "high.png"), np.where(pixels == 3, 0, pixels)[:, :, 0])


def test_sixteen_bit_grey_with_alpha_keeps_its_bits(tmp_path: Path):
    """Pillow would give 8-bit RGB."""
    pixels = random(2, 16)
    pixels[:, :, 1] = 65535
    save(tmp_path / "a.png", pixels, 16)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels[:, :, 0])
    assert read_image(tmp_path / "a.png").max() > 255


def test_the_background_is_told(tmp_path: Path):
    save(tmp_path / "a.png", random(2, 8), 8)
    save(tmp_path / "b.png", random(2, 8), 8, (b"bKGD", values(1)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_image(tmp_path / "a.png")
        read_image(tmp_path / "b.png")
    assert ["black" in str(caught[0].message), "background colour of the file" in str(caught[1].message)] == [True] * 2
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("transparency", [None, 3])
def test_palettes_are_refused(tmp_path: Path, transparency: int | None):
    image = Image.fromarray(random(3, 8).astype(np.uint8)).quantize(8)
    image.save(tmp_path / "a.png", **({} if transparency is None else {"transparency": transparency}))
    for function in (read_image, image_size):
        with pytest.raises(VdsrError, match="palette"):
            function(tmp_path / "a.png")
