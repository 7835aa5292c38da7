""".mat files of versions 4 to 7: what is read is what SciPy reads, and what would crash it is one line."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from vdsr_data.errors import VdsrError
from vdsr_data.matlab.mat5 import read_mat5


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}], ids=str)
def test_arrays_come_back(tmp_path: Path, options: dict):
    savemat(tmp_path / "a.mat", {"gt": np.linspace(0, 1, 20).reshape(4, 5)}, **options)
    assert (read_mat5(str(tmp_path / "a.mat"))["gt"] == np.linspace(0, 1, 20).reshape(4, 5)).all()


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"<html>", "is a web page"), (b"x" * 200, "cannot be read as a .mat")]
)
def test_what_is_none(tmp_path: Path, content: bytes, words: str):
    with pytest.raises(VdsrError, match=r"none.mat: no such file"):
        read_mat5(tmp_path / "none.mat")
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(VdsrError, match=f"a.mat: {words}"):
        read_mat5(tmp_path / "a.mat")


def test_a_damaged_element(tmp_path: Path):
    savemat(tmp_path / "a.mat", {"gt": np.zeros((4, 5))})
    content = bytearray((tmp_path / "a.mat").read_bytes())
    content[133] ^= 0xFF  # the number of bytes of the array
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(VdsrError, match="damaged element of kind 14"):
        read_mat5(tmp_path / "a.mat")
