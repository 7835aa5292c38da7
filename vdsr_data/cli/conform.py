"""The command `vdsr-data conform`."""

from typing import Any

import click

from vdsr_data.cli import voice
from vdsr_data.cli.options import ExplainingCommand, call

__all__ = ["conform"]


@click.command(cls=ExplainingCommand)
@click.argument("target")
@click.option("--function", metavar="NAME", show_default="TARGET's name, or imresize",
              help="Of MATLAB, to compare with.")  # fmt: skip
def conform(target: str, **options: Any) -> int:
    """Compare a function or a program with MATLAB's values, and say what it does instead.

    TARGET is module:function, with options behind commas, or a command line with {input} and {output}, which are PNG
    files, and {scale} or {rows} and {columns}. Functions of Pillow, OpenCV, PyTorch, torchvision, kornia,
    scikit-image, SciPy, TensorFlow, Keras, JAX, ResizeRight and fast_image_resize are called as they want. Others are
    called with an array and those of scale, size, antialias, boundary and method that they name, or with the size
    (rows, columns). TARGET's code is run. Exit code 1 if a value differs.

    \b
    vdsr-data conform cv2:resize
    vdsr-data conform torch.nn.functional:interpolate,antialias=True
    vdsr-data conform mymodule:imresize
    vdsr-data conform mymodule:luma --function rgb2ycbcr
    vdsr-data conform "convert {input} -filter Catrom -resize {columns}x{rows}! {output}"
    """
    from vdsr_data.interop.conformance import conform as compare

    found = call(compare, target, **options)
    click.echo(str(found))
    for line in str(found).splitlines():
        voice.keep(line)
    return 0 if found.exact else 1
