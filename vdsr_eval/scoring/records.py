"""Scores as records, one for each image, method and protocol, and their mean."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdsr_data.benchmark.sets import Original
from vdsr_data.errors import ArgumentError
from vdsr_eval.metrics.fidelity import Pixels
from vdsr_eval.protocols.pair import Pair
from vdsr_eval.protocols.protocol import Protocol

__all__ = ["BICUBIC", "Record", "Scored", "checked_records", "mean_score"]

BICUBIC = "bicubic"  # what tables call the baseline, and nothing else


@dataclass(frozen=True)
class Record:
    """The score of one image. `protocol` is the label of the protocol, `model` the name that the caller gave.

    Examples
    --------
    >>> from vdsr_eval import Record
    >>> Record("Set5", "baby", 3, "bicubic", "paper", 33.91, 0.904).psnr
    33.91
    """

    dataset: str
    image: str
    scale: float
    model: str
    protocol: str
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Scored:
    """A record with the images behind it, for pictures and reports; `values` are what was scored."""

    record: Record
    original: Original
    pair: Pair
    protocol: Protocol
    values: Pixels

    @property
    def image(self) -> NDArray[np.float64]:
        """What was scored, as float64."""
        return self.values.floats()


def mean_score(records: Iterable[Record]) -> tuple[float, float]:
    """Mean PSNR and mean SSIM over the images, as every published table means it (not the PSNR of the mean error)."""
    records = checked_records(records)
    if not records:
        raise ArgumentError("no records to average")
    return (
        math.fsum(record.psnr for record in records) / len(records),
        math.fsum(record.ssim for record in records) / len(records),
    )


def checked_records(records: Iterable[Record]) -> list[Record]:
    """Return `records` as a list; ArgumentError if something else is among them."""
    found = list(records) if isinstance(records, Iterable) else [records]
    for record in found:
        if not isinstance(record, Record):
            raise ArgumentError(f"records: {record!r} is not allowed; give those that evaluate returns")
    return found
