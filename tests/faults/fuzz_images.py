"""Image files to damage: every format, depth and kind of pixels that Pillow, pypng and tifffile write."""

import io
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from fuzz import Reader
from PIL import Image

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import image_size, read_image, read_picture


def pixels(*shape: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2 ** (8 * np.dtype(dtype).itemsize), shape, dtype=dtype)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def every_mode() -> dict[str, Image.Image]:
    grey, rgb = Image.fromarray(pixels(7, 9)), Image.fromarray(pixels(7, 9, 3))
    return {
        "L": grey, "RGB": rgb, "1": grey.convert("1"), "P": rgb.convert("P", palette=Image.Palette.ADAPTIVE),
        "RGBA": rgb.convert("RGBA"), "LA": grey.convert("LA"), "CMYK": rgb.convert("CMYK"), "F": grey.convert("F"),
        "I": grey.convert("I"), "I;16": Image.fromarray(pixels(7, 9, dtype="uint16")), "YCbCr": rgb.convert("YCbCr"),
        "LAB": rgb.convert("LAB"),
    }  # fmt: skip


def png_seeds() -> list[bytes]:
    import png

    modes = every_mode()
    exif = Image.Exif()
    exif[274] = 6
    extras = {"exif": exif.tobytes(), "icc_profile": b"no profile" * 20, "dpi": (72, 72)}
    seeds = [saved(modes[mode], "PNG") for mode in ("L", "RGB", "1", "P", "RGBA", "LA", "I;16")]
    seeds.append(saved(modes["L"], "PNG", transparency=int(pixels(7, 9)[0, 0])))
    seeds.append(saved(modes["RGB"], "PNG", **extras))
    seeds.append(saved(modes["RGB"], "PNG", save_all=True, append_images=[modes["RGB"]], duration=10))
    for grey, alpha in ((False, False), (False, True), (True, True)):
        file = io.BytesIO()
        png.Writer(5, 4, bitdepth=16, greyscale=grey, alpha=alpha, interlace=alpha).write(
            file, pixels(4, 5 * ((1 if grey else 3) + alpha), dtype="uint16")
        )
        seeds.append(file.getvalue())
    return seeds


def repair_png(data: bytes) -> bytes:
    """Right checksums of all chunks, as far as their lengths lead from one to the next."""
    new, at = bytearray(data), 8
    while at + 12 <= len(new):
        length = int.from_bytes(new[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(new):
            break
        new[end : end + 4] = struct.pack(">I", zlib.crc32(new[at + 4 : end]))
        at = end + 4
    return bytes(new)


def tif_seeds() -> list[bytes]:
    import tifffile

    modes = every_mode()
    seeds = [saved(modes[mode], "TIFF") for mode in ("L", "RGB", "1", "P", "RGBA", "CMYK", "F", "I;16", "LAB")]
    seeds += [
        saved(modes["RGB"], "TIFF", compression=c) for c in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ]
    seeds.append(saved(modes["1"], "TIFF", compression="group4"))
    for options in ({}, {"compression": "zlib"}, {"planarconfig": "separate"}, {"bigtiff": True}, {"tile": (16, 16)},
                    {"byteorder": ">"}, {"iccprofile": b"none"}):  # fmt: skip
        shape = (3, 5, 6) if "planarconfig" in options else (5, 6, 3)
        file = io.BytesIO()
        tifffile.imwrite(file, pixels(*shape, dtype="uint16"), photometric="rgb", **options)
        seeds.append(file.getvalue())
    return seeds


def jpg_seeds() -> list[bytes]:
    modes = every_mode()
    exif = Image.Exif()
    exif[274], exif[271] = 8, "maker"
    seeds = [saved(modes[mode], "JPEG") for mode in ("L", "RGB", "CMYK", "YCbCr")]
    seeds.append(saved(modes["RGB"], "JPEG", progressive=True, icc_profile=b"no profile" * 20, exif=exif.tobytes()))
    seeds.append(saved(modes["RGB"], "JPEG", subsampling=2, comment=b"text"))
    return seeds


def other_seeds() -> list[bytes]:
    modes = every_mode()
    gif = saved(modes["P"], "GIF", save_all=True, append_images=[modes["L"]], duration=10)
    return [gif, saved(modes["RGB"], "PPM"), saved(modes["RGB"], "WEBP"), saved(modes["RGBA"], "ICO"), b"", b"\0" * 64]


def bmp_seeds() -> list[bytes]:
    return [saved(image, "BMP") for mode, image in every_mode().items() if mode in ("L", "RGB", "1", "P", "RGBA")]


def read(path: Path) -> None:
    """All three readers; what is returned is an image, and as large as `image_size` says."""
    size = None
    problems = []
    for reader in (image_size, read_image, read_picture):
        try:
            found = reader(path)
        except VdsrError as error:
            problems.append(str(error))  # the error itself would keep the memory of what failed
            continue
        if reader is image_size:
            size = found
        elif reader is read_image:
            assert found.dtype in (np.uint8, np.uint16)
            assert found.ndim in (2, 3)
            assert found.size
            assert size == found.shape[:2], f"image_size says {size}, read_image gives {found.shape}"
    if problems:
        raise VdsrError(problems[0])


NAMES = (".png", ".jpg", ".bmp", ".tif")
# 178,956,970 pixels, twice Pillow's limit, are allowed: as RGBA, as an array of them, and as one of RGB
Images = partial(Reader, read=read, memory=3 * 2**30)
READERS = {
    "png": Images((".png",) * 6 + NAMES, png_seeds, repair=repair_png),
    "bmp": Images((".bmp",) * 6 + NAMES, bmp_seeds),
    "jpg": Images((".jpg",) * 6 + NAMES, jpg_seeds),
    "tif": Images((".tif",), tif_seeds),
    "other images": Images(NAMES, other_seeds),
}
