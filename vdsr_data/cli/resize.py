"""The command `vdsr-data imresize`."""

import re
from pathlib import Path
from typing import Any, get_args

import click

from vdsr_data import limits
from vdsr_data.cli import voice
from vdsr_data.cli.options import (
    CHOICE,
    PATH,
    SCALE,
    WHOLE,
    ExplainingCommand,
    boundary_option,
    call,
    complete_set,
    force_option,
    progress,
    threads_option,
)

__all__ = ["imresize"]


class SizeType(click.ParamType[tuple[int, int]]):
    """Rows and columns: 240x320."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """Give the two numbers."""
        found = re.fullmatch(r"0*([1-9]\d{0,9})[xX]0*([1-9]\d{0,9})", value) if isinstance(value, str) else None
        if not found:
            raise click.BadParameter(f"{value!r}: give rows and columns, such as 240x320", param_hint="--size")
        return int(found[1]), int(found[2])


@click.command(cls=ExplainingCommand)
@click.argument("source", metavar="IN", shell_complete=complete_set)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--scale", type=SCALE, help="Factor, such as 1/3, 0.5, 2; or two, rows first: 1/2,1/3.")
@click.option("--size", type=SizeType(), metavar="ROWSxCOLUMNS", help="Size of the output, instead of --scale.")
@click.option("--modcrop", type=WHOLE(*limits.MULTIPLES), default=1, show_default=True,
              help="First crop to multiples of this, as low-resolution sets are made.")  # fmt: skip
@click.option("--format", type=CHOICE(get_args(limits.ImageFormat)),
              help="Of the images of a folder.  [default: png]")  # fmt: skip
@click.option("--no-antialias", "antialias", is_flag=True, flag_value=False, default=None,
              help="MATLAB's 'Antialiasing', false.")  # fmt: skip
@boundary_option
@click.option("--method", type=CHOICE(limits.RESIZE_METHODS), default="bicubic", show_default=True,
              help="MATLAB's name of the kernel.")  # fmt: skip
@threads_option()
@force_option
def imresize(source: str, target: Path, **options: Any) -> None:
    """Resize an image, or every image of a folder, as MATLAB's imresize and imwrite would.

    IN is a file, a folder, or the name of a set, which is looked up as build-test does; OUT accordingly a .png, .bmp or
    .tif file, or a folder.

    \b
    vdsr-data imresize Set5 LRx3 --scale 1/3 --modcrop 3     low-resolution images as MATLAB makes them
    vdsr-data imresize Set5 Box --scale 1/3 --method box     other kernels
    vdsr-data imresize photo.png half.png --scale 1/2
    """
    from vdsr_data.benchmark.resizing import imresize_folder

    with progress("Resizing") as advance:
        resized = call(imresize_folder, source, target, advance=advance, **options)
    voice.say(str(resized))
