"""PNG files that are not for Pillow: with 16-bit colour, which it reduces to 8 bits without a word, and large ones.

The former are read by pypng; both are written here.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import DEFLATE

__all__ = ["is_deep_png", "read_deep_png", "write_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def is_deep_png(path: Path) -> bool:
    """Whether a PNG has 16 bits, and is RGB, grey with alpha, or RGB with alpha; grey alone is left to Pillow."""
    with open(path, "rb") as file:
        head = file.read(26)
    return head[:8] == SIGNATURE and len(head) == 26 and head[24] == 16 and head[25] in (2, 4, 6)


def read_deep_png(path: Path, most: int) -> NDArray[np.uint16]:
    """The pixels (rows, columns, channels) of such a PNG.

    Raises
    ------
    VdsrError
        If it declares no pixels, more than `most`, or more than its bytes can hold: pypng would look for them for long.
    """
    import png

    with open(path, "rb") as file:
        columns, rows = struct.unpack(">II", file.read(24)[16:])
    if not 0 < rows * columns <= most:
        raise VdsrError(f"{path}: declares {rows}x{columns} pixels; 1 to {most:,} are allowed")
    if 2 * rows * columns > DEFLATE * path.stat().st_size:
        raise VdsrError(f"{path}: declares {rows}x{columns} pixels, more than it can hold; truncated?")
    with open(path, "rb") as file:
        *_, lines, info = png.Reader(file=file).read()
        pixels = np.array([np.frombuffer(line, dtype=np.uint16) for line in lines])
    return pixels.reshape(rows, columns, info["planes"])


def write_png(path: Path, rows: int, strips: Iterable[NDArray[Any]], profile: bytes | None) -> None:
    """Write a PNG strip after strip, so that the whole image need not be in memory.

    Parameters
    ----------
    path : Path
    rows : int
        Of all strips together.
    strips : iterable of ndarray, shape (rows, columns) or (rows, columns, channels)
        From top to bottom, uint8 or uint16: 1 channel is grey, 2 are grey with alpha, 3 RGB, 4 RGB with alpha.
    profile : bytes or None
        An ICC profile.
    """
    packer = zlib.compressobj(6)
    above = None
    with path.open("wb") as file:
        for strip in strips:
            channels = 1 if strip.ndim == 2 else strip.shape[2]
            step = channels * strip.dtype.itemsize
            lines = np.ascontiguousarray(strip, dtype=strip.dtype.newbyteorder(">")).view(np.uint8)
            lines = lines.reshape(len(strip), -1)
            if above is None:
                above = np.zeros_like(lines[0])
                file.write(SIGNATURE)
                head = struct.pack(
                    ">IIBBBBB", strip.shape[1], rows, 8 * strip.dtype.itemsize, (0, 4, 2, 6)[channels - 1], 0, 0, 0
                )
                _write_chunk(file, b"IHDR", head)
                if profile is not None:
                    _write_chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
            _write_chunk(file, b"IDAT", packer.compress(_filtered(lines, above, step).tobytes()))
            above = lines[-1]
        _write_chunk(file, b"IDAT", packer.flush())
        _write_chunk(file, b"IEND", b"")


def _filtered(lines: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Each line as its difference from what Sub, Up or Paeth foretells, whichever leaves least, behind its number."""
    up, left, corner = (np.zeros(lines.shape, np.int16) for _ in range(3))
    up[0], up[1:] = above, lines[:-1]
    left[:, step:], corner[:, step:] = lines[:, :-step], up[:, :-step]
    of_left, of_up, of_corner = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
    paeth = np.where((of_left <= of_up) & (of_left <= of_corner), left, np.where(of_up <= of_corner, up, corner))
    out = np.empty((len(lines), 1 + lines.shape[1]), np.uint8)
    least = np.full(len(lines), np.iinfo(np.int64).max)
    for number, foretold in ((1, left), (2, up), (4, paeth)):
        rest = lines - foretold.astype(np.uint8)
        size = np.abs(rest.view(np.int8).astype(np.int16)).sum(axis=1)
        better = size < least
        out[better, 0], out[better, 1:], least[better] = number, rest[better], size[better]
    return out


def _write_chunk(file: BinaryIO, name: bytes, content: bytes) -> None:
    file.write(
        struct.pack(">I4s", len(content), name) + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))
    )
