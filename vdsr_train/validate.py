"""Scores on a test set while training: the network's row, always beside the bicubic row."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.datasets import open_testset
from vdsr_data.errors import VdsrError
from vdsr_eval.evaluate import Record, bicubic, evaluate, mean_score
from vdsr_eval.protocol import PROTOCOLS

__all__ = ["SCALES", "Validation", "open_validation"]

SCALES = (2, 3, 4)
PROTOCOL = "vdsr-tf"
STUCK_DB = 0.1

Upscale = Callable[[NDArray[np.float64], int], NDArray[np.floating[Any]]]


class Validation:
    """A test set and its bicubic scores, computed once.

    Parameters
    ----------
    testset : TestSet
        As `vdsr_data.datasets.open_testset` gives it.
    """

    def __init__(self, testset: Any) -> None:
        self.testset = testset
        self.bicubic = self._psnr(bicubic, "bicubic")[0]

    def __call__(self, upscale: Upscale, name: str = "VDSR") -> tuple[dict[int, float], list[Record]]:
        """Return the mean PSNR in dB by scale, and the record of every image and scale."""
        return self._psnr(upscale, name)

    def _psnr(self, upscale: Upscale, name: str) -> tuple[dict[int, float], list[Record]]:
        means, every = {}, []
        for scale in SCALES:
            records = evaluate(self.testset, scale=scale, model=name, upscale=upscale, protocol=PROTOCOLS[PROTOCOL])
            means[scale] = mean_score(records)[0]
            every.extend(records)
        return means, every

    def table(self, **rows: dict[int, float]) -> str:
        """Lay out rows of PSNR, the bicubic one first, as lines of text."""
        lines = [f"{self.testset.name}, {PROTOCOL}, PSNR in dB".ljust(32) + "".join(f"{f'x{s}':>8}" for s in SCALES)]
        for name, row in {"bicubic": self.bicubic, **rows}.items():
            lines.append(f"  {name}".ljust(32) + "".join(f"{row[scale]:8.2f}" for scale in SCALES))
        return "\n".join(lines)

    def stuck(self, psnr: dict[int, float]) -> bool:
        """Say whether a network is still no better than bicubic at any scale."""
        return all(psnr[scale] < self.bicubic[scale] + STUCK_DB for scale in SCALES)


def open_validation(name: str, *, warn: Callable[[str], None]) -> Validation | None:
    """Open the test set called `name`, else ``sample``; say so where neither is there; ``none`` asks for none."""
    if name == "none":
        return None
    for candidate in dict.fromkeys((name, f"{name}.h5", "sample")):
        try:
            validation = Validation(open_testset(candidate))
        except VdsrError as error:
            missing = error
            continue
        if candidate == "sample" != name:
            warn(f"no test set {name} was found (set VDSR_DATA to where it is); validating on sample instead")
        return validation
    warn(f"training without validation: {missing}")
    return None
