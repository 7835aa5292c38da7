"""Opening HDF5 files: what is no such file, what is damaged, and what the system refuses."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.io.hdf5 import create_hdf5, damage_explained, edit_hdf5, open_hdf5

resource = pytest.importorskip("resource", reason="needs limits that can be set")


def test_what_is_no_hdf5_file_is_called_what_it_is(tmp_path: Path):
    path = tmp_path / "a.h5"
    cases = {"<!DOCTYPE html>": "is a web page", "": "is empty", "version https://git-lfs.github.com/spec/v1\n": "LFS",
             "PK\x03\x04": "is an archive", "text": "not an HDF5 file"}  # fmt: skip
    for content, words in cases.items():
        path.write_text(content)
        with pytest.raises(VdsrError, match=rf"a[.]h5: .*{words}"), open_hdf5(path):
            pass
    with pytest.raises(VdsrError, match="no such file"), open_hdf5(str(tmp_path / "none.h5")):
        pass


def test_a_truncated_file_is_damaged(test_file: Path):
    test_file.write_bytes(test_file.read_bytes()[:4000])
    with pytest.raises(VdsrError, match=r"damaged HDF5 file; .*truncated file"), open_hdf5(test_file):
        pass


@pytest.mark.parametrize("more", [0, 1, 2])
def test_too_many_open_files_are_no_damage(test_file: Path, more: int):
    """Whichever of the openings it meets: of the first look, of h5py's, or none."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + more, limits[1]))
        if more == 0:
            with pytest.raises(OSError, match=f"Too many open files: '{test_file}'"), open_hdf5(test_file):
                pass
        else:
            with open_hdf5(test_file) as file:
                assert "original" in file
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_what_the_system_refuses_within_a_file(tmp_path: Path):
    with pytest.raises(PermissionError) as caught, damage_explained(tmp_path / "a.h5"):
        raise OSError(
            "Unable to open (unable to open file: name = 'b', errno = 13, error message = 'Permission denied')"
        )
    assert (caught.value.errno, caught.value.filename) == (errno.EACCES, str(tmp_path / "a.h5"))
    with pytest.raises(VdsrError, match=r"a.h5: damaged HDF5 file"), damage_explained(tmp_path / "a.h5"):
        raise OSError("Unable to open (file signature not found)")


@pytest.mark.parametrize("edit", [False, True])
def test_a_disk_that_is_full_is_an_error_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: bool):
    """HDF5 itself is told nothing: it ends the process where a write fails as it closes a file."""
    path = tmp_path / "full.h5"
    if edit:
        create_hdf5(path).close()

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("builtins.open", lambda name, mode, **_: Full(name, mode))
    file = edit_hdf5(path) if edit else create_hdf5(path)
    file.create_dataset("a", data=np.arange(10_000))
    with pytest.raises(OSError, match="No space left"):
        file.check()
    with pytest.raises(OSError, match="No space left"):
        file.close()
    file.close()  # once more does nothing
