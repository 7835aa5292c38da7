"""The reader of .mat files that are HDF5 inside: what SciPy reads from the same variables in version 5."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mat_files import write_mat73, write_octave
from scipy.io import loadmat, savemat
from test_eval_matfile import CONTENT

from vdsr_data.errors import VdsrError
from vdsr_data.matlab.mat73 import is_mat73, read_mat73
from vdsr_data.matlab.matfile import read_mat

MORE = {
    "rows": np.array(["ab", "cd"]),
    "one": np.float64(3),
    "single": np.arange(6, dtype=np.float32).reshape(2, 3),
    "third": np.arange(24, dtype=np.int64).reshape(2, 3, 4),
    "column": np.arange(3.0).reshape(3, 1),
    "complex32": np.array([[1 + 2j, 3]], np.complex64),
    "no cells": np.empty((0, 3), object),
    "no fields": {},
}


def in_order(value: Any) -> Any:
    """Structs with their fields in the order of the alphabet."""
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value)}
    if isinstance(value, np.ndarray) and value.dtype.names:
        names = sorted(value.dtype.names)
        return np.array([[tuple(one[name] for name in names) for one in value[0]]], [(name, object) for name in names])
    return value


WRITERS = {"MATLAB": write_mat73, "Octave": write_octave}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", [*CONTENT, *MORE])
def test_it_reads_what_scipy_reads_from_version_5(tmp_path: Path, writer: str, name: str) -> None:
    value = (CONTENT | MORE)[name]
    savemat(tmp_path / "old.mat", {"x": in_order(value)})
    WRITERS[writer](tmp_path / "new.mat", {"x": value})
    found, wanted = read_mat(tmp_path / "new.mat"), loadmat(tmp_path / "old.mat")
    assert list(found) == ["x"]
    with np.printoptions(threshold=100, floatmode="unique"):  # cells are compared by how they are shown
        assert repr(found["x"]) == repr(wanted["x"])


def test_a_network_of_matlab(reference_data: Path) -> None:
    """As MATLAB itself wrote it: structs in cells in a struct, with the axes of each kernel in order."""
    net = read_mat(reference_data / "proofs" / "dncnn" / "DnCNN3.mat")["net"]
    layers = net[0, 0]["layers"]
    assert layers.shape == (1, 39)
    assert [layer[0, 0]["type"][0] for layer in layers[0, :3]] == ["conv", "relu", "conv"]
    shapes = [layer[0, 0]["weights"][0, 0].shape for layer in layers[0, ::2]]
    assert shapes == [(3, 3, 1, 64), *[(3, 3, 64, 64)] * 18, (3, 3, 64)]


def test_numbers_of_another_width_have_the_class_they_are_said_to_have(tmp_path: Path) -> None:
    """Octave's -float-hdf5 stores doubles as floats."""
    write_octave(tmp_path / "a.mat", {"x": np.arange(4.0).reshape(2, 2)})
    with h5py.File(tmp_path / "a.mat", "r+") as file:
        del file["x/value"]
        file["x/value"] = np.arange(4, dtype="f4").reshape(2, 2)
    assert read_mat(tmp_path / "a.mat")["x"].dtype == np.float64


def test_what_is_not_for_images_is_left_out(tmp_path: Path) -> None:
    variables = {"sr": np.eye(3), "object": np.eye(2), "handle": np.eye(2), "cells": CONTENT["cells"]}
    write_mat73(tmp_path / "m.mat", variables | {"struct": {"a": np.eye(2), "b": "text"}})
    with h5py.File(tmp_path / "m.mat", "r+") as file:
        file["object"].attrs["MATLAB_object_decode"] = 3
        file["handle"].attrs["MATLAB_class"] = np.bytes_("function_handle")
        file["#refs#/0"].attrs["MATLAB_sparse"] = np.uint64(3)
        file["struct/a"].attrs["MATLAB_object_decode"] = 3
        file["by others"] = np.eye(3)
    found = read_mat(tmp_path / "m.mat")
    assert found.keys() == {"sr", "cells", "struct"}
    assert [cell is None for cell in found["cells"].ravel(order="F")] == [True, False, False, False]
    assert found["struct"][0, 0]["a"] is None
    assert found["struct"][0, 0]["b"] == ["text"]
    write_octave(tmp_path / "o.mat", {"sr": np.eye(3), "r": np.eye(2)})
    with h5py.File(tmp_path / "o.mat", "r+") as file:
        del file["r/type"]
        file["r/type"] = np.bytes_("double_range")
    assert list(read_mat(tmp_path / "o.mat")) == ["sr"]


def test_a_file_of_others_is_refused_as_its_axes_are_not_known(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["sr"] = np.eye(3)
    assert not is_mat73(tmp_path / "a.mat")
    with pytest.raises(VdsrError, match=r"a\.mat: an HDF5 file that neither MATLAB nor Octave wrote"):
        read_mat(tmp_path / "a.mat")


def spoiled(change: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return spoil


def relink(file: h5py.File, link: object) -> None:
    del file["sr"]
    file["sr"] = link


def stretch(file: h5py.File) -> None:
    """A billion values, of which none is stored."""
    del file["sr"]
    file.create_dataset("sr", (2**15, 2**15), "f8", chunks=(64, 64)).attrs["MATLAB_class"] = np.bytes_("double")


def outside(file: h5py.File) -> None:
    del file["sr"]
    external = [("other.bin", 0, 72)]
    file.create_dataset("sr", (3, 3), "f8", external=external).attrs["MATLAB_class"] = np.bytes_("double")


def circle(file: h5py.File) -> None:
    file["cells"][0, 0] = file["cells"].ref


def nowhere(file: h5py.File) -> None:
    file["cells"][0, 0] = h5py.Reference()


FAULTS = {
    "link to another file": (lambda file: relink(file, h5py.ExternalLink("b.mat", "/sr")), "lies in another file"),
    "soft link": (lambda file: relink(file, h5py.SoftLink("/cells")), "lies in another file"),
    "values outside": (outside, "lie in another file"),
    "nothing stored": (stretch, "declares more values than the file holds"),
    "a cell that holds itself": (circle, "more than 32 deep"),
    "a reference to nothing": (nowhere, "a cell without references"),
    "numbers as a cell": (
        lambda file: file["sr"].attrs.modify("MATLAB_class", np.bytes_("cell")),
        "without references",
    ),
    "nothing of a shape": (lambda file: file["sr"].attrs.create("MATLAB_empty", 1), "nothing of shape"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_file_may_not_do_is_one_line(tmp_path: Path, fault: str) -> None:
    change, message = FAULTS[fault]
    write_mat73(tmp_path / "a.mat", {"sr": np.ones((3, 3)), "cells": CONTENT["cells"]})
    spoiled(change)(tmp_path / "a.mat")
    with pytest.raises(VdsrError, match=rf"a\.mat: damaged HDF5 file.*{message}") as caught:
        read_mat73(tmp_path / "a.mat")
    assert "\n" not in str(caught.value)


def test_a_cell_of_octave_that_lacks_elements(tmp_path: Path) -> None:
    write_octave(tmp_path / "a.mat", {"cells": CONTENT["cells"]})
    with h5py.File(tmp_path / "a.mat", "r+") as file:
        del file["cells/value/_3"]
    with pytest.raises(VdsrError, match=r"a cell of shape \(2, 2\) with 3 elements"):
        read_mat73(tmp_path / "a.mat")


def test_what_many_cells_share_is_read_once(tmp_path: Path) -> None:
    """Twenty levels of two references each are a million paths to one array."""
    write_mat73(tmp_path / "a.mat", {"x": CONTENT["cells"]})
    with h5py.File(tmp_path / "a.mat", "r+") as file:
        below = file["#refs#/0"]
        for level in range(20):
            cell = file["#refs#"].create_dataset(f"level{level}", data=[[below.ref] * 2], dtype=h5py.ref_dtype)
            cell.attrs["MATLAB_class"] = np.bytes_("cell")
            below = cell
        file["x"][0, 0] = below.ref
    assert read_mat73(tmp_path / "a.mat")["x"][0, 0].shape == (2, 1)
