"""What the three command lines share: errors and warnings become one line, option types, progress on stderr."""

import math
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from fractions import Fraction
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from vdsr_data import limits
from vdsr_data.cli import voice
from vdsr_data.errors import ArgumentError, VdsrError, one_line
from vdsr_data.io.ahead import ignore
from vdsr_data.io.interrupt import CODE, interrupted, leave, typed, unheard

__all__ = [
    "CHOICE",
    "FACTORS",
    "FILE",
    "FOLDER",
    "NUMBERS",
    "PATH",
    "SCALE",
    "TEXTS",
    "WHOLE",
    "ExplainingCommand",
    "ExplainingGroup",
    "PathType",
    "boundary_option",
    "call",
    "complete_set",
    "degradation_option",
    "force_option",
    "given",
    "progress",
    "refuse_idle",
    "threads_option",
]

T = TypeVar("T")
OURS = 3  # the exit code of a fault of ours


class _Explaining(click.Command):
    """A command whose expected failures end in one line on stderr: exit code 2 for usage, 1 for failure.

    Expected are `VdsrError`, click's errors, what the system refuses (`OSError`), and too little memory. Whatever else
    is raised is a fault of ours: it ends with exit code 3, and its traceback goes to the log file.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command; with `standalone_mode` (the default) end the process with its exit code."""
        prog_name = prog_name or typed()
        run: Callable[[], Any] = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        voice.begin()
        try:
            _refuse_nowhere(sys.argv[1:] if args is None else args)
            with voice.warnings_said():
                result = run()
            voice.finish()
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            sys.exit(2)
        except click.UsageError as error:
            hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            _fail(f"{_unbroken(error.format_message())}{hint}", 2)
        except click.ClickException as error:
            _fail(_unbroken(error.format_message()), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _fail("interrupted", CODE)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away: nothing to say to it
            sys.exit(1)
        except OSError as error:
            where = f"{error.filename}: " if error.filename and error.strerror else ""
            _fail(f"{where}{_unbroken(error.strerror or str(error))}", 1)
        except MemoryError:
            _fail("out of memory; use smaller images, or a machine with more", 1)
        except VdsrError as error:
            _fail(str(error), 1)
        except Exception as error:
            log = voice.log_name()
            report = f"report it with {log}" if log else "run it again with --log-file FILE and report it"
            _fail(
                f"internal error ({type(error).__name__}: {_unbroken(str(error))}): this is our fault; {report}", OURS
            )
        if unheard():
            _fail("standard output is closed, and what was printed is lost; the rest was done", 1)
        code = result if isinstance(result, int) else 0
        sys.exit(code or int(voice.was_lost()))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Let every command know -h."""
        return super().make_context(info_name, args, parent, **{"help_option_names": ["-h", "--help"], **extra})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an option of one value that is given twice, of which click would keep the last without a word.

        What else click refuses gets a hint where one is certain: commas between values, an option that is near.
        """
        try:
            order = self.make_parser(ctx).parse_args(list(args))[2] if not ctx.resilient_parsing else []
        except click.NoSuchOption as error:
            near = [name for name in error.possibilities or () if _alike(name, error.option_name)]
            raise click.NoSuchOption(error.option_name, possibilities=near, ctx=ctx) from None
        for option, count in Counter(order).items():
            one_value = (
                isinstance(option, click.Option)
                and not option.multiple
                and (not option.is_flag or option.secondary_opts)
            )
            if count > 1 and one_value:
                raise click.UsageError(f"{max(option.opts, key=len)} is given {count} times, and takes one value", ctx)
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "extra argument" in error.message and (hint := _with_commas(self.get_params(ctx), words)):
                raise click.UsageError(hint, ctx) from None
            raise

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Give every command that does something by itself the options on what it says, before --help."""
        *own, last = super().get_params(ctx)
        idle = isinstance(self, click.Group) and not self.invoke_without_command
        return [*own, last] if idle else [*own, *voice.VOICE_OPTIONS, last]

    def invoke(self, ctx: click.Context) -> Any:
        """Run what was parsed."""
        voice.introduce()
        return super().invoke(ctx)


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one.strip("-"), other.strip("-")).ratio() > 0.7


def _with_commas(params: Iterable[click.Parameter], words: Sequence[str]) -> str:
    """Words for an option of several numbers that were given with spaces between them; empty if none was."""
    names = {name for param in params if isinstance(param.type, NumbersType | FactorsType) for name in param.opts}
    for place, name in enumerate(words):
        numbers = list(takewhile(lambda word: word[:1].isdigit(), words[place + 1 :]))
        if name in names and len(numbers) > 1:
            return f"{name} takes several values with commas between them, such as {name} {','.join(numbers)}"
    return ""


class ExplainingCommand(_Explaining):
    """A single command with `_Explaining`'s manners."""


class ExplainingGroup(_Explaining, click.Group):
    """A group of commands with `_Explaining`'s manners."""

    command_class = ExplainingCommand


def _fail(message: str, code: int) -> None:
    voice.fail(f"{typed()}: {'interrupted' if interrupted() else one_line(message)}")
    if interrupted():
        leave()
    sys.exit(code)


def _unbroken(text: str) -> str:
    """What a library says in several lines, in one."""
    return " ".join(text.split())


def _refuse_nowhere(words: Sequence[str]) -> None:
    """Stop a command whose current folder was deleted, of which each library would speak in its own way."""
    if not {"-h", "--help", "--version"}.isdisjoint(words):
        return
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        raise VdsrError("the current folder was deleted; change to one that exists") from None


def given(context: click.Context, names: Iterable[str]) -> dict[str, Any]:
    """Those of the parameters `names` that the user gave, with their values; not those that have their defaults."""
    unset = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return {name: context.params[name] for name in names if context.get_parameter_source(name) not in unset}


def refuse_idle(context: click.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that were given though nothing would come of them.

    Parameters
    ----------
    context
        Of the command.
    names
        Of the parameters, as the command's function has them: ``html_images``.
    why
        The rest of the sentence: ``"is for --html"``.

    Raises
    ------
    click.UsageError
        If one of them was given, named as it was typed: ``--html-images is for --html``.
    """
    for name, value in given(context, names).items():
        option = next(option for option in context.command.params if option.name == name)
        spelled = option.secondary_opts if value is False and option.secondary_opts else option.opts
        raise click.UsageError(f"{max(spelled, key=len)} {why}", context)


def call(function: Callable[..., T], /, *arguments: Any, **options: Any) -> T:
    """Call the function of the front door that does what the command says.

    Raises
    ------
    click.UsageError
        If it refuses an argument that is an option of the command, named as it is typed.
    """
    try:
        return function(*arguments, **options)
    except ArgumentError as error:
        context = click.get_current_context()
        typed_as = {param.name: param.human_readable_name if isinstance(param, click.Argument)
                    else max(param.opts, key=len) for param in context.command.params}  # fmt: skip
        name, _, reason = str(error).partition(": ")
        if name in typed_as:
            raise click.BadParameter(reason, param_hint=typed_as[name]) from error
        text = re.sub("`([a-z_]+)`", lambda found: typed_as.get(found[1], found[0]), str(error))
        if text != str(error):
            raise click.UsageError(text, context) from error
        raise


class WholeType(click.IntRange):
    """A whole number from `low`, up to `high` if that is given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the number, or say which are allowed."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            limits = f"from {self.min} to {self.max}" if self.max is not None else f"from {self.min} on"
            self.fail(f"{value!r}: whole numbers {limits} are allowed", param, ctx)


class PathType(click.Path):
    """A path; an empty word, which `Path` would take for the current folder, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("an empty name; give a file or a folder", param, ctx)
        return super().convert(value, param, ctx)


class ScaleType(click.ParamType[float | tuple[float, float]]):
    """A positive factor: 3, 0.5 or 1/3; or two of them, rows first: 1/2,1/3."""

    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        parts = value.split(",")
        try:
            factors = tuple(_factor(part) for part in parts)
        except (ValueError, ArithmeticError):
            factors = ()
        if len(factors) not in (1, 2) or not all(math.isfinite(factor) and factor > 0 for factor in factors):
            self.fail(
                f"{value!r} is not a scale; allowed are positive numbers such as 3, 0.5, 1/3 or 1/2,1/3", param, ctx
            )
        return factors[0] if len(factors) == 1 else factors


def _factor(text: str) -> float:
    """A number or a fraction; 1/3 is divided in float64, as MATLAB does."""
    numerator, slash, denominator = text.partition("/")
    return float(Fraction(numerator)) / float(Fraction(denominator)) if slash else float(text)


class NumbersType(click.ParamType[tuple[Any, ...]]):
    """Comma-separated numbers, each in a range, none twice."""

    name = "numbers"

    def __init__(self, kind: Callable[[str], Any], low: float, high: float, metavar: str) -> None:
        self._kind, self._low, self._high, self.name = kind, low, high, metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            numbers = tuple(self._kind(part) for part in value.split(","))
        except ValueError:
            numbers = ()
        if not numbers or not all(self._low <= n <= self._high for n in numbers) or len(set(numbers)) < len(numbers):
            kind = "whole numbers" if self._kind is int else "numbers"
            self.fail(
                f"{value!r}: give different {kind} from {self._low:g} to {self._high:g}, such as {self.name}",
                param,
                ctx,
            )
        return numbers


class FactorsType(click.ParamType[tuple[float, ...]]):
    """Factors of reduction with commas between them, MATLAB's start:step:stop among them."""

    name = "S,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the numbers, whole ones as int; which are allowed is for the function to say."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(factor for part in value.split(",") for factor in self._factors(part.strip()))
        except ValueError:
            self.fail(f"{value!r}: give factors such as 3, 2,3,4 or 1.1:0.1:4", param, ctx)

    @staticmethod
    def _factors(part: str) -> Sequence[float]:
        if ":" not in part:
            return [int(part) if part.isdecimal() else float(part)]
        from vdsr_data.matlab.arrays import colon

        start, step, stop = map(float, part.split(":"))
        return [int(one) if one == int(one) else one for one in colon(start, step, stop)]


class TextsType(click.ParamType[tuple[str, ...]]):
    """Words with commas between them."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """Give the words; which are allowed is for the function to say."""
        return tuple(value.split(",")) if isinstance(value, str) else value


CHOICE = partial(click.Choice, case_sensitive=False)
PATH = PathType(path_type=Path)
FILE = PathType(dir_okay=False, path_type=Path)
FOLDER = PathType(file_okay=False, path_type=Path)
SCALE = ScaleType()
FACTORS = FactorsType()
TEXTS = TextsType()
NUMBERS = NumbersType
WHOLE = WholeType

force_option = click.option("--force", is_flag=True, help="Replace an output that exists.")
boundary_option = click.option(
    "--boundary", type=CHOICE(limits.BOUNDARIES), default="symmetric", show_default=True,
    help="Pixels beyond the edge: symmetric as MATLAB since R2015b or earlier, replicate as older releases.",
)  # fmt: skip

degradation_option = click.option(
    "--degradation", metavar="KIND[:OPTION=VALUE,...]",
    help="What makes low-resolution images instead of bicubic: bd, dn:noise=10, see `vdsr-data degrade`.",
)  # fmt: skip


def complete_set(_context: click.Context, _parameter: click.Parameter, start: str) -> list[CompletionItem]:
    """Complete the name of a set, or of a file or folder, in a shell."""
    from vdsr_data.benchmark.sets import folder_names

    names = [name for name in ("sample", *folder_names()) if name.startswith(start)]
    return [*map(CompletionItem, names), CompletionItem(start, type="file")]


def threads_option(name: str = "--workers", text: str = "Threads to work with.") -> Callable[..., Any]:
    """An option for a number of threads, by default one per core that this process may use."""
    return click.option(name, type=WHOLE(*limits.WORKERS), show_default="cores", help=text)


@contextmanager
def progress(description: str, total: int | None = None, unit: str = "images") -> Iterator[Callable[..., None]]:
    """Show progress with rate and time left on stderr if that is a terminal; gives a function that counts on.

    That takes the count, and how much there is in all if that was not known before.
    """
    if voice.is_quiet() or not sys.stderr.isatty():
        yield ignore
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
               TaskProgressColumn(show_speed=True), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total)

        def count_on(count: float, total: float | None = None) -> None:
            bar.update(task, advance=count, total=None if total is None else math.ceil(total))

        yield count_on
