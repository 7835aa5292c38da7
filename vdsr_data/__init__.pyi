from .errors import ArgumentError, VdsrError, VdsrWarning
from .interop.loaders import tf_dataset, torch_dataset
from .matlab.arrays import modcrop
from .matlab.color import im2double, luma, rgb2ycbcr, ycbcr2rgb
from .matlab.random import randperm
from .matlab.resize import imresize

__version__: str

__all__ = [
    "ArgumentError",
    "VdsrError",
    "VdsrWarning",
    "im2double",
    "imresize",
    "luma",
    "modcrop",
    "randperm",
    "rgb2ycbcr",
    "tf_dataset",
    "torch_dataset",
    "ycbcr2rgb",
]
