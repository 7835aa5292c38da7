"""Several trainings that differ in a value or two, one after the other, compared in one table and one plot."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import replacing
from vdsr_train.config import Config, read_config
from vdsr_train.presets import differences
from vdsr_train.run.console import Console
from vdsr_train.run.log import COLUMNS, read_log, scores_of
from vdsr_train.run.places import check_sweep

__all__ = ["combinations", "run_sweep"]


def combinations(values: Mapping[str, tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    """Return every combination of the values, by a name such as ``theta=0.001`` that can also be a folder."""
    varied = [name for name, choices in values.items() if len(choices) > 1]
    found = {}
    for chosen in product(*values.values()):
        setting = dict(zip(values, chosen, strict=True))
        found[",".join(f"{name}={setting[name]}" for name in varied)] = setting
    return found


def run_sweep(configs: Mapping[str, Config], folder: Path | str, *, console: Console, fit: bool = False) -> None:
    """Run each training into a folder of its name below `folder`, then write and show the comparison.

    Called again for the same folder it goes on where it stopped: finished trainings are kept, one that was interrupted
    is resumed. `fit` is that of `vdsr_train.run.train.run_training`.

    Raises
    ------
    VdsrError
        A folder holds another training or other things; or what a training raises.
    """
    from vdsr_train.run.figures import draw_curves
    from vdsr_train.run.record import scores_of_start
    from vdsr_train.run.train import run_training
    from vdsr_train.run.validate import PROTOCOL, open_validation

    folder = Path(folder)
    check_sweep(folder, configs)
    for name, config in configs.items():
        run, begun = folder / name, config
        resume = (run / "config.json").exists()
        if resume:
            begun = read_config(run / "config.json")
            wanted = replace(config, warmup=begun.warmup) if fit else config
            if wanted.convolution == "auto":
                wanted = replace(wanted, convolution=begun.convolution)
            other = differences(begun, wanted)
            if other:
                raise VdsrError(f"{run}: holds a training with another {', '.join(other)}; name another --run-dir")
        console.say(f"training {name}")
        run_training(begun, run, resume=resume, console=console, fit=fit)

    first = next(iter(configs.values()))
    logs = {name: folder / name / "log.csv" for name in configs}
    last = {name: _last_row(log) for name, log in logs.items()}
    with replacing(folder / "sweep.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        columns = [column for column in COLUMNS if any(column in row for row in last.values())]
        writer = csv.DictWriter(file, ["run", *columns])
        writer.writeheader()
        writer.writerows({"run": name, **row} for name, row in last.items())
    validation = open_validation(str(first.validation), folder, keep=0, warn=console.warn)
    if validation is not None:
        rows = {name: found for name, row in last.items() if (found := scores_of(row))}
        console.say(validation.table(scores_of_start(next(iter(logs.values()))) | rows))
        draw_curves(folder / "sweep.png", logs, dataset=validation.benchmark.name, protocol=PROTOCOL)
        console.say(f"curves: {folder / 'sweep.png'}")
    console.say(f"table: {folder / 'sweep.csv'}")


def _last_row(log: Path) -> dict[str, float]:
    rows = read_log(log)
    if not rows:
        raise VdsrError(f"{log}: holds no rows though its training is complete; remove its folder to train it anew")
    return rows[-1]
