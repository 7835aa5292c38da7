"""What the commands of ``vdsr-eval`` share: types of options, and the options of everything that scores."""

import os
from collections.abc import Callable
from typing import Any

import click

from vdsr_data.cli.options import CHOICE, FILE, FOLDER, WHOLE, boundary_option, force_option
from vdsr_data.limits import FACTORS

__all__ = ["METRICS", "PROTOCOLS", "SCALE", "ListOption", "ensemble_option", "scoring_options"]

PROTOCOLS = ("vdsr-tf", "paper", "rcan")
METRICS = ("niqe", "brisque")
SCALE = WHOLE(*FACTORS)

ensemble_option = click.option(
    "--self-ensemble", is_flag=True, help="Average each network over eight flips and rotations."
)


class ListOption(click.Option):
    """An option that takes several values with commas between them, or is given several times."""

    def make_metavar(self, ctx: click.Context) -> str:
        """Show in the help that there may be several."""
        return f"{super().make_metavar(ctx)},..."

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Split words at their commas, but for the name of a file that has one."""
        names = not isinstance(self.type, click.Choice | click.IntRange)
        if isinstance(value, list | tuple):
            value = [part for word in value for part in _parts(word, names=names)]
        return super().type_cast_value(ctx, value)


def _parts(word: Any, *, names: bool) -> list[Any]:
    whole = not isinstance(word, str) or (names and os.path.exists(word))  # noqa: PTH110 - which takes any word
    return [word] if whole else word.split(",")


class WindowType(click.ParamType[Any]):
    """Four whole numbers x0,y0,x1,y1, or the word auto."""

    name = "x0,y0,x1,y1|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give a tuple of four, or "auto"."""
        numbers = value.split(",") if isinstance(value, str) and value != "auto" else []
        if value == "auto" or isinstance(value, tuple):
            return value
        if len(numbers) != 4 or not all(number.strip().isdecimal() and len(number) < 10 for number in numbers):
            self.fail(f"{value!r}: give x0,y0,x1,y1 in pixels, such as 40,60,104,124, or auto", param, ctx)
        return tuple(int(number) for number in numbers)


def scoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of everything that scores: the protocol, the tables, the files."""
    option = click.option
    # fmt: off
    decorators = (
        option("--protocol", "protocols", cls=ListOption, multiple=True, type=CHOICE(PROTOCOLS), default=("vdsr-tf",),
               show_default="vdsr-tf", help="How scores are computed."),
        option("--border", type=WHOLE(0), help="Pixels of each side left out.  [default: the scale]"),
        option("--rgb", is_flag=True, help="Score all three channels instead of luma."),
        option("--grey", type=CHOICE(["keep", "rgb"]),
               help="A grey original is its own luma, or is read as RGB.  [default: rcan: rgb; vdsr-tf, paper: keep]"),
        option("--luma", type=CHOICE(["uint8", "float"]),
               help="Luma rounded to 8 bits, or not.  [default: rcan: float; vdsr-tf, paper: uint8]"),
        boundary_option,
        option("--degradation", metavar="KIND[:OPTION=VALUE,...]",
               help="What makes low-resolution images instead of bicubic: bd, dn:noise=10, see vdsr-data degrade."),
        option("--lr", type=FOLDER, help="Take low-resolution images from this folder instead of making them."),
        option("--per-image", is_flag=True, help="Print a row for each image too."),
        option("--compare", is_flag=True, help="Put the published rows of the protocol beside the measured ones."),
        option("--explain", is_flag=True, help="Score under every protocol and say which published table agrees."),
        option("--json", type=FILE, help="Write all records, means and per image."),
        option("--csv", type=FILE, help="Write `file name, psnr, ssim`, with more columns where needed."),
        option("--markdown", type=FILE, help="Write the tables for a README."),
        option("--latex", type=FILE, help="Write the tables for a paper."),
        option("--html", type=FILE, help="Write one self-contained page: tables, bars, a slider between images."),
        option("--html-images", type=WHOLE(1), default=15, show_default=True, metavar="N",
               help="Images in the page: so many over all sets and scales, the first of each."),
        option("--save-images", type=FOLDER, help="Write gt, bicubic, sr and residual as PNG below this folder."),
        option("--save-mat", type=FOLDER, help="Write what is scored of every result as .mat below this folder."),
        option("--detail", type=WindowType(), help="With --save-images: compare this detail of each image."),
        option("--image", "images", multiple=True, metavar="NAME,...", help="Draw and save these images only."),
        force_option,
    )
    # fmt: on
    for decorate in reversed(decorators):
        command = decorate(command)
    return command
