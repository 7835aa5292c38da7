"""Sub-images for BasicSR and its descendants: HR and LR cut alike, as PNG files or LMDB, with their meta_info.txt.

Their loaders cut small patches at random, turn and flip by themselves; large pieces spare them the whole photographs.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from vdsr_data import limits
from vdsr_data.benchmark.sets import unique_names
from vdsr_data.degradations.ilr import degraded_image
from vdsr_data.degradations.recipes import Degradation, checked_degradation
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import image_size, png_bytes, read_image
from vdsr_data.io.ahead import Advance, ignore, in_order
from vdsr_data.io.files import FULL, check_folder, claimed, naming, scratch_folder
from vdsr_data.limits import Boundary, SubimageFormat, checked_boundary, checked_paths, checked_scales
from vdsr_data.matlab.arrays import modcrop
from vdsr_data.training.subimage_folder import BICUBIC, META, subfolder

__all__ = ["SubimageRecipe", "check_places", "count_subimages", "generate_subimages"]

Put = Callable[["Piece"], None]


@dataclass(frozen=True)
class SubimageRecipe:
    """How sub-images are cut; the defaults are those of BasicSR for DIV2K.

    Raises
    ------
    ArgumentError
        For a value that is not allowed, or a size or stride that does not go with the scales.
    """

    scales: tuple[int, ...] = (2, 3, 4)
    patch_size: int = 480  # rows and columns in HR; an image with fewer is taken whole
    stride: int = 240  # the last ones end at the edge
    boundary: Boundary = "symmetric"
    compression: int = 1  # of PNG, 0 to 9
    degradation: Degradation | None = None  # what makes LR; None is bicubic

    def __post_init__(self) -> None:
        checked = {
            "scales": checked_scales(self.scales),
            "patch_size": limits.whole("patch_size", self.patch_size, limits.PATCH_SIZES),
            "stride": limits.whole("stride", self.stride, limits.STRIDES),
            "boundary": checked_boundary(self.boundary),
            "compression": limits.whole("compression", self.compression, limits.COMPRESSION),
            "degradation": checked_degradation(self.degradation, checked_scales(self.scales), self.boundary),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if 1 in self.scales:
            raise ArgumentError("LR of scale 1 would be HR itself, or lie where HR does; leave 1 out of the scales")
        for name, value in (("patch size", self.patch_size), ("stride", self.stride)):
            if value % self.multiple:
                near = math.ceil(value / self.multiple) * self.multiple
                shown = ", ".join(map(str, self.scales))
                raise ArgumentError(
                    f"the {name}, {value}, must be a multiple of {self.multiple} for scales {shown}; use {near}"
                )

    @property
    def low(self) -> str:
        """What the folders of LR are called after."""
        return BICUBIC if self.degradation is None else self.degradation.kind

    @property
    def multiple(self) -> int:
        """Of which all sizes and places are multiples, so that they are whole numbers in every LR image too."""
        return math.lcm(*self.scales)

    def places(self, shape: Sequence[int]) -> list[tuple[slice, slice]]:
        """Where the sub-images of an HR image of this shape lie, rows outer, columns inner."""
        rows, columns = (self._along(n - n % self.multiple) for n in shape[:2])
        return [(row, column) for row in rows for column in columns]

    def _along(self, length: int) -> list[slice]:
        size = min(self.patch_size, length)
        starts = dict.fromkeys([*range(0, length - size + 1, self.stride), length - size])
        return [slice(start, start + size) for start in starts]


class Piece(NamedTuple):
    """A sub-image: scale (1 of HR), name without suffix, PNG file, shape as meta_info.txt has it."""

    scale: int
    name: str
    data: bytes
    shape: str


def count_subimages(images: Sequence[Path | str], recipe: SubimageRecipe) -> int:
    """Number of sub-images in HR, and in LR for each scale; errors as `generate_subimages`, as far as heads tell."""
    return sum(len(recipe.places(shape)) for shape in _shapes(checked_paths(images), recipe))


def generate_subimages(
    images: Sequence[Path | str],
    output: Path | str,
    recipe: SubimageRecipe,
    kind: SubimageFormat,
    *,
    workers: int = 1,
    advance: Advance = ignore,
) -> int:
    """Write sub-images of HR, and of LR for each scale, into a folder.

    Each image is cropped at the bottom and the right to multiples of all scales (modcrop), and becomes LR as MATLAB's
    ``imwrite(imresize(image, 1/scale), file)`` makes it: in colour, rounded to 8 bits after each pass. Another
    degradation has its kind in the names of folders, instead of ``bicubic``. Sub-images of LR are cut where those of HR
    are. Of ``NAME.jpg`` they are called ``NAME_s001.png``, ``NAME_s002.png``, ... in HR and LR alike; characters of
    NAME other than ASCII letters, digits, - and _ become _, for BasicSR reads a name up to the first dot or space.

    Parameters
    ----------
    images : sequence of path
    output : path
        A folder, made if it is missing. For PNG it gets the folders ``HR_sub`` and, for each scale,
        ``LR_bicubic/X2_sub``, and ``meta_info.txt``, a line ``NAME_s001.png (480,480,3)`` for each image of HR. For
        LMDB it gets ``HR_sub.lmdb`` and ``LR_bicubic_X2_sub.lmdb``, each with ``data.mdb``, ``lock.mdb`` and
        ``meta_info.txt``, a line ``NAME_s001.png (480,480,3) 1`` for each image, the last number being the compression;
        keys are the names without suffix, values PNG files. What is there of these names is replaced at the end, one
        name after the other: a process killed in that moment may leave one of them missing, but none incomplete.
    recipe : SubimageRecipe
    kind : {"png", "lmdb"}
    workers : int, default 1
        Threads. The files do not depend on their number.
    advance : callable
        Called with 1 after each image.

    Returns
    -------
    int
        Number of sub-images in HR, and in LR for each scale.

    Raises
    ------
    ArgumentError
        If `images`, `kind` or `workers` is not allowed.
    VdsrError
        If an image cannot be read, has 16 bits, or is too small; if two share a name; if the package `lmdb` is missing;
        if an image lies where the output would replace it, or what is there is a link, a pipe or the like.
    """
    images, output = checked_paths(images), Path(output)
    kind = limits.choice("kind", kind, get_args(SubimageFormat))
    workers = limits.whole("workers", workers, limits.WORKERS)
    check_places(images, output, recipe, kind)
    places = [recipe.places(shape) for shape in _shapes(images, recipe)]
    names = _names(images)
    jobs = (partial(_cut, *job, k, recipe) for k, job in enumerate(zip(images, names, places, strict=True)))
    pixels = [math.prod(axis.stop - axis.start for axis in place) for image in places for place in image]
    store = _png_folder if kind == "png" else _lmdb_folder

    def below(error: OSError) -> bool:
        return error.errno in FULL or (bool(error.filename) and output in Path(error.filename).parents)

    with claimed(output), naming(output, below), scratch_folder(output / "sub-images") as folder:
        with ExitStack() as stack:
            puts = {
                scale: stack.enter_context(store(folder, scale, recipe, [n // scale**2 for n in pixels]))
                for scale in (1, *recipe.scales)
            }
            for pieces in in_order(jobs, workers=workers, window=2 * workers):
                for piece in pieces:
                    puts[piece.scale](piece)
                advance(1)
        _install(folder, output, _made(recipe, kind))
    return len(pixels)


def _shapes(images: Sequence[Path], recipe: SubimageRecipe) -> list[tuple[int, int]]:
    """Rows and columns of each image, once each has room for a sub-image."""
    shapes = [image_size(path) for path in images]
    for path, shape in zip(images, shapes, strict=True):
        if min(shape) < recipe.multiple:
            scales = ", ".join(map(str, recipe.scales))
            raise VdsrError(f"{path}: {shape[0]} x {shape[1]} pixels are too few for scales {scales} together")
    return shapes


def _cut(path: Path, name: str, places: Sequence[tuple[slice, slice]], k: int, recipe: SubimageRecipe) -> list[Piece]:
    image = modcrop(read_image(path), recipe.multiple)
    if image.dtype != np.uint8:
        raise VdsrError(f"{path}: has 16 bits, which BasicSR does not read; convert it to 8-bit RGB or grey first")
    if image.shape[:2] != (places[-1][0].stop, places[-1][1].stop):
        raise VdsrError(f"{path}: its size is not the one that the head of the file declares")
    how, pieces = recipe.degradation or Degradation(), []
    for scale in (1, *recipe.scales):
        whole = image if scale == 1 else degraded_image(image, how.number(k), scale, recipe.boundary)
        for number, place in enumerate(places, start=1):
            piece = whole[tuple(slice(axis.start // scale, axis.stop // scale) for axis in place)]
            shape = f"({piece.shape[0]},{piece.shape[1]},{1 if piece.ndim == 2 else 3})"
            pieces.append(Piece(scale, f"{name}_s{number:03d}", png_bytes(piece, recipe.compression), shape))
    return pieces


@contextmanager
def _png_folder(folder: Path, scale: int, recipe: SubimageRecipe, _pixels: Sequence[int]) -> Iterator[Put]:
    target = folder / subfolder("png", scale, recipe.low)
    target.mkdir(parents=True)
    lines = []

    def put(piece: Piece) -> None:
        (target / f"{piece.name}.png").write_bytes(piece.data)
        lines.append(f"{piece.name}.png {piece.shape}\n")

    yield put
    if scale == 1:
        _write_lines(folder / META, lines)


@contextmanager
def _lmdb_folder(folder: Path, scale: int, recipe: SubimageRecipe, pixels: Sequence[int]) -> Iterator[Put]:
    try:
        import lmdb
    except ImportError as error:
        raise VdsrError("--format lmdb needs the package lmdb: pip install 'vdsr-toolkit[lmdb]'") from error
    target = folder / subfolder("lmdb", scale, recipe.low)
    # What it may grow to (incompressible pixels in whole pages and a margin), which on Windows is the size that it has.
    most = 2**24 + sum(3 * n + n // 16 + 2**14 for n in pixels)
    lines = []

    @contextmanager
    def explained() -> Iterator[None]:
        try:
            yield
        except lmdb.Error as error:
            reason = str(error).rpartition(": ")[2]
            raise VdsrError(f"{folder.parent}: {target.name} cannot be written there ({reason})") from error

    with explained():
        database = lmdb.open(str(target), map_size=most, lock=False, sync=False)
    with database:

        def put(piece: Piece) -> None:
            with explained(), database.begin(write=True) as transaction:
                transaction.put(piece.name.encode("ascii"), piece.data)
            lines.append(f"{piece.name}.png {piece.shape} {recipe.compression}\n")

        yield put
    (target / "lock.mdb").touch()  # LMDB's own would hold the number of this process
    _write_lines(target / META, lines)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(lines), encoding="ascii", newline="\n")


def check_places(images: Sequence[Path], output: Path, recipe: SubimageRecipe, kind: SubimageFormat) -> None:
    """Refuse images of one name, and to replace a link, what is no file or folder, or a folder with an image in it."""
    _names(images)
    check_folder(output, force=True)
    targets = [output / name for name in _made(recipe, kind)]
    parents = {target.parent for target in targets} - {output}
    for target in (*parents, *targets):
        right = target.is_file() if target.name == META else target.is_dir()
        if target.is_symlink() or (target.exists() and not right):
            what = "file" if target.name == META else "folder"
            raise VdsrError(f"{target}: is no plain {what}; remove it, or name another output folder")
    replaced = {target.resolve() for target in targets}
    for path in images:
        if not replaced.isdisjoint(path.resolve().parents):
            raise VdsrError(f"{path}: lies where the sub-images go, and would be removed; name another output folder")


def _names(images: Sequence[Path]) -> list[str]:
    return unique_names([path.with_name(re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)) for path in images])


def _made(recipe: SubimageRecipe, kind: SubimageFormat) -> list[Path]:
    return [
        *(subfolder(kind, scale, recipe.low) for scale in (1, *recipe.scales)),
        *([Path(META)] if kind == "png" else []),
    ]


def _install(folder: Path, output: Path, made: Sequence[Path]) -> None:
    """Move what was made into its place, and what was there into the folder that is about to be removed."""
    for number, name in enumerate(made):
        target = output / name
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            target.replace(folder / f".old{number}")
        (folder / name).replace(target)
