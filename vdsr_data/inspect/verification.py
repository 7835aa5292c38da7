"""Whether a data file is what it says: attributes, counts, values, the SHA-256 of its content, and what it is made of.

Values are read once, from front to back. Files keep no sum of their content: patches come in random order, so that it
would take a second pass to build one. The sum is that of attributes and values, not of bytes: it is the same for files
that are compressed, virtual, merged from parts or built at once.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from vdsr_data import limits
from vdsr_data.benchmark import claims
from vdsr_data.benchmark.build import image_pairs
from vdsr_data.benchmark.claims import (
    ROLES,
    Check,
    Values,
    Verified,
    check_attributes,
    check_images,
    content_sum,
    look_through,
    same_bits,
)
from vdsr_data.benchmark.file import ORIGINAL, BenchmarkFile, is_benchmark_file, scale_group
from vdsr_data.benchmark.mat_folder import is_mat_folder, verify_mat
from vdsr_data.benchmark.sets import images_of
from vdsr_data.degradations.recipes import Degradation, checked_degradation
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images import memory
from vdsr_data.images.files import read_image
from vdsr_data.io.ahead import Advance, Progress, ignore, of_all
from vdsr_data.io.files import check_input, unchanged
from vdsr_data.io.hdf5 import bands, damage_explained, open_hdf5, plain_dataset, read_attributes
from vdsr_data.training.subimage_folder import verify_subimages
from vdsr_data.training.verify import verify_training

__all__ = ["verify"]

REMADE = 60  # bytes a pixel to make a pair anew and to compare it


def verify(
    file: str | Path,
    *,
    images: str | Path | Sequence[str | Path] | None = None,
    sample: int = 64,
    seed: int = 0,
    expect: str | None = None,
    advance: Progress = ignore,
) -> Verified:
    """Check a training file, a part, a virtual file with its parts, a benchmark file, or a folder of either kind.

    Parameters
    ----------
    file : path
    images : path, str, or sequence of path, optional
        Those that the file was made from, a folder or the name of a set: their SHA-256 is compared with the recorded
        one, and a sample of the pairs is made anew. A benchmark file holds its originals, .mat files gt and sub-images
        HR, from which a sample is made anyhow.
    sample : int
        How many pairs to make anew and to compare bit by bit.
    seed : int
        Of the choice of the sample.
    expect : str, optional
        The SHA-256 that the content must have.
    advance : callable
        Called with how many megabytes of values are read since the last call, and how many the file has.

    Returns
    -------
    Verified
        With ``failures``, a line for each thing that is wrong, and ``sha256``, the sum of the content. Also of a file
        that fails; only one that cannot be read raises.

    Raises
    ------
    ArgumentError
        If there are images of a folder of sub-images, or if another argument is not allowed.
    VdsrError
        If it is none of these, too damaged to be read, or changed meanwhile.

    Warns
    -----
    MemoryWarning
        If there is less memory than the largest image of a benchmark file needs.

    Notes
    -----
    Memory: a few megabytes beside the imports; with `images` 25 bytes for each pair, and what an image needs. To make a
    pair of a benchmark file anew takes up to 60 bytes for each of its pixels.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import build_test, verify, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(12, dtype=np.uint8) * 255)
    ...     file = build_test(folder, f"{folder}/dots.h5", scales=[2]).output
    ...     found = verify(file, images=folder)
    >>> found.failures, len(found.sha256)
    ([], 64)
    """
    path = limits.checked_path("file", file)
    limits.whole("sample", sample, limits.SAMPLES)
    limits.whole("seed", seed, limits.SEEDS)
    if expect is not None and not re.fullmatch("[0-9a-fA-F]{64}", str(expect)):
        raise ArgumentError(f"expect: {expect!r}: give the 64 digits of a SHA-256 sum")
    of_mat = is_mat_folder(path)
    of_test = of_mat or is_benchmark_file(path)
    if path.is_dir() and not of_mat and images is not None:
        raise ArgumentError("`images` is for files: sub-images do not say from which images they were made, and how")
    paths = None if images is None else images_of(images, "test" if of_test else "train")[1]
    parts = path.rglob("*") if path.is_dir() else [path]
    size = sum(part.stat().st_size for part in parts if part.is_file()) / 1e6
    told = of_all(advance, size)
    if of_mat:
        found = verify_mat(path, images=paths, sample=sample, seed=seed, advance=told)
    elif path.is_dir():
        found = verify_subimages(path, sample=sample, seed=seed, advance=told)
    else:
        check_input(path)
        with unchanged(path), damage_explained(path):
            found = (_verify_test if of_test else verify_training)(path, paths, sample, seed, told)
    content = Check("content", f"SHA-256 {found.sha256}")
    if expect is not None and expect.lower() != found.sha256:
        content.fail(f"its SHA-256 is {found.sha256}, expected was {expect.lower()}")
    found.checks.append(content)
    return found


def _verify_test(path: Path, images: Sequence[Path] | None, sample: int, seed: int, advance: Advance) -> Verified:
    with open_hdf5(path) as file:
        attributes = read_attributes(file)
        images_named = _texts(attributes.get("images"))
        forms = {
            "format": claims.exactly("vdsr-toolkit test file"), "version": claims.version,
            "name": lambda value: isinstance(value, str), "boundary": claims.among(*limits.BOUNDARIES),
            "scales": _are_scales, "images": claims.names,
            "names": claims.exactly([Path(name).stem for name in images_named]),
            "sha256": lambda value: claims.digests(value) and len(value) == len(images_named),
        }  # fmt: skip
        if "degradation" in attributes:
            forms["degradation"] = partial(
                _is_degradation, scales=attributes.get("scales"), boundary=attributes.get("boundary")
            )
        checks = [check_attributes(attributes, forms)]
        sums, *found = _read_all(file, advance)
        checks += found
        if not checks[0].failures:
            checks.append(_check_entries(attributes, sums))
        if not any(check.failures for check in checks):
            test = BenchmarkFile(file, path)
            checks.append(_check_sample(test, attributes, sample, seed))
            if images is not None:
                checks.append(_check_originals(test, attributes, images))
        kind = f"benchmark file of {len(images_named)} images"
    return Verified(kind, checks, content_sum(attributes, sums))


def _read_all(file: Any, advance: Advance) -> tuple[dict[str, str], Check, Check]:
    """SHA-256 of every data set, and the ranges of lr and gt."""
    sums: dict[str, str] = {}
    values = {role: Values(role, role) for role in ROLES}
    for name, data in _data_sets(file):
        own = None if name.startswith(f"{ORIGINAL}/") else values.get(name.rpartition("/")[2])  # type: ignore[call-overload]
        sums[name] = look_through(bands(data), data.dtype, data.shape, own, f"/{name}")
        advance(data.nbytes / 1e6)
    return sums, values["lr"].check, values["gt"].check


def _data_sets(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every data set that lies in the file itself, by its path; nothing is known of other things."""
    for name in group:
        path = f"{prefix}{name}"
        if (data := plain_dataset(group, name)) is not None:
            yield path, data
        elif hasattr(inner := group[name], "keys") and path.count("/") < 2:
            yield from _data_sets(inner, f"{path}/")
        else:
            raise VdsrError(f"{path}: neither a group nor numbers in this very file; build the file again")


def _check_entries(attributes: dict[str, Any], sums: dict[str, str]) -> Check:
    """Every image at every scale, and nothing else; chroma comes in pairs."""
    check = Check("counts", f"{len(attributes['names'])} images at {len(attributes['scales'])} scales")
    expected = {f"{ORIGINAL}/{name}" for name in attributes["names"]}
    for scale in attributes["scales"]:
        for name in attributes["names"]:
            pair = f"{scale_group(scale)}/{name}"
            expected |= {f"{pair}/gt", f"{pair}/lr"}
            chroma = {f"{pair}/cb", f"{pair}/cr"}
            expected |= chroma if chroma & sums.keys() else set()
    for name in sorted(expected - sums.keys()):
        check.fail(f"/{name} is missing")
    for name in sorted(sums.keys() - expected):
        check.fail(f"/{name} does not belong there")
    return check


def _check_sample(test: BenchmarkFile, attributes: dict[str, Any], sample: int, seed: int) -> Check:
    """Make pairs anew from the originals in the file."""
    entries = [(name, scale) for name in test.names for scale in attributes["scales"]]
    chosen = claims.drawn(len(entries), sample, seed)
    check = Check("made anew", f"{len(chosen)} of {len(entries)} pairs")
    most = max((rows * columns for rows, columns in map(test.size, test.names)), default=0) if len(chosen) else 0
    memory.check_memory(f"{attributes['name']}: {most / 1e6:.0f} megapixels", REMADE * most)
    for name, scale in (entries[k] for k in chosen):
        original = test.original(name)
        for pair in image_pairs(Path(name), original, [scale], attributes["boundary"], test.degradation):
            for key, value in test.stored(name, scale).items():
                made = getattr(pair, key)
                same = made is None if value is None else made is not None and same_bits(made, value)
                if not same:
                    check.fail(f"/{scale_group(scale)}/{name}/{key} differs from what its original gives")
    return check


def _check_originals(test: BenchmarkFile, attributes: dict[str, Any], images: Sequence[Path]) -> Check:
    """Compare the originals in the file with the images, bit by bit."""
    check, paths = check_images(images, list(zip(attributes["images"], attributes["sha256"], strict=True)))
    for path in paths:
        if not check.failures and not same_bits(read_image(path), test.original(path.stem)):
            check.fail(f"{path} differs from /{ORIGINAL}/{path.stem}")
    return check


def _are_scales(value: Any) -> bool:
    try:
        return isinstance(value, list) and list(limits.checked_factors(value)) == value
    except ArgumentError:
        return False


def _is_degradation(value: Any, scales: Any, boundary: Any) -> bool:
    scales = scales if _are_scales(scales) else []
    try:
        return checked_degradation(Degradation.kept(value), scales, boundary) is not None
    except ArgumentError:
        return False


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
