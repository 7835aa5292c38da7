"""Scores on a set while training: the network's row beside the bicubic row, tables and pictures of every image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import open_set
from vdsr_data.errors import VdsrError, warned
from vdsr_data.images.files import write_image
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.scoring.methods import bicubic, method
from vdsr_eval.scoring.records import Record, mean_score
from vdsr_eval.scoring.run import evaluate_images
from vdsr_train.run.log import SCALES, Log

__all__ = ["PROTOCOL", "Validation", "open_validation"]

PROTOCOL = "vdsr-tf"
STUCK_DB = 0.1
PICTURED = 5  # images of which pictures are written: all of Set5, and no gigabyte of B100
RESIDUAL_GAIN = 2.0

Upscale = Callable[[NDArray[np.float64], float], NDArray[np.floating[Any]]]
Seen = list[tuple[NDArray[np.float64], NDArray[np.floating[Any]]]]


class Validation:
    """A set, its bicubic scores, and the folder where scores and pictures are kept.

    Parameters
    ----------
    benchmark : Benchmark
        As `vdsr_data.benchmark.sets.open_set` gives it.
    folder : Path
        Receives ``2.csv``, ``3.csv``, ``4.csv`` (a row for each validation, a column for each image) and, from the last
        validation, pictures ``2/butterfly_sr.png`` and ``2/butterfly_residual.png`` of the first images (the residual
        doubled, around middle grey).
    keep : int
        Rows of later steps are removed.
    """

    def __init__(self, benchmark: Any, folder: Path, *, keep: int = 0) -> None:
        self.benchmark, self.folder, self.keep = benchmark, folder, keep
        self.bicubic = self.score(bicubic)
        self._logs: dict[str, Log] = {}

    def __call__(self, upscale: Upscale, *, step: int, epoch: float, suffix: str = "") -> dict[int, float]:
        """Score a network, write its rows and pictures, and return its mean PSNR in dB by scale.

        `suffix` is put behind the names of the files, to tell two networks of one training apart.
        """
        means = {}
        for scale in SCALES:
            records, seen = self._records(upscale, scale)
            means[scale] = mean_score(records)[0]
            scores = {record.image: record.psnr for record in records}
            self._log(f"{scale}{suffix}", list(scores)).write(
                {"step": step, "epoch": epoch, **scores, "mean": means[scale]}
            )
            if not suffix:
                self._picture(scale, records, seen)
        return means

    def score(self, upscale: Upscale) -> dict[int, float]:
        """Return the mean PSNR in dB of a network by scale, and write nothing."""
        return {scale: mean_score(self._records(upscale, scale)[0])[0] for scale in SCALES}

    def table(self, rows: dict[str, dict[int, float]]) -> str:
        """Lay out rows of PSNR, the bicubic one first, as lines of text."""
        lines = [f"{self.benchmark.name}, {PROTOCOL}, PSNR in dB".ljust(32) + "".join(f"{f'x{s}':>8}" for s in SCALES)]
        for name, row in {"bicubic": self.bicubic, **rows}.items():
            lines.append(f"  {name}".ljust(32) + "".join(f"{row[scale]:8.2f}" for scale in SCALES))
        return "\n".join(lines)

    def stuck(self, psnr: dict[int, float]) -> bool:
        """Say whether a network is still no better than bicubic at any scale."""
        return all(psnr[scale] < self.bicubic[scale] + STUCK_DB for scale in SCALES)

    def close(self) -> None:
        """Close the tables."""
        for log in self._logs.values():
            log.close()

    def _records(self, upscale: Upscale, scale: int) -> tuple[list[Record], Seen]:
        """Score one scale, and keep the first images that went in and came out."""
        seen: Seen = []

        def watched(ilr: NDArray[np.float64], scale: float) -> NDArray[np.floating[Any]]:
            sr = upscale(ilr, scale)
            if len(seen) < PICTURED:
                seen.append((ilr, sr))
            return sr

        scored = evaluate_images(
            self.benchmark, scale=scale, methods={"VDSR": method(watched)}, protocols=[PROTOCOLS[PROTOCOL]], skip=warned
        )
        return [item.record for item in scored], seen

    def _log(self, name: str, images: list[str]) -> Log:
        if name not in self._logs:
            self.folder.mkdir(exist_ok=True)
            columns = ("step", "epoch", *images, "mean")
            self._logs[name] = Log(self.folder / f"{name}.csv", columns, keep=self.keep)
        return self._logs[name]

    def _picture(self, scale: int, records: list[Record], seen: Seen) -> None:
        folder = self.folder / str(scale)
        folder.mkdir(exist_ok=True)
        for record, (ilr, sr) in zip(records, seen, strict=False):
            residual = 0.5 + RESIDUAL_GAIN * (sr - ilr)
            for name, image in (("sr", sr), ("residual", residual)):
                pixels = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
                write_image(folder / f"{record.image}_{name}.png", pixels)


def open_validation(name: str, folder: Path, *, keep: int, warn: Callable[[str], None]) -> Validation | None:
    """Open the set called `name`, else ``sample``; say so where neither is there; ``none`` asks for none."""
    if name == "none":
        return None
    for candidate in dict.fromkeys((name, f"{name}.h5", "sample")):
        try:
            validation = Validation(open_set(candidate), folder, keep=keep)
        except VdsrError as error:
            missing = error
            continue
        if candidate == "sample" != name:
            warn(f"no set {name} was found (set VDSR_DATA to where it is); validating on sample instead")
        return validation
    warn(f"training without validation: {missing}")
    return None
