"""Files of scored images: pictures, residuals and details below a folder, and .mat files of what was scored."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vdsr_data.benchmark.file import save_variables
from vdsr_data.benchmark.sets import Benchmark
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import write_image
from vdsr_eval.protocols.pair import ground_truth as cropped
from vdsr_eval.protocols.pair import too_small
from vdsr_eval.protocols.protocol import Protocol
from vdsr_eval.reports.rendering import Window, automatic_window, checked_window, ground_truth, picture, residual
from vdsr_eval.scoring.records import BICUBIC, Scored

__all__ = [
    "PictureFiles",
    "below",
    "check_detail",
    "file_names",
    "save_images",
    "save_mat",
]

TAKEN = (BICUBIC, "gt", "residual", "detail")  # what other files beside those of a method are called


def save_images(folder: Path | str, methods: Sequence[Scored]) -> None:
    """Write one image's ground truth, and the picture and residual of every method, into a folder.

    ``butterfly_gt.png``, ``butterfly_bicubic.png``, ``butterfly_sr.png`` and ``butterfly_sr_residual.png``; several
    networks go by their names instead of sr. They are for the eye: 8-bit colours, whose luma is not what was scored.
    """
    folder, name = Path(folder), methods[0].record.image
    write_image(folder / f"{name}_gt.png", ground_truth(methods[0]))
    for tag, scored in _tagged(methods):
        write_image(folder / f"{name}_{tag}.png", picture(scored))
        if tag != BICUBIC:
            write_image(folder / f"{name}_{tag}_residual.png", residual(scored))


def save_mat(folder: Path | str, methods: Sequence[Scored]) -> None:
    """Write what was scored of each network as ``butterfly_sr.mat``.

    Variables `protocol`, the protocol's label, and `scale` say how it was scored; `sr`, float64 in [0, 1], is luma
    (rows, columns), or RGB (rows, columns, 3) where the protocol scores that. ``vdsr-eval score`` gives the same number
    for it again.
    """
    for tag, scored in _tagged(methods):
        if tag != BICUBIC or len(methods) == 1:
            content: dict[str, Any] = {"sr": scored.image / scored.protocol.data_range}
            content |= {"protocol": np.array(scored.protocol.label), "scale": np.array(scored.record.scale)}
            save_variables(Path(folder) / f"{scored.record.image}_{tag}.mat", content)


def file_names(labels: Sequence[str], *, taken: Sequence[str] = ()) -> dict[str, str]:
    """A part of a file name for each label: no two alike, whatever the case, and none of those taken.

    Letters of every script stay, anything but letters, digits, points and + becomes -.
    """
    used, found = {name.casefold() for name in taken}, {}
    for label in labels:
        plain = name = re.sub(r"(?:[^\w.+]|_)+", "-", label)[:80].strip("-.") or "unnamed"
        number = 1
        while name.casefold() in used:
            number += 1
            name = f"{plain}-{number}"
        used.add(name.casefold())
        found[label] = name
    return found


def _tagged(methods: Sequence[Scored]) -> list[tuple[str, Scored]]:
    """Each method with its part of a file name."""
    networks = [scored.record.model for scored in methods if scored.record.model != BICUBIC]
    tags = {networks[0]: "sr"} if len(networks) == 1 else file_names(networks, taken=TAKEN)
    return [(tags.get(scored.record.model, BICUBIC), scored) for scored in methods]


def below(folder: Path | str, scored: Scored, sets: Mapping[str, str]) -> Path:
    """The folder ``folder/SET/xSCALE`` for a scored image's files, made if it is missing.

    `sets` is what `file_names` gives for all sets that are scored.
    """
    target = Path(folder) / sets[scored.record.dataset] / f"x{scored.record.scale:g}"
    target.mkdir(parents=True, exist_ok=True)
    return target


def check_detail(
    detail: Window | str | None,
    sets: Sequence[Benchmark],
    scales: Sequence[float],
    protocols: Sequence[Protocol],
    images: Collection[str] = (),
) -> None:
    """Raise a VdsrError before the work where a window lies outside an image whose detail is to be drawn."""
    if detail is None or detail == "auto":
        return
    for benchmark in sets:
        for original in benchmark:
            shape = original.pixels.shape
            for scale in scales:
                left_out = any(too_small(shape, scale=scale, protocol=protocol) for protocol in protocols)
                if left_out or (images and original.name not in images):
                    continue
                try:
                    for protocol in protocols:
                        checked_window(detail, cropped(original.pixels, scale=scale, protocol=protocol).shape)
                except ArgumentError as error:
                    raise VdsrError(f"{benchmark.name}/{original.name}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class PictureFiles:
    """A sink that writes pictures, .mat files and comparisons of details, of all images or of the named ones."""

    # Names of folders by the names of all sets, as `file_names` gives them.
    sets: Mapping[str, str]
    images: Path | str | None = None
    mat: Path | str | None = None
    # A window, "auto" for where the methods differ most, or None for no comparison.
    detail: Window | str | None = None
    only: frozenset[str] = frozenset()

    def __call__(self, methods: Sequence[Scored]) -> None:
        """Write what was asked for of one image."""
        record = methods[0].record
        if self.only and record.image not in self.only:
            return
        if self.images is not None:
            folder = below(self.images, methods[0], self.sets)
            save_images(folder, methods)
            window = automatic_window(methods) if isinstance(self.detail, str) else self.detail
            if window is not None:
                from vdsr_eval.reports.figures import save_detail

                save_detail(folder / f"{record.image}_detail.png", methods, window)
        if self.mat is not None:
            save_mat(below(self.mat, methods[0], self.sets), methods)
