"""What a file is that is not what its name says."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from vdsr_data.io.mistaken import mistaken

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
FILES = {
    "empty": (b"", "is empty"),
    "page": (b"<!DOCTYPE html><html><body>quota exceeded", "is a web page (HTML); download the file itself"),
    "old page": (b"\xef\xbb\xbf\r\n <HTML>\n", "is a web page (HTML); download the file itself"),
    "pointer": (POINTER, "is a Git LFS pointer; fetch the file itself with `git lfs pull`"),
    "gzip": (gzip.compress(b"x"), "is an archive (gzip); unpack it first"),
    "bzip2": (bz2.compress(b"x"), "is an archive (bzip2); unpack it first"),
    "xz": (lzma.compress(b"x"), "is an archive (xz); unpack it first"),
    "png": (b"\x89PNG\r\n\x1a\n", None),
    "text": (b"P3 1 1 255 0 0 0", None),
    "zeros": (bytes(2000), None),
}


@pytest.mark.parametrize("name", FILES)
def test_by_content(tmp_path: Path, name: str) -> None:
    content, expected = FILES[name]
    (tmp_path / "a.png").write_bytes(content)
    assert mistaken(tmp_path / "a.png") == expected
    assert mistaken(str(tmp_path / "a.png")) == expected


def test_archives_of_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.mat", "w") as archive:
        archive.writestr("a", "x")
    assert mistaken(tmp_path / "a.mat") == "is an archive (zip); unpack it first"
    with tarfile.open(tmp_path / "a.pth", "w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    assert mistaken(tmp_path / "a.pth") == "is an archive (tar); unpack it first"
