"""Run methods over a test set, one image at a time: a `Record` for each image, model and protocol.

A method is a network, bicubic interpolation or a folder of somebody's results: whatever gives the image to be scored.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import Benchmark, Original, open_set
from vdsr_data.errors import ArgumentError, VdsrError, VdsrWarning, listed
from vdsr_data.io.ahead import in_order
from vdsr_data.limits import different
from vdsr_eval.networks.network import Upscaler, checked_upscaler, run_upscaler
from vdsr_eval.protocols.protocol import (
    Pair,
    Protocol,
    as_protocol,
    pair_from_stored,
    prepare,
    result,
    score,
    too_small,
)

__all__ = [
    "BICUBIC",
    "Method",
    "Record",
    "Scored",
    "bicubic",
    "checked_records",
    "evaluate",
    "evaluate_images",
    "mean_score",
    "method",
]

BICUBIC = "bicubic"  # what tables call the baseline, and nothing else
AHEAD = 4  # results whose scores may be waited for while the next images are prepared, unless these are large
LARGE = 4_000_000  # pixels

# An original, its pair, the protocol and the scale -> the image to be scored, as `protocol.result` gives it.
Method = Callable[[Original, Pair, Protocol, int], NDArray[np.float64]]


@dataclass(frozen=True)
class Record:
    """The score of one image. `protocol` is the label of the protocol, `model` the name that the caller gave."""

    dataset: str
    image: str
    scale: int
    model: str
    protocol: str
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Scored:
    """A record with the images behind it, for pictures and reports; `image` is what was scored."""

    record: Record
    original: Original
    pair: Pair
    protocol: Protocol
    image: NDArray[np.float64]


def bicubic(lr: NDArray[np.float64], scale: int) -> NDArray[np.float64]:  # noqa: ARG001 - an Upscaler
    """The baseline: the input is upsampled already. `rcan` scores imresize of the 8-bit image for it."""
    return lr


def method(upscale: Upscaler) -> Method:
    """Make a method of an upscaling function, which runs once for protocols that share the low-resolution image.

    The method raises a VdsrError, and warns, as `run_upscaler`; ArgumentError if `upscale` cannot be called.
    """
    checked_upscaler(upscale)
    seen: list[tuple[Original, NDArray[np.float64], NDArray[np.float64]]] = []

    def run(original: Original, pair: Pair, protocol: Protocol, scale: int) -> NDArray[np.float64]:
        if upscale is bicubic:
            return pair.bicubic
        if seen and seen[0][0] is not original:
            seen.clear()
        sr = next((sr for _, lr, sr in seen if np.array_equal(lr, pair.lr)), None)
        if sr is None:
            sr = run_upscaler(upscale, pair.lr, scale)
            seen.append((original, pair.lr, sr))
        return result(sr, pair.chroma, protocol=protocol)

    return run


def evaluate(
    testset: Benchmark | Path | str,
    *,
    scale: int,
    model: str,
    upscale: Upscaler,
    protocol: Protocol | str,
    border: int | None = None,
) -> list[Record]:
    """Score one upscaling function on a test set.

    Parameters
    ----------
    testset : Benchmark, Path or str
        What `vdsr_data.benchmark.sets.open_set` gives or takes: a folder of originals, a benchmark file, a name.
    scale : int
    model : str
        The name that the records carry.
    upscale : callable
        Takes bicubic-upsampled luma, float64 (rows, columns) in [0, 1], and the scale; returns luma of that shape.
    protocol : Protocol or str
        One of `vdsr_eval.protocols.protocol.PROTOCOLS`, its name, or a variation of one.
    border : int, optional
        Pixels of each side that are not scored; the default is the protocol's, which is the scale.

    Returns
    -------
    list of Record
        One for each image that is large enough.

    Raises
    ------
    VdsrError
        If no image can be scored, if `upscale` fails as `run_upscaler` says, or if it is called bicubic and is not; if
        there is no such set or protocol.

    Warns
    -----
    VdsrWarning
        Of images that are too small, and of results that equal their originals.
    RangeWarning
        If `upscale` returns values that clearly lie in another range than [0, 1].
    """
    if not isinstance(model, str) or not model:
        raise ArgumentError(f"model: {model!r} is not allowed; give the name that tables show")
    if model == BICUBIC and upscale is not bicubic:
        raise ArgumentError(f"{BICUBIC} is the name of the baseline; call this model by another")
    protocol = as_protocol(protocol)
    if border is not None:
        protocol = replace(protocol, border=border)
    testset = _opened(testset)
    skipped: list[str] = []
    methods = {model: method(upscale)}
    scored = evaluate_images(testset, scale=scale, methods=methods, protocols=[protocol], skip=skipped.append)
    records = [item.record for item in scored]
    copies = [record.image for record in records if math.isinf(record.psnr) and upscale is not bicubic]
    if copies:
        skipped.append(f"{testset.name} x{scale}: {model} equals the original of {listed(copies)}: an infinite PSNR")
    for message in skipped:
        warnings.warn(message, VdsrWarning, stacklevel=2)
    return records


def evaluate_images(
    testset: Benchmark | Path | str,
    *,
    scale: int,
    methods: Mapping[str, Method],
    protocols: Sequence[Protocol | str],
    skip: Callable[[str], None],
    low: Callable[[Original], NDArray[Any]] | None = None,
) -> Iterator[Scored]:
    """Score several methods under several protocols, image by image.

    Parameters
    ----------
    testset, scale
        As for `evaluate`.
    methods : mapping of str to callable
        By the name that the records carry.
    protocols : sequence of Protocol or str
        Different ones.
    skip : callable
        Called with one line for each image that is too small under one of the protocols; it is then left out of all
        of them, so that every mean is over the same images.
    low : callable, optional
        Gives the low-resolution image of an original, instead of shrinking it.

    Yields
    ------
    Scored
        For each image, for each protocol, for each method, in this order.

    Raises
    ------
    VdsrError
        If no image can be scored, or a method or `low` fails; the message names model, set and image.
    """
    count, testset = 0, _opened(testset)
    if not isinstance(methods, Mapping):
        raise ArgumentError(f"methods: {methods!r} is not allowed; give a dict of methods by their names")
    rules = different("protocols", protocols, lambda _, protocol: as_protocol(protocol))

    def jobs() -> Iterator[Callable[[], Scored]]:
        nonlocal count
        for original in testset:
            problems = [too_small(original.pixels.shape, scale=scale, protocol=protocol) for protocol in rules]
            if any(problems):
                skip(f"{testset.name}/{original.name}: left out, {next(filter(None, problems))}")
                continue
            count += 1
            for protocol in rules:
                pair = _pair(testset, original, scale, protocol, low)
                for model, run in methods.items():
                    try:
                        image = run(original, pair, protocol, scale)
                    except VdsrError as error:
                        raise VdsrError(f"{model}, {testset.name}/{original.name} x{scale}: {error}") from error
                    yield partial(_scored, testset.name, model, scale, original, pair, protocol, image)

    yield from in_order(jobs(), workers=2, window=0 if testset.most_pixels > LARGE else AHEAD)
    if not count:
        raise VdsrError(f"{testset.name}: no image is large enough to be scored at x{scale}")


def mean_score(records: Sequence[Record]) -> tuple[float, float]:
    """Mean PSNR and mean SSIM over the images, as every published table means it (not the PSNR of the mean error)."""
    records = checked_records(records)
    if not records:
        raise ArgumentError("no records to average")
    return (
        math.fsum(record.psnr for record in records) / len(records),
        math.fsum(record.ssim for record in records) / len(records),
    )


def checked_records(records: Iterable[Record]) -> list[Record]:
    """Return `records` as a list; ArgumentError if something else is among them."""
    found = list(records) if isinstance(records, Iterable) else [records]
    for record in found:
        if not isinstance(record, Record):
            raise ArgumentError(f"records: {record!r} is not allowed; give those that evaluate returns")
    return found


def _opened(testset: Benchmark | Path | str) -> Benchmark:
    if isinstance(testset, Benchmark):
        return testset
    if not isinstance(testset, str | Path):
        raise ArgumentError(f"testset: {testset!r} is not allowed; give a folder, a benchmark file or a name")
    return open_set(testset)


def _scored(
    dataset: str,
    model: str,
    scale: int,
    original: Original,
    pair: Pair,
    protocol: Protocol,
    image: NDArray[np.float64],
) -> Scored:
    psnr, ssim = score(image, pair.gt, scale=scale, protocol=protocol)
    record = Record(dataset, original.name, scale, model, protocol.label, psnr, ssim)
    return Scored(record, original, pair, protocol, image)


def _pair(
    testset: Benchmark,
    original: Original,
    scale: int,
    protocol: Protocol,
    low: Callable[[Original], NDArray[Any]] | None,
) -> Pair:
    """The pair of a benchmark file where it holds what the protocol asks for, else one made from the original."""
    if low is not None:
        given = low(original)
        try:
            return prepare(original.pixels, scale=scale, protocol=protocol, low=given)
        except ArgumentError as error:
            raise VdsrError(f"{testset.name}/{original.name}: {error}") from error
    pixels = original.pixels
    # What is stored is luma of the original as it is: neither of three equal channels, nor first reduced to 8 bits.
    as_it_is = (protocol.grey == "keep" or pixels.ndim == 3) and (
        protocol.result == "float" or pixels.dtype == np.uint8
    )
    if as_it_is and protocol.source == "luma" and not protocol.rgb:
        stored = testset.stored(original.name, scale)
        if stored is not None and stored.boundary == protocol.boundary:
            try:
                return pair_from_stored(stored.gt, stored.lr, protocol=protocol)
            except ArgumentError as error:
                raise VdsrError(f"{testset.path}: {original.name} x{scale}: {error}; build the file again") from error
    return prepare(pixels, scale=scale, protocol=protocol)
