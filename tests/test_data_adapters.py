"""The adapters of libraries: each keeps shape and dtype, and is what is known of its library."""

from importlib.util import find_spec

import numpy as np
import pytest

from vdsr_data import ArgumentError, conform, imresize
from vdsr_data.interop.adapters import ADAPTERS, as_resizer, find_target
from vdsr_data.interop.fitting import fit_resizer

# What is known of each: the parameter of its cubic, whether it grows, what lies beyond the edge.
KNOWN = {
    "PIL.Image:Image.resize": (-0.5, True, "cut off"),
    "cv2:resize": (-0.75, False, "repeated"),
    "torch.nn.functional:interpolate": (-0.75, False, "repeated"),
    "torch.nn.functional:interpolate,antialias=True": (-0.5, True, "cut off"),
    "torchvision.transforms.v2.functional:resize": (-0.5, True, "cut off"),
    "kornia.geometry.transform:resize": (-0.75, False, "repeated"),
    "kornia.geometry.transform:resize,antialias=True": (-0.75, True, "repeated"),
    "skimage.transform:resize": (None, True, "reflected"),
    "scipy.ndimage:zoom": (None, False, "reflected"),
    "tensorflow.image:resize": (-0.5, False, "cut off"),
    "keras.ops.image:resize": (-0.5, False, "cut off"),
    "jax.image:resize": (-0.5, True, "cut off"),
    "resize_right:resize": (-0.5, True, "zero"),
    "resize_right:resize,pad_mode=symmetric": (-0.5, True, "mirrored"),
    "cykooz_resizer:Resizer": (-0.5, True, "cut off"),
}


def test_each_adapter_is_tested() -> None:
    assert {name.partition(",")[0] for name in KNOWN} == set(ADAPTERS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KNOWN)
def test_each_library_is_what_is_known_of_it(name: str) -> None:
    library = name.partition(":")[0].partition(".")[0]
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    try:
        target = find_target(name)
    except ArgumentError as error:  # such as torchvision beside another torch
        pytest.skip(str(error))
    resize, takes = as_resizer(target)
    assert takes == {"size"}
    assert target.version
    for dtype in (np.uint8, np.float64):
        for shape in ((12, 10), (12, 10, 3)):
            found = np.asarray(resize(np.zeros(shape, dtype), (6, 5), {}))
            assert (found.shape, found.dtype) == ((6, 5, *shape[2:]), dtype)
    a, widened, border = KNOWN[name]
    fits = fit_resizer(lambda image, size: np.asarray(resize(image, size, {})), np.float64)
    assert (fits.enlarging.a, fits.enlarging.border, fits.shrinking.widened) == (a, border, widened)


def test_compiled_functions_are_known_by_what_they_are() -> None:
    cv2 = pytest.importorskip("cv2")
    assert conform(cv2.resize).resizing.enlarging.a == -0.75


def test_functions_are_told_what_they_name() -> None:
    calls = []

    def named(image: np.ndarray, scale_factor: float, antialiasing: bool = True) -> np.ndarray:
        calls.append((scale_factor, antialiasing))
        return imresize(image, scale_factor, antialias=antialiasing)

    resize, takes = as_resizer(find_target(named))
    assert takes == {"scale", "antialias"}
    image = np.arange(36, dtype=np.uint8).reshape(6, 6)
    resize(image, (3, 3), {"scale": 0.5, "antialias": False, "boundary": "replicate"})
    resize(image, (3, 2), {"scale": None})
    assert calls == [(0.5, False), ((0.5, 1 / 3), True)]


def test_options_are_numbers_truths_or_text() -> None:
    target = find_target("numpy:clip,a_min=0.5,a_max=None,out=[1, 2],mode=sym,where=True")
    assert target.options == {"a_min": 0.5, "a_max": None, "out": [1, 2], "mode": "sym", "where": True}
    assert find_target("os.path:join,a=__import__('os')").options == {"a": "__import__('os')"}
