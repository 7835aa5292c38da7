"""Peak memory of `build-train` against the number of images, synthetic ones of 512 x 512; writes docs/memory.png.

    python benchmarks/bench_memory.py --images 1000              # up to 1,000 images; needs 24 GB of disk
    python benchmarks/bench_memory.py --images 20000 --discard   # the patches are computed, but not written

Every point is a process of its own, whose peak is the operating system's count. With --discard the file is created in
full, with every chunk and every attribute, but it stays sparse. Exit code 1 if a peak exceeds the bound that the
documentation states.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE, DISTINCT = 512, 8
TARGET = Path(__file__).resolve().parents[1] / "docs" / "memory.png"
FIXED, PER_PAIR, PER_IMAGE, PER_THREAD = 220e6, 8, 1000, 15e6  # bytes; a thread works on an image of 512 x 512


def bound(images: int, pairs: int, threads: int) -> float:
    """Bytes that `generate_train` may take."""
    return FIXED + PER_PAIR * pairs + PER_IMAGE * images + PER_THREAD * threads


def make_images(folder: Path, count: int) -> None:
    """A few distinct colour images under many names."""
    from vdsr_data import imresize
    from vdsr_data.images.files import write_image

    random = np.random.default_rng(0)
    for k in range(DISTINCT):
        coarse = random.integers(0, 256, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
        write_image(folder / f"{k:07}.png", imresize(coarse, 8))
    for k in range(DISTINCT, count):
        os.link(folder / f"{k % DISTINCT:07}.png", folder / f"{k:07}.png")


def build(folder: Path, count: int, threads: int, *, discard: bool) -> None:
    """Build from the first images; print pairs, seconds and the peak of this process in bytes."""
    from vdsr_data.images.files import list_images
    from vdsr_data.training import generate
    from vdsr_data.training import writer as storage

    if discard:
        generate.check_space = lambda *_: None
        storage.reserve = lambda _: None
        storage.TrainingWriter._write_at = lambda _, data, __: data.nbytes
    output = folder.parent / "train.h5"
    start = time.perf_counter()
    summary = generate.generate_train(list_images(folder)[:count], output, generate.TrainingRecipe(), workers=threads)
    seconds = time.perf_counter() - start
    output.unlink()
    print(summary.pairs, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def draw(points: list[tuple[int, float, float]], threads: int) -> None:
    """Measured peaks and the bound."""
    import matplotlib.pyplot as plt

    images, peaks, bounds = zip(*points, strict=True)
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    axes.plot(images, np.array(bounds) / 1e6, color="0.6", linestyle="--", label="bound")
    axes.plot(images, np.array(peaks) / 1e6, marker="o", label=f"measured, {threads} threads")
    axes.set(xlabel=f"images of {SIDE} x {SIDE}", ylabel="peak memory, MB", ylim=(0, None), xlim=(0, None))
    axes.set_title("build-train: memory against images")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(TARGET, dpi=110)
    print(f"wrote {TARGET}")


def main() -> int:
    """Measure every point, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1000, help="the largest number")
    parser.add_argument("--discard", action="store_true", help="throw the patches away instead of writing them")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for temporary files")
    parser.add_argument("--build", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.build:
        build(Path(given.build[0]), int(given.build[1]), given.threads, discard=given.discard)
        return 0
    points = []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name, "images")
        folder.mkdir()
        make_images(folder, given.images)
        print("images      pairs       s  peak, MB  bound, MB", flush=True)
        for count in sorted({max(DISTINCT, given.images * share // 100) for share in (1, 3, 10, 30, 100)}):
            options = ["--threads", str(given.threads), *(["--discard"] if given.discard else [])]
            command = [sys.executable, __file__, "--build", str(folder), str(count), *options]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            pairs, seconds, peak = map(float, done.stdout.split())
            points.append((count, peak, bound(count, int(pairs), given.threads)))
            print(
                f"{count:6,} {pairs:10,.0f} {seconds:7.1f} {peak / 1e6:9,.0f} {points[-1][2] / 1e6:10,.0f}", flush=True
            )
    draw(points, given.threads)
    return int(any(peak > most for _, peak, most in points))


if __name__ == "__main__":
    sys.exit(main())
