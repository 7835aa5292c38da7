"""`vdsr-data build-train --format png` or `lmdb`: sub-images for BasicSR instead of a training file."""

import time
from pathlib import Path
from typing import Any

import click

from vdsr_data.cli import voice
from vdsr_data.cli.options import given, progress, refuse_idle

__all__ = ["build_subimages"]

ELSEWHERE = "is for training files only: BasicSR turns, flips and shuffles while it loads"
FOREIGN = ("rotations", "flips", "downsizes", "seed", "axes", "keys", "shard", "dask")


def build_subimages(context: click.Context, images: list[Path], output: Path | None, kind: Any) -> None:
    """Do what `build-train` was asked for, with its options as `context` has them."""
    from vdsr_data.io.files import check_folder
    from vdsr_data.training.forecast import forecast_subimages
    from vdsr_data.training.subimages import SubimageRecipe, generate_subimages

    refuse_idle(context, FOREIGN, ELSEWHERE)
    names = {"patch_size": "size", "stride": "stride", "compression": "compression"}
    changed = {names[name]: value for name, value in given(context, names).items()}
    recipe = SubimageRecipe(context.params["scales"], boundary=context.params["boundary"], **changed)
    workers, output = context.params["workers"], output or Path(f"vdsr_train_{kind}")
    dry_run = context.params["dry_run"]
    check_folder(output, force=context.params["force"] or dry_run)
    if dry_run:
        voice.say(forecast_subimages(images, output, recipe, kind, workers=workers))
        return
    began = time.perf_counter()
    with progress(f"Building {output.name}", len(images)) as advance:
        count = generate_subimages(images, output, recipe, kind, workers=workers, advance=advance)
    scales = ", ".join(f"x{scale}" for scale in recipe.scales)
    voice.say(f"{output}: {count:,} sub-images from {len(images)} images, in HR and in LR {scales}, "
              f"in {time.perf_counter() - began:.1f} s")  # fmt: skip
