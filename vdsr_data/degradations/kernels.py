"""Blur kernels in files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import VdsrError
from vdsr_data.io.files import check_input
from vdsr_data.matlab.matfile import read_mat

__all__ = ["read_kernel"]


def read_kernel(path: str | Path) -> NDArray[np.float64]:
    """Read a blur kernel from a .npy file, or from a .mat file that has one array, or one called kernel, k or h.

    Of a .mat file with one array and other single numbers it is the array.

    Returns
    -------
    ndarray, shape (rows, columns), float64

    Raises
    ------
    VdsrError
        If the file cannot be read, or does not tell which array is the kernel.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data.degradations.kernels import read_kernel
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/kernel.npy", np.full((3, 3), 1 / 9))
    ...     print(read_kernel(f"{folder}/kernel.npy").shape)
    (3, 3)
    """
    path = limits.checked_path("kernel", path)
    check_input(path)
    if path.suffix.lower() == ".npy":
        try:
            found = {"kernel": np.load(path, allow_pickle=False)}
        except (OSError, ValueError, EOFError) as error:
            raise VdsrError(f"{path}: cannot be read as a .npy file ({' '.join(str(error).split())})") from None
    else:
        found = read_mat(path)
    arrays = {name: value for name, value in found.items() if _is_kernel(value)}
    usual: list[str] = [name for name in ("kernel", "k", "h") if name in arrays]
    named = usual[:1] or [name for name, value in arrays.items() if value.size > 1] or list(arrays)
    if len(named) != 1:
        what = f"several arrays ({', '.join(sorted(named))})" if named else "no array (rows, columns)"
        raise VdsrError(f"{path}: has {what}; give a file with one, or call it kernel")
    return np.asarray(arrays[named[0]], dtype=np.float64)


def _is_kernel(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.size > 0 and value.dtype.kind in "buif"
