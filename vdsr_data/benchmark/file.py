"""The layout of benchmark files, writer beside reader: one HDF5 file, or the `.mat` files of `test_data.m`.

HDF5: ``/x3/butterfly/gt`` and ``lr`` (float64 luma), ``cb`` and ``cr`` (uint8), rows by columns as NumPy sees them, and
``/original/butterfly``, the whole image, from which every protocol can be evaluated.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.degradations.recipes import Degradation
from vdsr_data.errors import VdsrError
from vdsr_data.io.files import is_plain_name, replacing
from vdsr_data.io.hdf5 import (
    bands,
    create_group,
    create_hdf5,
    damage_explained,
    open_hdf5,
    plain_dataset,
    plain_group,
    read_attributes,
)

__all__ = [
    "BenchmarkFile",
    "BenchmarkPair",
    "BenchmarkWriter",
    "LumaBands",
    "StoredPair",
    "is_benchmark_file",
    "open_benchmark_file",
    "save_variables",
    "scale_group",
    "write_mat",
]

ORIGINAL = "original"
MAT_TITLE = b"MATLAB 5.0 MAT-file, by vdsr-toolkit".ljust(116)  # SciPy's names the second and the platform


@dataclass(frozen=True)
class BenchmarkPair:
    """One benchmark image at one scale, as ``test_data.m`` saves it.

    Attributes
    ----------
    name : str
    scale : float
    gt, lr : ndarray, shape (rows, columns), float64
        Luma in [0, 1] of the ground truth, and the same reduced by `scale` and enlarged again.
    cb, cr : ndarray, shape (rows, columns), uint8 or uint16, or None
        Chroma of the ground truth; None for a grey image.
    """

    name: str
    scale: float
    gt: NDArray[np.float64]
    lr: NDArray[np.float64]
    cb: NDArray[Any] | None
    cr: NDArray[Any] | None


@dataclass(frozen=True)
class StoredPair:
    """Luma of a benchmark file: `gt` and `lr` (rows, columns) float64, and what made `lr`.

    That is the boundary rule, and a degradation where it was not imresize of luma.
    """

    gt: NDArray[np.float64]
    lr: NDArray[np.float64]
    boundary: str
    degradation: Degradation | None = None


# Rows and columns of an image, and its rows of (lr, gt) one band after the other.
LumaBands = tuple[tuple[int, int], Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]]


class BenchmarkWriter:
    """A benchmark file in the making; `annotate` of `hdf5` adds the attributes when it is closed."""

    def __init__(self, path: Path) -> None:
        self._file = create_hdf5(path)
        self._originals = create_group(self._file, ORIGINAL)
        self._scales: dict[float, h5py.Group] = {}

    def add_original(self, name: str, image: NDArray[Any]) -> None:
        """Store a whole image, uint8 or uint16."""
        self._originals.create_dataset(name, data=image)
        self._file.check()

    def add(self, pair: BenchmarkPair) -> None:
        """Store an image at one scale."""
        if pair.scale not in self._scales:
            self._scales[pair.scale] = create_group(self._file, scale_group(pair.scale))
        group = create_group(self._scales[pair.scale], pair.name)
        for key in ("gt", "lr", "cb", "cr"):
            if getattr(pair, key) is not None:
                group.create_dataset(key, data=getattr(pair, key))
        self._file.check()

    def close(self) -> None:
        """Write everything to disk."""
        self._file.close()


def write_mat(folder: Path | str, pair: BenchmarkPair) -> None:
    """Write ``NAME_SCALE_gt.mat``, ``_lr`` and for colour images ``_cb``, ``_cr``, as MATLAB's ``save`` does (v5)."""
    for key in ("gt", "lr", "cb", "cr"):
        value = getattr(pair, key)
        if value is not None:
            save_variables(Path(folder, f"{pair.name}_{pair.scale}_{key}.mat"), {key: value})


def save_variables(path: Path | str, variables: Mapping[str, NDArray[np.generic]]) -> None:
    """Write a file of version 5, complete or not at all, the same bytes each time."""
    from scipy.io import savemat

    with replacing(path) as temporary:
        savemat(temporary, dict(variables), do_compression=True)
        with temporary.open("r+b") as file:
            file.write(MAT_TITLE)


def scale_group(scale: float) -> str:
    """The group of a scale: x3, x2.5; all of its digits, so that 1.1 + 0.1 is another scale than 1.2."""
    return f"x{scale}"


def is_benchmark_file(path: Path | str) -> bool:
    """Whether this is an HDF5 file with the layout of a benchmark file."""
    try:
        with open_hdf5(path) as file, damage_explained(Path(path)):
            return plain_group(file, ORIGINAL) is not None
    except VdsrError:
        return False


class BenchmarkFile:
    """A benchmark file opened for reading; made by `open_benchmark_file`.

    Attributes
    ----------
    names : list of str
        The images, in the order of the folder that the file was made from.
    boundary : str
        The boundary rule that made the stored `lr`.
    degradation : Degradation or None
        What made the stored `lr`, if not imresize of luma.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._path = file, path
        with damage_explained(path):
            attributes = read_attributes(file)
            self.names = _names(file, path, attributes.get("names"))
            for name in self.names:
                if name not in file[ORIGINAL]:
                    raise VdsrError(f"{path}: the image {name!r} is missing; get the file or build it again")
            self.boundary = str(attributes.get("boundary", "symmetric"))
            self.degradation: Degradation | None = None
            if "degradation" in attributes:
                self.degradation = Degradation.kept(attributes["degradation"])
                if self.degradation is None:
                    raise VdsrError(f"{path}: its degradation is none that this toolkit knows; build the file again")

    def original(self, name: str) -> NDArray[Any]:
        """The whole image of that name, uint8 or uint16, (rows, columns) or (rows, columns, 3).

        Raises
        ------
        VdsrError
            If the file has no such image, or its values are not those of an image.
        """
        with damage_explained(self._path):
            return np.asarray(self._image(name)[...])

    def size(self, name: str) -> tuple[int, int]:
        """Rows and columns of that image; errors as `original`."""
        with damage_explained(self._path):
            rows, columns = self._image(name).shape[:2]
            return rows, columns

    def _image(self, name: str) -> h5py.Dataset:
        data = plain_dataset(self._file[ORIGINAL], name)
        kinds = (np.uint8, np.uint16)
        if data is None or data.dtype not in kinds or data.shape[2:] not in ((), (3,)) or data.ndim < 2:
            raise VdsrError(f"{self._path}: /{ORIGINAL}/{name} is not an image of 8 or 16 bits")
        return data

    def pair(self, name: str, scale: float) -> StoredPair | None:
        """The stored luma pair, None if the file does not hold that scale.

        Raises
        ------
        VdsrError
            If the stored data are not a pair of equal shape in float64.
        """
        with damage_explained(self._path):
            found = self._pair(name, scale)
            return None if found is None else StoredPair(found[0][...], found[1][...], self.boundary, self.degradation)

    def bands(self, name: str, scale: float) -> LumaBands | None:
        """The shape of the stored luma and its rows (lr, gt), some at a time; None and errors as `pair`."""

        def rows(gt: h5py.Dataset, lr: h5py.Dataset) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
            with damage_explained(self._path):
                yield from zip(bands(lr), bands(gt), strict=True)

        with damage_explained(self._path):
            found = self._pair(name, scale)
        return None if found is None else (found[0].shape, rows(*found))

    def _pair(self, name: str, scale: float) -> tuple[h5py.Dataset, h5py.Dataset] | None:
        pairs = plain_group(self._file, scale_group(scale))
        group = None if pairs is None else plain_group(pairs, name)
        if group is None:
            return None
        gt, lr = plain_dataset(group, "gt"), plain_dataset(group, "lr")
        if (
            gt is None or lr is None or gt.ndim != 2 or not gt.size or gt.shape != lr.shape
            or {gt.dtype, lr.dtype} != {np.dtype(np.float64)}
        ):  # fmt: skip
            raise VdsrError(
                f"{self._path}: /{scale_group(scale)}/{name} needs gt and lr, float64 and of one shape (rows, columns)"
            )
        return gt, lr

    def stored(self, name: str, scale: float) -> dict[str, NDArray[Any] | None]:
        """gt, lr, cb and cr as they are in the file; None for what is missing."""
        with damage_explained(self._path):
            group = self._file[f"{scale_group(scale)}/{name}"]
            found = {key: plain_dataset(group, key) for key in ("gt", "lr", "cb", "cr")}
            return {key: None if data is None else np.asarray(data[...]) for key, data in found.items()}


@contextmanager
def open_benchmark_file(path: Path | str) -> Iterator[BenchmarkFile]:
    """Open a benchmark file for reading.

    Raises
    ------
    VdsrError
        If it is missing, damaged or no benchmark file, or if it lacks an image that it lists.
    """
    with open_hdf5(path) as file:
        yield BenchmarkFile(file, Path(path))


def summarise(path: Path | str) -> Iterator[tuple[float, int, int]]:
    """Per scale of a benchmark file: the scale, how many images, and pixels of gt; VdsrError if an image has none."""
    with open_hdf5(path) as file, damage_explained(Path(path)):
        _names(file, Path(path), read_attributes(file).get("names"))
        for key in file:
            group = plain_group(file, key) if re.fullmatch(r"x[0-9]{1,9}(\.[0-9]{1,17})?", key) else None
            if group is not None:
                images = [(name, item) for name in group if (item := plain_group(group, name)) is not None]
                pixels = 0
                for name, item in images:
                    gt = plain_dataset(item, "gt")
                    if gt is None or gt.ndim != 2:
                        raise VdsrError(f"{path}: /{key}/{name} has no gt of (rows, columns); build the file again")
                    pixels += gt.size
                yield float(key[1:]) if "." in key else int(key[1:]), len(images), pixels


def _names(file: h5py.File, path: Path, listed: Any) -> list[str]:
    group = plain_group(file, ORIGINAL)
    if group is None:
        raise VdsrError(f"{path}: not a benchmark file (no group /{ORIGINAL}); make one with `vdsr-data build-test`")
    names = listed if isinstance(listed, list) else list(group)
    for name in names:  # files are named after them
        if not is_plain_name(name):
            raise VdsrError(
                f"{path}: {name!r} cannot be the name of an image; make the file with `vdsr-data build-test`"
            )
    return names
