"""The command ``vdsr-train``: options made from `Config`, and one call for each command."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from vdsr_data import __version__, voice
from vdsr_data.errors import VdsrError
from vdsr_data.files import check_output
from vdsr_data.options import CHOICE, NUMBERS, PATH, WHOLE, ExplainingCommand, ExplainingGroup, PathType, force_option
from vdsr_train.config import FREE, Config, Knob, idle, knobs, read_config
from vdsr_train.console import Silent, open_console
from vdsr_train.distribute import launch, this_worker
from vdsr_train.places import check_data, check_run, check_shares, check_sweep, check_workers, refuse_log
from vdsr_train.presets import DEFAULT_PRESET, PRESETS, recipe, shown

DEFAULT_COMMAND = "run"
FOLDER = PathType(file_okay=False, path_type=Path)
NEWEST = "\0"  # what stands for the newest run, which no word of a command line can be
LISTS = {knob.name for knob in knobs() if knob.many}


class TrainGroup(ExplainingGroup):
    """A group whose nameless command is the training: ``vdsr-train [FILE]``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the training's name in front where no other command is named."""
        first = args[0] if args else ""
        if first not in self.commands and first != "--version":
            near = get_close_matches(first, [name for name, command in self.commands.items() if not command.hidden])
            if near and not Path(first).exists():
                raise click.UsageError(f"{first}: no such command or file; did you mean {near[0]}?", ctx)
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Hide the training's name from usage lines."""
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == DEFAULT_COMMAND else name), command, rest


class _Nameless(click.Context):
    """The context of a command without a name: its path is the group's alone."""

    @property
    def command_path(self) -> str:
        """Return what stands in front of the arguments."""
        return super().command_path.rstrip()


class TrainCommand(ExplainingCommand):
    """The training, which has no name of its own on the command line."""

    context_class = _Nameless

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse several values of an option, of which all but the first would be taken for FILE."""
        for name, _ in _with_names(args):
            if name and not ctx.resilient_parsing:
                several = f"a list takes commas: {name} 2,3" if name[2:].replace("-", "_") in LISTS else (
                    f"{name} takes one value; several are compared by: vdsr-train sweep {name} ...")  # fmt: skip
                raise click.UsageError(several)
        return super().parse_args(ctx, args)


class SweepCommand(ExplainingCommand):
    """A command whose options take several values after one name: ``--theta 1e-3 9e-4``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the name in front of each further value, as click wants it."""
        spread = [part for name, word in _with_names(args) for part in ((name, word) if name else (word,))]
        return super().parse_args(ctx, spread)


def _with_names(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each word, and in front of a further value of an option (a number that is no file) the option's name, else ""."""
    name, pending = "", False
    for word in words:
        if word.startswith("--"):
            name, equals, _ = word.partition("=")
            pending = not equals
            yield "", word
            continue
        yield name if name and not pending and _is_number(word) and not Path(word).exists() else "", word
        pending = False


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def config_options(*, several: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one option for each field of `Config`, but for the file, which is its argument.

    With `several`, numbers may be given more than once.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option(
            "--preset", type=CHOICE(list(PRESETS)), help=f"Recipe to start from.  [default: {DEFAULT_PRESET}]"
        )(command)
        for knob in reversed([knob for knob in knobs() if knob.name != "file"]):
            command = _option(knob, several=several and knob.kind in (int, float) and not knob.many)(command)
        return click.argument("file", required=False, type=PathType())(command)

    return decorate


def _option(knob: Knob, *, several: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the option of a field; where it is not given the preset decides, so none has a default of its own."""
    name = "--" + knob.name.replace("_", "-")
    text = f"{knob.help[0].upper()}{knob.help[1:]}.  [{_values(knob)}]"
    if knob.kind is bool:
        return click.option(f"{name}/--no-{name[2:]}", default=None, help=text)
    kind: Any = CHOICE(knob.choices) if knob.choices else knob.kind
    limit = None if knob.range is None or knob.range.high == float("inf") else knob.range.high
    if knob.range is not None and knob.many:
        kind = NUMBERS(knob.kind, knob.range.low, knob.range.high, shown(knob.default))
    elif knob.range is not None and knob.kind is int:
        kind = WHOLE(int(knob.range.low), None if limit is None else int(limit))
    elif knob.range is not None:
        kind = click.FloatRange(min=knob.range.low, max=limit, min_open=knob.range.above)
    shape = None if knob.choices else knob.kind.__name__.upper() + ("..." if several else "")
    return click.option(name, type=kind, help=text, metavar=shape, multiple=several, default=None)


def _values(knob: Knob) -> str:
    """Return the value of a field in the presets, once where they agree."""
    values = {name: shown(getattr(config, knob.name)) for name, config in PRESETS.items()}
    if len(set(values.values())) == 1:
        return f"default: {values[DEFAULT_PRESET]}"
    return "; ".join(f"{name}: {value}" for name, value in values.items())


@click.group(cls=TrainGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="vdsr-train")
def main() -> None:
    """Train the VDSR network."""


@main.command(DEFAULT_COMMAND, cls=TrainCommand, hidden=True)
@config_options()
@click.option("--run-dir", type=FOLDER, help="Run folder. [default: runs/<date>]")
@click.option(
    "--resume",
    is_flag=False,
    flag_value=NEWEST,
    metavar="[RUN_DIR]",
    help="Go on with a training: the one in RUN_DIR, or the newest below runs.",
)
@click.option("--local-workers", type=WHOLE(2), help="Train as so many processes of this machine.")
def run_command(
    preset: str | None, run_dir: Path | None, resume: str | None, local_workers: int | None, **options: Any
) -> None:
    """Train a network on FILE (default: vdsr_train.h5, as vdsr-data build-train writes it), or on --images.

    The run folder receives config.json, log.csv, curves.png, validation, checkpoints and weights.h5, which
    vdsr-eval --weights reads. Presets: paper is the paper's recipe, vdsr-tf that of VDSR-TensorFlow, best ours, all
    three for a GPU and hours; quick takes a laptop a quarter of an hour. Ctrl-C saves a checkpoint, --resume goes on
    from it to exactly the result of an uninterrupted training.

    \b
    vdsr-train sweep --learning-rate 1e-3 2e-3    several trainings, compared
    vdsr-train convert IN OUT                     other people's weights to ours
    """
    from vdsr_train.train import Interrupted, train

    given = {name: value for name, value in options.items() if value is not None}
    if resume is None:
        preset = preset or DEFAULT_PRESET
        config, folder = replace(PRESETS[preset], **given), run_dir or _dated_folder("")
    elif not resume:
        raise click.UsageError("--resume: an empty name; give a run folder, or leave it out for the newest below runs")
    elif run_dir is not None or preset is not None:
        raise click.UsageError("--resume RUN_DIR goes on as it began: leave out --run-dir and --preset")
    else:
        folder = _newest_run(Path("runs")) if resume == NEWEST else Path(resume)
        config = _resumed(read_config(folder / "config.json"), given, folder)
    _refuse_idle(config, given, "as it began" if preset is None else f"preset {preset}")
    check_data(config)
    if resume is None and this_worker(config.distribute).index == 0:
        check_run(folder, config)
    if local_workers is not None:
        if "distribute" in given:
            raise click.UsageError(
                "--distribute does nothing with --local-workers, which is multi-worker; leave it out"
            )
        check_workers(local_workers)
        check_shares(config.batch_size, local_workers)
        place = ["--resume", str(folder)] if resume is not None else ["--run-dir", str(folder), "--preset", str(preset)]
        given["distribute"] = "multi-worker"
        sys.exit(launch(local_workers, [*_as_arguments(given), *place, *_said_alike()]))

    console = open_console() if this_worker(config.distribute).index == 0 else Silent()
    console.say(f"{'resuming' if resume is not None else 'run folder'}: {folder}")
    fit = "warmup" not in given and resume is None
    console.say(f"recipe: {preset or 'as it began'}; {recipe(config, fit=fit)}")
    try:
        with console:
            train(config, folder, resume=resume is not None, console=console, fit=fit)
    except Interrupted as stop:
        voice.remark(str(stop))
        sys.exit(128 + stop.signum)


@main.command("sweep", cls=SweepCommand)
@config_options(several=True)
@click.option("--run-dir", type=FOLDER, help="Folder. [default: runs/sweep-<date>]")
def sweep_command(preset: str | None, run_dir: Path | None, **options: Any) -> None:
    """Train once for each value, or combination of values, and compare: --learning-rate 1e-3 2e-3.

    Any option that takes a number takes several. The folder receives a run folder for each, sweep.csv and sweep.png.
    Called again with the same --run-dir, an interrupted sweep goes on where it stopped.
    """
    from vdsr_train.sweep import combinations, sweep
    from vdsr_train.train import Interrupted

    given = {name: value for name, value in options.items() if value not in (None, ())}
    choices = {
        name: value if isinstance(value, tuple) and name not in LISTS else (value,) for name, value in given.items()
    }
    preset = preset or DEFAULT_PRESET
    configs = {name: replace(PRESETS[preset], **setting) for name, setting in combinations(choices).items()}
    if len(configs) < 2:
        raise click.UsageError("a sweep wants several values of an option, such as --learning-rate 1e-3 2e-3")
    first = next(iter(configs.values()))
    _refuse_idle(first, given, f"preset {preset}")
    check_data(first)
    folder = run_dir or _dated_folder("sweep-")
    check_sweep(folder, configs)
    try:
        with open_console() as console:
            sweep(configs, folder, console=console, fit="warmup" not in given)
    except Interrupted as stop:
        again = f"vdsr-train sweep with the same options and --run-dir {folder}"
        voice.remark(f"{str(stop).partition(';')[0]}; go on with: {again}")
        sys.exit(128 + stop.signum)


@main.command(cls=ExplainingCommand)
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@click.option(
    "--subtract",
    is_flag=True,
    help="The network's output is subtracted from its input, as DnCNN's, and not added; for files that do not tell.",
)
@force_option
def convert(source: Path, target: Path, subtract: bool, force: bool) -> None:
    """Convert other people's weights to a weights.h5 of ours.

    What SOURCE is is told by its content, not by its name. Nothing in it is executed. An array that has no place in
    such a network is refused, never ignored. TARGET ends in .h5.

    \b
    .mat of MatConvNet     the VDSR authors' (model), or DnCNN's (net.layers), which is subtracted
    .pth .pt .ckpt .bin    what torch.save wrote: a state dict or a whole module, under any key
    .safetensors .npz      arrays by name, kernels with PyTorch's axes or TensorFlow's
    .index or its folder   a TensorFlow 1 checkpoint of VDSR-TensorFlow
    """
    from vdsr_train.foreign import read_any
    from vdsr_train.weights import write_weights

    if target.suffix != ".h5":
        raise click.UsageError(f"{target}: the converted file is HDF5; give it a name that ends in .h5")
    refuse_log(target)
    check_output(target, force=force)
    weights = read_any(source, subtract=subtract)
    write_weights(target, weights, attributes={"source": source.name})
    values = sum(kernel.size + bias.size for kernel, bias in weights)
    voice.say(f"wrote {target}: {len(weights)} layers, {values} weights")


def _refuse_idle(config: Config, given: Mapping[str, Any], origin: str) -> None:
    """Refuse options that were given though they have no effect in `config`; see `idle`."""
    for name, why in idle(config, given, origin):
        shown = f"FILE ({given[name]})" if name == "file" else _as_arguments({name: given[name]})[0]
        raise click.UsageError(f"{shown} {why}")


def _as_arguments(given: Mapping[str, Any]) -> list[str]:
    """Return `given` as words of a command line."""
    words = []
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if name == "file":
            words.append(value)
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            words += [option, ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    return words


def _said_alike() -> list[str]:
    """Return what was given of the options on what is said, for workers to say as much."""
    source = click.get_current_context().get_parameter_source
    words = [f"--{name}" for name in ("quiet", "verbose") if source(name) is ParameterSource.COMMANDLINE]
    log = voice.log_name()
    return words if log is None else [*words, "--log-file", log]


def _dated_folder(prefix: str) -> Path:
    return Path("runs", prefix + time.strftime("%Y%m%d-%H%M%S"))


def _newest_run(runs: Path) -> Path:
    """Return the run folder below `runs` that was started or resumed last: then its config.json is written."""
    found = list(runs.glob("*/config.json"))
    if not found:
        raise VdsrError(f"{runs}: no training below it to resume; name its folder: --resume RUN_DIR")
    return max(found, key=lambda path: path.stat().st_mtime).parent


def _resumed(saved: Config, given: Mapping[str, Any], folder: Path) -> Config:
    """Return the saved configuration with the options that may change, and refuse the others."""
    free = FREE | ({"steps", "epochs"} if saved.schedule == "step" else set())
    before = asdict(saved)
    for name, value in given.items():
        if name not in free and value != before[name]:
            raise VdsrError(
                f"{folder}: was started with {name} {before[name]}, not {value}, which would change the result; "
                "resume without this option, or start a new training"
            )
    return replace(saved, **given)
