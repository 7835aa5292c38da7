"""MATLAB-compatible image resizing and colour conversion, and the data files of VDSR built with them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vdsr_data.errors import ArgumentError, VdsrError, VdsrWarning
    from vdsr_data.interop.loaders import tf_dataset, torch_dataset
    from vdsr_data.matlab.arrays import modcrop
    from vdsr_data.matlab.color import im2double, luma, rgb2ycbcr, ycbcr2rgb
    from vdsr_data.matlab.random import randperm
    from vdsr_data.matlab.resize import imresize

__version__ = "0.1.0"

__all__ = ["ArgumentError", "VdsrError", "VdsrWarning", "im2double", "imresize", "luma", "modcrop", "randperm",
           "rgb2ycbcr", "tf_dataset", "torch_dataset", "ycbcr2rgb"]  # fmt: skip

# Imported on first use: `vdsr-data --help` must not wait for numba.
_HOMES = {
    "ArgumentError": "errors",
    "VdsrError": "errors",
    "VdsrWarning": "errors",
    "im2double": "color",
    "imresize": "resize",
    "luma": "color",
    "modcrop": "arrays",
    "randperm": "patches",
    "rgb2ycbcr": "color",
    "tf_dataset": "loaders",
    "torch_dataset": "loaders",
    "ycbcr2rgb": "color",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
