"""Run methods over sets, one image at a time: a `Scored` for each image, protocol and method."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from os.path import realpath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import Benchmark, Original, open_set
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images import memory
from vdsr_data.io.ahead import in_order
from vdsr_data.limits import several
from vdsr_eval.metrics.fidelity import Pixels
from vdsr_eval.protocols.pair import Pair, pair_from_stored, prepare, score, too_small
from vdsr_eval.protocols.protocol import Protocol
from vdsr_eval.scoring.methods import Method
from vdsr_eval.scoring.names import distinct
from vdsr_eval.scoring.records import Record, Scored
from vdsr_eval.scoring.results import Results

__all__ = ["check_memory", "evaluate_images", "open_sets"]

AHEAD = 4  # results whose scores may be waited for while the next images are prepared, unless these are large
LARGE = 4_000_000  # pixels


def open_sets(sets: Benchmark | Path | str | Iterable[Benchmark | Path | str]) -> list[Benchmark]:
    """Open one set or several, each once, under names that are told apart."""
    opened = map(_opened, several(sets, Benchmark))
    found = list({realpath(benchmark.path): benchmark for benchmark in opened}.values())
    if not found:
        raise ArgumentError("sets: give at least one, such as Set5")
    for benchmark, name in zip(found, distinct([s.name for s in found], [s.path for s in found]), strict=True):
        benchmark.name = name
    return found


def check_memory(sets: Sequence[Benchmark], protocols: Sequence[Protocol], methods: int) -> None:
    """Say before the work, or refuse, what will not fit into memory.

    Raises
    ------
    VdsrError
        As `vdsr_data.images.memory.check_memory`, which also warns.

    Notes
    -----
    Measured, as the growth of the peak from 4 to 9 megapixels of 8-bit RGB, of bicubic at scale 2: 18 bytes a pixel
    under `vdsr-tf`, `paper` and `rcan`; with RGB 34, 41 and 10; 50 and 60 under `dncnn` and `lapsrn`, which enlarge
    colours as floats; 40 under the first three together. With a network too it was 32, 44 and 85; with RGB 62 and 79
    under the first two; with results 27 at most, with RGB 49. Two protocols at once take what both take.
    """
    each = sorted((_bytes_a_pixel(protocol) for protocol in protocols), reverse=True)
    bytes_a_pixel = sum(each[:2]) + 25 + 32 * (methods - 1)
    for benchmark in sets:
        what = f"{benchmark.name}: {benchmark.most_pixels / 1e6:.0f} megapixels"
        memory.check_memory(what, benchmark.most_pixels * bytes_a_pixel)


def _bytes_a_pixel(protocol: Protocol) -> int:
    if protocol.source == "rgb-float" or (protocol.source != "luma" and protocol.result == "float"):
        return 60
    return 45 if protocol.rgb else 30


def evaluate_images(
    benchmark: Benchmark,
    *,
    scale: float,
    methods: Mapping[str, Method],
    protocols: Sequence[Protocol],
    skip: Callable[[str], object],
    lr: Callable[[Original], NDArray[Any]] | None = None,
) -> Iterator[Scored]:
    """Score several methods under several protocols, image by image.

    Parameters
    ----------
    benchmark : Benchmark
    scale : float
    methods : mapping of str to callable
        By the name that the records carry.
    protocols : sequence of Protocol
    skip : callable
        Called with one line for each image that is too small under one of the protocols; it is then left out of all
        of them, so that every mean is over the same images.
    lr : callable, optional
        Gives the low-resolution image of an original, instead of shrinking it.

    Yields
    ------
    Scored
        For each image, for each protocol, for each method, in this order.

    Raises
    ------
    VdsrError
        If no image can be scored, or a method or `lr` fails; the message names model, set and image.
    """
    count = 0

    def jobs() -> Iterator[Callable[[], Scored]]:
        nonlocal count
        for original in benchmark:
            problems = [too_small(original.pixels.shape, scale=scale, protocol=protocol) for protocol in protocols]
            if any(problems):
                skip(f"{benchmark.name}/{original.name}: left out, {next(filter(None, problems))}")
                continue
            count += 1
            for protocol in protocols:
                pair = _pair(benchmark, original, scale, protocol, lr)
                for model, run in methods.items():
                    image = partial(_run, run, f"{model}, {benchmark.name}", original, pair, protocol, scale)
                    # Files are read by the thread that scores them; other methods are run here, one after the other.
                    given = image if isinstance(run, Results) else image()
                    yield partial(_scored, benchmark.name, model, scale, original, pair, protocol, given)

    yield from in_order(jobs(), workers=2, window=0 if benchmark.most_pixels > LARGE else AHEAD)
    if not count:
        raise VdsrError(f"{benchmark.name}: no image is large enough to be scored at x{scale:g}")


def _opened(benchmark: Benchmark | Path | str) -> Benchmark:
    if isinstance(benchmark, Benchmark):
        return benchmark
    if not isinstance(benchmark, str | Path):
        raise ArgumentError(f"sets: {benchmark!r} is not allowed; give a folder, a benchmark file or a name")
    return open_set(benchmark)


def _run(method: Method, what: str, original: Original, pair: Pair, protocol: Protocol, scale: float) -> Pixels:
    try:
        return method(original, pair, protocol, scale)
    except VdsrError as error:
        raise VdsrError(f"{what}/{original.name} x{scale:g}: {error}") from error


def _scored(
    dataset: str,
    model: str,
    scale: float,
    original: Original,
    pair: Pair,
    protocol: Protocol,
    image: Pixels | Callable[[], Pixels],
) -> Scored:
    values = image if isinstance(image, Pixels) else image()
    psnr, ssim = score(values, pair.truth, scale=scale, protocol=protocol)
    record = Record(dataset, original.name, scale, model, protocol.label, psnr, ssim)
    return Scored(record, original, pair, protocol, values)


def _pair(
    benchmark: Benchmark,
    original: Original,
    scale: float,
    protocol: Protocol,
    lr: Callable[[Original], NDArray[Any]] | None,
) -> Pair:
    """The pair of a benchmark file where it holds what the protocol asks for, else one made from the original."""
    if lr is not None:
        given = lr(original)
        try:
            return prepare(original.pixels, scale=scale, protocol=protocol, lr=given)
        except ArgumentError as error:
            raise VdsrError(f"{benchmark.name}/{original.name}: {error}") from error
    pixels = original.pixels
    # What is stored is luma of the original as it is: neither of three equal channels, nor first reduced to 8 bits.
    as_it_is = (
        (protocol.grey == "keep" or pixels.ndim == 3)
        and protocol.result != "rgb"
        and (protocol.result == "float" or pixels.dtype == np.uint8)
    )
    if as_it_is and protocol.source == "luma" and not protocol.rgb and protocol.crop == "scale":
        stored = benchmark.stored(original.name, scale)
        if stored is not None and (stored.boundary, stored.degradation) == (protocol.boundary, protocol.degradation):
            try:
                return pair_from_stored(stored.gt, stored.lr, protocol=protocol)
            except ArgumentError as error:
                raise VdsrError(
                    f"{benchmark.path}: {original.name} x{scale:g}: {error}; build the file again"
                ) from error
    return prepare(pixels, scale=scale, protocol=protocol)
