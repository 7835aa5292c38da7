"""What the commands say of their work: less with --quiet, more with --verbose, a copy with times in --log-file.

Results that were asked for, such as a table of scores, do not come through here: they are printed in any case.
"""

import logging
import os
import platform
import re
import shlex
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from vdsr_data import __version__
from vdsr_data.errors import VdsrError, VdsrWarning, one_line
from vdsr_data.io.files import in_use
from vdsr_data.io.interrupt import typed

__all__ = ["VOICE_OPTIONS", "begin", "fail", "finish", "introduce", "is_quiet", "is_verbose", "keep", "log_name",
           "remark", "say", "warnings_said", "was_lost"]  # fmt: skip

LIBRARIES = (
    "numpy",
    "scipy",
    "numba",
    "h5py",
    "pillow",
    "scikit-image",
    "tensorflow-cpu",
    "tensorflow",
    "keras",
    "jax",
)


class _Echo(logging.Handler):
    """Prints: what was done to stdout, all else to stderr; a stderr that cannot be written to stops no work."""

    introduced = False
    lost = False  # whether something was said that cannot be read anywhere

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "kept", False):
            return
        err = getattr(record, "err", record.levelno != logging.INFO)
        try:
            click.echo(record.getMessage(), err=err)
        except OSError:
            if not err:
                raise
            self.lost = True


class _LogFile(logging.FileHandler):
    """Appends with times; if that fails it says so once, and the work goes on."""

    broken = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.broken:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        self.broken = _echo.lost = True
        error = sys.exc_info()[1]
        remark(f"{self.baseFilename}: {getattr(error, 'strerror', error)}; nothing more is logged there")

    def close(self) -> None:
        with suppress(OSError):  # which `handleError` has told
            super().close()


_echo = _Echo(logging.INFO)
LOG = logging.getLogger("vdsr")
LOG.setLevel(logging.DEBUG)
LOG.addHandler(_echo)
LOG.propagate = False


def say(text: str, *, err: bool = False) -> None:
    """Say what was done in a line, on stdout or stderr."""
    LOG.info(one_line(text), extra={"err": err})


def remark(text: str) -> None:
    """Say in a line on stderr what should not be missed, also with --quiet."""
    LOG.warning(one_line(text))


def keep(text: str) -> None:
    """Write to the log file in a line what was shown in another way."""
    LOG.info(one_line(text), extra={"kept": True})


def fail(text: str) -> None:
    """Say why the command ends; the log file has the traceback too."""
    LOG.error(text, exc_info=sys.exc_info()[0] is not None)


def log_name() -> str | None:
    """The path of the log file, if there is one."""
    return next((handler.baseFilename for handler in LOG.handlers if isinstance(handler, _LogFile)), None)


def was_lost() -> bool:
    """Whether the log file or stderr could not be written, so that something that was said is nowhere to be read."""
    return _echo.lost


def is_verbose() -> bool:
    """Whether versions, time and memory are to be shown too."""
    return _echo.level < logging.INFO


def is_quiet() -> bool:
    """Whether neither progress nor what was done is to be shown."""
    return _echo.level > logging.INFO


def begin() -> None:
    """Start a command, as if none of `VOICE_OPTIONS` were given."""
    for handler in LOG.handlers[1:]:
        LOG.removeHandler(handler)
        handler.close()
    in_use.clear()
    _echo.setLevel(logging.INFO)
    _echo.introduced = _echo.lost = False


def introduce() -> None:
    """Say what a report of a mistake would have to say; once a command."""
    if not _detailed() or _echo.introduced:
        return
    _echo.introduced = True
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    LOG.debug("%s, Python %s, %s", system, platform.python_version(), ", ".join(found))
    LOG.debug("vdsr-toolkit %s: %s", __version__, f"{typed()} {shlex.join(sys.argv[1:])}")


def finish() -> None:
    """Say what the command took."""
    if _detailed():
        parts = [f"{time.process_time():.1f} s of processor time"]
        if sys.platform != "win32":
            import resource

            unit = 1 if sys.platform == "darwin" else 1024
            parts.append(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6:.0f} MB of memory")
        LOG.debug("took %s", ", ".join(parts))


@contextmanager
def warnings_said() -> Iterator[None]:
    """Say the first `VdsrWarning` of each class on stderr, from any thread; the others are in the log file.

    All other warnings are ignored, unless Python was asked for them by -W: decoders warn of odd metadata, but the
    pixels decide.
    """
    said: set[type[Warning]] = set()
    lock = threading.Lock()
    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, VdsrWarning):
            return others(message, category, *where, **more)
        with lock:
            first = category not in said
            said.add(category)
        return (remark if first else keep)(str(message))

    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", VdsrWarning)
        warnings.showwarning = show
        yield


def _detailed() -> bool:
    return _echo.level < logging.INFO or len(LOG.handlers) > 1


def _be_quiet(_context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        _echo.setLevel(logging.WARNING)


def _be_verbose(_context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        _echo.setLevel(logging.DEBUG)


def _open_log(_context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        if value.is_fifo():
            raise VdsrError(f"{value}: is a pipe, which would be waited for; name a file")
        if value.is_file():  # not a device
            with value.open("rb") as there:
                head = there.read(11)
            if head and not re.match(rb"\d{4}-\d\d-\d\d ", head):
                raise VdsrError(f"{value}: is not a log file of ours; name another")
        file = _LogFile(value, encoding="utf-8", errors="backslashreplace")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        LOG.addHandler(file)
        in_use.add(os.path.realpath(value))


VOICE_OPTIONS: tuple[click.Option, ...] = (
    click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=_be_quiet,
                 help="Results and warnings only: no progress, nothing of what was done."),
    click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=_be_verbose,
                 help="Versions, time and memory too."),
    click.Option(["--log-file"], type=click.Path(dir_okay=False, path_type=Path), expose_value=False,
                 callback=_open_log, help="Append all that is said to this file, with times, and tracebacks."),
)  # fmt: skip
