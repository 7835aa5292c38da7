"""Whether a training file is what it says, see `verify`; also a part, and a virtual file with its parts."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark import claims
from vdsr_data.benchmark.claims import Check, Form, Values, Verified, check_attributes, check_images, content_sum
from vdsr_data.io.ahead import Advance
from vdsr_data.io.hdf5 import open_hdf5, plain_dataset
from vdsr_data.matlab.random import randperm_inverse
from vdsr_data.training.file import TrainingFile, open_part, open_training
from vdsr_data.training.generate import image_patches, shard_of
from vdsr_data.training.layout import CHUNK, POSITION
from vdsr_data.training.recipe import TrainingRecipe, count_patches, recipe_of

__all__ = ["verify_training"]

BLOCK = 1024  # pairs at a time


def verify_training(path: Path, images: Sequence[Path] | None, sample: int, seed: int, advance: Advance) -> Verified:
    """Check a training file; parameters, result and errors are those of `verify`."""
    with ExitStack() as stack:
        handle = stack.enter_context(open_hdf5(path))
        is_part = plain_dataset(handle, POSITION) is not None or "shard" in handle.attrs
        file = stack.enter_context((open_part if is_part else open_training)(path))  # a part may be empty
        kind = "part of a training file" if is_part else "virtual training file" if file.sources else "training file"
        reader = _Reader(file, handle)
        attributes, recipe = _check_attributes(file, is_part)
        checks = [attributes, _check_counts(file, is_part)]
        for name in file.sources:
            part = verify_training(path.parent / name, None, 0, seed, lambda _: None)
            checks.append(Check(f"part {name}", f"{len(part.checks)} checks", part.failures))
        with ThreadPoolExecutor(2) as threads:
            scans = list(threads.map(lambda k: _scan(reader, k, advance), range(2)))
        checks += [check for found, _ in scans for check in found]
        if images is not None:
            checks += _check_origin(file, reader, recipe, images, sample, seed)
        sums = {key: digest for key, (_, digest) in zip(file.keys, scans, strict=True)}
        if file.position is not None:
            sums[POSITION] = hashlib.sha256(file.position.data).hexdigest()
        return Verified(f"{kind} of {len(file):,} pairs", checks, content_sum(file.attributes, sums))


class _Reader:
    """Patches of a training file as they are stored, shape (n, values), wherever they lie."""

    def __init__(self, file: TrainingFile, handle: Any) -> None:
        self.file = file
        self._data = [] if file.sources or file.mapped else [handle[key] for key in file.keys]

    def read(self, k: int, start: int, stop: int) -> NDArray[Any]:
        """Patches `start` to `stop` of lr (k = 0) or gt (k = 1), little-endian."""
        file = self.file
        if self._data:
            values = self._data[k][start:stop]
            values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        elif file.sources:
            values = file.gather(np.arange(start, stop))[k]
            values = values.swapaxes(1, 2) if file.axes == "matlab" else values
        else:
            values = file.stored(k, np.arange(start, stop)).view("<f4")
        return np.ascontiguousarray(values).reshape(stop - start, file.patch_size**2)

    def blocks(self, k: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """All patches, some at a time, with the number of the first."""
        for start in range(0, len(self.file), BLOCK):
            yield start, self.read(k, start, min(start + BLOCK, len(self.file)))
            if not self.file.sources:
                self.file.release()


def _scan(reader: _Reader, k: int, advance: Advance) -> tuple[list[Check], str]:
    """Range, CRC-32 (of a part) and SHA-256 of a data set."""
    file, key = reader.file, reader.file.keys[k]
    values = Values(key, "gt" if k else "lr")
    sums = Check(f"CRC-32 of {key}", f"{len(file):,} patches")
    known = file.checksum is not None and file.checksum.shape == (len(file), 2)
    kind = reader.read(k, 0, 0).dtype.str
    digest = hashlib.sha256(f"{len(file)} patches of {file.patch_size}, {file.axes}, {kind}".encode())
    for start, block in reader.blocks(k):
        values.look(block, lambda row, start=start: f"patch {start + row}")  # type: ignore[misc]
        digest.update(block.data)
        if file.checksum is not None and known:
            expected = file.checksum[start : start + len(block), k].tolist()
            for row, (patch, crc) in enumerate(zip(block, expected, strict=True)):
                if zlib.crc32(patch) != crc:
                    sums.fail(f"patch {start + row} is not the one that was written")
        advance(block.nbytes / 1e6)
    return [values.check, *([sums] if known else [])], digest.hexdigest()


def _check_attributes(file: TrainingFile, is_part: bool) -> tuple[Check, TrainingRecipe | None]:
    """The attributes, and the recipe if all is well with them."""
    attributes = file.attributes
    recipe = recipe_of(attributes.get("recipe"))
    images = attributes.get("images")
    shard = shard_of(attributes.get("shard")) if is_part else (1, 1)
    own = len(images[shard[0] - 1 :: shard[1]]) if shard and isinstance(images, list) else -1
    forms: dict[str, Form] = {
        "format": claims.exactly("vdsr-toolkit training file"), "version": claims.version,
        "keys": claims.exactly(",".join(file.keys)), "axes": claims.exactly(file.axes), "images": claims.names,
        "recipe": lambda _: recipe is not None
        and (recipe.keys, recipe.axes, recipe.patch_size) == (file.keys, file.axes, file.patch_size),
        "sha256": lambda value: claims.digests(value) and len(value) == own,
    }  # fmt: skip
    if is_part:
        forms |= {"shard": lambda _: shard is not None, "total_pairs": lambda value: type(value) is int and value > 0}
    elif not forms.keys() & attributes.keys():
        return Check("attributes", "none: not written by this toolkit"), None
    check = check_attributes(attributes, forms)
    return check, None if check.failures else recipe


def _check_counts(file: TrainingFile, is_part: bool) -> Check:
    """Numbers of pairs and, of a part, where they belong."""
    check = Check("counts", f"{len(file):,} pairs")
    if not is_part:
        if file.attributes and len(file) % CHUNK:
            check.fail(f"{len(file)} pairs are not a multiple of {CHUNK}")
        return check
    total, position = file.attributes.get("total_pairs"), file.position
    check.found = f"{len(file):,} of {total:,} pairs" if isinstance(total, int) else check.found
    if file.checksum is None or file.checksum.shape != (len(file), 2):
        check.fail("the CRC-32 sums of its patches are missing")
    if position is None or len(position) != len(file):
        check.fail("the positions of its patches are missing")
    elif len(position) and (
        (position[1:] <= position[:-1]).any() or not isinstance(total, int) or position[-1] >= total
    ):
        check.fail("the positions of its patches do not ascend to less than total_pairs")
    if isinstance(total, int) and total % CHUNK:
        check.fail(f"total_pairs is {total}, no multiple of {CHUNK}")
    return check


def _check_origin(
    file: TrainingFile, reader: _Reader, recipe: TrainingRecipe | None, images: Sequence[Path], sample: int, seed: int
) -> list[Check]:
    """The images, the number of patches that they give, and some of these patches."""
    if recipe is None:
        return [Check("images", "not compared", ["without sound attributes nothing says how to make the pairs anew"])]
    k, n = shard_of(file.attributes.get("shard")) or (1, 1)
    claimed: list[str] = file.attributes["images"]
    digest = dict(zip(claimed[k - 1 :: n], file.attributes["sha256"], strict=True))
    check, own = check_images(images, list(digest.items()))
    there = {path.name: path for path in images}
    for name in claimed:
        if name not in there and name not in digest:
            check.fail(f"{name} is not there")  # of another part, whose size counts
    if check.failures:
        return [check]
    paths = [there[name] for name in claimed]
    counts = count_patches(paths, recipe)
    whole = sum(counts) // CHUNK * CHUNK
    found = file.attributes["total_pairs"] if file.position is not None else len(file)
    if found != whole:
        check.fail(f"they give {whole:,} pairs, not {found:,}")
        return [check]
    anew = Check("made anew")
    chosen = np.array(claims.drawn(len(file), sample, seed), dtype=np.intp)
    anew.found = f"{len(chosen):,} of {len(file):,} pairs"
    place = chosen if file.position is None else file.position[chosen].astype(np.intp)
    inverse = randperm_inverse(sum(counts), recipe.seed)
    patches = np.flatnonzero(np.isin(inverse, place))
    rows = chosen[np.searchsorted(place, inverse[patches])]
    starts = np.cumsum([0, *counts])
    of_image = np.searchsorted(starts, patches, side="right") - 1
    for j, group in groupby(range(len(patches)), key=lambda i: int(of_image[i])):
        if paths[j] not in own:
            anew.fail(f"patches of {paths[j].name} are not this part's")
            continue
        wanted = {int(patches[i] - starts[j]): int(rows[i]) for i in group}
        first = 0
        for pair in image_patches(paths[j], recipe, j):
            for number in sorted(wanted.keys() & set(range(first, first + len(pair[0])))):
                row = wanted.pop(number)
                for which in range(2):
                    if pair[which][number - first].tobytes() != reader.read(which, row, row + 1).tobytes():
                        anew.fail(f"patch {row} of /{file.keys[which]} is not what {paths[j].name} gives")
            first += len(pair[0])
            if not wanted:
                break
        for row in wanted.values():
            anew.fail(f"patch {row}: {paths[j].name} gives too few")
    return [check, anew]
