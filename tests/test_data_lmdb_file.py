"""LMDB files read without the library, beside what the library reads, and damaged."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.training.lmdb_file import LmdbFile

lmdb = pytest.importorskip("lmdb")


def write(folder: Path, entries: dict[str, bytes], *, removed: tuple[str, ...] = ()) -> Path:
    with lmdb.open(str(folder), map_size=2**26, lock=False, sync=False) as database:
        for key, value in entries.items():
            with database.begin(write=True) as transaction:
                transaction.put(key.encode(), value)
        for key in removed:
            with database.begin(write=True) as transaction:
                transaction.delete(key.encode())
    return folder / "data.mdb"


@pytest.mark.parametrize(("count", "largest"), [(0, 0), (1, 10), (5, 20_000), (3000, 200), (400, 9000)])
def test_it_reads_what_the_library_has_written(tmp_path: Path, count: int, largest: int):
    """Leaves, branches of several levels, values in pages of their own; in the order of the keys."""
    chance = random.Random(count)
    entries = {f"{chance.random()}_s{k:03d}": chance.randbytes(chance.randrange(largest + 1)) for k in range(count)}
    file = LmdbFile(write(tmp_path, entries))
    assert file.keys == sorted(entries)
    assert {key: file.get(key) for key in file.keys} == entries


def test_the_newest_state_counts(tmp_path: Path):
    path = write(tmp_path, {"a": b"1", "b": b"2", "c": b"3"}, removed=("b",))
    assert LmdbFile(path).keys == ["a", "c"]
    write(tmp_path, {"a": b"new"})
    assert LmdbFile(str(path)).get("a") == b"new"
    with pytest.raises(VdsrError, match=r"data.mdb: has no b"):
        LmdbFile(path).get("b")


@pytest.mark.parametrize("content", [b"", b"text" * 2000, bytes(9000)])
def test_what_is_no_lmdb_file(tmp_path: Path, content: bytes):
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(VdsrError, match=r"data.mdb: no LMDB file, or damaged"):
        LmdbFile(tmp_path / "data.mdb")


def test_a_truncated_file(tmp_path: Path):
    path = write(tmp_path, {str(k): bytes(5000) for k in range(20)})
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(VdsrError, match="damaged"):
        LmdbFile(path)


def test_a_tree_that_leads_in_circles(tmp_path: Path):
    path = write(tmp_path, {f"{k:04d}": bytes(100) for k in range(500)})
    data = bytearray(path.read_bytes())
    for page in (at for at in range(8192, len(data), 4096) if data[at + 10] == 1):  # every branch, to itself
        node = page + int.from_bytes(data[page + 16 : page + 18], "little")
        data[node : node + 4] = (page // 4096).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(VdsrError, match="damaged"):
        LmdbFile(path)


@pytest.mark.slow
def test_damage_anywhere_is_one_line(tmp_path: Path):
    chance = random.Random(1)
    path = write(tmp_path, {f"{k:04d}": chance.randbytes(chance.choice((60, 3000))) for k in range(300)})
    whole, damaged = path.read_bytes(), 0
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            page = chance.randrange(len(data) // 4096) * 4096
            data[page + chance.choice((chance.randrange(130), chance.randrange(4096)))] = chance.choice(
                (0, 1, 127, 255)
            )
        path.write_bytes(data)
        damaged += 1
        with suppress(VdsrError):
            file = LmdbFile(path)
            for key in file.keys[:5]:
                file.get(key)
    assert damaged == 1500
