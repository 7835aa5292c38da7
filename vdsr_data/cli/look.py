"""The commands that look into data files: `vdsr-data info`, `vdsr-data preview` and `vdsr-data verify`."""

from pathlib import Path
from typing import Any

import click

from vdsr_data import limits
from vdsr_data.cli import voice
from vdsr_data.cli.options import (
    PATH,
    WHOLE,
    ExplainingCommand,
    call,
    complete_set,
    force_option,
    progress,
    refuse_idle,
)

__all__ = ["info", "preview", "verify"]


@click.command(cls=ExplainingCommand)
@click.argument("file", type=PATH)
def info(file: Path) -> None:
    """Say what is in a training file, a benchmark file or a folder of .mat files or sub-images, and how it was made.

    The histograms of gt, and of the residual in steps of 8-bit images, are those of at most 1,024 pairs (and four
    million pixels), chosen at random but always the same.
    """
    from rich.console import Console

    from vdsr_data.inspect.describe import info as look

    call(look, file).print(Console(highlight=False))


@click.command(cls=ExplainingCommand)
@click.argument("file", type=PATH)
@click.option("-o", "--output", type=PATH, help="The PNG file to write.  [default: FILE without suffix, _preview.png]")
@click.option("--count", type=WHOLE(*limits.PREVIEWS), show_default="24 patches, or 8 images",
              help="Patches of a training file, images of a benchmark file or .mat files, sub-images.")  # fmt: skip
@click.option("--seed", type=WHOLE(*limits.SEEDS), default=0, show_default=True, help="Of the choice.")
@force_option
def preview(file: Path, **options: Any) -> None:
    """Draw a contact sheet of a training or benchmark file: lr, gt and the residual gt - lr; of sub-images: HR and LR.

    Of a training file, a part or a virtual file, it shows patches chosen at random, with their numbers; of a benchmark
    file or a folder of .mat files images, with lr and residual at each scale. Below each residual stands the PSNR of
    lr. The residual's colours go from blue (gt is darker) by white to red; their range, the same for the whole sheet,
    stands below. Of a large image each square of pixels is drawn as their mean.
    """
    from vdsr_data.inspect.sheet import preview as draw

    voice.say(str(call(draw, file, **options)))


@click.command(cls=ExplainingCommand)
@click.argument("file", type=PATH)
@click.option("--images", metavar="FOLDER|NAME", shell_complete=complete_set, help="That the file was made from.")
@click.option("--sample", type=WHOLE(*limits.SAMPLES), default=64, show_default=True, help="Pairs to make anew.")
@click.option("--seed", type=WHOLE(*limits.SEEDS), default=0, show_default=True, help="Of the sample.")
@click.option("--expect", metavar="SHA256", help="The sum of the content that an earlier call printed.")
@click.pass_context
def verify(context: click.Context, /, file: Path, **options: Any) -> int:
    """Check a training file, a part, a virtual file with its parts, a benchmark file, or a folder of either kind.

    Looks at all attributes, counts and values, and prints the SHA-256 of the content: of all attributes but the
    version, and of all values. It is the same for files that are compressed, virtual, merged or built at once; keep it,
    and give it to --expect later or elsewhere. Without it, and without the images, a value of a training file may have
    changed to another allowed one unseen.

    With --images their SHA-256 sums are compared with those that the file recorded, and a sample of its pairs, chosen
    at random, is made anew and compared bit by bit; the sample of a benchmark file always is, from the originals in it,
    that of .mat files from gt, and that of sub-images' LR from HR, but for its edges. The content of .mat files and of
    sub-images is their names and values. Exit code 1 if anything is wrong.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vdsr_data.benchmark.file import is_benchmark_file
    from vdsr_data.benchmark.mat_folder import is_mat_folder
    from vdsr_data.inspect.verification import verify as check

    of_test = is_mat_folder(file) or is_benchmark_file(file)
    if options["images"] is None and not of_test and not file.is_dir():
        refuse_idle(context, ["sample", "seed"], "is for a sample, which a training file has with --images only")
    if not options["sample"]:
        refuse_idle(context, ["seed"], "is for a sample, and --sample 0 is none")
    with progress(f"Verifying {file.name}", unit="MB") as advance:
        result = call(check, file, advance=advance, **options)
    click.echo(f"{file}: {result.kind}")
    table = Table.grid(padding=(0, 2))
    for entry in result.checks:
        table.add_row(Text(f"  {entry.name}"), "WRONG" if entry.failures else "ok", Text(entry.found))
    Console(highlight=False, width=200, soft_wrap=True).print(table)
    for line in result.failures:
        voice.remark(f"{file}: {line}")
    return 1 if result.failures else 0
