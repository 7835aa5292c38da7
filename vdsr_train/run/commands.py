"""What each command of `vdsr-train` does, as a function with the same words: `train` and `sweep`.

The folder, the settings and what does not go together are settled here, before anything heavy is imported.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vdsr_data.cli import voice
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.limits import checked_path, choice
from vdsr_train.backends.distribute import LaunchError, check_shares, launch, this_worker
from vdsr_train.config import FREE, Config, idle, knobs, read_config
from vdsr_train.presets import DEFAULT_PRESET, PRESETS, differences, recipe
from vdsr_train.run.console import Silent, open_console
from vdsr_train.run.log import last_scores
from vdsr_train.run.places import MisuseError, check_data, check_run, check_sweep, check_workers
from vdsr_train.run.sweep import combinations, run_sweep

__all__ = ["SEVERAL", "TrainedRun", "sweep", "train"]

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
        uninterrupted one.
    local_workers : int, optional
        Train as so many processes of this machine, 2 or more.
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
    resumes = resume not in (None, False)
    if not resumes:
        start, name = _start(config, preset)
        config, folder = replace(start, **_known(fields)), checked_path("run_dir", run_dir or _dated_folder(""))
    elif resume == "":
        raise MisuseError("--resume: an empty name; give a run folder, or leave it out for the newest below runs")
    elif config is not None or run_dir is not None or preset is not None:
        others = "--run-dir and --preset" if config is None else "the configuration"
        raise MisuseError(f"--resume RUN_DIR goes on as it began: leave out {others}")
    else:
        folder, name = _newest_run(Path("runs")) if resume is True else checked_path("resume", resume), "as it began"
        config = _resumed(read_config(folder / "config.json"), _known(fields), folder)
    _refuse_idle(config, fields, name)
    check_data(config)
    if not resumes and this_worker(config.distribute).index == 0:
        check_run(folder, config)
    if local_workers is not None:
        if "distribute" in fields:
            raise MisuseError("--distribute does nothing with --local-workers, which is multi-worker; leave it out")
        check_workers(local_workers)
        check_shares(config.batch_size, local_workers)
        place = ["--resume", str(folder)] if resumes else ["--run-dir", str(folder)]
        _launch(local_workers, [*_settings(config, fields, name), *place], quiet=quiet)
        return _trained(folder)

    from vdsr_train.run.train import run_training

    chief = this_worker(config.distribute).index == 0
    console = open_console() if chief and not quiet else Silent()
    fit = name in PRESETS and "warmup" not in fields
    console.say(f"{'resuming' if resumes else 'run folder'}: {folder}")
    console.say(f"recipe: {name}; {recipe(config, fit=fit)}")
    with console:
        run_training(config, folder, resume=resumes, console=console, fit=fit)
    return _trained(folder)


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
    free = FREE | ({"steps", "epochs"} if saved.schedule == "step" else set())
    changed = replace(saved, **fields)
    for name, value in differences(changed, saved).items():
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
        acting = {knob.name for knob in knobs() if knob.acts(config)}
        fields = {key: value for key, value in differences(config).items() if key in acting}
        name, fields = "paper", fields | {"warmup": config.warmup}
    for field in (field for field, value in fields.items() if value is None):
        raise MisuseError(f"{field}: None cannot be handed to local workers; leave it out, or give a Config")
    preset = ["--preset", name] if name in PRESETS else []
    return [*_as_arguments({**fields, "distribute": "multi-worker"}), *preset]


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
