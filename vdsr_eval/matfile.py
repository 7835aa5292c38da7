"""Variables of a MATLAB file, versions 4 to 7, as arrays; what cannot be read is one line."""

import struct
import zlib
from pathlib import Path
from typing import Any

from vdsr_data.errors import VdsrError

__all__ = ["read_mat"]

# Kinds of elements of version 5: numbers and text, arrays, and compressed elements.
KINDS = {*range(1, 8), 9, 12, 13, 14, 15, 16, 17, 18}
ARRAY, COMPRESSED = 14, 15
DEPTH = 32  # of arrays in cells in arrays


def read_mat(path: Path) -> dict[str, Any]:
    """Variables by name.

    Raises
    ------
    VdsrError
        If the file is missing, of version 7.3, truncated, or no MATLAB file.
    """
    if not path.is_file():
        raise VdsrError(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(128)
    if head.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise VdsrError(f"{path}: a .mat file of version 7.3; load it in MATLAB and save it with '-v7'")
    from scipy.io import loadmat

    try:
        if head[126:128] in (b"IM", b"MI"):
            _check(path.read_bytes()[128:], "<" if head[126:] == b"IM" else ">")
        content = loadmat(path)
    except MemoryError as error:
        raise VdsrError(f"{path}: declares more values than fit in memory") from error
    except Exception as error:  # SciPy raises what its reader stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise VdsrError(f"{path}: cannot be read as a .mat file ({reason})") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


def _check(data: bytes, order: str, depth: int = 0) -> None:
    """Refuse elements of unknown kind or beyond the end, at which SciPy's compiled reader crashes the interpreter."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # up to 4 bytes, packed beside their kind
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
        else:
            start, step = at + 8, 8 + size + (0 if kind == COMPRESSED else -size % 8)
        if kind not in KINDS or (start == at + 4 and size > 4) or start + size > len(data) or depth > DEPTH:
            raise ValueError(f"damaged element of kind {kind} with {size} bytes")
        if kind == ARRAY:
            _check(data[start : start + size], order, depth + 1)
        elif kind == COMPRESSED:
            _check(zlib.decompress(data[start : start + size]), order, depth + 1)
        at += step
