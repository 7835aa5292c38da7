"""Image files: list a folder as MATLAB's `dir` would, read as `imread` would, write.

Pillow does the reading but for 16-bit colour, which it reduces to 8 bits without a word: pypng and tifffile read that.
"""

import ctypes
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, _imaging

from vdsr_data.errors import ArgumentError, VdsrError, VdsrWarning, brief
from vdsr_data.images.deep_png import is_deep_png, read_deep_png, write_png
from vdsr_data.images.png_alpha import TransparencyWarning, laid_over_background, parted
from vdsr_data.images.tif import deep_pixels, deep_size, is_tif, profile_of, write_deep_tif
from vdsr_data.io.files import check_name, refusal, replacing
from vdsr_data.io.mistaken import mistaken
from vdsr_data.limits import checked_path, choice, different
from vdsr_data.matlab.arrays import as_array, channels_first

__all__ = [
    "TEST_ORDER",
    "TRAIN_ORDER",
    "Picture",
    "TransparencyWarning",
    "as_jpeg",
    "check_lossless",
    "decode_png",
    "image_dtype",
    "image_size",
    "is_image_name",
    "list_images",
    "pillow_resizers",
    "png_bytes",
    "read_image",
    "read_picture",
    "write_image",
]

# Else their remarks on a damaged file go to stderr, beside the one line that says what is wrong.
for _library in ("PIL", "tifffile"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
with suppress(AttributeError, OSError):  # the same for libtiff, where Pillow is linked so that it can be reached
    for _handler in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        getattr(ctypes.CDLL(_imaging.__file__), _handler)(ctypes.c_void_p())

SUFFIXES = {"jpg": (".jpg", ".jpeg"), "bmp": (".bmp",), "png": (".png",), "tif": (".tif", ".tiff")}
TRAIN_ORDER = ("jpg", "bmp", "png", "tif")  # train_data.m lists *.jpg, then *.bmp
TEST_ORDER = ("bmp", "jpg", "png", "tif")  # test_data.m lists *.bmp, then *.jpg
LOSSLESS = (".png", ".bmp", ".tif", ".tiff")

# Twice as many as Pillow warns of; more are refused before memory is asked for.
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)
ORIENTATION = 0x0112
UNTURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip

# Pillow's modes whose pixels MATLAB's imread returns, and the mode to convert them to; of PNG, alpha is needed too.
MODES = {"L": "L", "RGB": "RGB", "1": "L", "I;16": "I;16", "I;16B": "I;16", "I;16L": "I;16", "I;16N": "I;16"}
PNG_MODES = {**MODES, "RGBA": "RGBA", "LA": "LA", "I": "I"}
REFUSED = {
    "P": "has a palette, of which MATLAB's imread returns the indices",
    "PA": "has a palette, of which MATLAB's imread returns the indices",
    "CMYK": "is CMYK, which MATLAB's rgb2ycbcr does not take",
    "YCbCr": "is stored as YCbCr without conversion",
    "LAB": "is stored as CIE Lab",
    "F": "has float pixels of unknown range",
    "I": "has 32-bit pixels",
}


def list_images(folder: Path | str, order: Sequence[str] = TRAIN_ORDER) -> list[Path]:
    """The images of a folder: kind after kind in the given order, each sorted by name, code point by code point.

    Parameters
    ----------
    folder : path
        Not searched recursively; names that start with a dot are left out.
    order : sequence of {"jpg", "bmp", "png", "tif"}
        `TRAIN_ORDER` as ``train_data.m``, `TEST_ORDER` as ``test_data.m`` list them.

    Raises
    ------
    VdsrError
        If there is no such folder or no image in it, if the name of an image is not text in one line, or if one is a
        symbolic link to nothing, or a pipe.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import list_images, read_image, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(3, dtype=np.uint8) * 255)
    ...     print([path.name for path in list_images(folder)])
    ['dots.png']
    """
    folder, order = checked_path("folder", folder), different("order", order, partial(choice, allowed=list(SUFFIXES)))
    if not folder.is_dir():
        raise VdsrError(f"{folder}: no such folder of images")
    # A link to nothing is no file, nor is a pipe, but without it the set would be a smaller one.
    files = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and not p.is_dir())
    images = [path for kind in order for path in files if path.suffix.lower() in SUFFIXES[kind]]
    if not images:
        raise VdsrError(f"{folder}: no image in it; looked for {', '.join(s for k in order for s in SUFFIXES[k])}")
    for path in images:
        check_name(path)
        if not path.exists():
            raise VdsrError(f"{path}: a symbolic link to nothing; restore the image, or remove the link")
        if not path.is_file():
            raise VdsrError(f"{path}: not a plain file; remove it from the folder")
    return images


def is_image_name(path: Path | str) -> bool:
    """Whether a file of this name would be listed among the images of a folder."""
    return any(Path(path).suffix.lower() in suffixes for suffixes in SUFFIXES.values())


def read_image(path: Path | str) -> NDArray[Any]:
    """Read an image as MATLAB's ``imread`` returns it.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3), uint8 or uint16
        Black-and-white becomes 0 and 255, of several frames the first is read, an EXIF rotation is not applied, and
        transparent pixels of a PNG file are laid over its background colour, or over black: all as ``imread`` does.

    Warns
    -----
    TransparencyWarning
        If a pixel is not opaque.

    Raises
    ------
    VdsrError
        If the file cannot be read, is truncated, declares more than 178,956,970 pixels, or holds pixels for which
        MATLAB's scripts define no luma (palette, CMYK, float).
    OSError
        If the system refuses: no permission, too many open files.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import list_images, read_image, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(3, dtype=np.uint8) * 255)
    ...     read_image(f"{folder}/dots.png").tolist()
    [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    """
    path = checked_path("path", path)
    with _explained(path):
        if is_deep_png(path):
            return laid_over_background(path, read_deep_png(path, MOST_PIXELS))
        if is_tif(path):
            deep = deep_pixels(path, MOST_PIXELS)
            if deep is not None:
                return deep
        with Image.open(path) as image:
            mode = _mode(path, image)
            rows, columns = _stored_size(image)
            turn = image.getexif().get(ORIENTATION) if image.format == "TIFF" else None
            image.load()
            # Pillow turns TIFF files, and these alone, as a viewer shows them.
            stored = image.transpose(UNTURN[turn]) if turn in UNTURN else image
            pixels = np.asarray(stored if stored.mode == mode else stored.convert(mode))
            if pixels.shape[:2] != (rows, columns):
                raise VdsrError(f"{path}: says {rows}x{columns} pixels, but holds {pixels.shape[0]}x{pixels.shape[1]}")
            if image.format == "PNG":
                pixels = laid_over_background(path, pixels)
    return pixels.astype(np.uint16) if pixels.dtype not in (np.uint8, np.uint16) else np.ascontiguousarray(pixels)


@dataclass(frozen=True)
class Picture:
    """An image as a viewer shows it: colours (rows, columns) or (rows, columns, 3), alpha (rows, columns) or None.

    Both are uint8 or both uint16. `profile` is the ICC profile that says what the colours mean, or None for sRGB.
    """

    colors: NDArray[Any]
    alpha: NDArray[Any] | None
    profile: bytes | None


def read_picture(path: Path | str) -> Picture:
    """Read an image as a viewer shows it, where `read_image` returns what MATLAB computes with.

    Palettes and CMYK become RGB, the EXIF rotation of an 8-bit file is applied, transparency of any kind is kept as
    alpha, and 16 bits stay 16 bits. Of several frames the first is read.

    Raises
    ------
    VdsrError
        If the file cannot be read, is truncated, or holds pixels of unknown range (float, 32 bits).
    """
    path = Path(path)
    with _explained(path):
        deep = deep_pixels(path, MOST_PIXELS, channels=(2, 3, 4)) if is_tif(path) else None
        if deep is not None:
            return Picture(*parted(path, deep), profile_of(path))
        with Image.open(path) as image:
            profile = None if image.mode in ("CMYK", "LAB") else image.info.get("icc_profile")
            if is_deep_png(path):
                return Picture(*parted(path, read_deep_png(path, MOST_PIXELS)), profile)
            shown = ImageOps.exif_transpose(image)
            # Of PNG files with no palette Pillow does not stretch the chunk tRNS; `parted` does.
            plain = image.format == "PNG" and image.mode[0] != "P"
            pixels = np.asarray(shown.convert(_mode(path, image) if plain else _shown_mode(path, shown)))
            pixels = pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)
            return Picture(*parted(path, pixels), profile)


def image_size(path: Path | str) -> tuple[int, int]:
    """Rows and columns of an image, from the head of its file.

    Raises
    ------
    VdsrError
        As `read_image`, as far as the head of the file tells.
    """
    return _head(Path(path))[0]


def image_dtype(path: Path | str) -> np.dtype[Any]:
    """uint8 or uint16, as `read_image` returns the image, from the head of its file; errors as `image_size`."""
    return np.dtype(np.uint16 if _head(Path(path))[1] else np.uint8)


def _head(path: Path) -> tuple[tuple[int, int], bool]:
    """Rows and columns of an image, and whether it has 16 bits."""
    with _explained(path):
        if is_tif(path):
            size = deep_size(path, MOST_PIXELS)
            if size is not None:
                return size, True
        with Image.open(path) as image:
            deep = is_deep_png(path) or _mode(path, image)[0] == "I"
            return _stored_size(image), deep


def write_image(path: Path | str, image: NDArray[Any], *, profile: bytes | None = None) -> None:
    """Write a uint8 or uint16 image, lossless, complete or not at all.

    Parameters
    ----------
    path : Path
    image : ndarray
        Grey (rows, columns) or RGB (rows, columns, 3); with alpha (rows, columns, 2) or (rows, columns, 4). One
        channel (rows, columns, 1) is grey.
    profile : bytes, optional
        An ICC profile, which a BMP file does not hold.

    Raises
    ------
    ArgumentError
        If the image is empty, or has another dtype or shape.
    VdsrError
        If the suffix is none of .png, .bmp, .tif, .tiff, or the format cannot hold the pixels.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import list_images, read_image, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(3, dtype=np.uint8) * 255)
    ...     print(read_image(f"{folder}/dots.png").dtype)
    uint8
    """
    path = checked_path("path", path)
    image = as_array(image, "write_image")
    if image.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise ArgumentError(f"{path}: an image file of uint8 or uint16 is written, not of {image.dtype}; convert it")
    if not image.size or image.ndim not in (2, 3) or image.shape[2:] > (4,):
        found = channels_first(image.shape) or image.shape
        raise ArgumentError(f"{path}: needs an image of (rows, columns) or (rows, columns, 1 to 4), got {found}")
    image = image[:, :, 0] if image.shape[2:] == (1,) else image
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    check_lossless(path, deep=image.dtype == np.uint16, alpha=image.shape[2:] in ((2,), (4,)))
    with replacing(path) as temporary:
        if image.dtype == np.uint16 and image.ndim == 3 and path.suffix.lower() == ".png":
            write_png(temporary, len(image), [image], profile)
        elif image.dtype == np.uint16 and image.ndim == 3:
            write_deep_tif(temporary, image, profile)
        else:
            Image.fromarray(image).save(temporary, icc_profile=profile)


def png_bytes(image: NDArray[np.uint8], compression: int) -> bytes:
    """Encode an 8-bit image as a PNG file; `compression` is 0 to 9."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png", compress_level=compression)
    return file.getvalue()


def as_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress a grey or RGB image: ``imread`` after ``imwrite(image, 'x.jpg', 'Quality', quality)``.

    Colours are kept for every second row and column (4:2:0), as MATLAB's are.
    """
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=quality)
    return np.array(Image.open(stream))


def pillow_resizers() -> dict[str, Callable[[NDArray[np.uint8], tuple[int, int]], NDArray[np.uint8]]]:
    """Pillow's ways of resizing an 8-bit image to (rows, columns), by the names of its filters."""

    def make(resample: Image.Resampling) -> Callable[[NDArray[np.uint8], tuple[int, int]], NDArray[np.uint8]]:
        return lambda image, size: np.asarray(Image.fromarray(image).resize(size[::-1], resample))

    return {one.name: make(one) for one in Image.Resampling}


def decode_png(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a PNG file of 8-bit grey or RGB, as `png_bytes` makes it; VdsrError names it if it is none."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode in ("L", "RGB"):
                return np.asarray(image)
        reason = f"pixels of kind {image.mode}"
    except Exception as error:
        reason = brief(error)
    raise VdsrError(f"{name} cannot be read as an image of 8-bit grey or RGB ({reason})")


def check_lossless(path: Path | str, *, deep: bool = False, alpha: bool = False) -> None:
    """Refuse the name of an image file that would not hold the pixels, of 16 bits or with alpha, as they are.

    Raises
    ------
    VdsrError
        If the suffix is none of .png, .bmp, .tif, .tiff, or .bmp for what that does not hold.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in LOSSLESS:
        raise VdsrError(f"{path}: the pixels must be stored as they are; name a {', '.join(LOSSLESS)} file")
    if suffix == ".bmp" and (deep or alpha):
        what = "16-bit pixels" if deep else "transparency"
        raise VdsrError(f"{path}: a BMP file cannot hold {what}; write .png or .tif")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises at a bad file into one line that names the file."""
    if not path.is_file():  # a pipe would be waited for
        raise VdsrError(f"{path}: {'not a plain file' if path.exists() else 'no such file'}")
    try:
        yield
    except (VdsrError, VdsrWarning):
        raise
    except MemoryError as error:  # also where a damaged head makes a decoder ask for gigabytes
        raise VdsrError(f"{path}: needs more memory than there is; see if it is damaged") from error
    except Exception as error:
        if refused := refusal(error, path):
            raise refused from error
        if wrong := mistaken(path):
            raise VdsrError(f"{path}: {wrong}") from error
        raise VdsrError(f"{path}: cannot be read as an image ({brief(error)})") from error


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Rows and columns as they are stored, where Pillow gives those of a turned TIFF as a viewer shows it."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return int(tags[TiffImagePlugin.IMAGELENGTH]), int(tags[TiffImagePlugin.IMAGEWIDTH])
    return image.height, image.width


def _mode(path: Path, image: Image.Image) -> str:
    """The Pillow mode to convert to, if MATLAB's scripts define what the pixels mean."""
    modes = PNG_MODES if image.format == "PNG" else MODES
    if image.mode not in modes:
        reason = REFUSED.get(image.mode, f"has pixels of kind {image.mode}")
        raise VdsrError(f"{path}: {reason}; convert it to 8-bit RGB or grey first")
    return modes[image.mode]


def _shown_mode(path: Path, image: Image.Image) -> str:
    """The Pillow mode that holds what a viewer shows."""
    if image.mode[0] in "IF":
        return _mode(path, image)
    grey = image.mode in ("1", "L", "LA", "La")
    return ("LA" if grey else "RGBA") if image.has_transparency_data else ("L" if grey else "RGB")
