"""The reader of .mat files: what SciPy reads, but for what it cannot read safely."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import eye_array

from vdsr_data.errors import VdsrError
from vdsr_data.matlab.matfile import read_mat

CELLS = np.empty((2, 2), object)
CELLS[:] = [[np.arange(6.0).reshape(2, 3), "text"], [np.empty((0, 0)), np.array([["a", "bc"]], object)]]
CONTENT = {
    "sr": np.linspace(0, 1, 20).reshape(4, 5),
    "rgb": np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
    "small": np.array([[7]], np.int16),
    "text": "some words",
    "letters": "ab",
    "nothing": "",
    "flag": True,
    "complex": np.array([[1 + 2j, 3]]),
    "cells": CELLS,
    "struct": {"weight": CELLS, "inner": {"a": 1.0, "b": "x"}},
    "structs": np.array([[(1.0, "a"), (2.0, "b")]], dtype=[("number", object), ("name", object)]),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize(
    "options", [{}, {"do_compression": True}, {"oned_as": "column"}], ids=["plain", "packed", "column"]
)
def test_it_reads_what_scipy_reads(tmp_path: Path, options: dict):
    savemat(tmp_path / "a.mat", CONTENT, **options)
    found, wanted = read_mat(tmp_path / "a.mat"), loadmat(tmp_path / "a.mat")
    assert found.keys() == CONTENT.keys()
    with np.printoptions(threshold=100, floatmode="unique"):  # cells are compared by how they are shown
        for name, value in found.items():
            assert repr(value) == repr(wanted[name])


def test_version_4_too(tmp_path: Path):
    savemat(tmp_path / "a.mat", {"sr": CONTENT["sr"]}, format="4")
    np.testing.assert_array_equal(read_mat(tmp_path / "a.mat")["sr"], CONTENT["sr"])


def test_what_is_not_for_images_is_left_out(tmp_path: Path):
    savemat(tmp_path / "a.mat", {"sr": CONTENT["sr"], "sparse": eye_array(3)})
    assert list(read_mat(tmp_path / "a.mat")) == ["sr"]


# A piece of the file that occurs once, what comes in its place, and what is said of it.
FAULTS = {
    "cell said to be numbers": (
        b"\1\0\0\0\0\0\0\0\5\0\0\0",
        b"\6\0\0\0\0\0\0\0\5\0\0\0",
        "1 parts, of which 2",
    ),
    "cell of three": (b"\1\0\0\0\2\0\0\0", b"\1\0\0\0\3\0\0\0", "3 parts, of which 2"),
    "a million cells": (b"\1\0\0\0\2\0\0\0", b"\0\1\0\0\0\1\0\0", "65536 elements in"),
    "shape of nothing": (b"\5\0\0\0\x08\0\0\0", b"\5\0\0\0\0\0\0\0", "flags, shape and name"),
    "unknown element": (b"\5\0\0\0\x08\0\0\0", b"\xff\0\0\0\x08\0\0\0", "flags, shape and name"),
    "beyond the end": (b"\x0e\0\0\0", b"\x0e\0\0\xff", "damaged element"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damage_at_which_scipy_may_crash_is_one_line(tmp_path: Path, fault: str):
    old, new, message = FAULTS[fault]
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.ones((3, 4), np.float32), np.zeros((5, 6))
    path = tmp_path / "a.mat"
    savemat(path, {"c": cells})
    head, body = path.read_bytes()[:128], path.read_bytes()[128:]
    path.write_bytes(head + body.replace(old, new, 1))
    with pytest.raises(VdsrError, match=rf"a\.mat: cannot be read as a \.mat file \(.*{message}"):
        read_mat(path)


OWN = {
    b"# Created by Octave 7.3.0, Sat Nov 28 06:13:42 2026 UTC <root@host>\n# name: m\n": "-v7",
    b"Octave-1-L\0\1\0\0\0m": "-hdf5",
    b"<!DOCTYPE html><html>": "is a web page",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n": "git lfs pull",
    b"": "is empty",
    b"PK\x03\x04": r"is an archive \(zip\)",
}


@pytest.mark.parametrize("content", OWN)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(VdsrError, match=rf"a\.mat: .*{OWN[content]}"):
        read_mat(str(tmp_path / "a.mat"))
