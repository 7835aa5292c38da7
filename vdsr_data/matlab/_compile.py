"""How kernels are compiled: kept on disk where a folder for it can be written, else anew in each process."""

from numba import njit

__all__ = ["kernel"]


def kernel(function):
    """Compile a function that does without the interpreter's lock."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither __pycache__ nor the home folder can be written
        return njit(nogil=True)(function)
