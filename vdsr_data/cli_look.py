"""The commands that look into data files: `vdsr-data info` and `vdsr-data preview`."""

import sys
from pathlib import Path

import click

from vdsr_data import voice
from vdsr_data.errors import VdsrError
from vdsr_data.options import ExplainingCommand, force_option

__all__ = ["info", "preview"]

PATH = click.Path(path_type=Path)


@click.command(cls=ExplainingCommand)
@click.argument("file", type=PATH)
def info(file: Path) -> None:
    """Say what is in a training or test file, and how it was made.

    The histograms of gt, and of the residual in steps of 8-bit images, are those of at most 1,024 pairs (and four
    million pixels), chosen at random but always the same.
    """
    from rich.console import Console
    from rich.padding import Padding

    from vdsr_data.describe import describe
    from vdsr_data.histogram import spread, table
    from vdsr_data.pairs import Pairs

    for line in describe(file):
        click.echo(line)
    found = spread(Pairs(file))
    click.echo(f"  values of {found.sample}: {found.summary}")
    console = Console(highlight=False)
    blocks = console.is_terminal and (sys.stdout.encoding or "").lower().startswith("utf")
    console.print(Padding(table(found, blocks=blocks), (0, 0, 0, 2)))


@click.command(cls=ExplainingCommand)
@click.argument("file", type=PATH)
@click.option("-o", "--output", type=PATH, help="The PNG file to write.  [default: FILE without suffix, _preview.png]")
@click.option("--count", type=click.IntRange(1, 1000), show_default="24 patches, or 8 images",
              help="Patches of a training file, images of a test file.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the choice.")
@force_option
def preview(file: Path, output: Path | None, count: int | None, seed: int, force: bool) -> None:
    """Draw a contact sheet of a training or test file: lr, gt and the residual gt - lr.

    Of a training file, a part or a virtual file, it shows patches chosen at random, with their numbers; of a test file
    images, with lr and residual at each scale. Below each residual stands the PSNR of lr. The residual's colours go
    from blue (gt is darker) by white to red; their range, the same for the whole sheet, is written below.
    """
    from vdsr_data.files import check_output
    from vdsr_data.pairs import Pairs

    output = output or Path(f"{file.stem}_preview.png")
    if output.suffix.lower() != ".png":
        raise VdsrError(f"{output}: a preview is a picture; name a .png file")
    check_output(output, force=force)
    pairs = Pairs(file)
    from vdsr_data.figures import save_preview  # takes half a second, which a refusal need not take

    shown = save_preview(output, pairs, count=count, seed=seed)
    voice.say(f"{output}: {shown} {'patches' if pairs.shape else 'images'} of {file}")
