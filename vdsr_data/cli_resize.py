"""The command `vdsr-data imresize`."""

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from vdsr_data import voice
from vdsr_data.errors import VdsrError
from vdsr_data.options import (
    CHOICE,
    PATH,
    SCALE,
    WHOLE,
    ExplainingCommand,
    boundary_option,
    complete_set,
    force_option,
    progress,
    refuse_idle,
    threads_option,
)

__all__ = ["imresize"]


@click.command(cls=ExplainingCommand)
@click.argument("source", metavar="IN", shell_complete=complete_set)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--scale", type=SCALE, help="Factor, such as 1/3, 0.5, 2; or two, rows first: 1/2,1/3.")
@click.option("--size", metavar="ROWSxCOLUMNS", help="Size of the output, instead of --scale.")
@click.option("--modcrop", type=WHOLE(1), default=1, show_default=True,
              help="First crop to multiples of this, as low-resolution sets are made.")  # fmt: skip
@click.option("--format", "kind", type=CHOICE(["png", "bmp", "tif"]), default="png", show_default=True,
              help="Of the images of a folder.")  # fmt: skip
@click.option("--no-antialias", is_flag=True, help="MATLAB's 'Antialiasing', false.")
@boundary_option
@threads_option()
@force_option
@click.pass_context
def imresize(context: click.Context, source: str, target: Path, scale: Any, size: str | None, modcrop: int, kind: str,
             no_antialias: bool, boundary: Any, workers: int, force: bool) -> None:  # fmt: skip
    """Resize an image, or every image of a folder, as MATLAB's imresize and imwrite would.

    IN is a file, a folder, or the name of a set, which is looked up as build-test does; OUT accordingly a .png, .bmp or
    .tif file, or a folder.

    \b
    vdsr-data imresize Set5 LRx3 --scale 1/3 --modcrop 3     low-resolution images as MATLAB makes them
    vdsr-data imresize photo.png half.png --scale 1/2
    """
    from vdsr_data.datasets import find_images, unique_names
    from vdsr_data.files import check_apart, check_folder, check_output, claimed
    from vdsr_data.generate import resize_images
    from vdsr_data.images import is_image_name
    from vdsr_data.memory import check_images, of_resizing
    from vdsr_data.resize import output_size

    rows_columns = _parse_size(size)
    whole: AbstractContextManager[None] = nullcontext()
    if (scale is None) == (size is None):
        raise click.UsageError("give either --scale or --size")
    if Path(source).is_file() or (is_image_name(source) and not Path(source).is_dir()):
        refuse_idle(context, ["kind"], "is for folders; of one image the name of OUT tells the format")
        sources, targets = [Path(source)], [target]
        check_output(target, force=force)
        check_apart(target, sources)
    else:
        _, sources = find_images(source, "test")
        targets = [target / f"{name}.{kind}" for name in unique_names(sources)]
        if target.is_dir() and target.samefile(sources[0].parent):
            raise VdsrError(f"{target}: holds the images themselves; name another folder")
        check_folder(target, force=force)
        whole = claimed(target)

    def needed(rows: int, columns: int) -> float:
        return of_resizing(rows, columns, rows_columns or output_size((rows, columns), scale))

    check_images(sources, needed, workers=workers)
    with whole, progress("Resizing", len(sources)) as advance:
        resize_images(sources, targets, scale=scale, size=rows_columns, crop=modcrop, antialias=not no_antialias,
                      boundary=boundary, workers=workers, advance=advance)  # fmt: skip
    voice.say(f"{target}: {len(sources)} image{'s' * (len(sources) > 1)}")


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"0*([1-9]\d{0,9})[xX]0*([1-9]\d{0,9})", text)
    if not found:
        raise click.BadParameter(f"{text!r}: give rows and columns, such as 240x320", param_hint="--size")
    return int(found[1]), int(found[2])
