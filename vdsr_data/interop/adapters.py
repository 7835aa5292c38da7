"""Functions and programs that resize, whatever library they are of, called in one way: the targets of `conform`.

`ADAPTERS` has those of libraries by their names, one row each. Nothing is imported before a target asks for it. An
adapter takes the library as it is: the dtype goes in as it came, as far as the library has it.
"""

import ast
import importlib
import inspect
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrError, brief
from vdsr_data.images.files import read_image, write_image

__all__ = ["ADAPTERS", "Adapter", "Function", "Resize", "Target", "as_resizer", "find_target"]

Image = NDArray[Any]
Function = Callable[..., Any]
# An image, (rows, columns) of the result, and what the vectors say besides: scale, antialias, boundary, method.
Resize = Callable[[Image, tuple[int, int], Mapping[str, Any]], Any]
Sized = Callable[[Image, tuple[int, int]], Any]  # what an adapter makes

SIZES = ("size", "out_shape", "output_shape", "output_size", "out_size", "shape")  # parameters for (rows, columns)
SCALES = ("scale", "scale_factor", "scale_factors", "scalar_scale", "factor", "zoom")
OPTIONS = {"antialias": "antialias", "antialiasing": "antialias", "boundary": "boundary", "method": "method"}
SECONDS = 60  # that a command has for an image


@dataclass(frozen=True)
class Adapter:
    """How to call a library's function: `make` gives, of the function and its options, one of an image and a size.

    `note` says what is done beside the call.
    """

    make: Callable[[Function, dict[str, Any]], Sized]
    note: str = ""


@dataclass(frozen=True)
class Target:
    """A function to be looked at.

    Attributes
    ----------
    name : str
        As it was asked for.
    function : callable
    version : str
        The package that it comes from, and its version; empty if there is none.
    options : dict
        Keywords that are passed each time, beside those of the vectors.
    adapter : Adapter or None
        How to call it, if it is a library's that `ADAPTERS` has.
    """

    name: str
    function: Function
    version: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    adapter: Adapter | None = None


def find_target(target: str | Function) -> Target:
    """Import what a word names: ``module:function``, with options behind commas; a command line is left as it is.

    Parameters
    ----------
    target : str or callable
        ``cv2:resize``, ``resize_right:resize,pad_mode=symmetric``, ``convert {input} -resize {columns}x{rows}!
        {output}``; or a function, which is taken as it is.

    Raises
    ------
    ArgumentError
        If it is neither, or names nothing that can be imported and called.

    Examples
    --------
    >>> from vdsr_data.interop.adapters import find_target
    >>> find_target("numpy:clip,a_min=0").options
    {'a_min': 0}
    """
    if callable(target):
        name = f"{getattr(target, '__module__', None)}:{getattr(target, '__qualname__', type(target).__name__)}"
        known = next((key for key in ADAPTERS if _is(key, target)), "")
        return Target(name, target, _version((known or name).partition(":")[0]), adapter=ADAPTERS.get(known))
    if not isinstance(target, str):
        raise ArgumentError(f"target: {target!r} is not allowed; give module:function, a command line, or a function")
    if "{input}" in target or "{output}" in target:
        return Target(target, _Command(target))
    name, *words = re.split(r",(?=\w+=)", target)
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        hint = "give module:function, such as cv2:resize, or a command line with {input} and {output}"
        raise ArgumentError(f"target: {target!r} is not allowed; {hint}")
    try:
        found: Any = _imported(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise ArgumentError(f"target: {module} cannot be imported: {brief(error)}") from error
    except AttributeError as error:
        raise ArgumentError(f"target: {brief(error)}") from error
    except (Exception, SystemExit) as error:  # the module's own, as it ran
        raise ArgumentError(f"target: {module} cannot be imported: {type(error).__name__}: {brief(error)}") from error
    if not callable(found):
        raise ArgumentError(f"target: {name} is not a function, but of type {type(found).__name__}")
    return Target(target, found, _version(module), dict(map(_option, words)), ADAPTERS.get(name))


def as_resizer(target: Target) -> tuple[Resize, frozenset[str]]:
    """How to resize by a target, and which of size, scale, antialias, boundary and method it can be told.

    Raises
    ------
    ArgumentError
        If it has an option that its adapter does not know.
    """
    function, options = target.function, dict(target.options)
    if target.adapter is not None:
        sized = target.adapter.make(function, options)
        return (lambda image, size, _: sized(image, size)), frozenset({"size"})
    if isinstance(function, _Command):
        return function, function.takes
    named: Mapping[str, inspect.Parameter] = {}
    with suppress(TypeError, ValueError):  # of compiled functions, which do not tell
        named = inspect.signature(function).parameters
    scale = next((word for word in SCALES if word in named), None)
    size = next((word for word in SIZES if word in named), None)
    takes = {word: meant for word, meant in OPTIONS.items() if word in named and word not in options}

    def resize(image: Image, to: tuple[int, int], given: Mapping[str, Any]) -> Any:
        words = options | {word: given[meant] for word, meant in takes.items() if meant in given}
        if scale and given.get("scale") is not None:
            return function(image, **{scale: given["scale"]}, **words)
        if size:
            return function(image, **{size: to}, **words)
        if scale:
            return function(image, **{scale: (to[0] / image.shape[0], to[1] / image.shape[1])}, **words)
        return function(image, to, **words)

    known = [*takes.values(), *(["scale"] if scale else []), *(["size"] if size or not scale else [])]
    return resize, frozenset(known)


class _Command:
    """A command line that is run for each image, through PNG files."""

    def __init__(self, line: str) -> None:
        try:
            self.words = shlex.split(line)
        except ValueError as error:
            raise ArgumentError(f"target: {line!r} is not allowed: {brief(error)}") from None
        if "{input}" not in line or "{output}" not in line:
            raise ArgumentError(f"target: {line!r} is not allowed; a command line needs both {{input}} and {{output}}")
        by_size = "{rows}" in line or "{columns}" in line
        if not by_size and "{scale}" not in line:
            hint = "it also needs {scale}, or {rows} and {columns}"
            raise ArgumentError(f"target: {line!r} is not allowed; {hint}")
        self.takes = frozenset({"size"} if by_size else {"scale"})

    def __call__(self, image: Image, to: tuple[int, int], given: Mapping[str, Any]) -> Image:
        scale = given.get("scale") or to[0] / image.shape[0]
        if isinstance(scale, list | tuple):
            if "size" not in self.takes:
                raise ValueError("a command has one {scale} for both dimensions")
            scale = scale[0]
        if image.dtype.kind == "f":
            raise TypeError("a command gets PNG files, which hold no floats")
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.png"), Path(folder, "out.png")
            write_image(source, image)
            values = {"input": source, "output": target, "scale": repr(scale), "rows": to[0], "columns": to[1]}
            words = [re.sub(r"\{(input|output|scale|rows|columns)\}", lambda m: str(values[m[1]]), word)
                     for word in self.words]  # fmt: skip
            try:
                done = subprocess.run(  # noqa: S603 (the user's own command)
                    words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                    timeout=SECONDS, check=False,
                )  # fmt: skip
            except (OSError, subprocess.TimeoutExpired) as error:
                raise VdsrError(f"{self.words[0]} cannot be run: {brief(error)}") from error
            if done.returncode or not target.exists():
                said = " ".join((done.stderr or done.stdout).split())[-200:] or "it wrote no {output}"
                raise VdsrError(f"{self.words[0]} ended with {done.returncode}: {said}")
            return read_image(target)


def _imported(module: str) -> ModuleType:
    """The module, also from the current folder, as ``python -m`` finds it."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        return importlib.import_module(module)
    sys.path.append(here)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(here)


def _option(text: str) -> tuple[str, Any]:
    """``key=value``: a number, True, None or a tuple as Python writes them, and text otherwise."""
    key, _, value = text.partition("=")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _version(module: str) -> str:
    """The package that a module is of, and its version."""
    for package in packages_distributions().get(module.partition(".")[0], []):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return ""


def _is(key: str, function: Function) -> bool:
    """Whether this is the function of that name; its module has been imported by whoever has the function."""
    module, _, attribute = key.partition(":")
    found: Any = sys.modules.get(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found is not None and found is function


def _enum(name: str, value: Any) -> Any:
    """The member of an enumeration, ``module:Class``, that a word names; what is no word stays."""
    module, _, attribute = name.partition(":")
    home = importlib.import_module(module)
    owner = getattr(home, attribute) if attribute else home
    try:
        return getattr(owner, value) if isinstance(value, str) else value
    except AttributeError:
        raise ArgumentError(f"target: {name} has no {value}") from None


def _as_class(values: Any, dtype: np.dtype[Any]) -> Image:
    """Floats as the class of the image: integers rounded to the nearest and saturated."""
    found = np.asarray(values)
    if dtype.kind == "u" and found.dtype.kind == "f":
        found = np.rint(found.clip(0, np.iinfo(dtype).max))
    return np.asarray(found, dtype) if found.dtype.kind == "f" else found


def _each(resize: Sized, image: Image, size: tuple[int, int]) -> Image:
    """Channel by channel."""
    if image.ndim == 2:
        return np.asarray(resize(image, size))
    return np.stack([np.asarray(resize(image[..., c], size)) for c in range(image.shape[2])], axis=2)


def _pillow(function: Function, options: dict[str, Any]) -> Sized:
    images = importlib.import_module("PIL.Image")
    resample = _enum("PIL.Image:Resampling", options.pop("resample", "BICUBIC"))

    def plane(image: Image, size: tuple[int, int]) -> Image:
        picture = images.fromarray(np.ascontiguousarray(image, np.float32 if image.dtype.kind == "f" else None))
        return _as_class(function(picture, size[::-1], resample, **options), image.dtype)

    return lambda image, size: plane(image, size) if image.dtype == np.uint8 else _each(plane, image, size)


def _opencv(function: Function, options: dict[str, Any]) -> Sized:
    interpolation = _enum("cv2", options.pop("interpolation", "INTER_CUBIC"))
    return lambda image, size: function(image, size[::-1], interpolation=interpolation, **options)


def _nchw(**defaults: Any) -> Callable[[Function, dict[str, Any]], Sized]:
    """Of PyTorch: (1, channels, rows, columns)."""

    def make(function: Function, options: dict[str, Any]) -> Sized:
        torch = importlib.import_module("torch")
        words = defaults | options
        if "interpolation" in words and function.__module__.startswith("torchvision"):
            words["interpolation"] = _enum("torchvision.transforms:InterpolationMode", words["interpolation"])

        def resize(image: Image, size: tuple[int, int]) -> Image:
            planes = torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1).copy())[None]
            found = function(planes, size=list(size), **words)[0].numpy().transpose(1, 2, 0)
            return _as_class(found[..., 0] if image.ndim == 2 else found, image.dtype)

        return resize

    return make


def _nhwc(*, parameter: str, channels: bool = False, **defaults: Any) -> Callable[[Function, dict[str, Any]], Sized]:
    """Of an array (rows, columns, channels); the size is that of the whole array if `channels` is set."""

    def make(function: Function, options: dict[str, Any]) -> Sized:
        def resize(image: Image, size: tuple[int, int]) -> Image:
            pixels = np.atleast_3d(image)
            shape = (*size, pixels.shape[2]) if channels else size
            found = np.asarray(function(pixels, **{parameter: shape}, **defaults | options))
            return _as_class(found[..., 0] if image.ndim == 2 else found, image.dtype)

        return resize

    return make


def _scikit_image(function: Function, options: dict[str, Any]) -> Sized:
    words = {"order": 3, "preserve_range": True} | options

    def resize(image: Image, size: tuple[int, int]) -> Image:
        shrinks = size[0] < image.shape[0] or size[1] < image.shape[1]
        found = function(image, (*size, *image.shape[2:]), **{"anti_aliasing": shrinks} | words)
        return _as_class(found, image.dtype)

    return resize


def _scipy(function: Function, options: dict[str, Any]) -> Sized:
    def resize(image: Image, size: tuple[int, int]) -> Image:
        factors = size[0] / image.shape[0], size[1] / image.shape[1]
        return np.asarray(function(image, (*factors, *[1] * (image.ndim - 2)), **options))

    return resize


def _resize_right(function: Function, options: dict[str, Any]) -> Sized:
    """Its functions of an array want floats; its kernels are functions that a word names."""
    kernel = options.pop("interp_method", None)
    if kernel is not None:
        options["interp_method"] = _enum("resize_right.interp_methods", kernel)
    return lambda image, size: _as_class(
        function(image.astype(np.float64), out_shape=list(size), **options), image.dtype
    )


def _fast_image_resize(resizer: Function, options: dict[str, Any]) -> Sized:
    library: Any = importlib.import_module("cykooz_resizer")
    kinds = {"uint8": "U8", "uint16": "U16", "float32": "F32", "float64": "F32"}
    kernel = _enum("cykooz_resizer:FilterType", options.pop("filter_type", "catmull_rom"))
    algorithm = _enum("cykooz_resizer:ResizeAlg", options.pop("algorithm", "convolution"))(kernel)

    def resize(image: Image, size: tuple[int, int]) -> Image:
        held = np.ascontiguousarray(image, np.float32 if image.dtype.kind == "f" else None)
        channels = "x3" if image.ndim == 3 else ""
        kind = getattr(library.PixelType, kinds[image.dtype.name] + channels)
        source = library.ImageData(image.shape[1], image.shape[0], kind, held.tobytes())
        target = library.ImageData(size[1], size[0], kind)
        resizer().resize(source, target, library.ResizeOptions(algorithm))
        return _as_class(np.frombuffer(target.get_buffer(), held.dtype).reshape(*size, *image.shape[2:]), image.dtype)

    return resize


ROUNDED = "integers: floats of the library, rounded by us"
IN_FLOAT32 = "float64 is computed in float32"
ADAPTERS: dict[str, Adapter] = {
    "PIL.Image:Image.resize": Adapter(_pillow, IN_FLOAT32),
    "cv2:resize": Adapter(_opencv),
    "torch.nn.functional:interpolate": Adapter(_nchw(mode="bicubic")),
    "torchvision.transforms.v2.functional:resize": Adapter(_nchw(interpolation="BICUBIC")),
    "kornia.geometry.transform:resize": Adapter(_nchw(interpolation="bicubic"), f"with antialias, {ROUNDED}"),
    "skimage.transform:resize": Adapter(_scikit_image, ROUNDED),
    "scipy.ndimage:zoom": Adapter(_scipy),
    "tensorflow.image:resize": Adapter(_nhwc(parameter="size", method="bicubic"), f"{IN_FLOAT32}; {ROUNDED}"),
    "keras.ops.image:resize": Adapter(
        _nhwc(parameter="size", interpolation="bicubic", data_format="channels_last"), f"{IN_FLOAT32}; {ROUNDED}"
    ),
    "jax.image:resize": Adapter(_nhwc(parameter="shape", channels=True, method="bicubic"), f"{IN_FLOAT32}; {ROUNDED}"),
    "resize_right:resize": Adapter(_resize_right, ROUNDED),
    "cykooz_resizer:Resizer": Adapter(_fast_image_resize, IN_FLOAT32),
}
