"""How kernels are compiled: kept on disk where a folder for it can be written, else anew in each process."""

from typing import Any
from uuid import uuid4

from numba import njit, version_info
from numba.core.runtime import rtsys
from numpy.typing import NDArray

__all__ = ["kernel", "read_only"]

TRIED = (0, 68)  # the Numba whose cache was seen to do without the compiler


def kernel(function):
    """Compile a function that does without the interpreter's lock."""
    try:
        compiled = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither __pycache__ nor the home folder can be written
        return njit(nogil=True)(function)
    if hasattr(compiled, "_cache"):  # not where NUMBA_DISABLE_JIT leaves the function as it is
        _name_apart(compiled._cache._cache_file)
        if version_info.short == TRIED:
            _load_alone(compiled._cache)
    return compiled


def _name_apart(cache_file: Any) -> None:
    """Give each file of compiled code a name of its own.

    Numba 0.68 numbers the files of a function. Two processes that compile it at once, for different arguments or
    constants, take the same number, and from then on one of them is given the code of the other.
    """
    pattern = cache_file._data_name_pattern.replace("{number:d}", "{}")
    cache_file._data_name = lambda number: pattern.format(uuid4().hex)  # noqa: ARG005 (Numba's)


def _load_alone(cache: Any) -> None:
    """Load what is on disk without Numba's compiler, which prepares itself when something is compiled.

    Numba prepares it before it looks on the disk, and imports scipy.linalg, cffi and all that it could compile: a third
    of the time of a new process and its first `imresize`.
    """

    def load(signature: Any, context: Any) -> Any:
        rtsys.initialize(context)  # compiled code asks it for memory
        with cache._guard_against_spurious_io_errors():
            return cache._load_overload(signature, context)

    cache.load_overload = load


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written, as kernels take what they only read.

    Numba compiles anew for each kind of argument, and writable and read-only arrays (Pillow's are) are two.
    """
    view = array.view()
    view.flags.writeable = False
    return view
