"""Transparent pixels of PNG files, which MATLAB's `imread` lays over a background; no decoder of ours does that.

Its documentation says over which: the background colour that the file names (chunk bKGD), else black. Pillow and pypng
tell of the chunks tRNS and bKGD in different ways, so both are read here.
"""

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrWarning

__all__ = ["TransparencyWarning", "laid_over_background", "parted"]


class TransparencyWarning(VdsrWarning):
    """An image has transparent pixels, which became others."""


def laid_over_background(path: Path, pixels: NDArray[Any]) -> NDArray[Any]:
    """Grey or RGB of a decoded PNG file, as ``imread`` with one output returns it.

    Parameters
    ----------
    path : Path
        For the chunks tRNS and bKGD.
    pixels : ndarray, shape (rows, columns) or (rows, columns, 2 to 4)
        Grey or RGB, or either with alpha, of 8 or 16 bits; grey of 1, 2 and 4 bits stretched to 8.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3)
        ``(alpha * pixel + (top - alpha) * background) / top``, rounded half up, `top` being 255 or 65535. That is what
        libpng computes without a gamma; which arithmetic MATLAB has for half transparent pixels is not known here.

    Warns
    -----
    TransparencyWarning
        If not all pixels are opaque.
    """
    colors, alpha = parted(path, pixels)
    top = 65535 if _head(path)[0] == 16 else 255
    if alpha is None or (alpha == top).all():
        return colors
    channels = 1 if colors.ndim == 2 else 3
    background = _color(path, b"bKGD", channels)
    over = "black" if background is None else "the background colour of the file"
    warnings.warn(f"{path}: has transparent pixels; laid over {over}, as MATLAB's imread does",
                  TransparencyWarning, stacklevel=3)  # fmt: skip
    wide: Any = np.uint32 if top > 255 else np.uint16  # holds top * top + top // 2
    share = (alpha if channels == 1 else alpha[:, :, np.newaxis]).astype(wide)
    mixed = share * colors.astype(wide)
    if background is not None:
        mixed += (top - share) * background.astype(wide)
    mixed += wide(top // 2)
    mixed //= wide(top)
    result: NDArray[Any] = mixed.astype(np.uint16 if top > 255 else np.uint8)
    return result


def parted(path: Path, pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Colours, and alpha: the last of 2 or 4 channels, or 0 where a pixel has the colour in a PNG's tRNS, or None."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels in (2, 4):
        colors = pixels[:, :, 0] if channels == 2 else pixels[:, :, :3]
        return np.ascontiguousarray(colors), np.ascontiguousarray(pixels[:, :, -1])
    key = _color(path, b"tRNS", channels)
    if key is None:
        return pixels, None
    hidden = pixels == key if channels == 1 else (pixels == key).all(axis=2)
    dtype: Any = np.uint16 if _head(path)[0] == 16 else np.uint8
    return pixels, np.where(hidden, dtype(0), np.iinfo(dtype).max)


def _color(path: Path, name: bytes, channels: int) -> NDArray[Any] | None:
    """The colour in a chunk, with values as pixels have them after decoding; None without the chunk."""
    depth, chunks = _head(path)
    content = chunks.get(name, b"")
    if len(content) != 2 * channels:
        return None
    values: NDArray[Any] = np.frombuffer(content, dtype=">u2") & (2**depth - 1)
    return values * (255 // (2**depth - 1) if depth < 8 else 1)


def _head(path: Path) -> tuple[int, dict[bytes, bytes]]:
    """Bits for each sample of a PNG file, and the chunks tRNS and bKGD, which come before the pixels; else none."""
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        head = file.read(33)
        if not head.startswith(b"\x89PNG"):
            return 8, found
        while len(start := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", start)
            if name == b"IDAT":
                break
            if name in (b"tRNS", b"bKGD") and length < 1000:
                found.setdefault(name, file.read(length))
                length = 0
            file.seek(length + 4, 1)
    return head[24], found
