"""Time per pixel and memory from 256 x 256 to 8192 x 8192: `make bench` writes docs/growth.png.

Every point is a process of its own, so that its peak memory is its own too. One thread, float64.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

SIDES = (256, 512, 1024, 2048, 4096, 8192)  # of the larger of the two images
WORKS = ("imresize x1/2", "imresize x1/3", "imresize x1/4", "imresize x2", "imresize x3", "imresize x4",
         "rgb2ycbcr uint8", "ssim", "psnr", "filling float64")  # fmt: skip
TARGET = Path(__file__).resolve().parents[1] / "docs" / "growth.png"


def prepare(what: str, side: int) -> Callable[[], object]:
    """The work on images of this size."""
    from vdsr_data import imresize, rgb2ycbcr
    from vdsr_eval import psnr, ssim

    random = np.random.default_rng(0)
    name, _, factor = what.partition(" x")
    if name == "imresize":
        shrinks = factor.startswith("1/")
        scale = int(factor.removeprefix("1/"))
        image = random.random((side, side) if shrinks else (side // scale, side // scale))
        return lambda: imresize(image, 1 / scale if shrinks else scale)
    if name == "rgb2ycbcr uint8":
        color = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        return lambda: rgb2ycbcr(color)
    if what == "filling float64":  # fresh memory, as every result is
        return lambda: np.full((side, side), 1.0)
    pair = random.random((side, side)), random.random((side, side))
    return lambda: {"ssim": ssim, "psnr": psnr}[name](*pair, data_range=1.0)


def measure(what: str, side: int) -> dict[str, float]:
    """Nanoseconds per pixel, and by how many bytes per pixel the peak memory grew during the work."""
    work = prepare(what, side)
    prepare(what, 128)()  # compiled code is loaded, and memory that any size needs is taken
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(7):  # the first touch memory that the machine may have to find first
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"time": 1e9 * statistics.median(seconds) / side**2, "memory": 1024 * grown / side**2}


def main() -> None:
    """Measure every point, print, and draw."""
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for what in WORKS:
        points = []
        for side in SIDES:
            done = subprocess.run(
                [sys.executable, __file__, what, str(side)], capture_output=True, text=True, check=True
            )
            points.append(json.loads(done.stdout))
        times = [point["time"] for point in points]
        text = "  ".join(f"{value:6.2f}" for value in times)
        print(f"{what:16} ns per pixel {text}   largest / smallest {max(times) / min(times):.2f}", flush=True)
        left.plot(SIDES, times, marker="o", label=what)
        right.plot(SIDES, [point["memory"] for point in points], marker="o", label=what)
    left.set(ylabel="ns per pixel", ylim=(0, None), title="Time")
    right.set(ylabel="bytes per pixel beyond the input", ylim=(0, 20), title="Memory")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(SIDES, [str(side) for side in SIDES])
        axes.set_xlabel("rows and columns of the larger image")
        axes.grid(alpha=0.3)
    left.legend(fontsize=8, ncols=2)
    figure.savefig(TARGET, dpi=110)
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
