"""Whether work fits into memory, said before it begins: what the system has left, and what images take.

What a command takes for an image was measured: the growth of its peak, as ``getrusage`` tells it after a run with one
worker, between images of 6 and of 24 megapixels, in 8-bit RGB; grey ones take at most as much.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from vdsr_data.errors import VdsrError, VdsrWarning
from vdsr_data.limits import DegradationKind

__all__ = ["MemoryWarning", "and_degrading", "available_memory", "check_images", "check_memory", "of_degrading",
           "of_resizing", "of_subimages", "of_test", "of_training"]  # fmt: skip

OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")
DEGRADING: dict[DegradationKind, tuple[float, float]] = {  # bytes for each pixel of the original, and of the result
    "bi": (10, 0), "bi-double": (27, 48), "bd": (10, 0), "dn": (6, 88), "blur": (6, 96), "srmd": (50, 88),
    "noise": (16, 88), "jpeg": (14, 0),
}  # fmt: skip
ADVICE = "use a smaller image, or a machine with more memory"


class MemoryWarning(VdsrWarning):
    """Work may need more memory than is available."""


def check_memory(what: str, needed: float, *, least: float | None = None, advice: str = ADVICE) -> None:
    """Warn of work that needs more bytes than are available, and refuse it where there will never be so many.

    Parameters
    ----------
    what : str
        Of which the message speaks, such as ``"a.png: 108 megapixels"``.
    needed : float
        Bytes, about.
    least : float, optional
        Bytes without which it cannot work at all; `needed` if that is not given.
    advice : str
        What the user can do.

    Raises
    ------
    VdsrError
        If `least` is more than the machine, or the group that limits this process, has in all.

    Warns
    -----
    MemoryWarning
        If `needed` is more than is free. Nothing is said where the system does not tell.
    """
    known = available_memory()
    if known is None or needed <= known[0]:
        return
    free, whole = known
    refused = (needed if least is None else least) > whole
    there = f"there are {whole / 1e9:.1f} GB" if refused else f"{free / 1e9:.1f} GB are available"
    line = f"{what}: about {needed / 1e9:.1f} GB of memory; {there}; {advice}"
    if refused:
        raise VdsrError(line)
    warnings.warn(line, MemoryWarning, stacklevel=2)


def check_images(
    images: Sequence[Path | str], needed: Callable[[int, int], float], *, workers: int, ahead: int = 0
) -> None:
    """Do as `check_memory` for a command that keeps `workers` images, and `ahead` further ones, in memory at a time.

    Parameters
    ----------
    images : sequence of path
        Of which only the heads are read; what cannot be read is left to the command.
    needed : callable
        Gives the bytes for an image of so many rows and columns.
    """
    from vdsr_data.images.files import image_size

    sizes = []
    for path in images:
        with suppress(VdsrError, OSError):
            rows, columns = image_size(path)
            sizes.append((needed(rows, columns), rows * columns, Path(path).name))
    if not sizes:
        return
    sizes.sort(reverse=True)
    together = [sum(size for size, *_ in sizes[: threads + ahead]) for threads in range(1, workers + 1)]
    known = available_memory()
    fitting = sum(size <= known[0] for size in together) if known else 0
    what = f"{sizes[0][2]}: {sizes[0][1] / 1e6:.0f} megapixels"
    what += f", {workers} workers" if len(sizes) > 1 and workers > 1 else ""
    check_memory(what, together[-1], least=together[0], advice=f"use --workers {fitting}" if fitting else ADVICE)


def of_training(rows: int, columns: int, *, overlap: float) -> float:
    """Bytes of `generate_train` for an image; 53 a pixel if it is in one patch (`overlap`), 94 in 8.6."""
    return rows * columns * (48 + 5.5 * overlap)


def of_test(rows: int, columns: int, *, scales: int, mat: bool) -> float:
    """Bytes of `generate_test` for an image: 29 a pixel at one scale, 68 at three, 83 with .mat files."""
    return rows * columns * (12 + 19 * scales + 15 * mat)


def of_subimages(rows: int, columns: int) -> float:
    """Bytes of `generate_subimages` for an image: 15 a pixel, and the PNG files."""
    return rows * columns * 20.0


def of_resizing(rows: int, columns: int, size: Sequence[int]) -> float:
    """Bytes of `resize_images` for an image, whose result has this size: 31 a pixel at factor 2, 66 at factor 3."""
    return 5.0 * rows * columns + 7.3 * size[0] * size[1]


def of_degrading(rows: int, columns: int, *, kind: DegradationKind, scale: float) -> float:
    """Bytes of `degrade` for an image: at factor 2 from 10 a pixel ("bi", "bd") to 54 ("srmd"), at 1 103 of "noise"."""
    original, reduced = DEGRADING[kind]
    return (original + reduced / scale**2) * rows * columns


def and_degrading(
    needed: Callable[[int, int], float], kind: DegradationKind | None, scale: float
) -> Callable[[int, int], float]:
    """Give what makes files of an image, and, if they are of degraded images, the bytes of `degrade` beside it."""
    if kind is None:
        return needed
    return lambda rows, columns: needed(rows, columns) + of_degrading(rows, columns, kind=kind, scale=scale)


def available_memory() -> tuple[int, int] | None:
    """Bytes of memory that are free for this process, and those that it can have at most; None if nobody knows.

    Those of the machine, and on Linux of the control groups that the process is in, a container's for example; caches
    of files count as free.
    """
    limits = [*_machine(), *_groups()]
    return (min(free for free, _ in limits), min(whole for _, whole in limits)) if limits else None


def _machine() -> Iterator[tuple[int, int]]:
    """Free memory and all memory, swap included."""
    import psutil

    with suppress(OSError):  # of a system that hides them
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        yield memory.available + swap.free, memory.total + swap.total


def _groups() -> Iterator[tuple[int, int]]:
    """What each control group above this process leaves it, and its limit; of version 2, or memory's of version 1."""
    try:
        lines = [line.split(":", 2) for line in OWN_GROUPS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return
    for _, controllers, name in lines:
        if not controllers:
            base, limit, used = GROUPS, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            base, limit, used = GROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = base / name.lstrip("/")
        for group in (folder, *folder.parents):
            try:
                whole = int((group / limit).read_text(encoding="ascii"))  # "max" is no number
                counts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
                cached = int(counts.get("active_file", 0)) + int(counts.get("inactive_file", 0))
                yield max(whole - int((group / used).read_text(encoding="ascii")) + cached, 0), whole
            except (OSError, ValueError):
                pass
            if group == base:
                break
