"""What is known to be wrong before a training begins: where it may write, what it is given, who shares its batches."""

import os
from collections.abc import Mapping
from pathlib import Path

from vdsr_data.cli import voice
from vdsr_data.errors import ArgumentError, VdsrError, listed
from vdsr_data.io.files import check_apart, check_input, check_name
from vdsr_data.limits import whole
from vdsr_train.config import Config

__all__ = [
    "COMMANDS",
    "LENGTH",
    "WORKERS",
    "MisuseError",
    "check_data",
    "check_run",
    "check_sweep",
    "check_workers",
    "refuse_log",
]

COMMANDS = "commands.txt"  # in the run folder of a branch: the commands that repeat it
LENGTH = "@LENGTH@"  # stands in these for a number of steps that is not known yet
OF_A_SWEEP = ("sweep.csv", "sweep.png")
WORKERS = (2, None)  # processes of one machine


class MisuseError(ArgumentError):
    """Arguments that do not go together, which the command takes for a mistake in typing: exit code 2."""


def check_run(run: Path, config: Config) -> None:
    """Refuse a folder in which a new training would write among other things.

    Raises
    ------
    VdsrError
        Its name is not text; it lies in a folder of images that the training reads; it holds a training already, what
        is left of one, or other files.
    """
    _check_place(run, config)
    if _is_run(run):
        raise VdsrError(f"{run}: holds a training already; go on with --resume {run}, or name another folder")
    for path in (*run.glob("checkpoints/step-*.h5"), run / "log.csv", run / "weights.h5"):
        refuse_log(path)
        if path.exists():
            raise VdsrError(f"{run}: holds what is left of a training ({path.name}); name another folder")
    _refuse_others(run, _names(run))


def check_sweep(folder: Path, configs: Mapping[str, Config]) -> None:
    """Refuse a folder for a sweep of `configs` as `check_run` does, but for what sweeps write there."""
    _check_place(folder, next(iter(configs.values())))
    known = {*OF_A_SWEEP, *configs}
    _refuse_others(folder, [name for name in _names(folder) if name not in known and not _is_run(folder / name)])


def refuse_log(path: Path) -> None:
    """Raise a VdsrError where the log file of this very command has the name of something that it writes."""
    if _is_log(path):
        raise VdsrError(f"{path}: is the --log-file of this command, which writes other things there; name another")


def check_data(config: Config) -> None:
    """Raise a VdsrError where the training file of `config` is none."""
    file = Path(config.file)
    if config.images is not None or file.is_file():
        return
    if _is_run(file):
        raise VdsrError(f"{file}: is a run folder; --resume {file} goes on with it, --weights {file} starts from it")
    if file.is_dir():
        raise VdsrError(f"{file}: is a folder; to train on the images in it: --images {file}")
    if file.exists():
        check_input(file)
    raise VdsrError(f"{file}: no such training file; build one with: vdsr-data build-train 291/, or use --images 291/")


def check_workers(workers: int) -> None:
    """Raise a VdsrError for more processes than this machine has cores, of which each would slow the others down."""
    whole("local_workers", workers, WORKERS)
    most = max(2, os.cpu_count() or 1)
    if workers > most:
        raise VdsrError(f"--local-workers {workers}: this machine has {os.cpu_count()} cores; give at most {most}")


def _check_place(folder: Path, config: Config) -> None:
    from vdsr_data.benchmark.sets import find_images

    for part in folder.parts:
        if part not in (folder.anchor, ".."):
            check_name(part)
    sources = [] if config.validation == "none" else [Path(config.validation)]
    if config.images is not None:
        sources.append(find_images(config.images, "train")[1][0].parent)
    check_apart([folder], sources, name="--run-dir")


def _names(folder: Path) -> list[str]:
    """What lies in a folder, but for hidden files and the log file of this command."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if not (path.name.startswith(".") or _is_log(path)))


def _refuse_others(folder: Path, names: list[str]) -> None:
    if found := listed(names, 3):
        raise VdsrError(f"{folder}: holds other things ({found}); name a new or an empty folder")


def _is_log(path: Path) -> bool:
    return str(path.absolute()) == voice.log_name()


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").is_file()
