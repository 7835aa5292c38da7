"""Arrays of other libraries (PyTorch, JAX) as NumPy sees them, and back: by DLPack, on the CPU, in the same memory."""

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vdsr_data.matlab.arrays import as_array

__all__ = ["Array", "SupportsDLPack", "as_numpy", "differentiable", "library_of"]

CPU = 1  # kDLCPU of DLPack's header; CUDA's is 2


class SupportsDLPack(Protocol):
    """An array of NumPy or of any library that shares its memory by DLPack."""

    def __dlpack__(self) -> Any: ...

    def __dlpack_device__(self) -> tuple[Any, Any]: ...


Array = TypeVar("Array", bound=SupportsDLPack)


def library_of(array: Any) -> Any:
    """The module whose `from_dlpack` makes arrays of this kind; None for what is no such array. Imports nothing."""
    if not hasattr(array, "__dlpack__"):
        return None
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    homes = (sys.modules.get(kind.__module__.partition(".")[0]) for kind in type(array).__mro__)
    return next((home for home in homes if hasattr(home, "from_dlpack")), None)


def differentiable(array: Any) -> str | None:
    """Which library, "torch" or "jax", is to compute with this array itself; None if NumPy can, and loses nothing.

    It is for tensors of floats of PyTorch, and for arrays of JAX that are traced, or not where or of what NumPy is.
    """
    if (torch := sys.modules.get("torch")) and isinstance(array, torch.Tensor):
        return "torch" if array.is_floating_point() else None
    if (jax := sys.modules.get("jax")) and isinstance(array, jax.Array):
        floats = jax.numpy.issubdtype(array.dtype, jax.numpy.floating)
        alone = isinstance(array, jax.core.Tracer) or array.dtype.itemsize < 4 or array.platform() != "cpu"
        return "jax" if floats and alone else None
    return None


def as_numpy(array: Any, function: str) -> tuple[NDArray[Any], Callable[[NDArray[Any]], Any]]:
    """The array as NumPy sees it, and what makes one of its library of a result; neither way copies on the CPU.

    Raises
    ------
    TypeError
        If the array is not on the CPU, is being traced or differentiated, or has a dtype that NumPy does not know.
    ArgumentError
        If it is no array, and NumPy takes it for none; the line names the `function`.
    """
    library = None if isinstance(array, np.ndarray) else library_of(array)
    if library is None:
        return as_array(array, function), np.asarray
    name = library.__name__.partition(".")[0]
    try:
        kind, number = array.__dlpack_device__()
    except AttributeError:
        raise TypeError(f"{name} traces this function; call it on concrete arrays, outside of jit and grad") from None
    except ValueError:  # of PyTorch, for tensors without values
        kind, number = 0, array.device
    if kind != CPU:
        device = getattr(array, "device", number)
        raise TypeError(f"an array of {name} on the device {device}: only the CPU is served; bring it there first")
    if getattr(array, "requires_grad", False):
        raise TypeError("a tensor that requires a gradient, which would be lost here; call .detach() first")
    try:
        return np.from_dlpack(array), library.from_dlpack
    except (BufferError, RuntimeError) as error:
        raise TypeError(f"NumPy cannot see this array of {name}, {array.dtype}; convert it first ({error})") from error
