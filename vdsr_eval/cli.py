"""The command ``vdsr-eval``: options to one evaluation, records to printed tables and files."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from vdsr_data import __version__, voice
from vdsr_data.errors import VdsrError
from vdsr_data.options import ExplainingCommand, ExplainingGroup, complete_set, force_option, progress
from vdsr_eval.options import FOLDER, PROTOCOLS, SCALE, boundary_option, ensemble_option, scoring_options

if TYPE_CHECKING:
    from vdsr_data.datasets import Benchmark
    from vdsr_data.resize import Boundary
    from vdsr_eval.evaluate import Method, Upscaler
    from vdsr_eval.protocol import Protocol
    from vdsr_eval.report import Table

FILES = ("json", "csv", "markdown", "latex", "html")
OUTPUTS = (*FILES, "save_images", "save_mat")


@click.group(cls=ExplainingGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="vdsr-eval")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="SET",
    shell_complete=complete_set,
    help="A test file, a folder of originals or a name; repeatable.  [default: the test files here, else sample]",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    type=SCALE,
    default=(2, 3, 4),
    show_default="2 3 4",
    help="Factor of the super-resolution; repeatable.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(["bicubic", "vdsr"]),
    help="What to evaluate; repeatable. `bicubic` alone needs no TensorFlow.  [default: both]",
)
@click.option(
    "--weights",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Weights, also other people's, a run folder, or default: those that come with the toolkit; repeatable.  "
    "[default: the newest below ./runs, else default]",
)
@ensemble_option
@click.option("--baseline", metavar="MODEL", help="Compare image by image with `bicubic` or with these weights.")
@scoring_options
@click.pass_context
def main(
    context: click.Context,
    /,
    datasets: tuple[str, ...],
    scales: tuple[int, ...],
    models: tuple[str, ...],
    weights: tuple[Path, ...],
    self_ensemble: bool,
    baseline: str | None,
    **options: Any,
) -> None:
    """Score bicubic interpolation and trained networks on benchmarks, in the way that a published table was computed.

    The ground truth is cropped to a multiple of the scale, reduced and enlarged as MATLAB's imresize does, upscaled by
    each model and compared without the border. Prints PSNR (dB) / SSIM, the mean over the images of each set.

    \b
    vdsr-eval --scale 3                                  the test files here, bicubic and the newest network
    vdsr-eval --dataset Set5 --protocol paper --compare  beside the published rows
    vdsr-eval --dataset Set5 --weights mine.h5 --weights default --baseline bicubic
    vdsr-eval --dataset Set5 --html report.html --save-images pictures --detail auto
    """
    if context.invoked_subcommand is not None:
        if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in context.params):
            raise click.UsageError(f"options go behind the name of the command: {context.invoked_subcommand} --help")
        return
    from vdsr_data.datasets import open_testset
    from vdsr_eval.evaluate import method

    _check(options)
    sets = [open_testset(name) for name in dict.fromkeys(datasets or _default_sets())]
    upscalers, against = _upscalers(models, weights, baseline, with_bicubic=options["explain"])
    if self_ensemble:
        upscalers = _ensembles(upscalers)
    methods = {name: method(upscale) for name, upscale in upscalers.items()}
    _evaluate(sets, scales, methods, against, options)


@main.command(cls=ExplainingCommand)
@click.argument("folder", type=FOLDER)
@click.option("--gt", required=True, metavar="SET", help="The originals: a test file, a folder or a name.")
@click.option("--scale", required=True, type=SCALE, help="Factor of the super-resolution.")
@click.option("--name", help="What tables call the results.  [default: the folder's name]")
@click.option("--baseline", metavar="FOLDER", help="Compare image by image with these results, or with `bicubic`.")
@scoring_options
def score(folder: Path, gt: str, scale: int, name: str | None, baseline: str | None, **options: Any) -> None:
    """Score the results of any method: a FOLDER of PNG, BMP, TIFF or .mat files, one for each original.

    Files are matched to originals by name: butterfly.png, butterfly_RCAN_x3.png and x3-butterfly.mat are all
    butterfly's. A .mat file holds one image, uint8 or floats in [0, 1]: RGB, or luma where the protocol scores luma.

    \b
    vdsr-eval score results/RCAN --gt Set5 --scale 3 --protocol rcan --per-image
    """
    from vdsr_data.datasets import open_testset
    from vdsr_eval.evaluate import bicubic, method
    from vdsr_eval.results import results

    _check(options)
    testset = open_testset(gt)
    name = name or folder.resolve().name
    methods = {"bicubic": method(bicubic), name: results(folder, testset.image_names, scale=scale)}
    if baseline is not None and baseline != "bicubic":
        other = Path(baseline)
        baseline = other.resolve().name if other.resolve().name not in methods else str(other)
        methods[baseline] = results(other, testset.image_names, scale=scale)
    _evaluate([testset], [scale], methods, baseline, options)


@main.command(cls=ExplainingCommand)
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--scale", required=True, type=SCALE, help="Factor by which the image grows in both directions.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The image or, for a folder, the folder to write.  [default: SOURCE_xSCALE in the current folder]",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Weights, also other people's, a run folder, or default.  [default: the newest below ./runs, else default]",
)
@ensemble_option
@boundary_option
@force_option
def upscale(
    source: Path,
    scale: int,
    output: Path | None,
    weights: Path | None,
    self_ensemble: bool,
    boundary: "Boundary",
    force: bool,
) -> int:
    """Enlarge an image, or every image of a folder, for real: no ground truth, no score.

    The network estimates luma, chroma and transparency are enlarged by imresize. 16 bits stay 16 bits, a colour profile
    is kept, the rotation that a camera noted is applied. Writes PNG, or TIFF or BMP where the name of the output says
    so, in bounded memory whatever the size of the image.
    """
    from vdsr_data.files import claimed
    from vdsr_eval.ensemble import self_ensemble as ensemble
    from vdsr_eval.upscale import plan, upscale_file

    files = plan(source, output, scale=scale, force=force)
    from vdsr_train.predict import load_upscaler

    network = load_upscaler(weights)
    run = ensemble(network) if self_ensemble else network
    failed = 0
    how: dict[str, Any] = {"scale": scale, "upscale": run, "reach": network.reach, "boundary": boundary}
    whole = claimed(files[0][1].parent) if source.is_dir() else nullcontext()
    with whole, progress("upscaling", len(files)) as advance:
        for image, target in files:
            try:
                upscale_file(image, target, **how, advance=advance)
            except VdsrError as error:
                if len(files) == 1:
                    raise
                failed += 1
                voice.remark(f"left out: {error}")
    voice.say(f"wrote {files[0][1].parent if source.is_dir() else files[0][1]}", err=True)
    return 1 if failed else 0


def _check(options: Mapping[str, Any]) -> None:
    """Refuse contradictions and outputs that exist, before the work."""
    from vdsr_data.files import check_output, is_empty

    if options["detail"] is not None and options["save_images"] is None:
        raise click.UsageError("--detail draws into the folder of --save-images; name that too")
    for name in FILES:
        if options[name] is not None:
            check_output(options[name], force=options["force"])
    for name in ("save_images", "save_mat"):
        target = options[name]
        if target is not None and target.is_dir() and not is_empty(target) and not options["force"]:
            raise VdsrError(f"{target}: is not empty; name a new folder, or use --force to write into it")


def _default_sets() -> list[str]:
    """The test files of the current folder, else the built-in set."""
    from vdsr_data.testfile import is_test_file

    return [str(path) for path in sorted(Path.cwd().glob("*.h5")) if is_test_file(path)] or ["sample"]


def _upscalers(
    models: Sequence[str], weights: Sequence[Path], baseline: str | None, *, with_bicubic: bool
) -> tuple[dict[str, "Upscaler"], str | None]:
    """The models by the name that tables carry, bicubic first, and the name of the baseline.

    Without weights to be found bicubic is evaluated all the same, unless the network was asked for by name.
    """
    from vdsr_eval.evaluate import bicubic

    if weights and models and "vdsr" not in models:
        raise click.UsageError("--weights names a network, but --model leaves the networks out; add --model vdsr")
    found: dict[str, Upscaler] = {}
    if not models or "bicubic" in models or with_bicubic or baseline == "bicubic":
        found["bicubic"] = bicubic
    paths: list[Path | None] = list(weights)
    if not weights and "vdsr" in (models or ["vdsr"]):
        paths.append(None)
    if baseline not in (None, "bicubic"):
        paths.append(Path(baseline))
    for path in dict.fromkeys(paths):
        try:
            from vdsr_train.predict import load_upscaler

            upscaler = load_upscaler(path)
        except VdsrError as error:
            if path is not None or models:
                raise
            voice.remark(f"bicubic alone: {error}")
            continue
        name = f"VDSR ({path})" if upscaler.name in found else upscaler.name
        found[name] = upscaler
        if baseline is not None and path == Path(baseline):
            baseline = name
    return found, baseline


def _ensembles(upscalers: Mapping[str, "Upscaler"]) -> dict[str, "Upscaler"]:
    """Every network as its self-ensemble; bicubic is symmetric by itself."""
    from vdsr_eval.ensemble import self_ensemble

    return {n if n == "bicubic" else f"{n} x8": u if n == "bicubic" else self_ensemble(u) for n, u in upscalers.items()}


def _evaluate(
    sets: Sequence["Benchmark"],
    scales: Sequence[int],
    methods: Mapping[str, "Method"],
    baseline: str | None,
    options: Mapping[str, Any],
) -> None:
    """Evaluate with progress on a terminal, print the tables, write the files."""
    from vdsr_data.files import claimed
    from vdsr_eval import export
    from vdsr_eval.page import PageImages, write_page
    from vdsr_eval.run import PictureFiles, Plan, run, tables

    protocols = _protocols(options)
    plan = Plan(sets=sets, scales=list(dict.fromkeys(scales)), methods=methods, protocols=protocols, lr=options["lr"])
    sinks: list[Any] = []
    if options["save_images"] or options["save_mat"]:
        where = {"images": options["save_images"], "mat": options["save_mat"], "detail": options["detail"]}
        sinks.append(PictureFiles(**where, only=frozenset(options["only"])))
    if options["html"]:
        each = max(1, options["html_images"] // (len(sets) * len(plan.scales)))
        sinks.append(PageImages(each, frozenset(options["only"])))
    count = sum(len(testset) for testset in sets) * len(plan.scales) * len(protocols) * len(methods)
    with ExitStack() as stack:
        for folder in {options[name].resolve() for name in ("save_images", "save_mat") if options[name] is not None}:
            stack.enter_context(claimed(folder))
        advance = stack.enter_context(progress("evaluating", count, unit="results"))
        records = run(plan, skip=voice.remark, sinks=sinks, advance=advance)
    chosen = {key: options[key] for key in ("per_image", "compare", "explain")}
    found = tables(records, protocols, baseline=baseline, **chosen)
    for table in found:
        _print(table)
    export.write_files(records, found, **{key: options[key] for key in ("json", "csv", "markdown", "latex")})
    if options["html"]:
        write_page(options["html"], records, found, sinks[-1].views)
    for name in OUTPUTS:
        if options[name] is not None:
            voice.say(f"wrote {options[name]}", err=True)


def _protocols(options: Mapping[str, Any]) -> list["Protocol"]:
    """The named protocols, all of them to explain, as the options vary them."""
    from vdsr_eval.protocol import PROTOCOLS as KNOWN

    names = PROTOCOLS if options["explain"] else dict.fromkeys(options["protocols"])
    varied = {key: options[key] for key in ("border", "boundary", "rgb")}
    return [replace(KNOWN[name], **varied) for name in names]


def _print(table: "Table") -> None:
    """Print a table; a pipe or a file gets whole lines, whatever their width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False, markup=False, emoji=False)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(table.columns):
        drawn.add_column(name, justify="left" if number < table.left else "right", overflow="fold")
    for row in table.printed():
        drawn.add_row(*row)
    if not console.is_terminal:
        console.width = 10_000
        console.width = max(console.measure(drawn).maximum, len(table.title), *map(len, table.notes))
    console.print(table.title)
    console.print(drawn)
    for note in table.notes:
        console.print(note)
    console.print()
