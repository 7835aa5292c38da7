"""Variables of .mat files of versions 4 to 7, read by SciPy once nothing in them can crash its compiled reader."""

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from vdsr_data.errors import VdsrError, brief
from vdsr_data.io.files import check_input
from vdsr_data.io.mistaken import mistaken

__all__ = ["read_mat5"]

# Kinds of elements of version 5: numbers, text, arrays, and compressed arrays.
INTEGERS = (5, 6)
NAMES = (1, 16)
VALUES = (1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18)
ARRAY, COMPRESSED = 14, 15
# Classes of arrays; what is of another class (sparse, an object, a function) is left out.
CELL, STRUCT, CHAR = 1, 2, 4
NUMBERS = range(6, 16)
COMPLEX = 0x800
DEPTH = 32  # of arrays in cells in arrays


def read_mat5(path: Path | str) -> dict[str, Any]:
    """Variables by name, as `scipy.io.loadmat` gives them: arrays of two axes or more, cells as arrays of objects.

    What is sparse, an object or a function is left out.

    Raises
    ------
    VdsrError
        If the file is missing, truncated, or no such file.
    OSError
        If the system refuses: no permission, too many open files.
    """
    path = Path(path)
    check_input(path)
    if other := mistaken(path):
        raise VdsrError(f"{path}: {other}")
    from scipy.io import loadmat

    content = path.read_bytes()
    try:
        order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
        names = None if order is None else list(_readable(memoryview(content)[128:], order))
        variables = loadmat(path, variable_names=names)
    except MemoryError as error:
        raise VdsrError(f"{path}: declares more values than fit in memory") from error
    except Exception as error:  # SciPy raises what its reader stumbles over
        raise VdsrError(f"{path}: cannot be read as a .mat file ({brief(error)})") from error
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def _readable(data: memoryview, order: str) -> Iterator[str]:
    """Names of the variables that SciPy can read; at damage in them its compiled reader crashes the interpreter."""
    for kind, content in _elements(data, order):
        if kind == COMPRESSED:
            [(kind, content)] = _elements(memoryview(zlib.decompress(content)), order)  # noqa: PLW2901
        name = _check(kind, content, order)
        if name is not None:
            yield name


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Kind and content of elements that follow each other up to the end."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # up to 4 bytes, packed beside their kind
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
            damaged = size > 4 or kind in (ARRAY, COMPRESSED)
        else:
            start, step = at + 8, 8 + size + (0 if kind in (ARRAY, COMPRESSED) else -size % 8)
            damaged = at + step > len(data)
        if damaged:
            raise ValueError(f"damaged element of kind {kind} with {size} bytes")
        yield kind, data[start : start + size]
        at += step


def _check(kind: int, content: memoryview, order: str, depth: int = 0) -> str | None:
    """The name of an array that is as it should be, down to those in its cells; None if it is of no known class."""
    if kind != ARRAY or depth > DEPTH:
        raise ValueError(f"an element of kind {kind} where an array should be")
    if not content and depth:
        return ""  # how MATLAB stores an empty cell
    rest = _elements(content, order)
    kinds, (flags, shape, name) = _take(3, rest)
    right = kinds[0] in INTEGERS and len(flags) == 8 and kinds[1] in INTEGERS and len(shape) >= 8 and kinds[2] in NAMES
    if not right:
        raise ValueError("an array without flags, shape and name")
    (word,) = struct.unpack_from(f"{order}I", flags)
    count = math.prod(struct.unpack(f"{order}{len(shape) // 4}I", shape))
    what = word & 0xFF
    if what == STRUCT:
        kinds, (width, fields) = _take(2, rest)
        (length,) = struct.unpack(f"{order}I", width)
        if kinds[0] not in INTEGERS or kinds[1] not in NAMES or not length or len(fields) % length:
            raise ValueError("a struct without names of fields")
        parts = count * (len(fields) // length)
    elif what == CELL:
        parts = count
    elif what == CHAR or what in NUMBERS:
        parts = 2 if word & COMPLEX else 1
    else:
        return None
    if max(count, parts) > 8 * len(content):
        raise ValueError(f"an array of {count} elements in {len(content)} bytes")
    inner = list(rest)
    if len(inner) != parts:
        raise ValueError(f"an array of {parts} parts, of which {len(inner)} are there")
    if what in (CELL, STRUCT):
        readable = [_check(part, value, order, depth + 1) is not None for part, value in inner]
        return bytes(name).decode("latin-1") if all(readable) else None
    if not all(part in VALUES for part, _ in inner):
        raise ValueError("an array whose values are not numbers or text")
    return bytes(name).decode("latin-1")


def _take(number: int, elements: Iterator[tuple[int, memoryview]]) -> tuple[tuple[int, ...], tuple[memoryview, ...]]:
    """Kinds and contents of the next elements."""
    taken = list(islice(elements, number))
    if len(taken) < number:
        raise ValueError("an array that ends early")
    kinds, contents = zip(*taken, strict=True)
    return kinds, contents
