"""What the commands of ``vdsr-eval`` share: types of options, and the options of everything that scores."""

import os
from collections.abc import Callable
from typing import Any

import click

from vdsr_data.cli.options import CHOICE, FACTORS, FILE, FOLDER, WHOLE, degradation_option, force_option
from vdsr_data.limits import BOUNDARIES, EVALUATED, several
from vdsr_data.limits import FACTORS as ENLARGED

__all__ = ["FACTOR", "METRICS", "PROTOCOLS", "SCALE", "ListOption", "engine_option", "ensemble_option",
           "input_option", "scoring_options"]  # fmt: skip

PROTOCOLS = ("vdsr-tf", "paper", "rcan", "rdn", "dncnn", "lapsrn", "basicsr", "ntire", "gopro", "denoising")
METRICS = ("niqe", "brisque")
FURTHER = (*METRICS, "ms-ssim", "gmsd", "ssim-rgb")
ENGINES = ("auto", "numba", "tensorflow", "jax", "onnx")
INPUTS = ("1", "255", "rgb", "bgr", "whole")
LUMA = ("uint8", "float", "single", "difference", "full", "full-uint8")
SCALE = WHOLE(*ENLARGED)

engine_option = click.option(
    "--engine",
    type=CHOICE(ENGINES),
    default="auto",
    show_default=True,
    help="What computes networks: numba is our own; auto takes a GPU that an installed framework finds, else numba.",
)
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
        names = not isinstance(self.type, click.Choice | FactorType)
        if isinstance(value, list | tuple):
            value = [part for word in value for part in _parts(word, names=names)]
        if isinstance(self.type, FactorType):
            value = [one for part in value for one in several(FACTORS.convert(part, self, ctx))]
        return super().type_cast_value(ctx, value)


class FactorType(click.ParamType[float]):
    """A factor of super-resolution, also a fraction."""

    name = "S"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the number, a whole one as int."""
        found = several(FACTORS.convert(value, param, ctx))
        low, high = EVALUATED
        if len(found) != 1 or not low <= found[0] <= high:
            self.fail(f"{value!r}: give one factor from {low} to {high}, such as 3 or 2.5", param, ctx)
        return found[0]


FACTOR = FactorType()


class RuleType(click.ParamType[tuple[str, str]]):
    """A rule of a protocol, NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give name and value; which are allowed is for the function to say."""
        if not isinstance(value, str):
            return value
        name, equal, word = value.partition("=")
        if not equal or not name or not word:
            self.fail(f"{value!r}: give a rule as ssim=volume or crop=12", param, ctx)
        return name, word


class BorderType(click.ParamType[Any]):
    """Pixels, or scale+6."""

    name = "pixels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give a whole number, or the words."""
        return value if value == "scale+6" else WHOLE(0).convert(value, param, ctx)


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


input_option = click.option(
    "--network-input",
    cls=ListOption,
    multiple=True,
    type=CHOICE(INPUTS),
    help="What networks of ONNX files take where trying them guesses wrongly: what is white, the order of colours, and "
    "whether an image must come whole.",
)


def scoring_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of everything that scores: the protocol, the tables, the files."""
    option = click.option
    # fmt: off
    decorators = (
        option("--protocol", "protocols", cls=ListOption, multiple=True, type=CHOICE(PROTOCOLS), default=("vdsr-tf",),
               show_default="vdsr-tf", help="How scores are computed."),
        option("--border", type=BorderType(), metavar="N",
               help="Pixels of each side left out: a number, or scale+6.  [default: the protocol's, mostly the scale]"),
        option("--rgb", is_flag=True,
               help="Score all channels instead of luma. SSIM is their mean; MATLAB's is another: --rule ssim=volume."),
        option("--grey", type=CHOICE(["keep", "rgb"]),
               help="A grey original is its own luma, or is read as RGB.  [default: the protocol's]"),
        option("--luma", type=CHOICE(LUMA),
               help="Luma rounded to 8 bits, or not, or another one.  [default: the protocol's]"),
        option("--boundary", type=CHOICE(BOUNDARIES),
               help="Pixels beyond the edge, see vdsr-data imresize.  [default: the protocol's, mostly symmetric]"),
        option("--rule", "rules", multiple=True, type=RuleType(), metavar="NAME=VALUE",
               help="Change any rule of the protocols, see `vdsr-eval protocols`: ssim=volume, crop=12."),
        degradation_option,
        option("--lr", type=FOLDER, help="Take low-resolution images from this folder instead of making them."),
        option("--claim", metavar="PSNR/SSIM",
               help="Find the rules that give every digit of a published number, such as 37.56/0.9591."),
        option("--claims", type=FILE, help="As --claim: a log or CSV file with the numbers of each image."),
        option("--metric", "metrics", cls=ListOption, multiple=True, type=CHOICE(FURTHER),
               help="Print a table of further metrics of the pictures; niqe and brisque need vdsr-data fetch."),
        option("--also", multiple=True, metavar="pyiqa:NAME,...",
               help="Print metrics of pyiqa too, where it is installed: pyiqa:lpips,dists."),
        option("--per-image", is_flag=True, help="Print a row for each image too."),
        option("--compare", is_flag=True, help="Put the published rows of the protocol beside the measured ones."),
        option("--explain", is_flag=True, help="Score under four protocols, say which published bicubic table agrees."),
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
