"""Variables of a .mat file of any version, as arrays; what cannot be read is one line."""

from pathlib import Path
from typing import Any

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import check_input
from vdsr_data.matlab.mat5 import read_mat5

__all__ = ["read_mat"]


def read_mat(path: Path | str) -> dict[str, Any]:
    """Variables by name, from a file of MATLAB of any version, or of Octave's ``save -v7`` or ``save -hdf5``.

    Returns
    -------
    dict
        As `scipy.io.loadmat` gives them: arrays of two axes or more, cells as arrays of objects, structs as structured
        arrays. What is sparse, an object or a function is left out.

    Raises
    ------
    VdsrError
        If the file is missing, truncated, or no such file.
    """
    path = Path(path)
    check_input(path)
    with path.open("rb") as file:
        head = file.read(128)
    if head.startswith((b"MATLAB 7.3", b"\x89HDF")):
        from vdsr_data.matlab.mat73 import read_mat73

        return read_mat73(path)
    if head.startswith((b"# Created by Octave", b"# name: ", b"Octave-1-")):
        raise VdsrError(f"{path}: is in Octave's own format; save it in Octave with '-v7' or '-hdf5'")
    return read_mat5(path)
