"""TIFF files with 16-bit colour, read and written by tifffile: Pillow would reduce them to 8 bits without a word."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError

__all__ = ["deep_pixels", "deep_size", "is_tif", "profile_of", "write_deep_tif"]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2  # of the tag PhotometricInterpretation
PREMULTIPLIED = 1  # of the tag ExtraSamples
SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_tif(path: Path) -> bool:
    """Whether it is a TIFF file by its content, whatever its name."""
    with path.open("rb") as file:
        return file.read(4) in SIGNATURES


def deep_pixels(path: Path, most: int, *, channels: Sequence[int] = (3,)) -> NDArray[np.uint16] | None:
    """The pixels of a 16-bit TIFF of so many channels, None for one of fewer and for any other file.

    Raises
    ------
    VdsrError
        If it has more channels, more than `most` pixels, or fewer strips or tiles than its pixels take; if its pixels
        have a sign, or 16 bits with white as 0, of other colours than grey and RGB, or multiplied by their alpha.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = _deep_page(file, path, most, channels)
        if page is None:
            return None
        pixels = page.asarray()
    if pixels.ndim != 3 or not pixels.size:
        raise VdsrError(f"{path}: cannot be read as an image (width or height is missing)")
    return np.ascontiguousarray(pixels if pixels.shape[-1] == page.samplesperpixel else np.moveaxis(pixels, 0, -1))


def deep_size(path: Path, most: int) -> tuple[int, int] | None:
    """Rows and columns of a 16-bit TIFF of three channels, None for any other file; errors as `deep_pixels`."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = _deep_page(file, path, most, (3,))
        return None if page is None else (page.imagelength, page.imagewidth)


def _deep_page(file: Any, path: Path, most: int, channels: Sequence[int]) -> Any:
    """The first page, if it is one to be read here and not too large."""
    page = file.pages.first
    needed, held = math.prod(page.chunked), len(page.dataoffsets)
    if held < needed:  # else what is missing would be black
        reason = f"its {page.shape} pixels take {needed:,} strips or tiles, not {held:,}"
        raise VdsrError(f"{path}: cannot be read as an image ({reason})")
    if page.dtype in (np.int8, np.int16):  # which Pillow would read as if they had no sign
        raise VdsrError(
            f"{path}: has pixels with a sign, whose range is unknown; convert it to 8-bit RGB or grey first"
        )
    if page.dtype == np.uint16 and page.photometric == WHITE_IS_ZERO:  # which Pillow inverts for 8 bits only
        raise VdsrError(f"{path}: has 16 bits with white as 0; convert it to grey with black as 0 first")
    if page.dtype == np.uint16 and page.photometric not in (BLACK_IS_ZERO, RGB):
        kind = getattr(page.photometric, "name", page.photometric)
        raise VdsrError(f"{path}: has 16 bits and colours of kind {kind}; convert it to RGB or grey first")
    if page.dtype != np.uint16 or page.samplesperpixel < min(channels):
        return None
    if page.samplesperpixel not in channels:
        raise VdsrError(f"{path}: has {page.samplesperpixel} channels of {page.shape}; 3 channels are allowed")
    if PREMULTIPLIED in page.extrasamples:
        raise VdsrError(f"{path}: has colours that are multiplied by their alpha; save it with straight alpha")
    # Tiles are decoded one at a time, whatever part of them is inside the image.
    tile = page.tilewidth * page.tilelength * page.tiledepth if page.is_tiled else 0
    if max(page.size // page.samplesperpixel, tile) > most:
        raise VdsrError(f"{path}: declares {page.shape} pixels; at most {most:,} are allowed")
    return page


def profile_of(path: Path) -> bytes | None:
    """The ICC profile of a TIFF, None if it has none."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        profile: bytes | None = file.pages.first.iccprofile
    return profile


def write_deep_tif(path: Path, image: NDArray[np.uint16], profile: bytes | None) -> None:
    """Write (rows, columns, 2 to 4) as grey with alpha, RGB or RGB with alpha, with an ICC profile if there is one."""
    import tifffile

    tifffile.imwrite(
        path, image, photometric="minisblack" if image.shape[2] < 3 else "rgb", planarconfig="contig",
        extrasamples=["unassalpha"] if image.shape[2] in (2, 4) else None, iccprofile=profile,
    )  # fmt: skip
