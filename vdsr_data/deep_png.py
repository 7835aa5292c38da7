"""PNG files with 16-bit colour, read and written by pypng: Pillow would reduce them to 8 bits without a word."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.files import DEFLATE

__all__ = ["is_deep_png", "read_deep_png", "write_deep_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = 33  # the signature and the chunk IHDR; further chunks may follow at once


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


def write_deep_png(path: Path, image: NDArray[np.uint16], profile: bytes | None) -> None:
    """Write (rows, columns, 2 to 4) as grey with alpha, RGB or RGB with alpha, with an ICC profile if there is one."""
    import png

    grey, alpha = image.shape[2] < 3, image.shape[2] in (2, 4)
    writer = png.Writer(width=image.shape[1], height=image.shape[0], bitdepth=16, greyscale=grey, alpha=alpha)
    file = io.BytesIO()
    writer.write(file, image.reshape(len(image), -1))
    head, rest = file.getvalue()[:HEAD], file.getvalue()[HEAD:]
    path.write_bytes(head + (b"" if profile is None else _profile_chunk(profile)) + rest)


def _profile_chunk(profile: bytes) -> bytes:
    """The chunk iCCP, which pypng does not write."""
    content = b"iCCPICC profile\0\0" + zlib.compress(profile)
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
