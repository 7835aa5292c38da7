"""Benchmark sets in the folders and under the names that other projects' loaders expect."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from vdsr_data import limits
from vdsr_data.benchmark.degrading import check_originals, write_degraded
from vdsr_data.benchmark.sets import find_images, unique_names
from vdsr_data.degradations.recipes import KINDS, Crop, Degradation, crop_for
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import read_image, write_image
from vdsr_data.images.memory import check_images, of_degrading
from vdsr_data.io.ahead import Progress, ignore, of_all, results
from vdsr_data.io.files import check_apart, check_folder, together
from vdsr_data.limits import Boundary, LayoutName
from vdsr_data.matlab.arrays import modcrop

__all__ = ["LAYOUTS", "Exported", "Layout", "LayoutName", "export"]


@dataclass(frozen=True)
class Layout:
    """Where a project looks for originals and low-resolution images, and how its own script makes them.

    `hr` and `lr` are paths with {set}, {name}, {kind} and {scale}. Without {scale} in `hr` an original is written once,
    whole or cropped to multiples of `multiple`; with it, cropped for each scale.
    """

    hr: str
    lr: str
    read_by: str
    kind: Literal["bi", "bi-double"] = "bi"
    multiple: int = 1
    crop: Crop | None = None


LAYOUTS: dict[str, Layout] = {
    "basicsr": Layout(
        "{set}/GTmod12/{name}.png", "{set}/LRbicx{scale}/{name}.png", "BasicSR, ESRGAN", "bi-double", multiple=12
    ),
    "rcan": Layout(
        "HR/{set}/x{scale}/{name}_HR_x{scale}.png", "LR/LR{kind}/{set}/x{scale}/{name}_LR{kind}_x{scale}.png",
        "RCAN, RDN, SAN, HAN",
    ),
    "edsr": Layout(
        "benchmark/{set}/HR/{name}.png", "benchmark/{set}/LR_bicubic/X{scale}/{name}x{scale}.png",
        "EDSR, RCAN for PyTorch",
    ),
    "kair": Layout(
        "{set}/HR/{name}.png", "{set}/LR_bicubic/X{scale}/{name}x{scale}.png", "KAIR, SwinIR", "bi-double"
    ),
    "metasr": Layout(
        "{set}/HR/{name}.png", "{set}/LR_bicubic/X{scale:.2f}/{name}.png", "Meta-SR, ArbSR", crop="meta-sr"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """What `export` wrote: the folder, how many originals and low-resolution images."""

    output: Path
    originals: int
    images: int
    layout: str

    def __str__(self) -> str:
        return f"{self.output}: {self.originals} originals, {self.images} low-resolution images, layout {self.layout}"


def export(
    name: str | Path,
    output: str | Path | None = None,
    *,
    layout: LayoutName,
    scales: float | Sequence[float] | str = (2, 3, 4),
    degradation: str | Degradation | None = None,
    boundary: Boundary = "symmetric",
    workers: int | None = None,
    force: bool = False,
    advance: Progress = ignore,
) -> Exported:
    """Write a benchmark set as another project expects it: originals and low-resolution images, by its names.

    Parameters
    ----------
    name : str or path
        A folder of images, or the name of a set, see `open_set`.
    output : path, optional
        The folder that the project's path points at; by default LAYOUT in the current folder. Sets may share it.
    layout : {"basicsr", "rcan", "edsr", "kair", "metasr"}
        Whose folders and names; see `LAYOUTS`. BasicSR's and KAIR's own scripts round once, the others after each pass.
    scales : float, sequence of float, or str
        Factors of reduction; for "metasr" also fractions, and MATLAB's "start:step:stop".
    degradation : str or Degradation, optional
        Another one than bicubic, for "rcan", whose folders tell its name: "bd" or "dn".
    boundary : {"symmetric", "replicate"}
        Pixels beyond the edge, see `imresize`.
    workers : int, optional
        Threads, by default one per core; the images do not depend on their number.
    force : bool
        Replace images that exist.
    advance : callable
        Called with how many originals are done since the last call, and how many there are.

    Returns
    -------
    Exported

    Raises
    ------
    ArgumentError
        If an argument is not allowed.
    VdsrError
        If there is no such set, an image cannot be read or the degradation does not take it, nothing is left of it, two
        images share a name, or something exists or cannot be written. Then, and after Ctrl-C, no image is written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vdsr_data import export, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "Dots").mkdir()
    ...     write_image(f"{folder}/Dots/one.png", np.eye(24, dtype=np.uint8) * 255)
    ...     made = export(f"{folder}/Dots", f"{folder}/out", layout="rcan", scales=2)
    ...     sorted(str(path.relative_to(made.output)) for path in made.output.rglob("*.png"))
    ['HR/Dots/x2/one_HR_x2.png', 'LR/LRBI/Dots/x2/one_LRBI_x2.png']
    """
    plan = LAYOUTS[limits.choice("layout", layout, limits.LAYOUT_NAMES)]
    recipe = _recipe(plan, layout, degradation, limits.checked_boundary(boundary))
    factors = recipe.check_scales(scales)
    if 1 in factors:
        raise ArgumentError("scales: by 1 the low-resolution images would be the originals; give larger factors")
    if layout != "metasr" and any(one != int(one) for one in factors):
        raise ArgumentError(f"scales: {layout} has whole ones only; fractions are for metasr")
    workers = limits.threads(workers)
    title, sources = find_images(name, "test")
    output = limits.checked_path("output", layout if output is None else output)
    high, low = [], []
    for image in unique_names(sources):
        words = [{"set": title, "name": image, "kind": recipe.kind.upper(), "scale": one} for one in factors]
        high.append({output / plan.hr.format(**word): one for word, one in zip(words, factors, strict=True)})
        low.append({output / plan.lr.format(**word): one for word, one in zip(words, factors, strict=True)})
    every = [path for places in (*high, *low) for path in places]

    check_originals(sources, recipe, factors, plan.multiple, plan.crop)
    if len(low[0]) < len(factors):
        raise ArgumentError("scales: one has the folder of another one; give one of them")
    check_apart(every, sources)
    if not force and (existing := [path for path in every if path.exists()]):
        raise VdsrError(f"{existing[0]}: exists; replace it with --force, or name another place")
    check_folder(output, force=True)
    check_images(sources, partial(of_degrading, kind=recipe.kind, scale=min(factors)), workers=workers)

    def process(k: int) -> None:
        hr = modcrop(read_image(sources[k]), plan.multiple)
        for path, scale in high[k].items():
            write_image(place(path), crop_for(hr, scale, plan.crop) if "{scale}" in plan.hr else hr)
        for path, scale in low[k].items():
            write_degraded(place(path), hr, sources[k], recipe, scale, plan.crop)

    with together(output, every) as place:
        results(process, len(sources), workers, of_all(advance, len(sources)))
    return Exported(output, sum(map(len, high)), sum(map(len, low)), layout)


def _recipe(plan: Layout, layout: str, degradation: str | Degradation | None, boundary: Boundary) -> Degradation:
    """What makes the low-resolution images."""
    if degradation is None:
        return Degradation(plan.kind, boundary=boundary)
    if layout != "rcan":
        raise ArgumentError(f"degradation: the folders of {layout} are for bicubic images; rcan has others")
    recipe = Degradation.parse(degradation)
    if boundary != "symmetric" and (recipe.boundary or "boundary" not in KINDS[recipe.kind].options):
        raise ArgumentError(f"boundary has no effect on {recipe}; leave it out")
    if not KINDS[recipe.kind].reduces:
        raise ArgumentError(f"degradation: {recipe.kind} does not reduce images")
    return recipe.resized_by(boundary)
