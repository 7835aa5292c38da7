"""Variables of a MATLAB file, versions 4 to 7, as arrays; what cannot be read is one line."""

from pathlib import Path
from typing import Any

from vdsr_data.errors import VdsrError

__all__ = ["read_mat"]


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
        content = loadmat(path)
    except MemoryError as error:
        raise VdsrError(f"{path}: declares more values than fit in memory") from error
    except Exception as error:  # SciPy raises what its reader stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise VdsrError(f"{path}: cannot be read as a .mat file ({reason})") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}
