"""The command ``vdsr-eval``: options to one evaluation, records to printed tables and files."""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from vdsr_data import __version__
from vdsr_data.cli import voice
from vdsr_data.cli.options import (
    CHOICE,
    FILE,
    FOLDER,
    PATH,
    WHOLE,
    ExplainingCommand,
    ExplainingGroup,
    boundary_option,
    call,
    complete_set,
    force_option,
    progress,
    refuse_idle,
)
from vdsr_data.errors import VdsrError, one_line
from vdsr_eval.cli.options import (
    FACTOR,
    METRICS,
    SCALE,
    ListOption,
    engine_option,
    ensemble_option,
    input_option,
    scoring_options,
)
from vdsr_eval.cli.scoring import FILES, check_options, chosen, print_table, report

if TYPE_CHECKING:
    from vdsr_eval.networks.network import EngineName
    from vdsr_eval.scoring.methods import Model


class EvalGroup(ExplainingGroup):
    """A group that tells how several values are given to whoever puts spaces between them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say what to do."""
        if args[0] not in self.commands:
            known, near = ", ".join(self.commands), get_close_matches(args[0], self.commands, 1)
            several = f"--scale 2,{args[0]}" if args[0].isdigit() else f"--dataset Set5,{args[0]}"
            hint = f"did you mean {near[0]}?" if near else f"several values take commas, such as {several}"
            raise click.UsageError(f"{args[0]}: no such command ({known}); {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=EvalGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="vdsr-eval")
@click.option(
    "--dataset",
    "sets",
    cls=ListOption,
    multiple=True,
    metavar="SET",
    shell_complete=complete_set,
    help="A benchmark file, a folder of originals or a name.  [default: those here, else sample]",
)
@click.option(
    "--scale",
    "scales",
    cls=ListOption,
    multiple=True,
    type=FACTOR,
    default=(2, 3, 4),
    show_default="2,3,4",
    help="Factors of the super-resolution, also fractions: 2,3,4; 2.5; 1.1:0.1:4.",
)
@click.option(
    "--model",
    "models",
    cls=ListOption,
    multiple=True,
    type=CHOICE(["bicubic", "vdsr"]),
    help="What to evaluate.  [default: bicubic,vdsr]",
)
@click.option(
    "--weights",
    cls=ListOption,
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Weights, also other people's, a run folder, or default: those that come with the toolkit.  "
    "[default: the newest below ./runs, else default]",
)
@engine_option
@input_option
@ensemble_option
@click.option("--cost", is_flag=True, help="Print parameters, multiply-adds for 1280 x 720, and seconds of an image.")
@click.option("--baseline", metavar="MODEL", help="Compare image by image with `bicubic` or with these weights.")
@scoring_options
@click.pass_context
def main(
    context: click.Context,
    /,
    sets: tuple[str, ...],
    scales: tuple[float, ...],
    models: tuple[str, ...],
    weights: tuple[Path, ...],
    engine: "EngineName",
    network_input: tuple[str, ...],
    self_ensemble: bool,
    cost: bool,
    baseline: str | None,
    **options: Any,
) -> None:
    """Score bicubic interpolation and trained networks on benchmarks, in the way that a published table was computed.

    The ground truth is cropped to a multiple of the scale, reduced and enlarged as MATLAB's imresize does, upscaled by
    each method and compared without the border. Prints PSNR (dB) / SSIM, the mean over the images of each set.

    \b
    vdsr-eval --scale 3                                  the benchmark files here, bicubic and the newest network
    vdsr-eval --dataset Set5 --protocol paper --compare  beside the published rows
    vdsr-eval --dataset Set5 --weights mine.h5,default --baseline bicubic
    vdsr-eval --dataset Set5 --html report.html --save-images pictures --detail auto
    """
    if context.invoked_subcommand is not None:
        if any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in context.params):
            raise click.UsageError(f"options go behind the name of the command: {context.invoked_subcommand} --help")
        return
    from vdsr_eval.reports.evaluation import evaluate
    from vdsr_eval.scoring.run import open_sets

    if models and "vdsr" not in models and not weights:
        refuse_idle(context, ["engine", "network_input", "self_ensemble"], "is for networks; bicubic needs none")
    opened = open_sets(sets or _default_sets())
    paths = _weights(models, weights, baseline)
    check_options(context, opened, paths)
    methods, against = call(
        _methods, models, paths, baseline, engine=engine, network_input=network_input, asked=bool(weights),
        with_bicubic=options["explain"],
    )  # fmt: skip
    how = {
        "scales": scales,
        "baseline": against,
        "self_ensemble": self_ensemble,
        "cost": cost,
        **chosen(context, opened),
    }
    with progress("evaluating", unit="results") as advance:
        scores = call(evaluate, opened, methods, **how, advance=advance)
    report(context, scores)


@main.command("score", cls=ExplainingCommand)
@click.argument("folder", type=FOLDER)
@click.option("--gt", required=True, metavar="SET", help="The originals: a benchmark file, a folder or a name.")
@click.option("--scale", required=True, type=FACTOR, help="Factor of the super-resolution; 1 of what is cleaned.")
@click.option("--name", help="What tables call the results.  [default: the folder's name]")
@click.option("--pattern", default="*", metavar="PATTERN", help="Take only files of FOLDER called so, such as '*_SR*'.")
@click.option(
    "--variable", metavar="NAME", help="Which variable of .mat files is the image.  [default: sr, or the only one]"
)
@click.option("--peak", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
              help="What is white in .mat files of floats: 1, or 255.")  # fmt: skip
@click.option("--baseline", metavar="FOLDER", help="Compare image by image with these results, or with `bicubic`.")
@click.option("--baseline-pattern", default="*", metavar="PATTERN", help="The --pattern of the baseline's folder.")
@scoring_options
@click.pass_context
def score_command(
    context: click.Context,
    /,
    folder: Path,
    gt: str,
    scale: float,
    name: str | None,
    pattern: str,
    variable: str | None,
    peak: float,
    baseline: str | None,
    baseline_pattern: str,
    **_: Any,
) -> None:
    """Score the results of any method: a FOLDER of PNG, BMP, TIFF or .mat files, one for each original.

    Files are matched to originals by name: butterfly.png, butterfly_RCAN_x3.png and x3-butterfly.mat are all
    butterfly's. Of a folder that holds HR, LR and SR of each, SR is taken. A .mat file holds one image, 8 bits or
    floats in [0, 1]: RGB, or luma where the protocol scores luma.

    \b
    vdsr-eval score results/RCAN --gt Set5 --scale 3 --protocol rcan --per-image
    vdsr-eval score results --gt Set5 --scale 2 --pattern '*_EDSR_*' --baseline bicubic
    """
    from vdsr_eval.reports.evaluation import score
    from vdsr_eval.scoring.records import BICUBIC
    from vdsr_eval.scoring.run import open_sets

    folders = [folder, *([Path(baseline)] if baseline not in (None, BICUBIC) else [])]
    if len(folders) == 1:
        refuse_idle(context, ["baseline_pattern"], "is for a --baseline FOLDER; name that too")
    sets = open_sets(gt)
    check_options(context, sets, folders)
    theirs: dict[str, Any] = {"name": name, "pattern": pattern, "variable": variable, "peak": peak}
    theirs |= {"baseline": baseline, "baseline_pattern": baseline_pattern, **chosen(context, sets)}
    with progress("evaluating", unit="results") as advance:
        scores = call(score, folder, sets[0], scale, **theirs, advance=advance)
    report(context, scores)


@main.command("protocols", cls=ExplainingCommand)
def protocols_command() -> None:
    """Show the protocols: what each reproduces, on what proof, and its rules.

    Any rule can be changed with --rule NAME=VALUE, where the names are those of the lines that this prints.
    """
    from vdsr_eval.protocols.protocol import describe_protocols

    click.echo(describe_protocols())


@main.command("upscale", cls=ExplainingCommand)
@click.argument("source", metavar="IN", shell_complete=complete_set)
@click.option("--scale", required=True, type=SCALE, help="Factor by which the image grows in both directions.")
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="The image or, for a folder, the folder to write.  [default: IN_xSCALE in the current folder]",
)
@click.option(
    "--weights",
    type=PATH,
    metavar="FILE",
    help="Weights, also other people's, a run folder, or default.  [default: the newest below ./runs, else default]",
)
@engine_option
@input_option
@ensemble_option
@boundary_option
@force_option
def upscale_command(source: str, output: Path | None, **how: Any) -> int:
    """Enlarge an image, or every image of a folder or set, for real: no ground truth, no score.

    The network estimates luma, chroma and transparency are enlarged by imresize. 16 bits stay 16 bits, a colour profile
    is kept, the rotation that a camera noted is applied. Writes PNG, strip by strip, so that memory holds little beside
    the small image; or TIFF or BMP where the name of the output says so, which takes the whole result.
    """
    from vdsr_eval.networks.upscale import upscale

    remarks: list[str] = []

    def left_out(line: str) -> None:
        remarks.append(line)
        voice.remark(line)

    with progress("upscaling") as advance:
        say = partial(voice.say, err=True)
        written = call(upscale, source, output, **how, advance=advance, remark=left_out, report=say)
    if written:
        voice.say(f"wrote {written[0] if Path(source).is_file() else written[0].parent}", err=True)
    return 1 if remarks else 0


@main.command("measure", cls=ExplainingCommand)
@click.argument("source", metavar="FOLDER|IMAGE|SET", shell_complete=complete_set)
@click.option("--metric", "metrics", cls=ListOption, multiple=True, type=CHOICE(METRICS), default=("niqe",),
              show_default="niqe", help="What to measure; lower is better.")  # fmt: skip
@click.option("--crop-border", type=WHOLE(0), default=0, show_default=True, help="Pixels of each side left out.")
@click.option("--csv", type=FILE, metavar="FILE", help="Write a line for each image and metric.")
@click.option("--json", type=FILE, metavar="FILE", help="Write the same as JSON.")
@force_option
def measure_command(source: str, csv: Path | None, json: Path | None, force: bool, **how: Any) -> None:
    """Measure how natural images look, without originals: NIQE and BRISQUE, as the authors' MATLAB code has them.

    Get their models first: vdsr-data fetch niqe brisque. MATLAB's own niqe and brisque have other models, and so other
    values. Where an image is flat, rounding decides a part of the value: the table says between which it lies.

    \b
    vdsr-eval measure results/RCAN --metric niqe,brisque --crop-border 4 --csv scores.csv
    """
    from vdsr_data.io.files import check_apart, check_output
    from vdsr_eval.reports.measurement import measure

    outputs = {"csv": csv, "json": json}
    wanted = {name: path for name, path in outputs.items() if path is not None}
    if len({realpath(path) for path in wanted.values()}) < len(wanted):
        raise click.UsageError(f"{csv}: is --csv and --json; give each a file of its own")
    for name, path in wanted.items():
        check_output(path, force=force, suffixes=FILES[name])
        check_apart([path], [source], name=f"--{name}")
    with progress("measuring") as advance:
        found = call(measure, source, **how, advance=advance)
    for name, path in wanted.items():
        getattr(found, f"to_{name}")(path)
    print_table(found.table())
    for path in wanted.values():
        voice.say(f"wrote {path}", err=True)


@main.command("convert", cls=ExplainingCommand)
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@click.option(
    "--subtract",
    is_flag=True,
    help="The network's output is subtracted from its input, as DnCNN's, and not added; for files that do not tell.",
)
@force_option
def convert_command(source: Path, target: Path, subtract: bool, force: bool) -> None:
    """Convert weights: other people's to ours, ours to what other people's programs read.

    What SOURCE is is told by its content, not by its name. Nothing in it is executed. An array that has no place in
    such a network is refused, never ignored.

    \b
    .mat of MatConvNet     the VDSR authors' (model), or DnCNN's (net.layers), which is subtracted
    .pth .pt .ckpt .bin    what torch.save wrote: a state dict or a whole module, under any key
    .safetensors .npz      arrays by name, kernels with PyTorch's axes or TensorFlow's
    .onnx                  a graph as this command writes it
    .index or its folder   a TensorFlow 1 checkpoint of VDSR-TensorFlow

    What TARGET becomes is told by its name: .h5 (ours), .onnx (any runtime; takes luma enlarged by bicubic, in [0, 1],
    and gives the result), .pth (PyTorch), .safetensors or .npz.
    """
    from vdsr_eval.networks.export import convert

    if str(target.absolute()) == voice.log_name():
        raise VdsrError(f"{target}: is the --log-file of this command, which writes other things there; name another")
    weights = call(convert, source, target, subtract=subtract, force=force)
    values = sum(kernel.size + bias.size for kernel, bias in weights)
    voice.say(f"wrote {target}: {len(weights)} layers, {values} weights")


def _default_sets() -> list[str]:
    """The benchmark files of the current folder, else the built-in set."""
    from vdsr_data.benchmark.file import is_benchmark_file

    return [str(path) for path in sorted(Path.cwd().glob("*.h5")) if is_benchmark_file(path)] or ["sample"]


def _weights(models: Sequence[str], weights: Sequence[Path], baseline: str | None) -> list[Path]:
    """The weights that are wanted, the default ones where none are named, and those of the baseline."""
    if weights and models and "vdsr" not in models:
        raise click.UsageError("--weights names a network, but --model leaves the networks out; add --model vdsr")
    from vdsr_eval.scoring.records import BICUBIC

    paths = list(weights)
    if not weights and "vdsr" in (models or ["vdsr"]):
        from vdsr_eval.networks.network import newest_weights

        paths.append(newest_weights() or Path("default"))
    if baseline not in (None, BICUBIC):
        paths.append(Path(str(baseline)))
    return list({realpath(path): path for path in paths}.values())


def _methods(
    models: Sequence[str],
    paths: Sequence[Path],
    baseline: str | None,
    *,
    engine: "EngineName",
    network_input: Sequence[str],
    asked: bool,
    with_bicubic: bool,
) -> tuple[dict[str, "Model"], str | None]:
    """The methods by the name that tables carry, bicubic first, and the name of the baseline.

    Without weights to be found bicubic is evaluated all the same, unless the network was `asked` for by name.
    """
    from vdsr_eval.scoring.methods import check_input, load_method
    from vdsr_eval.scoring.names import distinct
    from vdsr_eval.scoring.records import BICUBIC

    found: dict[str, Model] = {}
    if not models or BICUBIC in models or with_bicubic or baseline == BICUBIC:
        found[BICUBIC] = BICUBIC
    asked = asked or bool(models) or baseline not in (None, BICUBIC)
    networks = []
    for path in paths:
        try:
            networks.append((path, load_method(path, engine=engine, network_input=network_input)))
        except VdsrError as error:
            if asked:
                raise
            voice.remark(f"bicubic alone: {error}")
    check_input(network_input, (network for _, network in networks))
    names = distinct(
        [one_line(str(getattr(network, "name", ""))) for _, network in networks], [path for path, _ in networks]
    )
    for name, (path, network) in zip(names, networks, strict=True):
        found[name] = network
        if baseline not in (None, BICUBIC) and realpath(path) == realpath(str(baseline)):
            baseline = name
    return found, baseline
