"""The commands of papers' low-resolution images: `vdsr-data degrade`, `vdsr-data export` and `vdsr-data identify`."""

from pathlib import Path
from typing import Any, get_args

import click

from vdsr_data import limits
from vdsr_data.cli import voice
from vdsr_data.cli.options import (
    CHOICE,
    FACTORS,
    PATH,
    WHOLE,
    ExplainingCommand,
    boundary_option,
    call,
    complete_set,
    force_option,
    progress,
    threads_option,
)

__all__ = ["degrade", "export", "identify"]


class ScalesType(click.ParamType[Any]):
    """Factors of reduction with commas between them, or MATLAB's start:step:stop."""

    name = "scales"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the numbers, or the text with colons; which fit the kind is for the function to say."""
        return value if isinstance(value, str) and ":" in value else FACTORS.convert(value, param, ctx)


@click.command(cls=ExplainingCommand)
@click.argument("source", metavar="IN", shell_complete=complete_set)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--kind", type=CHOICE(limits.DEGRADATION_KINDS), default="bi", show_default=True,
              help="What is done, by the name that papers give it.")  # fmt: skip
@click.option("--scale", type=ScalesType(), metavar="S,...", help="Factors of reduction: 3; 2,3,4; 1.1:0.1:4.")
@click.option("--boundary", type=CHOICE(limits.BOUNDARIES), show_default="symmetric",
              help="Pixels beyond the edge when resizing, see imresize.")  # fmt: skip
@click.option("--sigma", type=float, metavar="PIXELS", show_default="1.6 of bd, 2.6 of srmd",
              help="Width of the Gaussian of bd, blur and srmd.")  # fmt: skip
@click.option("--kernel", type=PATH, metavar="FILE", help="A .mat or .npy file with the kernel of blur or srmd.")
@click.option("--noise", type=float, metavar="LEVEL", show_default="30 of dn, 15 of srmd, 10 of noise",
              help="Standard deviation of the noise, for values up to 255.")  # fmt: skip
@click.option("--seed", type=WHOLE(*limits.SEEDS), show_default="randn('seed', 0), as in the papers",
              help="Noise of rng(SEED) instead.")  # fmt: skip
@click.option("--quality", type=int, show_default="10", help="Of jpeg, from 1 to 100.")
@click.option("--modcrop", type=WHOLE(*limits.MULTIPLES), default=1, show_default=True,
              help="First crop to multiples of this.")  # fmt: skip
@click.option("--crop", type=CHOICE(limits.CROPS),
              show_default="modcrop; meta-sr for scales with fractions or colons",
              help="Crop to multiples of the scale; or 4 pixels from sides that are none, as Meta-SR.")  # fmt: skip
@click.option("--format", type=CHOICE(get_args(limits.ImageFormat)),
              help="Of the images of a folder.  [default: png]")  # fmt: skip
@threads_option()
@click.option("--explain", is_flag=True, help="Write nothing: say which lines of MATLAB this is, and who used it.")
@force_option
def degrade(source: str, target: Path, **options: Any) -> None:
    """Make low-resolution images as the MATLAB scripts of papers made them.

    IN is a file, a folder, or the name of a set, which is looked up as build-test does; OUT accordingly a .png, .bmp or
    .tif file, or a folder, with a folder for each scale if there are several.

    \b
    vdsr-data degrade Set5 Set5_BD --kind bd --scale 3     blurred, then every third pixel (RDN, RCAN)
    vdsr-data degrade Set5 Set5_DN --kind dn --scale 3     bicubic, and noise of level 30
    vdsr-data degrade Set14 Set14_LR --scale 2,3,4,8 --boundary replicate
    vdsr-data degrade B100 B100_LR --scale 1.1:0.1:4       thirty scales (Meta-SR)
    vdsr-data degrade Set5 Set5_K --kind blur --scale 4 --kernel kernel.mat --explain
    """
    from vdsr_data.benchmark.degrading import degrade_folder

    with progress("Degrading") as advance:
        made = call(degrade_folder, source, target, advance=advance, **options)
    if options["explain"]:
        _print(str(made))
    else:
        voice.say(str(made))


@click.command(cls=ExplainingCommand)
@click.argument("lr", type=PATH)
@click.option("--gt", required=True, metavar="HR|SET", help="The original, a folder of them, or the name of a set.")
@click.option("--scale", type=float, show_default="what the sizes say", help="Factor of reduction.")
def identify(lr: Path, **options: Any) -> None:
    """Find out which recipe made low-resolution images of their originals.

    LR is an image or a folder. Tried are MATLAB's degradations, boundaries, roundings and ways of cropping, and how
    Pillow resizes; OpenCV, PyTorch and scikit-image too, where they are installed. Noise of any level is recognised by
    the usual seeds, and Gaussian blurs are fitted. If nothing gives every value, the nearest are named, with how many
    values differ.

    \b
    vdsr-data identify Set5_LRx3 --gt Set5
    vdsr-data identify bird_x3.png --gt Set5/bird.png
    """
    from vdsr_data.inspect.recognition import identify as find_out

    with progress("Identifying", unit="recipes") as advance:
        found = call(find_out, lr, advance=advance, **options)
    _print(str(found))


@click.command(cls=ExplainingCommand)
@click.argument("name", metavar="SET", shell_complete=complete_set)
@click.option("--layout", required=True, type=CHOICE(limits.LAYOUT_NAMES),
              help="Whose folders and names.")  # fmt: skip
@click.option("-o", "--output", type=PATH, help="The folder that the project's path points at.  [default: LAYOUT]")
@click.option("--scales", type=ScalesType(), default="2,3,4", show_default=True, metavar="S,...",
              help="Factors of reduction; for metasr also fractions, such as 1.1:0.1:4.")  # fmt: skip
@click.option("--degradation", metavar="KIND[:OPTION=VALUE,...]", help="Of rcan, instead of bicubic: bd, dn:noise=10.")
@boundary_option
@threads_option()
@force_option
def export(name: str, **options: Any) -> None:
    """Write a benchmark set in the folders and under the names that another project's loader expects.

    \b
    basicsr  SET/GTmod12/NAME.png               SET/LRbicx2/NAME.png
    rcan     HR/SET/x2/NAME_HR_x2.png           LR/LRBI/SET/x2/NAME_LRBI_x2.png
    edsr     benchmark/SET/HR/NAME.png          benchmark/SET/LR_bicubic/X2/NAMEx2.png
    kair     SET/HR/NAME.png                    SET/LR_bicubic/X2/NAMEx2.png
    metasr   SET/HR/NAME.png                    SET/LR_bicubic/X2.00/NAME.png

    \b
    vdsr-data export Set5 --layout basicsr -o datasets
    vdsr-data export Set5 --layout rcan --scales 3 --degradation bd
    """
    from vdsr_data.benchmark.layouts import export as write

    with progress("Exporting") as advance:
        made = call(write, name, advance=advance, **options)
    voice.say(str(made))


def _print(text: str) -> None:
    """Print what was asked for, also with --quiet."""
    click.echo(text)
    for line in text.splitlines():
        voice.keep(line)
