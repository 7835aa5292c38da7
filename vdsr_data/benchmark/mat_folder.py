"""Folders of .mat files, as ``test_data.m`` and ``vdsr-data build-test --format mat`` write them, and what is in one.

The files are ``NAME_SCALE_gt.mat`` and ``_lr``, and for colour images ``_cb`` and ``_cr``, each with one variable
that is named as its file ends. Originals and the boundary rule are not there, but lr is gt reduced and enlarged again.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.build import image_pairs
from vdsr_data.benchmark.claims import ROLES, Check, Values, Verified, content_sum, drawn, look_through, same_bits
from vdsr_data.benchmark.file import LumaBands, StoredPair
from vdsr_data.degradations.ilr import make_ilr
from vdsr_data.errors import VdsrError, listed
from vdsr_data.images.files import read_image
from vdsr_data.io.ahead import Advance
from vdsr_data.io.hdf5 import BAND
from vdsr_data.limits import BOUNDARIES, checked_factor
from vdsr_data.matlab.mat5 import read_mat5

__all__ = ["MatFolder", "describe_mat", "is_mat_folder", "verify_mat"]

NAME = re.compile(r"(?P<name>.+)_(?P<scale>[1-9]\d?(?:\.\d{1,16})?)_(?P<key>gt|lr|cb|cr)\.mat")
KEYS = (*ROLES, "cb", "cr")
KINDS = {"gt": (np.float64,), "lr": (np.float64,), "cb": (np.uint8, np.uint16), "cr": (np.uint8, np.uint16)}


def is_mat_folder(path: Path | str) -> bool:
    """Whether a folder holds a file of such a name."""
    return Path(path).is_dir() and any(NAME.fullmatch(file.name) for file in Path(path).iterdir())


class MatFolder:
    """A folder of .mat files that `is_mat_folder`.

    Attributes
    ----------
    path : Path
    keys : dict
        For each image and scale, (str, float), in the order of the names, which of gt, lr, cb and cr have a file.
    names : list of str
    scales : list of float
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        found = [entry for file in self.path.iterdir() if file.is_file() and (entry := NAME.fullmatch(file.name))]
        entries = sorted(
            (entry["name"], checked_factor("scale", float(entry["scale"])), entry["key"]) for entry in found
        )
        self.keys: dict[tuple[str, float], list[str]] = {}
        for name, scale, key in entries:
            self.keys.setdefault((name, scale), []).append(key)
        self.names = sorted({name for name, _ in self.keys})
        self.scales = sorted({scale for _, scale in self.keys})

    def file(self, name: str, scale: float, key: str) -> Path:
        """Where gt, lr, cb or cr of an image lies."""
        return self.path / f"{name}_{scale}_{key}.mat"

    def read(self, name: str, scale: float, key: str) -> NDArray[Any]:
        """gt, lr, cb or cr of an image, (rows, columns); VdsrError, which names the file, if it holds none."""
        path = self.file(name, scale, key)
        value = read_mat5(path).get(key)
        if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype not in KINDS[key] or not value.size:
            kinds = " or ".join(np.dtype(kind).name for kind in KINDS[key])
            raise VdsrError(f"{path}: needs a variable {key} of (rows, columns) in {kinds}; build the folder again")
        return np.ascontiguousarray(value)

    def pair(self, name: str, scale: float) -> StoredPair | None:
        """The luma pair of an image, None if there is none at that scale; VdsrError if it is no pair."""
        if (name, scale) not in self.keys:
            return None
        gt, lr = self.read(name, scale, "gt"), self.read(name, scale, "lr")
        if gt.shape != lr.shape:
            raise VdsrError(f"{self.file(name, scale, 'lr')}: is {lr.shape}, gt is {gt.shape}; build the folder again")
        return StoredPair(gt, lr, "unknown")

    def bands(self, name: str, scale: float) -> LumaBands | None:
        """As `BenchmarkFile.bands`, but a .mat file is unpacked as a whole."""
        pair = self.pair(name, scale)
        if pair is None:
            return None
        rows, columns = pair.gt.shape
        step = max(BAND // (8 * columns), 1)
        return (rows, columns), ((pair.lr[k : k + step], pair.gt[k : k + step]) for k in range(0, rows, step))


def describe_mat(folder: MatFolder) -> Iterator[str]:
    """Lines on which images there are, and at which scales."""
    files = [folder.file(*entry, key) for entry, keys in folder.keys.items() for key in keys]
    size = sum(path.stat().st_size for path in files) / 1e6
    yield f"{folder.path}: {len(files)} .mat files of {len(folder.names)} images, {size:,.1f} MB"
    for scale in folder.scales:
        entries = [keys for (_, at), keys in folder.keys.items() if at == scale]
        yield f"  x{scale:g}: {len(entries)} images, {sum('cb' in keys for keys in entries)} of them in colour"
    yield f"  {len(folder.names)} images: {listed(folder.names)}"


def verify_mat(
    path: Path | str,
    *,
    images: Sequence[Path] | None,
    sample: int,
    seed: int,
    advance: Advance,
) -> Verified:
    """Check a folder of .mat files: names, sizes, values, and whether lr is what gt gives, by one boundary rule.

    Parameters
    ----------
    path : path
    images : sequence of path, or None
        From which all that the sample holds is made anew; else only lr is, from gt.
    sample, seed, advance
        As for `vdsr_data.inspect.verification.verify`.

    Raises
    ------
    VdsrError
        If there is no .mat file of such a name.
    """
    folder = MatFolder(path)
    counts = Check("counts", f"{len(folder.names)} images at {len(folder.scales)} scales")
    form = Check("form", "luma in float64, chroma in 8 or 16 bits, all of an image of one size")
    values = {key: Values(key, key) for key in ROLES}
    sums: dict[str, str] = {}
    for name, scale in ((name, scale) for scale in folder.scales for name in folder.names):
        keys = folder.keys.get((name, scale), [])
        for key in KEYS if {"cb", "cr"} & set(keys) else ROLES:
            if key not in keys:
                counts.fail(f"{folder.file(name, scale, key).name} is missing")
        shapes = set()
        for key in keys:
            file = folder.file(name, scale, key)
            try:
                array = folder.read(name, scale, key)
            except VdsrError as error:
                form.fail(str(error))
                continue
            shapes.add(array.shape)
            sums[file.stem] = look_through([array], array.dtype, array.shape, values.get(key), file.name)  # type: ignore[call-overload]
            advance(file.stat().st_size / 1e6)
        if len(shapes) > 1 or any(scale == int(scale) and side % scale for shape in shapes for side in shape):
            form.fail(f"{name} at scale {scale}: sizes differ, or are no multiples of {scale}")
    checks = [counts, form, *(found.check for found in values.values())]
    if not any(check.failures for check in checks):
        checks.append(_check_sample(folder, images, sample, seed))
    return Verified(f"{len(sums)} .mat files of {len(folder.names)} images", checks, content_sum({}, sums))


def _check_sample(folder: MatFolder, images: Sequence[Path] | None, sample: int, seed: int) -> Check:
    """Make lr anew from gt, or everything from the images, by each boundary rule that has fitted so far."""
    pairs = list(folder.keys)
    chosen = drawn(len(pairs), sample, seed)
    check = Check("made anew", f"{len(chosen)} of {len(pairs)} pairs, from {'gt' if images is None else 'the images'}")
    there = {path.stem: path for path in images or ()}
    fitting = list(BOUNDARIES)
    for name, scale in (pairs[k] for k in chosen):
        stored = {key: folder.read(name, scale, key) for key in folder.keys[name, scale]}
        if images is not None and name not in there:
            check.fail(f"the image {name} is not there")
            continue
        made = []
        for boundary in fitting:
            if images is None:
                anew = {**stored, "lr": make_ilr(stored["gt"], scale, boundary)}
            else:
                (pair,) = image_pairs(there[name], read_image(there[name]), [scale], boundary)
                anew = {key: value for key in KEYS if (value := getattr(pair, key)) is not None}
            wrong = sorted(key for key in KEYS if not _alike(stored.get(key), anew.get(key)))
            made.append((boundary, wrong))
        if all(wrong for _, wrong in made):
            least = min((wrong for _, wrong in made), key=len)
            source = "its image" if images is not None else "gt"
            check.fail(f"{', '.join(folder.file(name, scale, key).name for key in least)}: not what {source} gives")
        else:
            fitting = [boundary for boundary, wrong in made if not wrong]
    if chosen and not check.failures:
        check.found += f"; boundary {' or '.join(fitting)}"
    return check


def _alike(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    return one is other is None or (one is not None and other is not None and same_bits(one, other))
