"""Tiles against the whole image with TensorFlow: the largest difference, and the peak memory of each, at 4 megapixels.

    python benchmarks/bench_tiles.py                        # the paper's 20 layers, weights drawn at random
    python benchmarks/bench_tiles.py --weights FILE         # any weights that vdsr-eval reads

Each way runs in a process of its own, whose peak is the operating system's count (resident memory, with Python and
TensorFlow in it). Exit code 1 if the difference reaches 1e-6 or the tiles take 1.5 GB.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from vdsr_data import imresize

ROWS, COLUMNS = 2000, 2000
LIMIT_DIFFERENCE, LIMIT_GB = 1e-6, 1.5


def image() -> np.ndarray:
    """A luma with detail of every size, 4 megapixels, enlarged by 3 as an input of the network is."""
    random = np.random.default_rng(0)
    small = sum(imresize(random.random((k, k)), size=(-(-ROWS // 3), -(-COLUMNS // 3))) for k in (5, 40, 320))
    return imresize(small / 3, size=(ROWS, COLUMNS))


def one_way(tile: int, weights: Path, result: Path) -> None:
    """Run the network once; print seconds and the peak of this process."""
    from vdsr_eval.networks.convert import read_any
    from vdsr_eval.networks.network import Network

    upscaler, lr = Network(read_any(weights), tile=tile, engine="tensorflow"), image()
    start = time.perf_counter()
    sr = upscaler(lr, 3)
    seconds = time.perf_counter() - start
    np.save(result, sr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{seconds:.1f} {peak:.3f}")


def random_weights(path: Path) -> None:
    """The paper's network as a training starts it (He et al. 2015): every layer changes the result.

    Without TensorFlow, as a process inherits the peak of the one that starts it.
    """
    from vdsr_eval.networks.weights import write_weights

    random = np.random.default_rng(0)
    shapes = [(3, 3, inputs, outputs) for inputs, outputs in pairwise([1, *[64] * 19, 1])]
    kernels = [random.standard_normal(shape) * np.sqrt(2 / (9 * shape[2])) for shape in shapes]
    write_weights(path, [(kernel, np.zeros(kernel.shape[3])) for kernel in kernels])


def main() -> int:
    """Print one line for each way, and the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--tile", type=int, default=0, help="default: that of vdsr_eval.networks.network")
    parser.add_argument("--one-way", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one_way:
        one_way(int(given.one_way[0]), Path(given.one_way[1]), Path(given.one_way[2]))
        return 0
    from vdsr_eval.networks.network import TILE

    tile = given.tile or TILE
    with tempfile.TemporaryDirectory() as folder:
        weights = given.weights or Path(folder, "weights.h5")
        if given.weights is None:
            random_weights(weights)
        results, peaks = [], []
        for name, size in ((f"tiles of {tile}", tile), ("whole", max(ROWS, COLUMNS))):
            results.append(Path(folder, f"{size}.npy"))
            command = [sys.executable, __file__, "--one-way", str(size), str(weights), str(results[-1])]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, peak = map(float, done.stdout.split())
            peaks.append(peak)
            print(f"{name:<14} {ROWS}x{COLUMNS}  {seconds:7.1f} s  peak {peak:.2f} GB", flush=True)
        tiled, whole = (np.load(result) for result in results)
    difference = float(np.abs(tiled - whole).max())
    change = np.abs(whole - image()).max()
    print(f"largest difference {difference:.2g}; the network changes its input by up to {change:.2g}")
    return int(difference >= LIMIT_DIFFERENCE or peaks[0] >= LIMIT_GB)


if __name__ == "__main__":
    sys.exit(main())
