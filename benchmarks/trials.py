"""Batch and rate for a GPU, found by short trials; `benchmarks/train_gpu.sh` runs them and asks here.

trials.py batch MEASURED    of what bench_gpu.py printed, the smallest batch near the best pace; the steps of a trial
trials.py rates BATCH       the learning rates to try with a batch
trials.py best RUN...       the name of the run that ended with the least loss
"""

import csv
import math
import re
import sys
from pathlib import Path

NEAR = 0.9  # of the best pace: what a smaller batch learns more from each patch is worth as much
SECONDS = 10  # of a trial
USUAL = 128, 500  # batch and steps, where nothing was measured


def batch(measured: str = "") -> str:
    """Return the smallest batch whose pace under Muon is near the best, and how many of its steps take ten seconds."""
    text = Path(measured).read_text(encoding="utf-8") if Path(measured).is_file() else ""
    paces = {int(size): float(pace) for size, pace in re.findall(r"ours, muon, batch of (\d+) +(\d+) patches/s", text)}
    if not paces:
        return "{} {}".format(*USUAL)
    fits = min(size for size, pace in paces.items() if pace >= NEAR * max(paces.values()))
    return f"{fits} {max(10, round(SECONDS * paces[fits] / fits))}"


def rates(size: str) -> str:
    """Return half, one and two times the rate of the preset `best`, 2e-3 at 64, that grows with the batch's root."""
    middle = 2e-3 * math.sqrt(int(size) / 64)
    return " ".join(f"{times * middle:.3g}" for times in (0.5, 1, 2))


def best(*runs: str) -> str:
    """Return the name of the run whose log goes furthest, and among those has the least loss in its last row."""
    ends = {}
    for run in map(Path, runs):
        with (run / "log.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if rows:  # none of one that diverged at once
            ends[run.name] = int(rows[-1]["step"]), -float(rows[-1]["loss"])
    return max(ends, key=ends.__getitem__)


if __name__ == "__main__":
    print({"batch": batch, "rates": rates, "best": best}[sys.argv[1]](*sys.argv[2:]))
