"""How kernels are compiled: kept on disk where a folder for it can be written, else anew in each process."""

import sys
from importlib import import_module
from typing import Any
from uuid import uuid4

from numba import njit
from numpy.typing import NDArray

from vdsr_data.io.interrupt import is_command

__all__ = ["kernel", "read_only"]

BLAS = "scipy.linalg.cython_blas"
if is_command() and BLAS not in sys.modules:
    # Numba's array functions ask for it, at 0.15 of the 1.15 seconds of `vdsr-eval` on a tiny image; no kernel of ours
    # multiplies matrices by it. Kernels of a user may, but not in a process that is a command of ours.
    sys.modules[BLAS] = None  # type: ignore[assignment]
    import_module("numba.np.arraymath")
    del sys.modules[BLAS]


def kernel(function):
    """Compile a function that does without the interpreter's lock."""
    try:
        compiled = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither __pycache__ nor the home folder can be written
        return njit(nogil=True)(function)
    if hasattr(compiled, "_cache"):  # not where NUMBA_DISABLE_JIT leaves the function as it is
        _name_apart(compiled._cache._cache_file)
    return compiled


def _name_apart(cache_file: Any) -> None:
    """Give each file of compiled code a name of its own.

    Numba 0.68 numbers the files of a function. Two processes that compile it at once, for different arguments or
    constants, take the same number, and from then on one of them is given the code of the other.
    """
    pattern = cache_file._data_name_pattern.replace("{number:d}", "{}")
    cache_file._data_name = lambda number: pattern.format(uuid4().hex)  # noqa: ARG005 (Numba's)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written, as kernels take what they only read.

    Numba compiles anew for each kind of argument, and writable and read-only arrays (Pillow's are) are two.
    """
    view = array.view()
    view.flags.writeable = False
    return view
