"""Limits of time in tests, on machines that have other work to do."""

import os
import time


def in_time(seconds: float, limit: float) -> bool:
    """Whether it took less than the limit; on a busy machine, as much more as work takes longer there."""
    return seconds < limit or seconds < limit * slowness()


def slowness() -> float:
    """How many times longer work takes than on a quiet machine, where it is 1.

    It is what the last minute tells (processes that want to run, for each core) or some work now, whichever is more:
    the load may have gone, or come from outside of a container.
    """
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < 0.1:
        pass
    now = (time.perf_counter() - began) / (time.thread_time() - used)
    return max(1, now, os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1)


def next_second() -> None:
    """Wait until files get another time, in whole seconds, which HDF5 keeps unless it is told not to."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.01)
