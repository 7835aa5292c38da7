"""How training patches are made from images: a recipe that checks itself, and how many patches it gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, get_args

from vdsr_data import limits
from vdsr_data.degradations.recipes import Degradation, checked_degradation
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import image_size
from vdsr_data.io.files import check_name
from vdsr_data.limits import FLIPS, ROTATIONS, Axes, Boundary, Flip, checked_boundary, checked_paths, checked_scales
from vdsr_data.matlab.resize import output_size
from vdsr_data.training.layout import CHUNK
from vdsr_data.training.patches import patch_count

__all__ = ["TrainingRecipe", "count_patches", "recipe_of"]


@dataclass(frozen=True)
class TrainingRecipe:
    """How patches are made from an image; the defaults are those of ``train_data.m``.

    Raises
    ------
    ArgumentError
        For a value that is not allowed; names it, and what is allowed.
    """

    scales: tuple[int, ...] = (2, 3, 4)
    patch_size: int = 41  # the receptive field of 20 layers of 3 x 3
    stride: int = 41  # patches do not overlap
    rotations: tuple[int, ...] = (0, 90)  # degrees, counter-clockwise
    flips: tuple[Flip, ...] = ("none", "left-right")  # after the rotation
    downsizes: tuple[float, ...] = (1.0,)  # the image is first reduced by these, as later papers did
    seed: int = 0  # of the order; 0 is a fresh MATLAB session
    boundary: Boundary = "symmetric"
    axes: Axes = "matlab"
    keys: tuple[str, str] = ("lr", "gt")
    degradation: Degradation | None = None  # what makes lr of the 8-bit colour image; None is imresize of luma

    def __post_init__(self) -> None:
        keys = limits.different("keys", self.keys, limits.identifier)
        if len(keys) != 2:
            raise ArgumentError(f"keys: {self.keys!r} is not allowed; give two names, of lr and of gt")
        checked = {
            "scales": checked_scales(self.scales),
            "patch_size": limits.whole("patch_size", self.patch_size, limits.PATCH_SIZES),
            "stride": limits.whole("stride", self.stride, limits.STRIDES),
            "rotations": limits.different("rotations", self.rotations, partial(limits.choice, allowed=ROTATIONS)),
            "flips": limits.different("flips", self.flips, partial(limits.choice, allowed=FLIPS)),
            "downsizes": limits.different("downsizes", self.downsizes, partial(limits.number, limits=limits.DOWNSIZES)),
            "seed": limits.whole("seed", self.seed, limits.SEEDS),
            "boundary": checked_boundary(self.boundary),
            "axes": limits.choice("axes", self.axes, get_args(Axes)),
            "keys": keys,
            "degradation": checked_degradation(self.degradation, checked_scales(self.scales), self.boundary),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def kept(self) -> dict[str, Any]:
        """The recipe as files keep it; `recipe_of` makes this of it again."""
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        how = kept.pop("degradation")
        return kept if how is None else {**kept, "degradation": how.given()}

    def variants(self) -> Iterator[tuple[float, int, Flip, int]]:
        """Downsize, rotation, flip and scale of each variant of an image, in the order of the script's loops."""
        return product(self.downsizes, self.rotations, self.flips, self.scales)

    def count(self, rows: int, columns: int) -> int:
        """Number of patches of an image of this size."""
        total = 0
        for downsize, rotation, _, scale in self.variants():
            height, width = output_size((rows, columns), downsize)[:: -1 if rotation % 180 else 1]
            total += patch_count(height - height % scale, width - width % scale, self.patch_size, self.stride)
        return total


def count_patches(images: Sequence[Path | str], recipe: TrainingRecipe) -> list[int]:
    """How many patches each image gives, from the heads of the files.

    Raises
    ------
    VdsrError
        If an image cannot be read, its name is not text in one line, or all images give fewer patches than a chunk.
    """
    paths = checked_paths(images)
    if not isinstance(recipe, TrainingRecipe):
        raise ArgumentError(f"recipe: {recipe!r} is not allowed; give a TrainingRecipe")
    for path in paths:
        check_name(path)
    counts = [recipe.count(*image_size(path)) for path in paths]
    if sum(counts) < CHUNK:
        raise VdsrError(
            f"{paths[0].parent}: {len(paths)} images give {sum(counts)} patches of {recipe.patch_size} x "
            f"{recipe.patch_size}, at least {CHUNK} are needed; use a smaller patch size or larger images"
        )
    return counts


def recipe_of(value: Any) -> TrainingRecipe | None:
    """The recipe that an attribute describes; None if it describes none."""
    names = {field.name for field in fields(TrainingRecipe)} - {"degradation"}
    if not isinstance(value, dict) or value.keys() - {"degradation"} != names:
        return None
    degradation = Degradation.kept(value["degradation"]) if "degradation" in value else None
    if "degradation" in value and degradation is None:
        return None
    try:
        return TrainingRecipe(**{**value, "degradation": degradation})
    except ArgumentError:
        return None
