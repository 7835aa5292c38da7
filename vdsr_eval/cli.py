"""The command ``vdsr-eval``: options to one evaluation, records to printed tables and files."""

from collections.abc import Sequence
from contextlib import nullcontext
from difflib import get_close_matches
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from vdsr_data import __version__, voice
from vdsr_data.errors import VdsrError, one_line
from vdsr_data.options import (
    CHOICE,
    PATH,
    ExplainingCommand,
    ExplainingGroup,
    boundary_option,
    complete_set,
    force_option,
    progress,
    refuse_idle,
)
from vdsr_eval.cli_scoring import check_options, evaluate_and_report, open_sets
from vdsr_eval.options import FOLDER, SCALE, ensemble_option, scoring_options

if TYPE_CHECKING:
    from vdsr_data.resize import Boundary
    from vdsr_eval.evaluate import Method, Upscaler


class EvalGroup(ExplainingGroup):
    """A group whose options may be repeated, and which says so to whoever gives several values at once."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say what to do."""
        if args[0] not in self.commands:
            known, near = ", ".join(self.commands), get_close_matches(args[0], self.commands, 1)
            hint = (
                f"did you mean {near[0]}?" if near else f"a set takes an option each time, such as --dataset {args[0]}"
            )
            raise click.UsageError(f"{args[0]}: no such command ({known}); {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=EvalGroup, invoke_without_command=True)
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
    type=CHOICE(["bicubic", "vdsr"]),
    help="What to evaluate; repeatable. `bicubic` alone needs no TensorFlow.  [default: both]",
)
@click.option(
    "--weights",
    multiple=True,
    type=PATH,
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
    from vdsr_eval.ensemble import self_ensemble as averaged
    from vdsr_eval.evaluate import bicubic, method

    if models and "vdsr" not in models and not weights:
        refuse_idle(context, ["self_ensemble"], "is for networks; bicubic is symmetric by itself")
    sets = open_sets(datasets or _default_sets())
    paths = _weights(models, weights, baseline)
    check_options(context, sets, paths)
    upscalers, against = _upscalers(models, paths, baseline, asked=bool(weights), with_bicubic=options["explain"])
    methods = {}
    for name, upscale in upscalers.items():
        ensemble = self_ensemble and upscale is not bicubic
        label = f"{name} x8" if ensemble else name
        against = label if name == against else against
        methods[label] = method(averaged(upscale) if ensemble else upscale)
    evaluate_and_report(context, sets, scales, methods, against)


@main.command(cls=ExplainingCommand)
@click.argument("folder", type=FOLDER)
@click.option("--gt", required=True, metavar="SET", help="The originals: a test file, a folder or a name.")
@click.option("--scale", required=True, type=SCALE, help="Factor of the super-resolution.")
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
def score(
    context: click.Context,
    /,
    folder: Path,
    gt: str,
    scale: int,
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
    from vdsr_eval.evaluate import BICUBIC, bicubic, method
    from vdsr_eval.names import distinct
    from vdsr_eval.results import Results

    name = name and one_line(name).strip()
    if name == BICUBIC:
        raise click.UsageError(f"{BICUBIC} is the name of the baseline; give the results another --name")
    sets = open_sets([gt])
    folders = [folder, *([Path(baseline)] if baseline not in (None, BICUBIC) else [])]
    if len(folders) == 1:
        refuse_idle(context, ["baseline_pattern"], "is for a --baseline FOLDER; name that too")
    check_options(context, sets, folders)
    theirs = [Results(folder, sets[0].image_names, scale=scale, pattern=pattern, variable=variable, peak=peak)]
    paths = [Path(realpath(path)) for path in folders]
    if len(folders) > 1:
        if paths[0] == paths[1]:
            raise click.UsageError(f"--baseline {baseline}: is FOLDER itself; name other results")
        how: dict[str, Any] = {"pattern": baseline_pattern, "variable": variable, "peak": peak}
        theirs.append(Results(folders[1], sets[0].image_names, scale=scale, **how))
    names = [one_line(path.name) for path in paths]
    names[0] = name or names[0]
    names = distinct(names, paths, taken=[BICUBIC])
    methods: dict[str, Method] = {BICUBIC: method(bicubic), **dict(zip(names, theirs, strict=True))}
    evaluate_and_report(context, sets, [scale], methods, names[1] if len(names) > 1 else baseline,
                        notes=[remark for results in theirs for remark in results.remarks])  # fmt: skip


@main.command(cls=ExplainingCommand)
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
@ensemble_option
@boundary_option
@force_option
def upscale(
    source: str,
    scale: int,
    output: Path | None,
    weights: Path | None,
    self_ensemble: bool,
    boundary: "Boundary",
    force: bool,
) -> int:
    """Enlarge an image, or every image of a folder or set, for real: no ground truth, no score.

    The network estimates luma, chroma and transparency are enlarged by imresize. 16 bits stay 16 bits, a colour profile
    is kept, the rotation that a camera noted is applied. Writes PNG, strip by strip, so that memory holds little beside
    the small image; or TIFF or BMP where the name of the output says so, which takes the whole result.
    """
    from vdsr_data.files import claimed
    from vdsr_eval.ensemble import self_ensemble as ensemble
    from vdsr_eval.upscale import plan, upscale_file

    files = plan(source, output, scale=scale, force=force)
    several = files[0][0] != Path(source)
    from vdsr_train.predict import load_upscaler

    network = load_upscaler(weights)
    run = ensemble(network) if self_ensemble else network
    failed = 0
    how: dict[str, Any] = {"scale": scale, "upscale": run, "reach": network.reach, "boundary": boundary}
    whole = claimed(files[0][1].parent) if several else nullcontext()
    with whole, progress("upscaling", len(files)) as advance:
        for image, target in files:
            try:
                upscale_file(image, target, **how, advance=advance)
            except VdsrError as error:
                if len(files) == 1:
                    raise
                failed += 1
                voice.remark(f"left out: {error}")
    voice.say(f"wrote {files[0][1].parent if several else files[0][1]}", err=True)
    return 1 if failed else 0


def _default_sets() -> list[str]:
    """The test files of the current folder, else the built-in set."""
    from vdsr_data.testfile import is_test_file

    return [str(path) for path in sorted(Path.cwd().glob("*.h5")) if is_test_file(path)] or ["sample"]


def _weights(models: Sequence[str], weights: Sequence[Path], baseline: str | None) -> list[Path]:
    """The weights that are wanted, the default ones where none are named, and those of the baseline."""
    if weights and models and "vdsr" not in models:
        raise click.UsageError("--weights names a network, but --model leaves the networks out; add --model vdsr")
    from vdsr_eval.evaluate import BICUBIC

    paths = list(weights)
    if not weights and "vdsr" in (models or ["vdsr"]):
        from vdsr_train.predict import newest_weights

        paths.append(newest_weights() or Path("default"))
    if baseline not in (None, BICUBIC):
        paths.append(Path(str(baseline)))
    return list({realpath(path): path for path in paths}.values())


def _upscalers(
    models: Sequence[str], paths: Sequence[Path], baseline: str | None, *, asked: bool, with_bicubic: bool
) -> tuple[dict[str, "Upscaler"], str | None]:
    """The models by the name that tables carry, bicubic first, and the name of the baseline.

    Without weights to be found bicubic is evaluated all the same, unless the network was `asked` for by name.
    """
    from vdsr_eval.evaluate import BICUBIC, bicubic
    from vdsr_eval.names import distinct

    found: dict[str, Upscaler] = {}
    if not models or BICUBIC in models or with_bicubic or baseline == BICUBIC:
        found[BICUBIC] = bicubic
    if not paths:
        return found, baseline
    from vdsr_train.predict import load_upscaler

    asked = asked or bool(models) or baseline not in (None, BICUBIC)
    networks = []
    for path in paths:
        try:
            networks.append((path, load_upscaler(path)))
        except VdsrError as error:
            if asked:
                raise
            voice.remark(f"bicubic alone: {error}")
    names = distinct([one_line(network.name) for _, network in networks], [path for path, _ in networks])
    for name, (path, network) in zip(names, networks, strict=True):
        found[name] = network
        if baseline not in (None, BICUBIC) and realpath(path) == realpath(str(baseline)):
            baseline = name
    return found, baseline
