"""How kernels are compiled: kept on disk where a folder for it can be written, else anew in each process."""

from typing import Any
from uuid import uuid4

from numba import njit
from numpy.typing import NDArray

__all__ = ["kernel", "read_only"]


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
