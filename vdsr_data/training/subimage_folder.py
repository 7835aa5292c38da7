"""Folders of sub-images, as `subimages` writes them and BasicSR reads them: what is in one, and whether it is whole.

No folder says with which options it was made. What can be told is whether meta_info.txt, files and sizes agree,
whether every file is an image, and whether bicubic LR is HR resized: inside, for LR was cut out of a whole image that
was resized.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.benchmark.claims import Check, Verified, content_sum, drawn
from vdsr_data.degradations.recipes import KINDS
from vdsr_data.errors import VdsrError, listed
from vdsr_data.images.files import decode_png
from vdsr_data.io.ahead import Advance
from vdsr_data.io.files import is_plain_name
from vdsr_data.io.mistaken import mistaken_folder
from vdsr_data.limits import SubimageFormat
from vdsr_data.matlab.resize import imresize
from vdsr_data.training.lmdb_file import LmdbFile

__all__ = ["META", "SubimageFolder", "describe_subimages", "subfolder", "verify_subimages"]

META = "meta_info.txt"
BICUBIC = "bicubic"
LINE = re.compile(r"(?P<name>.+)\.png \((?P<shape>\d{1,9},\d{1,9},[13])\)(?: \d)?")
FILES = {"png": "PNG files", "lmdb": "LMDB"}
EDGE = 3  # pixels of LR that may depend on what lies beyond a sub-image


def subfolder(kind: SubimageFormat, scale: int, low: str = BICUBIC) -> Path:
    """Where the sub-images of HR (scale 1) or LR lie in the folder; `low` is what made LR, such as bicubic or bd."""
    if kind == "png":
        return Path("HR_sub") if scale == 1 else Path(f"LR_{low}", f"X{scale}_sub")
    return Path("HR_sub.lmdb" if scale == 1 else f"LR_{low}_X{scale}_sub.lmdb")


class SubimageFolder:
    """Sub-images in HR and at some scales of LR.

    Attributes
    ----------
    path : Path
    kind : {"png", "lmdb"}
    low : str
        What made LR: "bicubic", or the kind of another degradation.
    scales : list of int
        Of LR.
    shapes : dict
        (rows, columns, channels) of each sub-image in HR by its name without suffix, in the order of meta_info.txt.

    Raises
    ------
    VdsrError
        If it is no such folder or holds both kinds, or if meta_info.txt is damaged.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise VdsrError(f"{path}: no such folder of sub-images")
        kinds: tuple[SubimageFormat, ...] = ("png", "lmdb")
        found = [kind for kind in kinds if (self.path / subfolder(kind, 1)).is_dir()]
        if not found:
            lacking = f"a folder without {subfolder('png', 1)}, {subfolder('lmdb', 1)} or NAME_SCALE_gt.mat"
            way_out = "give a file, or a folder that `vdsr-data build-train` or build-test has made with --format"
            raise VdsrError(f"{path}: {mistaken_folder(path) or f'{lacking}; {way_out}'}")
        if len(found) > 1:
            raise VdsrError(f"{path}: holds sub-images both as {FILES['png']} and as {FILES['lmdb']}; "
                            f"move {subfolder('png', 1)} and what belongs to it to a folder of its own")  # fmt: skip
        self.kind = found[0]
        lows = [low for low in (BICUBIC, *KINDS) if self._scales(low)]
        if len(lows) > 1:
            raise VdsrError(f"{path}: holds LR of several degradations ({', '.join(lows)}); move all but one away")
        self.low = lows[0] if lows else BICUBIC
        self.scales = self._scales(self.low)
        self.shapes = self._read_meta(
            self.path / META if self.kind == "png" else self.path / subfolder("lmdb", 1) / META
        )
        self._files: dict[int, LmdbFile] = {}

    def folder(self, scale: int) -> Path:
        """The folder of HR (scale 1) or LR, below `path`."""
        return subfolder(self.kind, scale, self.low)

    def _scales(self, low: str) -> list[int]:
        factors = range(2, limits.SCALES[1] + 1)
        return [scale for scale in factors if (self.path / subfolder(self.kind, scale, low)).is_dir()]

    def names(self, scale: int) -> list[str]:
        """Names without suffix of what is there of HR (scale 1) or LR."""
        if self.kind == "lmdb":
            return self._file(scale).keys
        return sorted(path.stem for path in (self.path / self.folder(scale)).iterdir() if path.suffix == ".png")

    def read(self, scale: int, name: str) -> bytes:
        """A sub-image as a PNG file."""
        if self.kind == "lmdb":
            return self._file(scale).get(name)
        return (self.path / self.folder(scale) / f"{name}.png").read_bytes()

    def pixels(self, scale: int, name: str) -> NDArray[np.uint8]:
        """A sub-image, grey (rows, columns) or RGB (rows, columns, 3); VdsrError if it is none."""
        return decode_png(self.read(scale, name), f"{self.path / self.folder(scale)}: {name}")

    def _file(self, scale: int) -> LmdbFile:
        if scale not in self._files:
            self._files[scale] = LmdbFile(self.path / self.folder(scale) / "data.mdb")
        return self._files[scale]

    def _read_meta(self, path: Path) -> dict[str, tuple[int, ...]]:
        if not path.is_file():
            raise VdsrError(f"{path}: no such file, which lists the sub-images; build the folder again")
        shapes: dict[str, tuple[int, ...]] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            found = LINE.fullmatch(line)
            if not found or not is_plain_name(found["name"]) or found["name"] in shapes:
                raise VdsrError(f"{path}: line {number} is not as NAME.png (rows,columns,channels), or not the first "
                                "of its name; build the folder again")  # fmt: skip
            shapes[found["name"]] = tuple(map(int, found["shape"].split(",")))
        return shapes


def describe_subimages(folder: SubimageFolder) -> Iterator[str]:
    """Lines on how many sub-images there are, how large, from which images, and in which sizes."""
    count = f"{len(folder.shapes):,} sub-images as {FILES[folder.kind]}"
    yield f"{folder.path}: {count}, in HR and in LR {_listed(folder.scales)}"
    shapes = sorted(folder.shapes.values(), key=lambda shape: shape[0] * shape[1])
    if shapes:
        least, most = (f"{rows} x {columns}" for rows, columns, _ in (shapes[0], shapes[-1]))
        grey = sum(channels == 1 for *_, channels in shapes)
        size = least if least == most else f"{least} to {most}"
        yield f"  {size} pixels in HR; {len(shapes) - grey:,} are RGB, {grey:,} grey"
        images = list(dict.fromkeys(re.sub(r"_s\d+$", "", name) for name in folder.shapes))
        yield f"  {len(images):,} images: {listed(images, 8)}"
    for scale in (1, *folder.scales):
        names = folder.names(scale)
        where = folder.folder(scale)
        taken = sum(path.stat().st_size for path in (folder.path / where).iterdir() if path.is_file())
        yield f"  {where.as_posix()}: {len(names):,} sub-images, {taken / 1e6:,.1f} MB"


def _listed(scales: list[int]) -> str:
    return ", ".join(f"x{scale}" for scale in scales) or "of no scale"


def verify_subimages(
    path: Path | str,
    *,
    sample: int,
    seed: int,
    advance: Advance,
) -> Verified:
    """Check a folder of sub-images: names, sizes, every file, and whether LR is HR resized.

    Parameters
    ----------
    path : path
    sample : int
        How many sub-images of LR to make anew from those of HR. All but 3 pixels of each edge must be the same.
    seed : int
        Of the choice of the sample.
    advance : callable
        Told the megabytes of files that were read.

    Returns
    -------
    Verified
        Its SHA-256 is that of names and pixels: the same for PNG files and LMDB, at any compression.

    Raises
    ------
    VdsrError
        If it is no such folder, or so damaged that it cannot be read.
    """
    folder = SubimageFolder(path)
    names = Check("names", f"{len(folder.shapes):,} in HR and in LR {_listed(folder.scales)}")
    images = Check("images", "each of the size that its HR has, or that divided by the scale")
    sums: dict[str, str] = {}
    whole: list[tuple[int, str]] = []
    for scale in (1, *folder.scales):
        where = folder.folder(scale).as_posix()
        there = set(folder.names(scale))
        for name in sorted(folder.shapes.keys() ^ there):
            names.fail(f"{where}: {name} is {f'not in {META}' if name in there else 'missing'}")
        for name in (name for name in folder.shapes if name in there):
            data = folder.read(scale, name)
            advance(len(data) / 1e6)
            try:
                pixels = decode_png(data, f"{where}: {name}")
            except VdsrError as error:
                images.fail(str(error))
                continue
            rows, columns, channels = folder.shapes[name]
            expected = (rows / scale, columns / scale, channels)
            if (*pixels.shape[:2], 1 if pixels.ndim == 2 else 3) != expected:
                images.fail(f"{where}: {name} has the shape {pixels.shape}, its HR {folder.shapes[name]}")
            elif scale > 1:
                whole.append((scale, name))
            sums[f"{scale}/{name}"] = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    if not folder.shapes:
        names.fail("there is none in HR")
    if not folder.scales:
        names.fail("there is no LR")
    checks = [names, images]
    if folder.low == BICUBIC:
        checks.append(_check_sample(folder, [pair for pair in whole if f"1/{pair[1]}" in sums], sample, seed))
    else:
        checks.append(Check("made anew", f"none: the folder does not say with which options {folder.low} made LR"))
    kind = f"{len(folder.shapes):,} sub-images as {FILES[folder.kind]}"
    return Verified(kind, checks, content_sum({}, sums))


def _check_sample(folder: SubimageFolder, pairs: list[tuple[int, str]], sample: int, seed: int) -> Check:
    """Make LR anew from HR."""
    chosen = drawn(len(pairs), sample, seed)
    check = Check("made anew", f"{len(chosen):,} of {len(pairs):,} in LR, but for {EDGE} pixels of each edge")
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    for scale, name in [pairs[k] for k in chosen]:
        if (imresize(folder.pixels(1, name), 1 / scale) != folder.pixels(scale, name))[inner].any():
            check.fail(f"{folder.folder(scale).as_posix()}: {name} is not HR resized by 1/{scale}")
    return check
