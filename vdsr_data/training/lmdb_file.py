"""LMDB files, read without the library: a damaged one would crash it, and the process with it.

A file is a row of pages of one size. Two of them, of which the newer counts, tell where the root of a tree is; its
branches lead to leaves, whose nodes hold a key and its value, or the page where a large value begins.
"""

import struct
from pathlib import Path
from typing import BinaryIO

from vdsr_data.errors import VdsrError

__all__ = ["LmdbFile"]

HEAD = 16  # bytes of a page before its contents
META = struct.Struct("<IIQQ 48s 48s QQ")  # magic, version, address, size, two trees, last page, number of the change
TREE = struct.Struct("<IHHQQQQQ")  # page size (of the first), flags, depth, pages of three kinds, entries, root
MAGIC, VERSION, NOTHING = 0xBEEFC0DE, 1, 2**64 - 1
BRANCH, LEAF, LARGE = 1, 2, 1  # flags of a page, and of a node


class LmdbFile:
    """The keys of an LMDB file, each with its value.

    Parameters
    ----------
    path : path
        A ``data.mdb`` that a 64-bit little-endian machine wrote, with one tree of plain keys, as BasicSR's are.

    Attributes
    ----------
    path : Path
    keys : list of str
        In the order of the file.

    Raises
    ------
    VdsrError
        If it is no such file, or damaged.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._places: dict[str, tuple[int, int]] = {}
        with self.path.open("rb") as file:
            self._size = file.seek(0, 2)
            try:
                self._walk(file)
            except (struct.error, UnicodeDecodeError, IndexError) as error:
                raise self._damaged() from error
        self.keys = list(self._places)

    def get(self, key: str) -> bytes:
        """The value of a key; VdsrError if there is no such key."""
        if key not in self._places:
            raise VdsrError(f"{self.path}: has no {key}; build it again")
        start, size = self._places[key]
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def _damaged(self) -> VdsrError:
        return VdsrError(f"{self.path}: no LMDB file, or damaged; get it or build it again")

    def _walk(self, file: BinaryIO) -> None:
        """Find the place of every value."""
        page_size = self._meta(file, HEAD)[2]
        *_, root, entries = max(self._meta(file, HEAD), self._meta(file, HEAD + page_size))
        waiting, seen = [root] if entries else [], set()
        while waiting:
            number = waiting.pop()
            if number in seen:
                raise self._damaged()  # it would lead in circles
            seen.add(number)
            file.seek(number * page_size)
            page = file.read(page_size)
            flags, lower = struct.unpack_from("<HH", page, 10)
            nodes = struct.unpack_from(f"<{(lower - HEAD) // 2}H", page, HEAD)
            below = []
            for at in nodes:
                low, high, kind, length = struct.unpack_from("<HHHH", page, at)
                start, size = at + 8 + length, low | high << 16
                if flags & BRANCH:
                    below.append(size | kind << 32)
                    continue
                if not flags & LEAF:
                    raise self._damaged()
                key = page[at + 8 : start].decode("ascii")
                if kind & LARGE:
                    place = struct.unpack_from("<Q", page, start)[0] * page_size + HEAD
                else:
                    place = number * page_size + start
                if place + size > self._size or key in self._places:
                    raise self._damaged()
                self._places[key] = place, size
            waiting += reversed(below)
        if len(self._places) != entries:
            raise self._damaged()

    def _meta(self, file: BinaryIO, start: int) -> tuple[int, int, int, int, int]:
        """Of one of the first two pages: number of the change, its place, page size, root, number of entries."""
        file.seek(start)
        magic, version, _, _, free, main, _, change = META.unpack(file.read(META.size))
        page_size, root, entries = TREE.unpack(free)[0], TREE.unpack(main)[-1], TREE.unpack(main)[-2]
        if (magic, version) != (MAGIC, VERSION) or page_size not in (2**k for k in range(8, 17)):
            raise self._damaged()
        return change, start, page_size, root, entries if root != NOTHING else 0
