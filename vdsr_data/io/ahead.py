"""Work done ahead on threads while its results are used in order; kernels and decoders release the GIL."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

__all__ = ["Advance", "Progress", "ignore", "in_order", "of_all", "results"]

T = TypeVar("T")
KEPT = 2**25 - 2**16  # bytes; from blocks above 32 MiB glibc learns nothing
Advance = Callable[[float], object]  # told of every bit of work that is done
Progress = Callable[[float, float], object]  # told too how much there is in all


def ignore(*_: object) -> None:
    """Report to nobody."""


def of_all(advance: Progress, total: float) -> Advance:
    """Say that there is so much to do, and give what tells of every bit."""
    advance(0, total)
    return lambda count: advance(count, total)


def in_order(jobs: Iterable[Callable[[], T]], *, workers: int, window: int) -> Iterator[T]:
    """Yield the result of each job, in order; what a job raises is raised in its turn, and later ones are given up.

    Parameters
    ----------
    jobs : iterable of callable
        Advanced by the caller's thread, no further than `window` jobs before the result that is waited for.
    workers : int
        Threads.
    window : int
        Bounds how many jobs and results are in memory.
    """
    _keep_memory()
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) > window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@cache
def _keep_memory() -> None:
    """Let glibc's malloc keep what is freed: it does so for smaller blocks once it has seen so large a one freed.

    Else it gives them back to the system, and finds them anew for the next image, page by page: 2.0 s of `build-train`
    with 291 images. A second block of that size would be memory in use.
    """
    bytes(KEPT)


def results(process: Callable[[int], T], count: int, workers: int, advance: Advance) -> list[T]:
    """process(0), process(1), ... on threads; `advance` is called with 1 after each."""
    found = []
    for result in in_order((partial(process, k) for k in range(count)), workers=workers, window=64 * workers):
        found.append(result)
        advance(1)
    return found
