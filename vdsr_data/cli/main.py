"""The command `vdsr-data`: each subcommand parses, calls one function, prints. Heavy imports wait inside."""

from pathlib import Path
from typing import Any, get_args

import click

from vdsr_data import __version__, limits
from vdsr_data.cli import voice
from vdsr_data.cli.conform import conform
from vdsr_data.cli.degrade import degrade, export, identify
from vdsr_data.cli.look import info, preview, verify
from vdsr_data.cli.options import (
    CHOICE,
    FACTORS,
    NUMBERS,
    PATH,
    TEXTS,
    WHOLE,
    ExplainingGroup,
    boundary_option,
    call,
    complete_set,
    degradation_option,
    force_option,
    progress,
    refuse_idle,
    threads_option,
)
from vdsr_data.cli.resize import imresize
from vdsr_data.errors import listed

scales_option = click.option(
    "--scales",
    type=NUMBERS(int, *limits.SCALES, "2,3,4"),
    default="2,3,4",
    show_default=True,
    help="Factors of reduction.",
)
compression_option = click.option(
    "--compression", type=WHOLE(*limits.COMPRESSION), default=0, show_default=True, help="Level of gzip; 0 is none."
)


dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be written and how long it would take.")


@click.group(cls=ExplainingGroup, context_settings={"max_content_width": 110})
@click.version_option(__version__, prog_name="vdsr-data")
def main() -> None:
    """Make the data of VDSR without MATLAB: training and benchmark files, low-resolution images.

    \b
    vdsr-data fetch 291 Set5          the public images, checked by SHA-256
    vdsr-data build-train 291/        the training file, as train_data.m writes it
    vdsr-data build-train 291/ --shard 2/4 -o part2.h5; vdsr-data merge part*.h5
    vdsr-data build-train DIV2K --format lmdb         the sub-images that BasicSR reads
    vdsr-data build-test Set5         a benchmark file, as test_data.m writes it
    vdsr-data imresize IN OUT --scale 1/3
    vdsr-data degrade Set5 Set5_BD --kind bd --scale 3    low-resolution images as papers made them
    vdsr-data export Set5 --layout basicsr            a set in another project's folders and names
    vdsr-data identify Set5_LRx3 --gt Set5            which recipe made these images
    vdsr-data conform cv2:resize      whether a function gives MATLAB's values
    vdsr-data info FILE
    vdsr-data preview FILE            a contact sheet of what is in it
    vdsr-data verify FILE             whether it is what it says
    """


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All sets that --list shows.")
@click.option("--list", "listing", is_flag=True, help="Show the sets, what of them is there (by file sizes) and where.")
@click.option("--mirror", metavar="URL|FOLDER", help="Take SET/FILE from there instead of the public addresses.")
@click.option(
    "--workers", type=WHOLE(*limits.DOWNLOADS), default=4, show_default=True, help="Files to fetch at a time."
)
@click.option("--retries", type=WHOLE(*limits.RETRIES), default=3, show_default=True, help="After a failed attempt.")
def fetch(names: tuple[str, ...], everything: bool, listing: bool, **options: Any) -> None:
    """Fetch public data sets, such as `291 Set5 Set14 B100 Urban100`, and the models `niqe` and `brisque`.

    They go to the folder that the environment variable VDSR_DATA names, else to the cache folder of the platform; every
    command finds them there by name. Each file is checked by its SHA-256 before it gets its name; only what is missing
    or damaged is fetched, so an interrupted call can be repeated.
    """
    from vdsr_data.public.download import fetch as bring
    from vdsr_data.public.registry import NOTES, data_folders, find_sets, list_sets

    if (bool(names) + everything + listing) != 1:
        raise click.UsageError("give names of sets, --all or --list")
    if listing:
        refuse_idle(click.get_current_context(), options, "has nothing to do with --list")
        for dataset, files, size, present, folder in list_sets():
            state = "all there" if present == files else f"{present} there" if present else "not there"
            where = folder or f"vdsr-data fetch {dataset}"
            click.echo(f"{dataset:8}  {files:3} files  {size / 1e6:5.1f} MB  {state:9}  {where}")
        click.echo(f"Of any other set put the folder into {next(data_folders())}. Sources and licences:")
        for dataset in find_sets():
            click.echo(f"{dataset:8}  {NOTES[dataset]}")
        return
    for dataset in find_sets(names):
        with progress(f"Fetching {dataset}", unit="MB") as advance:
            (done,) = call(bring, dataset, advance=advance, **options)
        voice.say(str(done))
        voice.say(f"  {NOTES[dataset]}")


@main.command("build-train")
@click.argument("folder", metavar="FOLDER|NAME", shell_complete=complete_set)
@click.option("-o", "--output", type=PATH, help="The file to write.  [default: vdsr_train.h5, or vdsr_train_2of4.h5]")
@click.option("--format", type=CHOICE(get_args(limits.TrainingFormat)), default="hdf5", show_default=True,
              help="A training file, or sub-images for BasicSR.")  # fmt: skip
@scales_option
@click.option("--patch-size", type=WHOLE(*limits.PATCH_SIZES), show_default="41; 480 of sub-images",
              help="Rows and columns.")  # fmt: skip
@click.option("--stride", type=WHOLE(*limits.STRIDES), show_default="41; 240 of sub-images",
              help="Between patches.")  # fmt: skip
@click.option("--rotations", type=NUMBERS(int, limits.ROTATIONS[0], limits.ROTATIONS[-1], "0,90,180,270"),
              default="0,90", show_default=True, help="Degrees, counter-clockwise.")  # fmt: skip
@click.option("--flips", type=TEXTS, default="none,left-right", show_default=True, metavar="LIST",
              help="Of none, left-right, up-down; applied after the rotation.")  # fmt: skip
@click.option("--downsizes", type=NUMBERS(float, *limits.DOWNSIZES, "1,0.7,0.5"), default="1", show_default=True,
              help="Reduce each image by these factors first.")  # fmt: skip
@click.option("--seed", type=WHOLE(*limits.SEEDS), default=0, show_default=True,
              help="As rng(SEED) before randperm; 0 is a fresh MATLAB session.")  # fmt: skip
@boundary_option
@degradation_option
@click.option("--axes", type=CHOICE(get_args(limits.Axes)), default="matlab", show_default=True,
              help="(N, 1, column, row), or (N, row, column, 1).")  # fmt: skip
@click.option("--keys", type=TEXTS, metavar="TEXT", default="lr,gt", show_default=True,
              help="Names of the data sets; Caffe reads data,label.")  # fmt: skip
@click.option("--compression", type=WHOLE(*limits.COMPRESSION), show_default="0; 1 of sub-images",
              help="Level of gzip; 0 is none.")  # fmt: skip
@click.option("--shard", metavar="K/N", help="Make part K of N only; `vdsr-data merge` joins the parts.")
@click.option("--dask", metavar="ADDRESS", help="Make parts on the dask cluster with this scheduler, and join them.")
@threads_option()
@dry_run_option
@force_option
def build_train(folder: str, output: Path | None, **options: Any) -> None:
    """Cut the images of a FOLDER, or of the built-in set `sample`, into a training file.

    Images are taken in the order *.jpg (and .jpeg), *.bmp, *.png, *.tif (and .tiff), each kind sorted by name as
    MATLAB's dir lists it. Luma is that of rgb2ycbcr; a grey image is its own luma; transparent pixels are laid over the
    background colour of the file, or over black, as imread does; an EXIF rotation is not applied; palette, CMYK and
    float images are refused. Each image is turned, flipped and reduced in every combination, cut into patches, and all
    patches are shuffled as randperm does; a last partial chunk of 64 is dropped.

    A folder too large for one machine: run --shard 1/4 to --shard 4/4 anywhere, in any order, then `vdsr-data merge`;
    or give a dask cluster, whose workers share the folders of the images and of the output. The file is the same.

    \b
    vdsr-data build-train 291/                                    as the paper
    vdsr-data build-train 291/ --downsizes 1,0.8,0.6 --dry-run    how much would that be?

    With --format png or lmdb it makes a folder of sub-images for BasicSR and its kind: HR_sub, and for each scale
    LR_bicubic/X2_sub, with their meta_info.txt; for lmdb HR_sub.lmdb and LR_bicubic_X2_sub.lmdb. LR has HR's colours
    and 1/2 of its size, rounded to 8 bits as MATLAB's imwrite(imresize(image, 1/2), file) does; lr of a training file
    is luma of gt's size, in float32. --compression is then that of PNG, 1 if it is not given.
    """
    from vdsr_data.training import build

    if options["format"] != "hdf5":
        refuse_idle(click.get_current_context(), build.OF_FILES, build.OF_FILES_ONLY)
    with progress("Building") as advance:
        built = call(build.build_train, folder, output, advance=advance, **options)
    if built.too_small:
        names = listed((path.name for path in built.too_small), 10)
        voice.remark(f"{len(built.too_small)} images are smaller than a patch and give none: {names}")
    voice.say(str(built))


@main.command()
@click.argument("parts", nargs=-1, required=True, metavar="PART...", type=PATH)
@click.option("-o", "--output", type=PATH, default="vdsr_train.h5", show_default=True, help="The file to write.")
@click.option("--virtual", is_flag=True, help="Copy nothing: refer to the parts, which must lie in the same folder.")
@compression_option
@force_option
def merge(parts: tuple[Path, ...], **options: Any) -> None:
    """Join the parts that `build-train --shard K/N` made, given in any order, to one training file.

    It is the file that build-train writes without --shard, byte for byte, or with --virtual an HDF5 virtual data set
    with the same patches in the same order. Missing, doubled and damaged parts, and parts of other images or made with
    other options, are refused.
    """
    from vdsr_data.training.shards import merge as join

    with progress("Joining", unit="MB") as advance:
        merged = call(join, parts, advance=advance, **options)
    voice.say(str(merged))


@main.command("build-test")
@click.argument("name", metavar="NAME|FOLDER", shell_complete=complete_set)
@click.option(
    "-o", "--output", type=PATH, help="The file (or, for mat, the folder) to write.  [default: NAME.h5, or NAME_mat]"
)
@click.option("--scales", type=FACTORS, default="2,3,4", show_default=True, metavar="S,...",
              help="Factors of reduction, also fractions: 2,3,4; 2.5; 1.1:0.1:4.")  # fmt: skip
@degradation_option
@click.option("--format", type=CHOICE(get_args(limits.TestFormat)), default="hdf5", show_default=True,
              help="One HDF5 file, or the .mat files of test_data.m.")  # fmt: skip
@boundary_option
@threads_option()
@dry_run_option
@force_option
def build_test(name: str, output: Path | None, **options: Any) -> None:
    """Make a benchmark file: gt and lr luma, and chroma, per scale and image.

    NAME is looked up as a path, then in the folder that the environment variable VDSR_DATA names, then among the sets
    that `vdsr-data fetch` brought, then among the built-in ones (sample). Prints the bicubic PSNR of each image,
    without a border crop, as test_data.m does.

    \b
    vdsr-data build-test Set5
    vdsr-data build-test photos/ --scales 2,4 --format mat
    vdsr-data build-test Set5 --scales 3 --degradation bd -o Set5_bd.h5
    """
    from vdsr_data.benchmark import build

    def report(image: str, scale: float, psnr: float) -> None:
        voice.say(f"{image:24} x{scale:g}  bicubic {psnr:8.4f} dB")

    voice.say(str(call(build.build_test, name, output, report=report, **options)))


main.add_command(imresize)
main.add_command(degrade)
main.add_command(export)
main.add_command(identify)
main.add_command(conform)
main.add_command(info)
main.add_command(preview)
main.add_command(verify)
