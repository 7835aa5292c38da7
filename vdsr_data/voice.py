"""What the commands say of their work: less with --quiet, more with --verbose, a copy with times in --log-file.

Results that were asked for, such as a table of scores, do not come through here: they are printed in any case.
"""

import logging
import os
import platform
import shlex
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from vdsr_data import __version__

__all__ = ["VOICE_OPTIONS", "begin", "fail", "finish", "introduce", "is_quiet", "keep", "remark", "say"]

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
    """Prints: what was done to stdout, all else to stderr."""

    introduced = False

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, "kept", False):
            click.echo(record.getMessage(), err=getattr(record, "err", record.levelno != logging.INFO))


_echo = _Echo(logging.INFO)
LOG = logging.getLogger("vdsr")
LOG.setLevel(logging.DEBUG)
LOG.addHandler(_echo)
LOG.propagate = False


def say(text: str, *, err: bool = False) -> None:
    """Say what was done, on stdout or stderr."""
    LOG.info(text, extra={"err": err})


def remark(text: str) -> None:
    """Say on stderr what should not be missed, also with --quiet."""
    LOG.warning(text)


def keep(text: str) -> None:
    """Write to the log file what was shown in another way."""
    LOG.info(text, extra={"kept": True})


def fail(text: str) -> None:
    """Say why the command ends; the log file has the traceback too."""
    LOG.error(text, exc_info=sys.exc_info()[0] is not None)


def is_quiet() -> bool:
    """Whether neither progress nor what was done is to be shown."""
    return _echo.level > logging.INFO


def begin() -> None:
    """Start a command, as if none of `VOICE_OPTIONS` were given."""
    for handler in LOG.handlers[1:]:
        LOG.removeHandler(handler)
        handler.close()
    _echo.setLevel(logging.INFO)
    _echo.introduced = False


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
    LOG.debug("vdsr-toolkit %s: %s", __version__, shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]))


def finish() -> None:
    """Say what the command took."""
    if _detailed():
        parts = [f"{time.process_time():.1f} s of processor time"]
        if sys.platform != "win32":
            import resource

            unit = 1 if sys.platform == "darwin" else 1024
            parts.append(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6:.0f} MB of memory")
        LOG.debug("took %s", ", ".join(parts))


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
        file = logging.FileHandler(value, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        LOG.addHandler(file)


VOICE_OPTIONS: tuple[click.Option, ...] = (
    click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=_be_quiet,
                 help="Results and warnings only: no progress, nothing of what was done."),
    click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=_be_verbose,
                 help="Versions, time and memory too."),
    click.Option(["--log-file"], type=click.Path(dir_okay=False, path_type=Path), expose_value=False,
                 callback=_open_log, help="Append all that is said to this file, with times, and tracebacks."),
)  # fmt: skip
