from .benchmark.build import build_test
from .benchmark.degrading import degrade_folder
from .benchmark.layouts import export
from .benchmark.resizing import imresize_folder
from .benchmark.sets import Benchmark, open_set
from .degradations.ilr import make_ilr
from .degradations.recipes import Degradation, degrade
from .errors import ArgumentError, VdsrError, VdsrWarning
from .images.files import list_images, read_image, write_image
from .inspect.describe import info
from .inspect.recognition import identify
from .inspect.sheet import preview
from .inspect.verification import verify
from .interop.conformance import conform
from .interop.loaders import tf_dataset, torch_dataset
from .matlab.arrays import colon, modcrop
from .matlab.color import im2double, luma, rgb2gray, rgb2ycbcr, ycbcr2rgb
from .matlab.filters import fspecial, imfilter
from .matlab.noise import imnoise
from .matlab.random import rand, randi, randn, randperm
from .matlab.resize import imresize
from .public.download import fetch
from .public.registry import list_sets
from .training.build import build_train
from .training.shards import merge

__version__: str

__all__ = [
    "ArgumentError",
    "Benchmark",
    "Degradation",
    "VdsrError",
    "VdsrWarning",
    "build_test",
    "build_train",
    "colon",
    "conform",
    "degrade",
    "degrade_folder",
    "export",
    "fetch",
    "fspecial",
    "identify",
    "im2double",
    "imfilter",
    "imnoise",
    "imresize",
    "imresize_folder",
    "info",
    "list_images",
    "list_sets",
    "luma",
    "make_ilr",
    "merge",
    "modcrop",
    "open_set",
    "preview",
    "rand",
    "randi",
    "randn",
    "randperm",
    "read_image",
    "rgb2gray",
    "rgb2ycbcr",
    "tf_dataset",
    "torch_dataset",
    "verify",
    "write_image",
    "ycbcr2rgb",
]
