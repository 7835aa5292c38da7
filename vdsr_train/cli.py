"""The command ``vdsr-train``: options from `Config`, one call of `train`, and what the terminal shows meanwhile."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from vdsr_data.errors import VdsrError
from vdsr_data.files import check_output
from vdsr_data.options import NUMBERS, ExplainingCommand, ExplainingGroup, force_option
from vdsr_train.config import FREE, Config, Knob, knobs, read_config
from vdsr_train.presets import DEFAULT_PRESET, PRESETS, differences

DEFAULT_COMMAND = "run"


class TrainGroup(ExplainingGroup):
    """A group whose nameless command is the training: ``vdsr-train [FILE]``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the training's name in front where no other command is named."""
        if not args or (args[0] not in self.commands and args[0] != "--version"):
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


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for each field of `Config`, but for the file, which is its argument."""
    for knob in reversed([knob for knob in knobs() if knob.name != "file"]):
        command = _option(knob)(command)
    return command


def _option(knob: Knob) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the option of a field; where it is not given the preset decides, so none has a default of its own."""
    name = "--" + knob.name.replace("_", "-")
    text = f"{knob.help[0].upper()}{knob.help[1:]}.  [{_values(knob)}]"
    if knob.kind is bool:
        return click.option(f"{name}/--no-{name[2:]}", default=None, help=text)
    kind: Any = click.Choice(knob.choices) if knob.choices else knob.kind
    limit = None if knob.range is None or knob.range.high == float("inf") else knob.range.high
    if knob.range is not None and knob.many:
        kind = NUMBERS(knob.kind, knob.range.low, knob.range.high, _shown(knob.default))
    elif knob.range is not None and knob.kind is int:
        kind = click.IntRange(min=int(knob.range.low), max=None if limit is None else int(limit))
    elif knob.range is not None:
        kind = click.FloatRange(min=knob.range.low, max=limit, min_open=knob.range.above)
    return click.option(name, type=kind, help=text, metavar=None if knob.choices else knob.kind.__name__.upper())


def _values(knob: Knob) -> str:
    """Return the value of a field in the presets, once where they agree."""
    values = {name: _shown(getattr(config, knob.name)) for name, config in PRESETS.items()}
    if len(set(values.values())) == 1:
        return f"default: {values[DEFAULT_PRESET]}"
    return "; ".join(f"{name}: {value}" for name, value in values.items())


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_shown, value))
    return {None: "none", True: "yes", False: "no"}.get(value, f"{value:g}" if isinstance(value, float) else str(value))


@click.group(cls=TrainGroup, invoke_without_command=True)
@click.version_option(package_name="vdsr-toolkit")
def main() -> None:
    """Train the VDSR network."""


@main.command(DEFAULT_COMMAND, cls=TrainCommand, hidden=True)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--preset", type=click.Choice(list(PRESETS)), help=f"Recipe to start from.  [default: {DEFAULT_PRESET}]")
@config_options
@click.option("--run-dir", type=click.Path(file_okay=False, path_type=Path), help="Run folder. [default: runs/<date>]")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    metavar="[RUN_DIR]",
    help="Go on with a training: the one in RUN_DIR, or the newest below runs.",
)
def run_command(
    file: Path | None, preset: str | None, run_dir: Path | None, resume: str | None, **options: Any
) -> None:
    """Train a network on FILE (default: vdsr_train.h5, as vdsr-data build-train writes it), or on --images.

    The run folder receives config.json, log.csv, checkpoints and weights.h5, which vdsr-eval --weights reads. Presets:
    paper is the paper's recipe, vdsr-tf that of VDSR-TensorFlow, best ours, all three for a GPU and hours; quick takes
    a laptop a quarter of an hour. Ctrl-C saves a checkpoint, --resume goes on from it to exactly the result of an
    uninterrupted training.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if file is not None:
        if "images" in given:
            raise click.UsageError(f"FILE ({file}) and --images exclude each other")
        given["file"] = str(file)
    if resume is None:
        preset = preset or DEFAULT_PRESET
        config, folder = replace(PRESETS[preset], **given), run_dir or Path("runs", time.strftime("%Y%m%d-%H%M%S"))
        if (folder / "config.json").exists():
            raise VdsrError(f"{folder}: holds a training already; go on with --resume {folder}, or name another folder")
    elif run_dir is not None or preset is not None:
        raise click.UsageError("--resume RUN_DIR goes on as it began: leave out --run-dir and --preset")
    else:
        folder = Path(resume) if resume else _newest_run(Path("runs"))
        config = _resumed(read_config(folder / "config.json"), given, folder)
    if config.images is None and not Path(config.file).is_file():
        raise VdsrError(
            f"{config.file}: no such training file; build one with: vdsr-data build-train 291/, or use --images 291/"
        )

    from vdsr_train.train import Interrupted, train

    console = Console(highlight=False)
    screen = _Terminal(console) if console.is_terminal else _Lines()
    screen.say(f"{'resuming' if resume is not None else 'run folder'}: {folder}")
    changes = ", ".join(f"{name} {_shown(value)}" for name, value in differences(config).items())
    screen.say(f"recipe: {preset or 'as it began'}; {f'unlike the paper: {changes}' if changes else 'as in the paper'}")
    try:
        with screen:
            train(config, folder, resume=resume is not None, console=screen)
    except Interrupted as stop:
        click.echo(str(stop), err=True)
        sys.exit(128 + stop.signum)


@main.command(cls=ExplainingCommand)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@force_option
def convert(source: Path, target: Path, force: bool) -> None:
    """Convert other people's weights to a weights.h5 of ours.

    SOURCE is a .mat file of MatConvNet as the VDSR authors publish it, a TensorFlow 1 checkpoint of VDSR-TensorFlow
    (its .index file, or the folder of its `checkpoint` file), or a .npz, .safetensors, .pth or .pt file of named
    arrays. Nothing in it is executed. TARGET ends in .h5.
    """
    from vdsr_train.foreign import read_any
    from vdsr_train.weights import write_weights

    if target.suffix != ".h5":
        raise click.UsageError(f"{target}: the converted file is HDF5; give it a name that ends in .h5")
    check_output(target, force=force)
    weights = read_any(source)
    write_weights(target, weights, attributes={"source": source.name})
    values = sum(kernel.size + bias.size for kernel, bias in weights)
    click.echo(f"wrote {target}: {len(weights)} layers, {values} weights")


def _newest_run(runs: Path) -> Path:
    """Return the run folder below `runs` that was started or resumed last."""
    found = list(runs.glob("*/config.json"))
    if not found:
        raise VdsrError(f"{runs}: no training below it to resume; name its folder: --resume RUN_DIR")
    return max((path.parent for path in found), key=lambda folder: folder.stat().st_mtime)


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


class _Lines:
    """Plain lines, for pipes and log files: one for each row of the log."""

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Write to stdout."""
        click.echo(text)
        sys.stdout.flush()

    def warn(self, text: str) -> None:
        """Write to stderr."""
        click.echo(f"warning: {text}", err=True)

    def progress(self, row: Mapping[str, float], *, total: int, seconds_left: float, logged: bool) -> None:
        """Write a line where the log has got a row."""
        if logged:
            self.say(f"step {row['step']}/{total}  epoch {row['epoch']:.2f}  {_describe(row, seconds_left)}")


class _Terminal(_Lines):
    """A bar that stays at the bottom, under the lines that were said."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            BarColumn(10), MofNCompleteColumn(), TextColumn("{task.description}"), console=console, transient=True
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "_Terminal":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Write above the bar."""
        self._progress.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Write above the bar, marked."""
        self._progress.console.print(f"warning: {text}", style="yellow", markup=False)

    def progress(self, row: Mapping[str, float], *, total: int, seconds_left: float, logged: bool) -> None:  # noqa: ARG002
        """Move the bar, at every step."""
        if self._task is None:
            self._task = self._progress.add_task("", total=total)
        self._progress.update(self._task, completed=row["step"], description=_describe(row, seconds_left))


def _describe(row: Mapping[str, float], seconds_left: float) -> str:
    if "loss" not in row:
        return "compiling"
    minutes = round(seconds_left / 60)
    left = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min" if minutes else "under 1 min"
    return (
        f"loss {row['loss']:.4g}  rate {row['learning_rate']:.3g}  clipped {row['clipped']:.0%}  "
        f"{row['patches_per_second']:.0f} patches/s  {left} left"
    )
