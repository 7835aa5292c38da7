"""Paired bootstrap of per-image differences: whether a hundredth of a dB is a difference at all.

Both models see the same images, so the images are drawn, not the scores: the spread between images cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vdsr_data.errors import ArgumentError
from vdsr_data.limits import SEEDS, number, whole
from vdsr_eval.scoring.records import Record, checked_records

__all__ = ["Difference", "paired_difference"]

SAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """Mean PSNR difference of a model to a baseline over the same images, with its bootstrap interval, in dB."""

    dataset: str
    scale: float
    model: str
    baseline: str
    images: int
    mean: float
    low: float
    high: float
    wins: int

    @property
    def verdict(self) -> str:
        """What may be said: "better", "worse", or "no difference shown" where the interval holds 0."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no difference shown"


def paired_difference(
    records: Sequence[Record],
    baseline: Sequence[Record],
    *,
    samples: int = SAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """Compare two models on the same images of one set, at one scale, under one protocol.

    Parameters
    ----------
    records, baseline : sequence of Record
        The same images in both, in any order.
    samples : int, default 10000
        Bootstrap samples; the interval is their percentile interval.
    level : float, default 0.95
        Coverage of the interval, between 0 and 1.
    seed : int, default 0
        The interval is the same each time it is computed.

    Raises
    ------
    ArgumentError
        If the images, sets, scales or protocols differ, if there are fewer than 2 images, or if an infinite PSNR
        (equal images) leaves no difference to average; or if a number is not as above.

    Examples
    --------
    >>> from vdsr_eval import Record, paired_difference
    >>> plain = [Record("Set", str(k), 2, "plain", "paper", 30 + k, 0.9) for k in range(5)]
    >>> better = [Record("Set", str(k), 2, "better", "paper", 30.2 + k * 1.02, 0.9) for k in range(5)]
    >>> paired_difference(better, plain).verdict
    'better'
    """
    whole("samples", samples, (1, 10_000_000))
    number("level", level, (0.0, 1.0))
    whole("seed", seed, SEEDS)
    records, baseline = checked_records(records), checked_records(baseline)
    ours = {record.image: record for record in records}
    theirs = {record.image: record for record in baseline}
    if ours.keys() != theirs.keys() or len(ours) != len(records) or len(theirs) != len(baseline):
        raise ArgumentError("a paired comparison needs the same images under both models, each once")
    if len({(r.dataset, r.scale, r.protocol) for r in (*records, *baseline)}) != 1:
        raise ArgumentError("a paired comparison needs one set, one scale and one protocol")
    if len(ours) < 2:
        raise ArgumentError("a bootstrap interval needs at least 2 images")
    first = records[0]
    psnrs = np.array([[side[image].psnr for image in sorted(ours)] for side in (ours, theirs)])
    if not np.isfinite(psnrs).all():
        raise ArgumentError("a model is perfect on an image: infinite PSNR has no mean difference")
    differences = psnrs[0] - psnrs[1]
    drawn = np.random.default_rng(seed).integers(0, len(differences), (samples, len(differences)))
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(differences[drawn].mean(axis=1), tails)
    return Difference(
        first.dataset, first.scale, first.model, baseline[0].model, len(differences),
        float(differences.mean()), float(low), float(high), int((differences > 0).sum()),
    )  # fmt: skip
