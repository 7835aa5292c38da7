"""The command ``vdsr-train``: options made from `Config`, and one call for each command."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from vdsr_data import __version__
from vdsr_data.cli import voice
from vdsr_data.cli.options import (
    CHOICE,
    FOLDER,
    NUMBERS,
    PATH,
    WHOLE,
    ExplainingCommand,
    ExplainingGroup,
    PathType,
    force_option,
)
from vdsr_eval.cli.main import convert_command
from vdsr_train.backends.distribute import LaunchError
from vdsr_train.config import FALLING, Knob, knobs
from vdsr_train.presets import DEFAULT_PRESET, PRESETS, shown
from vdsr_train.run import commands
from vdsr_train.run.commands import MINUTES, SEVERAL, STEPS
from vdsr_train.run.places import WORKERS, MisuseError

DEFAULT_COMMAND = "run"
NEWEST = "\0"  # what stands for the newest run, which no word of a command line can be
TAKES_SEVERAL = {"--" + name.replace("_", "-") for name in SEVERAL}


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
                if name[2:] in (knob.name for knob in knobs() if knob.many):
                    raise click.UsageError(f"{name}: a list takes commas, such as 2,3")
                raise click.UsageError(f"{name} takes one value; several are compared by: vdsr-train sweep {name} ...")
        return super().parse_args(ctx, args)


class SweepCommand(ExplainingCommand):
    """A command whose options take several values after one name: ``--theta 1e-3,9e-4`` or ``--theta 1e-3 9e-4``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the name in front of each further value, as click wants it."""
        spread = [part for name, word in _with_names(args) for part in ((name, word) if name else (word,))]
        return super().parse_args(ctx, spread)


def _with_names(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each word, values with commas between them apart, and in front of an option's further value its name, else ""."""
    name, pending = "", False
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            first, *more = _apart(name, value)
            pending = not equals
            yield "", f"{name}{equals}{first}"
        elif pending:
            first, *more = _apart(name, word)
            pending = False
            yield "", first
        elif name and all(map(_is_number, _apart(name, word))) and not Path(word).exists():
            more = _apart(name, word)
        else:
            more = []
            yield "", word
        for value in more:
            yield name, value


def _apart(name: str, value: str) -> list[str]:
    return value.split(",") if name in TAKES_SEVERAL else [value]


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
            command = _option(knob, several=several and knob.name in SEVERAL)(command)
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
    shape = None if knob.choices else knob.kind.__name__.upper() + (",..." if several else "")
    return click.option(name, type=kind, help=text, metavar=shape, multiple=several, default=None)


def _values(knob: Knob) -> str:
    """Return the value of a field in the presets, once where they agree."""
    values = {name: shown(getattr(config, knob.name)) for name, config in PRESETS.items()}
    if len(set(values.values())) == 1:
        return f"default: {values[DEFAULT_PRESET]}"
    return "; ".join(f"{name}: {value}" for name, value in values.items())


minutes_option = click.option(
    "--minutes", type=click.FloatRange(*MINUTES), help="End within so many minutes, after as many steps as fit."
)


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
    help="Go on with a training: the one in RUN_DIR, or in a file of pack, or the newest below runs.",
)
@click.option("--local-workers", type=WHOLE(*WORKERS), help="Train as so many processes of this machine.")
@minutes_option
def run_command(
    preset: str | None,
    run_dir: Path | None,
    resume: str | None,
    local_workers: int | None,
    minutes: float | None,
    **options: Any,
) -> None:
    """Train a network on FILE (default: vdsr_train.h5, as vdsr-data build-train writes it), or on --images.

    The run folder receives config.json, log.csv, curves.png, validation, checkpoints and weights.h5, which
    vdsr-eval --weights reads. Presets: paper is the paper's recipe, vdsr-tf that of VDSR-TensorFlow, best ours, all
    three for a GPU and hours; quick takes a laptop a quarter of an hour. Ctrl-C saves a checkpoint, --resume goes on
    from it to exactly the result of an uninterrupted training.

    \b
    vdsr-train decay RUN --steps N                its rate to zero, in a branch: weights to ship
    vdsr-train pack RUN OUT.h5                    what it needs to go on elsewhere
    vdsr-train sweep --learning-rate 1e-3,2e-3    several trainings, compared
    vdsr-train convert IN OUT                     as vdsr-eval convert
    """
    with _ended():
        commands.train(
            preset=preset,
            run_dir=run_dir,
            resume=True if resume == NEWEST else resume,
            local_workers=local_workers,
            minutes=minutes,
            **_given(options),
        )


@main.command("decay", cls=ExplainingCommand)
@click.argument("run", type=PATH)
@click.option("--steps", type=WHOLE(*STEPS), help="Length of the decay.")
@minutes_option
@click.option("--shape", type=CHOICE(FALLING), default="linear", show_default=True, help="How the rate falls.")
@click.option("--run-dir", type=FOLDER, help="Folder of the branch. [default: runs/<date>]")
def decay_command(run: Path, steps: int | None, minutes: float | None, shape: Any, run_dir: Path | None) -> None:
    """Take the rate of a training to zero in a branch, from its last state: weights to ship.

    RUN is the run folder of a training with --schedule stable (or step), or a file of pack. It is left as it is, and
    may go on and be decayed from later. A fifth to a quarter of the steps so far is a common length.
    """
    with _ended():
        commands.decay(run, steps=steps, minutes=minutes, shape=shape, run_dir=run_dir)


@main.command("pack", cls=ExplainingCommand)
@click.argument("run", type=PATH)
@click.argument("output", type=PATH)
@force_option
def pack_command(run: Path, output: Path, force: bool) -> None:
    """Write what a training needs to go on elsewhere into one file: its last checkpoint and its configuration.

    vdsr-train --resume OUTPUT goes on from it, in a new run folder, with the same data. RUN may train on meanwhile.
    """
    with _ended():
        commands.pack(run, output, force=force)
    voice.say(f"wrote {output}: {output.stat().st_size / 1e6:.3g} MB")


@main.command("sweep", cls=SweepCommand)
@config_options(several=True)
@click.option("--run-dir", type=FOLDER, help="Folder. [default: runs/sweep-<date>]")
def sweep_command(preset: str | None, run_dir: Path | None, **options: Any) -> None:
    """Train once for each value, or combination of values, and compare: --learning-rate 1e-3,2e-3.

    Any option that takes a number takes several. The folder receives a run folder for each, sweep.csv and sweep.png.
    Called again with the same --run-dir, an interrupted sweep goes on where it stopped.
    """
    with _ended():
        commands.sweep(run_dir, preset=preset, **_given(options))


main.add_command(convert_command)  # which was of this command, before it wrote files of others


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that the user gave; where none is, the preset decides."""
    return {name: value for name, value in options.items() if value not in (None, ())}


@contextmanager
def _ended() -> Iterator[None]:
    """End the process as a command does where a training was stopped, or was asked for in a wrong way."""
    from vdsr_train.run.train import Interrupted

    try:
        yield
    except MisuseError as error:
        raise click.UsageError(str(error)) from None
    except LaunchError as error:
        sys.exit(error.code)
    except Interrupted as stop:
        voice.remark(str(stop))
        sys.exit(128 + stop.signum)
