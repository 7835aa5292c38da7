"""What each command of `vdsr-train` does, as a function with the same words: `train`, `decay`, `pack`, `sweep`.

The folder, the settings and what does not go together are settled here, before anything heavy is imported.
"""

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vdsr_data.cli import voice
from vdsr_data.errors import ArgumentError, VdsrError, warned
from vdsr_data.io.files import check_output
from vdsr_data.limits import checked_path, choice, number, whole
from vdsr_train.backends.distribute import LaunchError, check_shares, launch, this_worker
from vdsr_train.config import FALLING, FREE, Config, idle, knobs, read_config
from vdsr_train.presets import DEFAULT_PRESET, PRESETS, differences, recipe
from vdsr_train.run.console import Silent, open_console
from vdsr_train.run.log import last_scores
from vdsr_train.run.places import (
    COMMANDS,
    LENGTH,
    MisuseError,
    check_data,
    check_run,
    check_sweep,
    check_workers,
    refuse_log,
)
from vdsr_train.run.sweep import combinations, run_sweep

if TYPE_CHECKING:
    from vdsr_train.loop.checkpoint import Saved
    from vdsr_train.loop.packed import Packed

__all__ = ["MINUTES", "SEVERAL", "STEPS", "TrainedRun", "decay", "pack", "sweep", "train"]

MINUTES = (0.1, 60 * 24 * 366)
STEPS = (1, None)
ALONE = "--minutes measures the pace of one process; give several workers --steps"
SEVERAL = frozenset(knob.name for knob in knobs() if knob.kind in (int, float) and not knob.many)  # in a sweep


@dataclass(frozen=True)
class TrainedRun:
    """What a training has left.

    Attributes
    ----------
    run_dir : Path
        The run folder.
    weights : Path
        The weights.h5 in it, which `vdsr_eval.load_network` and ``vdsr-eval --weights`` read.
    scores : dict of int to float
        PSNR in dB on the validation's set by scale, as scored last; empty where nothing was.

    Examples
    --------
    >>> from pathlib import Path
    >>> from vdsr_train import TrainedRun
    >>> TrainedRun(Path("run"), Path("run/weights.h5"), {2: 37.3, 3: 33.35, 4: 31.02}).scores[3]
    33.35
    """

    run_dir: Path
    weights: Path
    scores: dict[int, float]


def train(
    config: Config | None = None,
    *,
    preset: str | None = None,
    run_dir: Path | str | None = None,
    resume: Path | str | bool | None = None,
    local_workers: int | None = None,
    minutes: float | None = None,
    quiet: bool = False,
    **fields: Any,
) -> TrainedRun:
    """Train a network, as ``vdsr-train`` does: of a preset, or a configuration, with any of its fields changed.

    Parameters
    ----------
    config : Config, optional
        Everything that decides the result, instead of a preset. A preset's warm-up is shortened to a tenth of the
        training; that of a configuration is not.
    preset : str, optional
        One of `PRESETS`; ``best`` where neither is given.
    run_dir : path, optional
        A new folder for config.json, log.csv, curves.png, validation, checkpoints and weights.h5. By default one below
        ``runs`` whose name is the time.
    resume : path or bool, optional
        Go on with the training in this run folder (True: the newest below ``runs``), to exactly the result of an
        uninterrupted one; or with that in a file of `pack`, in a new run folder. Where its rate does not fall to zero,
        it may be longer: ``steps=20000``.
    local_workers : int, optional
        Train as so many processes of this machine, 2 or more.
    minutes : float, optional
        End within so many minutes of now, after as many steps as fit; config.json has their number, with which
        ``steps`` gives the same bits.
    quiet : bool, default False
        Print warnings alone.
    **fields
        Fields of `Config`, such as ``file="vdsr_train.h5"`` or ``learning_rate=1e-3``. One that would have no effect is
        refused, and of a training that is resumed one that would change the result.

    Returns
    -------
    TrainedRun

    Raises
    ------
    ArgumentError
        A value is not allowed, or arguments do not go together.
    VdsrError
        For what a user can mend: a folder with other things in it, data, a backend that is not installed, a diverged
        training (the last good checkpoint is named), a full disk.
    Interrupted
        On SIGINT (Ctrl-C) or SIGTERM, after a checkpoint was written; ``resume`` goes on from it.

    Examples
    --------
    >>> run = train(preset="quick", images="sample", steps=500)  # doctest: +SKIP
    >>> run.scores[2]  # doctest: +SKIP
    36.3
    >>> train(resume=run.run_dir)  # doctest: +SKIP
    """
    resumes, packed = resume not in (None, False), None
    minutes = None if minutes is None else _minutes(minutes, fields)
    if not resumes:
        start, name = _start(config, preset)
        config, folder = replace(start, **_known(fields)), checked_path("run_dir", run_dir or _dated_folder(""))
    elif resume == "":
        raise MisuseError("--resume: an empty name; give a run folder, or leave it out for the newest below runs")
    else:
        source, name = _newest_run(Path("runs")) if resume is True else checked_path("resume", resume), "as it began"
        packed = _packed(source) if source.is_file() else None
        if config is not None or preset is not None or (run_dir is not None and packed is None):
            others = "--run-dir and --preset" if config is None else "the configuration"
            raise MisuseError(f"--resume RUN_DIR goes on as it began: leave out {others}")
        folder = source if packed is None else checked_path("run_dir", run_dir or _dated_folder(""))
        began = read_config(source / "config.json") if packed is None else packed.config
        config = _resumed(began, _known(fields), source)
        if minutes is not None and config.schedule in FALLING:
            raise MisuseError(f"{source}: its rate falls to zero over its length, which is known; leave out --minutes")
    _refuse_idle(config, fields, name)
    if minutes is not None and (local_workers is not None or config.distribute == "multi-worker"):
        raise MisuseError(ALONE)
    check_data(config)
    opens = packed is not None or not resumes  # a new run folder
    if opens and this_worker(config.distribute).index == 0:
        check_run(folder, config)
    if local_workers is not None:
        if "distribute" in fields:
            raise MisuseError("--distribute does nothing with --local-workers, which is multi-worker; leave it out")
        check_workers(local_workers)
        check_shares(config.batch_size, local_workers)
        place = ["--resume", str(source)] if resumes else []
        place += ["--run-dir", str(folder)] if opens else []
        _launch(local_workers, [*_settings(config, fields, name), *place], quiet=quiet)
        return _trained(folder)

    fit = name in PRESETS and "warmup" not in fields
    return _run(config, folder, name, quiet=quiet, resume=not opens, fit=fit, start=packed, minutes=minutes)


def decay(
    run: Path | str,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    shape: Literal["linear", "cosine"] = "linear",
    run_dir: Path | str | None = None,
    quiet: bool = False,
) -> TrainedRun:
    """Take the rate of a training to zero in a branch, from its last state, momentum included: weights to ship.

    The training itself is left as it is and may go on, and be decayed from later. The branch is the training that would
    have had its rate fall from this step on, to the last bit. Its commands.txt has the commands that repeat it.

    Parameters
    ----------
    run : path
        A run folder whose schedule is ``stable``, or ``step``; or what `pack` has made of it.
    steps : int, optional
        Length of the decay. A fifth to a quarter of the steps so far is common.
    minutes : float, optional
        Instead: as many steps as fit into so many minutes of now.
    shape : {"linear", "cosine"}
        How the rate falls.
    run_dir : path, optional
        A new folder for the branch. By default one below ``runs`` whose name is the time.
    quiet : bool, default False
        Print warnings alone.

    Returns
    -------
    TrainedRun

    Raises
    ------
    ArgumentError
        A value is not allowed, or both or neither of `steps` and `minutes` are given.
    VdsrError
        The training has no checkpoint, is in its warm-up, or falls to zero already; or as by `train`.
    Interrupted
        As by `train`.

    Examples
    --------
    >>> run = train(preset="quick", images="sample", schedule="stable", steps=4000)  # doctest: +SKIP
    >>> best = decay(run.run_dir, steps=1000)  # doctest: +SKIP
    >>> train(resume=run.run_dir, steps=8000)  # doctest: +SKIP
    """
    source = checked_path("run", run)
    shape = choice("shape", shape, FALLING)
    if (steps is None) == (minutes is None):
        raise MisuseError("decay: give --steps or --minutes, how long it is, one of the two")
    length = 0 if steps is None else whole("steps", steps, STEPS)
    minutes = None if minutes is None else _minutes(minutes, {})
    base = _packed(source)
    config, saved, _ = base
    if minutes is not None and config.distribute == "multi-worker":
        raise MisuseError(ALONE)
    if config.schedule in FALLING:
        raise VdsrError(
            f"{source}: its rate falls to zero already ({config.schedule}); what is decayed is a training with "
            "--schedule stable"
        )
    if saved.step < config.warmup:
        raise VdsrError(
            f"{source}: after step {saved.step} it is still in its warm-up of {config.warmup} steps; train on first"
        )
    folder = checked_path("run_dir", run_dir or _dated_folder(""))
    rate = config.learning_rate if config.schedule == "stable" else _last_rate(saved)
    branch = replace(
        config, schedule=shape, learning_rate=rate, decay_from=saved.step, steps=saved.step + max(length, 1)
    )
    check_data(branch)
    if this_worker(branch.distribute).index == 0:
        check_run(folder, branch)
    begun = source.with_suffix("") if source.is_file() else source
    first = ["vdsr-train", "--preset", "paper", *_as_arguments(_told(replace(config, steps=saved.step)))]
    first += ["--run-dir", str(begun)]
    second = ["vdsr-train", "decay", str(begun), "--steps", LENGTH, "--shape", shape, "--run-dir", str(folder)]
    start = base._replace(commands=f"{shlex.join(first)}\n{shlex.join(second)}\n")
    return _run(branch, folder, "as it began", quiet=quiet, start=start, minutes=minutes)


def pack(run: Path | str, output: Path | str, *, force: bool = False) -> Path:
    """Write what a training needs to go on elsewhere into one file: ``train(resume=output)`` goes on from it.

    That is its last checkpoint (weights, their averages, momentum), its configuration, and by which it knows its data
    again; not the data, nor the log. The training may go on at the same time.

    Parameters
    ----------
    run : path
        A run folder.
    output : path
        Its name ends in .h5.
    force : bool, default False
        Replace an output that exists.

    Returns
    -------
    Path
        The output.

    Raises
    ------
    VdsrError
        There is no whole checkpoint in the folder, or the output exists.

    Examples
    --------
    >>> pack("runs/stable", "stable.h5")  # doctest: +SKIP
    >>> train(resume="stable.h5", images="291", run_dir="here")  # doctest: +SKIP
    """
    from vdsr_train.loop.packed import write_packed

    source, output = checked_path("run", run), checked_path("output", output)
    if output.suffix != ".h5":
        raise MisuseError(f"{output}: the file is HDF5; give it a name that ends in .h5")
    refuse_log(output)
    check_output(output, force=force)
    if source.is_file():
        raise VdsrError(f"{source}: is a file; give the run folder of a training")
    write_packed(output, _packed(source))
    return output


def sweep(
    run_dir: Path | str | None = None, *, preset: str | None = None, quiet: bool = False, **fields: Any
) -> dict[str, TrainedRun]:
    """Train once for each value, or combination of values, one after the other, and compare.

    Called again with the same folder, an interrupted sweep goes on where it stopped.

    Parameters
    ----------
    run_dir : path, optional
        Receives a run folder for each training, and the comparison, sweep.csv and sweep.png. By default one below
        ``runs`` whose name is the time.
    preset, quiet
        As for `train`.
    **fields
        Fields of `Config`. A field that is a number may have several, in a list: ``theta=[1e-3, 9e-4]``.

    Returns
    -------
    dict of str to TrainedRun
        By the names of the run folders, such as ``theta=0.001``.

    Raises
    ------
    ArgumentError
        A value is not allowed, no field has several, or arguments do not go together.
    VdsrError, Interrupted
        As by `train`.

    Examples
    --------
    >>> runs = sweep(preset="quick", images="sample", steps=500, learning_rate=[1e-3, 2e-3])  # doctest: +SKIP
    >>> runs["learning_rate=0.002"].scores  # doctest: +SKIP
    {2: 36.31, 3: 32.51, 4: 30.36}
    """
    start, name = _start(None, preset)
    choices = {
        field: tuple(value) if field in SEVERAL and isinstance(value, list | tuple) else (value,)
        for field, value in _known(fields).items()
    }
    configs = {run: replace(start, **setting) for run, setting in combinations(choices).items()}
    if len(configs) < 2:
        raise MisuseError("a sweep wants several values of an option, such as --learning-rate 1e-3,2e-3")
    first = next(iter(configs.values()))
    _refuse_idle(first, fields, name)
    check_data(first)
    folder = checked_path("run_dir", run_dir or _dated_folder("sweep-"))
    check_sweep(folder, configs)

    from vdsr_train.run.train import Interrupted

    try:
        with Silent() if quiet else open_console() as console:
            run_sweep(configs, folder, console=console, fit="warmup" not in fields)
    except Interrupted as stop:
        again = f"vdsr-train sweep with the same options and --run-dir {folder}"
        raise Interrupted(stop.signum, f"{str(stop).partition(';')[0]}; go on with: {again}") from None
    return {run: _trained(folder / run) for run in configs}


def _run(
    config: Config,
    folder: Path,
    name: str,
    *,
    quiet: bool,
    start: "Packed | None",
    minutes: float | None,
    resume: bool = False,
    fit: bool = False,
) -> TrainedRun:
    """Train in this process, and say of what it is; the rest as for `vdsr_train.run.train.run_training`."""
    from vdsr_train.run.train import run_training

    chief = this_worker(config.distribute).index == 0
    console = open_console() if chief and not quiet else Silent()
    console.say(f"{'resuming' if resume else 'run folder'}: {folder}")
    told = config if minutes is None else replace(config, steps=None)  # which is not known yet
    console.say(f"recipe: {name}; {recipe(told, fit=fit)}")
    with console:
        run_training(config, folder, resume=resume, console=console, fit=fit, start=start, minutes=minutes)
    return _trained(folder)


def _packed(source: Path) -> "Packed":
    """Return the last state of a training, of its run folder, in which nothing is changed, or of a packed file."""
    from vdsr_train.loop import checkpoint
    from vdsr_train.loop.packed import Packed, read_packed

    if source.is_file():
        return read_packed(source)
    config = read_config(source)
    saved = checkpoint.load(source / "checkpoints", warn=warned, mend=False)
    if saved is None:
        raise VdsrError(f"{source}: has no whole checkpoint; train on: vdsr-train --resume {source}")
    commands = source / COMMANDS
    saved = saved._replace(pending=None)  # which is of the log of that run
    return Packed(config, saved, commands.read_text(encoding="utf-8") if commands.exists() else "")


def _last_rate(saved: "Saved") -> float:
    """Return the learning rate of the last step, as the shortest number that is the same in float32."""
    return float(str(saved.state.get("optimizer/learning_rate", 0)))


def _minutes(minutes: float, fields: Mapping[str, Any]) -> float:
    """Return `minutes`, checked, and refuse what has no place beside them."""
    for name in ("steps", "epochs"):
        if name in fields:
            raise MisuseError(f"--minutes measures how many steps fit; leave out --{name}")
    return number("minutes", minutes, MINUTES)


def _start(config: Config | None, preset: str | None) -> tuple[Config, str]:
    """Return what a training starts from, and its name: a preset's, or ``as given``."""
    if config is None:
        name = choice("preset", DEFAULT_PRESET if preset is None else preset, tuple(PRESETS))
        return PRESETS[name], name
    if not isinstance(config, Config):
        raise ArgumentError(f"config: {config!r} is not allowed; give a Config, or its fields by name: file=...")
    if preset is not None:
        raise ArgumentError(f"preset: {preset!r} is not allowed beside a config; give one of them")
    return config, "as given"


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    """Return `fields`; ArgumentError if one is no field of `Config`."""
    known = [knob.name for knob in knobs()]
    for name in fields:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise ArgumentError(f"{name}: no such field of Config; {f'did you mean {near[0]}?' if near else known}")
    return fields


def _refuse_idle(config: Config, fields: Mapping[str, Any], name: str) -> None:
    """Refuse fields that were given though they have no effect in `config`; see `idle`."""
    for field, why in idle(config, fields, f"preset {name}" if name in PRESETS else name):
        shown = f"FILE ({fields[field]})" if field == "file" else _as_arguments({field: fields[field]})[0]
        raise MisuseError(f"{shown} {why}")


def _resumed(saved: Config, fields: Mapping[str, Any], folder: Path) -> Config:
    """Return the saved configuration with the fields that may change, and refuse the others."""
    length = {"steps", "epochs"}
    free = FREE if saved.schedule in FALLING else FREE | length
    changed = replace(saved, **fields)
    for name, value in differences(changed, saved).items():
        if name in length - free:
            weights = f"the weights.h5 that --resume {folder} writes" if folder.is_file() else folder
            raise VdsrError(
                f"{folder}: its rate falls to zero over {name} {getattr(saved, name)}, not {value}; to go on, start "
                f"another with --weights {weights} --schedule stable, and end that with: vdsr-train decay RUN --steps N"
            )
        if name not in free:
            raise VdsrError(
                f"{folder}: was started with {name} {getattr(saved, name)}, not {value}, which would change the "
                "result; resume without this option, or start a new training"
            )
    return changed


def _newest_run(runs: Path) -> Path:
    """Return the run folder below `runs` that was started or resumed last: then its config.json is written."""
    found = list(runs.glob("*/config.json"))
    if not found:
        raise VdsrError(f"{runs}: no training below it to resume; name its folder: --resume RUN_DIR")
    return max(found, key=lambda path: path.stat().st_mtime).parent


def _dated_folder(prefix: str) -> Path:
    return Path("runs", prefix + time.strftime("%Y%m%d-%H%M%S"))


def _trained(folder: Path) -> TrainedRun:
    log = folder / "log.csv"
    scores = last_scores(log) if log.exists() else {}  # another machine's worker may not have it
    return TrainedRun(folder, folder / "weights.h5", scores)


def _settings(config: Config, fields: Mapping[str, Any], name: str) -> list[str]:
    """Return `config` as words of a command line, for workers: as few as describe it."""
    if name == "as given":
        name, fields = "paper", _told(config)
    for field in (field for field, value in fields.items() if value is None):
        raise MisuseError(f"{field}: None cannot be handed to local workers; leave it out, or give a Config")
    preset = ["--preset", name] if name in PRESETS else []
    return [*_as_arguments({**fields, "distribute": "multi-worker"}), *preset]


def _told(config: Config) -> dict[str, Any]:
    """Return the fields that tell `config` from the preset paper, of those that have an effect, and its warm-up."""
    acting = {knob.name for knob in knobs() if knob.acts(config)}
    fields = {key: value for key, value in differences(config).items() if key in acting}
    return fields | {"warmup": config.warmup}


def _as_arguments(fields: Mapping[str, Any]) -> list[str]:
    """Return `fields` as words of a command line."""
    words = []
    for name, value in fields.items():
        option = "--" + name.replace("_", "-")
        if name == "file":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            words += [option, ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)]
    return words


def _launch(workers: int, words: list[str], *, quiet: bool) -> None:
    """Train as local workers, which say as much as this process is to say."""
    if quiet or voice.is_quiet():
        words = [*words, "--quiet"]
    elif voice.is_verbose():
        words = [*words, "--verbose"]
    if (log := voice.log_name()) is not None:
        words = [*words, "--log-file", log]
    if code := launch(workers, words):
        raise LaunchError(code)
