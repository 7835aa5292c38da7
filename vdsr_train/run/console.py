"""What a training shows: a bar under the lines that stay on a terminal, plain lines in a pipe or a log file."""

from collections.abc import Mapping
from typing import Protocol

from rich.console import Console as Screen
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from vdsr_data.cli import voice

__all__ = ["Console", "Lines", "Silent", "Terminal", "open_console"]


class Console(Protocol):
    """Where a training says how it goes."""

    def say(self, text: str) -> None:
        """Show lines that stay."""

    def warn(self, text: str) -> None:
        """Show a line that should not be missed."""

    def progress(self, row: Mapping[str, float], *, total: int, seconds_left: float, logged: bool) -> None:
        """Show how far the training is, after every step; `logged` where the row is a new one of the log."""


class Lines:
    """Plain lines, for pipes and log files: one for each row of the log."""

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Write to stdout, at once."""
        for line in text.splitlines():
            voice.say(line)

    def warn(self, text: str) -> None:
        """Write to stderr."""
        voice.remark(f"warning: {text}")

    def progress(self, row: Mapping[str, float], *, total: int, seconds_left: float, logged: bool) -> None:
        """Write a line where the log has got a row."""
        if logged:
            self.say(f"step {row['step']}/{total}  epoch {row['epoch']:.2f}  {_describe(row, seconds_left)}")


class Silent(Lines):
    """Warnings only, for all workers but the chief."""

    def say(self, text: str) -> None:
        """Leave it to the chief."""


class Terminal(Lines):
    """A bar that stays at the bottom, under the lines that were said."""

    def __init__(self, screen: Screen) -> None:
        self._progress = Progress(
            BarColumn(10), MofNCompleteColumn(), TextColumn("{task.description}"), console=screen, transient=True
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Terminal":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Write above the bar."""
        self._progress.console.print(text, markup=False)
        for line in text.splitlines():
            voice.keep(line)

    def warn(self, text: str) -> None:
        """Write above the bar, marked."""
        self._progress.console.print(f"warning: {text}", style="yellow", markup=False)
        voice.keep(f"warning: {text}")

    def progress(self, row: Mapping[str, float], *, total: int, seconds_left: float, logged: bool) -> None:  # noqa: ARG002
        """Move the bar, at every step."""
        if self._task is None:
            self._task = self._progress.add_task("", total=total)
        self._progress.update(self._task, completed=row["step"], total=total, description=_describe(row, seconds_left))


def open_console() -> Lines:
    """Return what suits stdout; a context manager."""
    screen = Screen(highlight=False)
    return Terminal(screen) if screen.is_terminal and not voice.is_quiet() else Lines()


def _describe(row: Mapping[str, float], seconds_left: float) -> str:
    if "loss" not in row:
        return "compiling"
    minutes = round(seconds_left / 60)
    left = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min" if minutes else "under 1 min"
    return (
        f"loss {row['loss']:.4g}  rate {row['learning_rate']:.3g}  clipped {row['clipped']:.0%}  "
        f"{row['patches_per_second']:.0f} patches/s  {left} left"
    )
