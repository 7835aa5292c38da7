"""How kernels are compiled: kept on disk where a folder for it can be written, else anew in each process."""

from typing import Any

from numba import njit
from numpy.typing import NDArray

__all__ = ["kernel", "read_only"]


def kernel(function):
    """Compile a function that does without the interpreter's lock."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither __pycache__ nor the home folder can be written
        return njit(nogil=True)(function)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written, as kernels take what they only read.

    Numba compiles anew for each kind of argument, and writable and read-only arrays (Pillow's are) are two.
    """
    view = array.view()
    view.flags.writeable = False
    return view
