"""How other libraries resize 8-bit images, as people call them: what made low-resolution images, if not MATLAB."""

from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import pillow_resizers
from vdsr_data.limits import choice

__all__ = ["resizer", "resizers"]

Image = NDArray[np.uint8]
Size = tuple[int, int]
Resizer = Callable[[Image, Size], Image]


def resizers() -> dict[str, Resizer]:
    """Functions of an image (rows, columns) or (rows, columns, 3), uint8, and a size (rows, columns), by their calls.

    Those of Pillow, and of OpenCV, PyTorch and scikit-image where they are installed.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data.interop.resizers import resizers
    >>> resizers()["Pillow: image.resize(size, BICUBIC)"](np.full((8, 6), 9, np.uint8), (4, 3)).tolist()[0]
    [9, 9, 9]
    """
    found: dict[str, Resizer] = {
        f"Pillow: image.resize(size, {name})": call for name, call in pillow_resizers().items()
    }
    for library, make in (("cv2", _opencv), ("torch", _torch), ("skimage", _scikit_image)):
        if PathFinder.find_spec(library):  # not importlib.util: that fails while another thread imports OpenCV
            found |= dict(make())
    return found


# What people mean by a library's bicubic, and the package that has it.
BICUBIC = {
    "pillow": ("Pillow: image.resize(size, BICUBIC)", "pillow"),
    "opencv": ("OpenCV: cv2.resize(image, size, interpolation=INTER_CUBIC)", "opencv-python-headless"),
    "torch": ("PyTorch: F.interpolate(image, size, mode='bicubic', antialias=False), rounded", "torch"),
    "torch-antialias": ("PyTorch: F.interpolate(image, size, mode='bicubic', antialias=True), rounded", "torch"),
    "skimage": ("scikit-image: resize(image, size, order=3, anti_aliasing=True), rounded", "scikit-image"),
}


def resizer(name: str) -> Resizer:
    """The bicubic of a library, "pillow", "opencv", "torch", "torch-antialias" or "skimage", as `resizers` has it.

    Raises
    ------
    ArgumentError
        If there is none of that name.
    VdsrError
        If the library is not installed.
    """
    call, package = BICUBIC[choice("resizer", name, list(BICUBIC))]
    found = resizers()
    if call not in found:
        raise VdsrError(f"{name} is not installed: pip install {package}")
    return found[call]


def _opencv() -> Iterator[tuple[str, Resizer]]:
    def make(flag: str) -> Resizer:
        def resize(image: Image, size: Size) -> Image:
            import cv2

            return np.asarray(cv2.resize(image, size[::-1], interpolation=getattr(cv2, flag)))

        return resize

    for name in ("INTER_CUBIC", "INTER_AREA", "INTER_LINEAR", "INTER_LANCZOS4", "INTER_NEAREST"):
        yield f"OpenCV: cv2.resize(image, size, interpolation={name})", make(name)


def _torch() -> Iterator[tuple[str, Resizer]]:
    def make(rounded: bool, **options: Any) -> Resizer:
        def resize(image: Image, size: Size) -> Image:
            import torch
            from torch.nn.functional import interpolate

            planes = torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1).astype(np.float32) / 255)[None]
            values = interpolate(planes, size=size, **options).clamp(0, 1).mul(255)
            result = (values.round() if rounded else values).to(torch.uint8)[0].numpy().transpose(1, 2, 0)
            return np.asarray(result).reshape(*size, *image.shape[2:])

        return resize

    for mode in ("bicubic", "bilinear"):
        for antialias in (True, False):
            for rounded in (True, False):
                call = f"F.interpolate(image, size, mode={mode!r}, antialias={antialias})"
                after = "rounded" if rounded else "truncated by .byte()"
                yield f"PyTorch: {call}, {after}", make(rounded, mode=mode, antialias=antialias, align_corners=False)
    yield "PyTorch: F.interpolate(image, size, mode='area'), rounded", make(True, mode="area")
    yield "PyTorch: F.interpolate(image, size, mode='nearest')", make(True, mode="nearest")


def _scikit_image() -> Iterator[tuple[str, Resizer]]:
    def make(**options: Any) -> Resizer:
        def run(image: Image, size: Size) -> Image:
            from skimage.transform import resize

            values = resize(image / 255, (*size, *image.shape[2:]), **options)
            return np.asarray(np.rint(values.clip(0, 1) * 255).astype(np.uint8))

        return run

    for order in (3, 1):
        for antialias in (True, False):
            call = f"resize(image, size, order={order}, anti_aliasing={antialias})"
            yield f"scikit-image: {call}, rounded", make(order=order, anti_aliasing=antialias)
