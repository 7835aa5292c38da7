"""What arguments may be: the one check for the command line, for Python, and for what a file says of itself."""

import numbers
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from vdsr_data.errors import ArgumentError

__all__ = [
    "BOUNDARIES",
    "COMPRESSION",
    "CROPS",
    "DEGRADATION_KINDS",
    "DOWNLOADS",
    "DOWNSIZES",
    "EVALUATED",
    "FACTORS",
    "FLIPS",
    "LAYOUT_NAMES",
    "MULTIPLES",
    "PATCH_SIZES",
    "PREVIEWS",
    "RESIZE_METHODS",
    "RETRIES",
    "ROTATIONS",
    "SAMPLES",
    "SCALES",
    "SEEDS",
    "STRIDES",
    "TENSOR_LAYOUTS",
    "WORKERS",
    "Axes",
    "Boundary",
    "Crop",
    "DegradationKind",
    "Flip",
    "ImageFormat",
    "LayoutName",
    "ResizeMethod",
    "SubimageFormat",
    "TensorLayout",
    "TestFormat",
    "TrainingFormat",
    "checked_boundary",
    "checked_factor",
    "checked_factors",
    "checked_path",
    "checked_paths",
    "checked_scales",
    "choice",
    "different",
    "identifier",
    "number",
    "several",
    "text",
    "threads",
    "truth",
    "whole",
]

T = TypeVar("T")

SCALES = (1, 64)
FACTORS = (2, 16)  # of super-resolution
EVALUATED = (1, 16)  # of what is scored, also fractions; at 1 images are cleaned, not enlarged
PATCH_SIZES = (2, 4096)
STRIDES = (1, 4096)
DOWNSIZES = (0.01, 1.0)
SEEDS = (0, 2**32 - 1)
COMPRESSION = (0, 9)
WORKERS = (1, 1024)
DOWNLOADS = (1, 32)  # at a time
RETRIES = (0, 20)
MULTIPLES = (1, None)  # to which images are cropped
SAMPLES = (0, None)  # pairs that are made anew
PREVIEWS = (1, 64)  # on a sheet, which would take hundreds of megabytes with more images

Boundary = Literal["symmetric", "replicate"]
BOUNDARIES: tuple[Boundary, ...] = get_args(Boundary)
ResizeMethod = Literal["bicubic", "bilinear", "box", "lanczos2", "lanczos3", "nearest", "triangle"]
RESIZE_METHODS: tuple[ResizeMethod, ...] = get_args(ResizeMethod)
DegradationKind = Literal["bi", "bi-double", "bd", "blur", "dn", "jpeg", "noise", "srmd"]
DEGRADATION_KINDS: tuple[DegradationKind, ...] = get_args(DegradationKind)
Crop = Literal["modcrop", "meta-sr", "none"]
CROPS: tuple[Crop, ...] = get_args(Crop)
LayoutName = Literal["basicsr", "rcan", "edsr", "kair", "metasr"]
LAYOUT_NAMES: tuple[LayoutName, ...] = get_args(LayoutName)
TensorLayout = Literal["HWC", "CHW", "NHWC", "NCHW"]
TENSOR_LAYOUTS: tuple[TensorLayout, ...] = get_args(TensorLayout)
Axes = Literal["matlab", "nhwc"]
Flip = Literal["none", "left-right", "up-down"]
FLIPS: tuple[Flip, ...] = get_args(Flip)
ROTATIONS = (0, 90, 180, 270)  # degrees
SubimageFormat = Literal["png", "lmdb"]
TrainingFormat = Literal["hdf5", "png", "lmdb"]
TestFormat = Literal["hdf5", "mat"]
ImageFormat = Literal["png", "bmp", "tif"]


def whole(name: str, value: Any, limits: tuple[int, int | None]) -> int:
    """Return `value`, the argument `name`, as an int.

    Raises
    ------
    ArgumentError
        If it is no whole number from the first of `limits` to the second (None: without end).
    """
    low, high = limits
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        found = int(value)
        if low <= found and (high is None or found <= high):
            return found
    raise _refused(name, value, f"a whole number, {f'{low} or more' if high is None else f'from {low} to {high}'}")


def number(name: str, value: Any, limits: tuple[float, float]) -> float:
    """Return `value`, the argument `name`, as a plain number; errors as `whole`, but fractions are allowed."""
    low, high = limits
    with suppress(OverflowError):  # of a whole number of hundreds of digits
        if isinstance(value, numbers.Real) and not isinstance(value, bool) and low <= float(value) <= high:
            return int(value) if isinstance(value, numbers.Integral) else float(value)
    raise _refused(name, value, f"a number from {low:g} to {high:g}")


def truth(name: str, value: Any) -> bool:
    """Return `value`, the argument `name`, if it is True or False (NumPy's too); else ArgumentError."""
    if type(value).__name__ in {"bool", "bool_"}:
        return bool(value)
    raise _refused(name, value, "True or False")


def choice(name: str, value: Any, allowed: Sequence[T]) -> T:
    """Return the one of `allowed` that `value`, the argument `name`, is; ArgumentError if it is none."""
    for one in allowed:
        if type(one) is type(value) and one == value:
            return one
    raise _refused(name, value, f"one of {', '.join(map(str, allowed))}")


def several(value: Any, *kinds: type) -> list[Any]:
    """Return `value` as a list, where one may be given or several: of one that is text, a path or one of `kinds`."""
    if getattr(value, "ndim", 1) == 0:  # a number of NumPy's
        return [value.item()]
    one = isinstance(value, (str, Path, *kinds)) or not isinstance(value, Iterable)
    return [value] if one else list(value)


def text(name: str, value: Any) -> str:
    """Return `value`, the argument `name`, if it is text and not empty; else ArgumentError."""
    if isinstance(value, str) and value:
        return value
    raise _refused(name, value, "text")


def identifier(name: str, value: Any) -> str:
    """Return `value`, the argument `name`, if it is a name such as ``lr``; else ArgumentError."""
    if isinstance(value, str) and value.isidentifier():
        return value
    raise _refused(name, value, "a name such as lr, of letters, digits and _")


def different(name: str, values: Any, check: Callable[[str, Any], T]) -> tuple[T, ...]:
    """Return `values`, the argument `name`, as a tuple of what `check` makes of each.

    Raises
    ------
    ArgumentError
        If they are no list (or tuple), none at all, or two of them the same; or what `check` raises.
    """
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)) or not values:
        raise _refused(name, values, "a list or tuple of at least one")
    checked = tuple(check(name, value) for value in values)
    if len(set(checked)) < len(checked):
        raise _refused(name, values, "different ones")
    return checked


def checked_scales(scales: Sequence[int]) -> tuple[int, ...]:
    """Return factors of reduction, different whole numbers; ArgumentError for any others."""
    return different("scales", scales, partial(whole, limits=SCALES))


def checked_factor(name: str, value: Any, limits: tuple[float, float] = SCALES) -> float:
    """Return a factor of reduction, a whole one as int; errors as `number`."""
    found = number(name, value, limits)
    return int(found) if found == int(found) else found


def checked_factors(scales: Sequence[float]) -> tuple[float, ...]:
    """Return factors of reduction, different ones, also fractions such as 2.5; ArgumentError for any others."""
    return different("scales", scales, checked_factor)


def checked_boundary(boundary: Boundary) -> Boundary:
    """Return the boundary rule, if it is one; else ArgumentError."""
    return choice("boundary", boundary, BOUNDARIES)


def threads(workers: int | None) -> int:
    """Return how many threads to work with: `workers`, or one per core that this process may use."""
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return whole("workers", workers, WORKERS)


def checked_path(name: str, value: Any) -> Path:
    """Return `value`, the argument `name`, as a path; ArgumentError if it is none, or empty: no current folder."""
    if value == "":
        raise ArgumentError(f"{name}: an empty name; give a file or a folder")
    try:
        return Path(value)
    except TypeError:
        raise _refused(name, value, "a path") from None


def checked_paths(files: Sequence[Path | str], name: str = "images") -> list[Path]:
    """Return files as paths; ArgumentError if there are none, or one name where several should be."""
    if isinstance(files, (str, Path)):
        hint = f", such as list_images({str(files)!r}) makes of a folder" if name == "images" else ""
        raise ArgumentError(f"{name}: give a list of files{hint}")
    try:
        paths = [Path(file) for file in files]
    except TypeError:
        raise _refused(name, files, "a list of files") from None
    if not paths:
        raise ArgumentError(f"{name}: give at least one")
    return paths


def _refused(name: str, value: Any, allowed: str) -> ArgumentError:
    return ArgumentError(f"{name}: {value!r} is not allowed; give {allowed}")
