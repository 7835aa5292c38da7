"""Training files larger than one machine: parts made anywhere, joined to the file that one machine would have written.

Parts hold their patches in the order of the whole, so joining them is a merge of sorted runs: every part is read from
front to back, and the whole is written from front to back.
"""

import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import ArgumentError, VdsrError, listed
from vdsr_data.io.ahead import Advance, Progress, ignore
from vdsr_data.io.disk import check_space
from vdsr_data.io.files import HDF5, check_output, check_target, replacing, scratch_folder
from vdsr_data.io.hdf5 import annotate
from vdsr_data.limits import checked_path, checked_paths
from vdsr_data.training.file import TrainingFile, open_part, whole_order
from vdsr_data.training.generate import TrainingSummary, generate_train, shard_of
from vdsr_data.training.layout import patch_shape
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.virtual import create_virtual, is_plain_source
from vdsr_data.training.writer import create_training

__all__ = ["Merged", "dask_executor", "generate_spread", "merge"]

BLOCK = 4096  # pairs in memory while parts are joined
PATIENCE = 60.0  # seconds to wait for parts that are still written when one has failed: they would outlive their folder
OF_THE_WHOLE = ("format", "version", "keys", "axes", "recipe", "images", "sha256")  # attributes, in this order


@dataclass(frozen=True)
class Merged:
    """What `merge` wrote: the file, pairs in it, parts that it was joined from, its bytes, and the seconds it took."""

    output: Path
    pairs: int
    parts: int
    size: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.output}: {self.pairs:,} pairs from {self.parts} parts, {self.size / 1e6:,.1f} MB "
            f"in {self.seconds:.1f} s"
        )


def merge(
    parts: Sequence[Path | str],
    output: Path | str = "vdsr_train.h5",
    *,
    virtual: bool = False,
    compression: int = 0,
    force: bool = False,
    advance: Progress = ignore,
) -> Merged:
    """Join all parts of a training file, in any order, to the file that `build_train` writes at once, byte for byte.

    Parameters
    ----------
    parts : sequence of path
        Every part that ``build_train(..., shard=(k, n))`` wrote for k from 1 to n.
    output : path
        Replaced only by a complete file.
    virtual : bool
        Write an HDF5 virtual data set, which copies nothing and refers to the parts by name: they must lie in the
        folder of `output` and stay there. Their patches are not looked at.
    compression : int
        Level of gzip, 1 to 9; 0 stores the values as they are.
    force : bool
        Replace an output that exists.
    advance : callable
        Called with how many megabytes are written since the last call, and how many there will be.

    Returns
    -------
    Merged

    Raises
    ------
    ArgumentError
        If there are no parts, or `compression` is not allowed, or not for a virtual file.
    VdsrError
        If a part is missing, given twice, damaged, or made from other images or with other options than the rest.

    Notes
    -----
    Memory: some 200 MB, and 4 bytes for each pair, or 500 with `virtual`, whose file takes 50 to 60 bytes for each.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import build_train, merge, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for k in (1, 2):
    ...         write_image(f"{folder}/{k}.png", np.full((48, 60), 80 * k, dtype=np.uint8))
    ...     parts = [f"{folder}/part{k}.h5" for k in (1, 2)]
    ...     for k, part in enumerate(parts, 1):
    ...         built = build_train(folder, part, patch_size=16, stride=16, shard=(k, 2))
    ...     merged = merge(parts, f"{folder}/train.h5")
    >>> merged.pairs, merged.parts
    (192, 2)
    """
    paths, output = checked_paths(parts, "parts"), checked_path("output", output)
    if limits.whole("compression", compression, limits.COMPRESSION) and virtual:
        raise ArgumentError("`virtual` copies no patches that `compression` could make smaller")
    check_output(output, force=force, suffixes=HDF5)
    began = time.perf_counter()
    pairs = _join(paths, output, virtual, compression, advance)
    return Merged(output, pairs, len(paths), output.stat().st_size, time.perf_counter() - began)


def _join(paths: list[Path], output: Path, virtual: bool, compression: int, advance: Progress) -> int:
    """Do what `merge` was asked for; gives the number of pairs."""
    if output.exists() and any(path.exists() and path.samefile(output) for path in paths):
        raise VdsrError(f"{output}: is one of the parts; write the whole elsewhere")
    with ExitStack() as stack:
        files = _in_order(stack.enter_context(open_part(path)) for path in paths)
        first = files[0]
        digests = [file.attributes["sha256"] for file in files]
        attributes = {name: first.attributes[name] for name in OF_THE_WHOLE}
        attributes["sha256"] = [digests[k % len(files)][k // len(files)] for k in range(len(attributes["images"]))]
        pairs = int(first.attributes["total_pairs"])
        order = whole_order(files, pairs, output)
        if virtual:
            for path in paths:
                if path.parent.resolve() != output.parent.resolve() or not is_plain_source(path.parent, path.name):
                    raise VdsrError(
                        f"{path}: a virtual file refers to plain files in its own folder, {output.parent.resolve()}, "
                        "not to links, with names that are text in one line (UTF-8) without %; move or rename the part"
                    )
            sources = [(file.path.name, file.position) for file in files if file.position is not None and len(file)]
            with replacing(output) as target:
                create_virtual(target, first.keys, patch_shape(first.patch_size, first.axes), sources)
                annotate(target, attributes)
            return pairs
        check_space(output, pairs * first.patch_size**2 * 8)
        layout: Any = {"patch_size": first.patch_size, "keys": first.keys, "axes": first.axes}
        with create_training(output, compression=compression, count=pairs, shuffled=False, **layout) as writer:
            writer.attributes = attributes
            starts = np.cumsum([0, *map(len, files)])
            for begin in range(0, pairs, BLOCK):
                number = order[begin : begin + BLOCK].astype(np.intp)
                source = np.searchsorted(starts, number, side="right") - 1
                with writer.room(begin + np.arange(len(number))) as pair:
                    for j in np.unique(source):
                        own = source == j
                        for stored, patches in zip(pair, _checked(files[j], number[own] - starts[j]), strict=True):
                            stored[own] = patches.view("<f4")
                        files[j].release()
                advance(*(count * first.patch_size**2 * 8 / 1e6 for count in (len(number), pairs)))
    return pairs


def _in_order(parts: Iterable[TrainingFile]) -> list[TrainingFile]:
    """All parts of one whole, first to last."""
    found: dict[int, TrainingFile] = {}
    first: TrainingFile | None = None
    for part in parts:
        k, count = _number(part)
        first = part if first is None else first  # an empty part is false
        expected = _of_the_whole(first)
        for name, value in _of_the_whole(part).items():
            if value != expected[name]:
                raise VdsrError(
                    f"{part.path}: {name} not as in {first.path}; build the parts from the same images, with the same "
                    "options and the same version"
                )
        part.attributes["images"] = first.attributes["images"]  # the names of many images, kept only once
        if k in found:
            raise VdsrError(f"{part.path}: is part {k}/{count}, as {found[k].path} is; give each part once")
        found[k] = part
    if missing := [f"{k}/{count}" for k in range(1, count + 1) if k not in found]:
        shown = listed(missing, 10)
        raise VdsrError(f"{part.path}: of its {count} parts {len(missing)} are missing: {shown}; give them all")
    return [found[k] for k in range(1, count + 1)]


def _number(part: TrainingFile) -> tuple[int, int]:
    """K and n of part k of n, if it has everything that a part has."""
    attributes = part.attributes
    if "shard" not in attributes:
        raise VdsrError(f"{part.path}: not a part; make parts with `vdsr-data build-train --shard K/N`")
    shard = shard_of(attributes["shard"])
    images, digests = attributes.get("images"), attributes.get("sha256")
    whole = (
        shard is not None
        and set(OF_THE_WHOLE) <= set(attributes)
        and isinstance(images, list)
        and isinstance(digests, list)
        and len(digests) == len(range(shard[0] - 1, len(images), shard[1]))
        and isinstance(attributes.get("total_pairs"), int)
        and attributes["total_pairs"] > 0
        and part.checksum is not None
        and part.checksum.shape == (len(part), 2)
        and part.mapped
    )
    if shard is None or not whole:
        raise VdsrError(f"{part.path}: damaged, or changed since it was built; build the part again")
    return shard


def _of_the_whole(part: TrainingFile) -> dict[str, Any]:
    """What all parts have in common."""
    alike = {name: part.attributes[name] for name in OF_THE_WHOLE if name != "sha256"}
    alike |= {"number of parts": _number(part)[1], "number of pairs": part.attributes["total_pairs"]}
    return alike | {"layout": (part.keys, part.axes, part.patch_size)}


def _checked(part: TrainingFile, rows: NDArray[np.intp]) -> list[NDArray[np.uint8]]:
    """Patches of lr and gt as stored, which must be those that were written."""
    pair = [part.stored(k, rows) for k in range(2)]
    for k, stored in enumerate(pair):
        for row, patch in zip(rows, stored, strict=True):
            if part.checksum is None or zlib.crc32(patch) != part.checksum[row, k]:
                raise VdsrError(f"{part.path}: damaged at patch {row} of /{part.keys[k]}; build the part again")
    return pair


def generate_spread(
    images: Sequence[Path | str],
    output: Path | str,
    recipe: TrainingRecipe,
    executor: Executor,
    *,
    parts: int,
    compression: int = 0,
    advance: Advance = ignore,
) -> TrainingSummary:
    """Make a training file in parts on an executor, whose workers share the folders of the images and of the output.

    Parameters
    ----------
    images, output, recipe, compression, advance
        As those of `generate_train`, whose file this is, byte for byte.
    executor : concurrent.futures.Executor
        Of threads, of processes, or of a cluster (`dask_executor`).
    parts : int
        How many to make; at most one for each image.

    Raises
    ------
    VdsrError
        As `generate_train` and `merge`, or if a worker failed.
    """
    images, output = [path.absolute() for path in checked_paths(images)], Path(output).absolute()
    compression = limits.whole("compression", compression, limits.COMPRESSION)
    parts = min(limits.whole("parts", parts, (1, None)), len(images))
    check_target(output, HDF5)
    with replacing(output) as target, scratch_folder(output) as folder:
        names = [folder / f"{k}.h5" for k in range(1, parts + 1)]
        futures = {}
        try:
            for k, name in enumerate(names, 1):
                futures[executor.submit(generate_train, images, name, recipe, shard=(k, parts))] = k
            summaries = {}
            for future in as_completed(futures):
                k = futures[future]
                summaries[k] = _result(future, f"part {k}/{parts}")
                advance(len(range(k - 1, len(images), parts)))
            if missing := [name for name in names if not name.is_file()]:
                raise VdsrError(f"{missing[0]}: not here, though a worker wrote it; all workers must share this folder")
            pairs = _join(names, folder / "whole.h5", False, compression, ignore)
            (folder / "whole.h5").replace(target)
        finally:
            for future in futures:
                future.cancel()
            wait(futures, PATIENCE)
    too_small = {path for summary in summaries.values() for path in summary.too_small}
    dropped = sum(summary.dropped for summary in summaries.values())
    return TrainingSummary(pairs, dropped, [path for path in images if path in too_small])


def _result(future: Future[TrainingSummary], what: str) -> TrainingSummary:
    try:
        return future.result()
    except (VdsrError, OSError, MemoryError):
        raise
    except Exception as error:  # of an executor of whatever kind
        raise VdsrError(f"{what} could not be made: {type(error).__name__}: {error}") from error


@contextmanager
def dask_executor(address: str) -> Iterator[tuple[Executor, int]]:
    """Give the executor of a running dask cluster, and how many threads its workers have.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    VdsrError
        If `distributed` is not installed, no scheduler answers, or the cluster has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise VdsrError("--dask needs distributed; install it: pip install 'vdsr-toolkit[dask]'") from error
    try:
        client = Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise VdsrError(f"{address}: no dask scheduler answers there, start one with `dask scheduler`") from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise VdsrError(f"{address}: this cluster has no worker, start one with `dask worker {address}`")
        yield client.get_executor(pure=False), threads
