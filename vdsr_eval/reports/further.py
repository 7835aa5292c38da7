"""Further metrics of what was scored: ours, and those of pyiqa where it is installed; none is part of a protocol.

They look at 8-bit pictures: where luma was scored, with the chroma of the original, so that only what was scored tells
methods apart. The border of the protocol is left out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits, rgb2gray
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval.metrics.fidelity import SSIM_FORMS, ssim
from vdsr_eval.metrics.learned import pyiqa_metric
from vdsr_eval.metrics.naturalness import brisque, niqe
from vdsr_eval.metrics.similarity import gmsd, ms_ssim
from vdsr_eval.reports.rendering import ground_truth, picture
from vdsr_eval.reports.tables import Key, Table
from vdsr_eval.scoring.records import Scored

__all__ = ["FURTHER", "FurtherScores", "further_metrics"]

Picture = NDArray[np.uint8]
Metric = Callable[[Picture, Picture], float]


def _grey(metric: Callable[..., float], image: Picture, reference: Picture, **how: Any) -> float:
    """A metric of grey values, as MATLAB scripts have it."""
    a, b = (one if one.ndim == 2 else rgb2gray(one) for one in (image, reference))
    return float(metric(a, b, data_range=255, **how))


# By the names that options have. NIQE and BRISQUE need no reference; lower is better of these two and of GMSD.
FURTHER: dict[str, Metric] = {
    "niqe": lambda image, _: float(niqe(image)),
    "brisque": lambda image, _: float(brisque(image)),
    "ms-ssim": partial(_grey, ms_ssim),
    "gmsd": partial(_grey, gmsd),
    "ssim-rgb": lambda image, reference: ssim(
        image, reference, data_range=255, **SSIM_FORMS["volume" if image.ndim == 3 else "replicate"]
    ),
}


def further_metrics(metrics: str | Sequence[str], also: str | Sequence[str]) -> dict[str, Metric]:
    """The metrics of these names; those of `also` are ``pyiqa:lpips,dists``.

    Raises
    ------
    ArgumentError
        If there is no such metric.
    VdsrError
        If pyiqa is not installed, or cannot make one of its metrics.
    """
    names = list(dict.fromkeys(limits.several(metrics)))
    found = {limits.choice("metric", name, list(FURTHER)): FURTHER[name] for name in names}
    for text in limits.several(also):
        library, colon, wanted = text.partition(":") if isinstance(text, str) else ("", "", "")
        if library != "pyiqa" or not colon or not all(wanted.split(",")):
            raise ArgumentError(f"also: {text!r} is not allowed; give metrics of pyiqa, such as pyiqa:lpips,dists")
        found |= {f"pyiqa:{name}": pyiqa_metric(name) for name in dict.fromkeys(wanted.split(","))}
    return found


@dataclass
class FurtherScores:
    """A sink of `evaluate` that measures the pictures of each image, by these metrics."""

    metrics: Mapping[str, Metric]
    values: dict[Key, dict[str, dict[str, float]]] = field(default_factory=dict)  # by image and metric

    def __call__(self, methods: Sequence[Scored]) -> None:
        """Measure one image of each method; a VdsrError names what cannot be measured."""
        for scored in methods:
            record = scored.record
            border = scored.protocol.border_at(record.scale)
            inner = np.s_[border : scored.image.shape[0] - border, border : scored.image.shape[1] - border]
            image, reference = (np.ascontiguousarray(one[inner]) for one in (picture(scored), ground_truth(scored)))
            key = Key(record.dataset, record.scale, record.model, record.protocol)
            row = self.values.setdefault(key, {}).setdefault(record.image, {})
            for name, metric in self.metrics.items():
                try:
                    row[name] = metric(_alike(image, reference), _alike(reference, image))
                except (ArgumentError, TypeError) as error:
                    raise VdsrError(f"{record.dataset}/{record.image} x{record.scale:g}, {name}: {error}") from error

    def rows(self) -> list[dict[str, Any]]:
        """A dict for each image and method, as `Scores.rows` has them."""
        return [{**key._asdict(), "image": image, **row} for key, images in self.values.items()
                for image, row in images.items()]  # fmt: skip

    def table(self) -> Table:
        """The means."""
        rows = []
        for key, images in self.values.items():
            means = [math.fsum(row[name] for row in images.values()) / len(images) for name in self.metrics]
            rows.append((key.dataset, f"x{key.scale:g}", key.model, *(f"{mean:.4f}" for mean in means)))
        protocol = next(iter(self.values)).protocol
        title = f"further metrics of 8-bit pictures under {protocol}, without the border; part of no protocol"
        return Table("further metrics", title, ("set", "scale", "method", *self.metrics), rows, left=3, merged=2)


def _alike(image: Picture, other: Picture) -> Picture:
    """The image with as many channels as the other."""
    return np.dstack([image] * 3) if image.ndim < other.ndim else image
