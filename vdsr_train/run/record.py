"""What a training leaves in its run folder: log.csv, checkpoints, weights; scores, pictures, curves and TensorBoard."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.io.files import replacing
from vdsr_eval.networks.weights import step_of, write_weights
from vdsr_train.config import Config
from vdsr_train.loop import checkpoint
from vdsr_train.run.board import open_board
from vdsr_train.run.console import Console
from vdsr_train.run.log import SCALES, Log, read_log, scores_of
from vdsr_train.run.places import COMMANDS
from vdsr_train.run.validate import PROTOCOL, open_validation

__all__ = ["Record", "levers", "scores_of_start", "stuck", "undrawn", "write_lacking"]

DRAWN_EVERY = 60.0  # seconds; drawing takes longer than a small training


class _Stopped(Exception):  # noqa: N818  not an error: the user asked for it
    pass


class Record:
    """The files of one run, open while it trains; a context manager.

    Parameters
    ----------
    run : Path
        The run folder; created, with config.json in it.
    config : Config
        Of the run.
    networks : mapping of str to variables
        The weights that are scored and saved: ``""`` the network's, ``averaged`` their average.
    first : int
        Steps done already; rows of later steps are removed. -1 of a training that begins, which keeps none.
    due : int
        Steps after which a network should be better than bicubic.
    console : Console
        Told the scores.
    """

    def __init__(
        self,
        run: Path,
        config: Config,
        networks: Mapping[str, Iterable[Any]],
        *,
        first: int,
        due: int,
        console: Console,
    ) -> None:
        from vdsr_eval.networks.network import Network
        from vdsr_train.backends.model import get_weights
        from vdsr_train.backends.predict import engine

        self.run, self.config, self.networks, self.due, self.console = run, config, networks, due, console
        self._stuck, self._drawn, self._undrawn = stuck(config), time.monotonic(), first >= 0 and undrawn(run)
        self.checkpoints = run / "checkpoints"
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        config.write(run / "config.json")
        self._weights = get_weights
        self._upscaler = Network(get_weights(networks[""]), engine=engine(config.threads))  # always in float32
        self._open = ExitStack()
        self._board = open_board(run / "tensorboard", config)
        if self._board is not None:
            self._open.enter_context(closing(self._board))
        self._log = self._open.enter_context(closing(Log(run / "log.csv", keep=first)))
        self._start = scores_of_start(run / "log.csv")
        self._validation = open_validation(str(config.validation), run / "validation", keep=first, warn=console.warn)
        if self._validation is not None:
            self._open.enter_context(closing(self._validation))

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        with self._open:
            if kind is None:
                self._draw()

    def begin(self) -> None:
        """Score the weights that a training starts from: step 0 of the log, and a row of every table from now on."""
        if self._validation is None:
            return
        row: dict[str, float] = {"step": 0, "epoch": 0}
        self._validate(row, lambda: False)
        self._note(row)

    def branch(self, commands: str) -> None:
        """Write down the commands that repeat a training which goes on from another, where there are any."""
        if commands:
            with replacing(self.run / COMMANDS) as temporary:
                temporary.write_text(commands, encoding="utf-8")

    def end(self, step: int) -> Config:
        """Write down that the training ends after `step` steps, and return the configuration that says so."""
        self.config = replace(self.config, steps=step)
        self.config.write(self.run / "config.json")
        return self.config

    def _note(self, row: dict[str, float]) -> None:
        self._log.write(row)
        if self._board is not None:
            self._board.scalars(row)

    def write(
        self,
        row: dict[str, float],
        batch: Callable[[], tuple[NDArray[np.float32], NDArray[np.float32]]],
        state: checkpoint.State,
        *,
        data: str,
        validates: bool,
        saves: bool,
        stopping: Callable[[], bool],
    ) -> None:
        """Write a row of the log, with scores when it is time for them; then the state, so that no kill loses a row.

        Scores wait for `catch_up` where `stopping` says, image after image, that there is no time for them.
        """
        step = int(row["step"])
        checkpoint.check_finite(self.checkpoints, step, state)
        scored = not validates or self._validate(row, stopping)
        if scored:
            self._note(row)
            if validates and self._board is not None:
                self._board.batch(row, self._weights(self.networks[""]), *batch())
        if saves:
            checkpoint.save(self.checkpoints, step, state, data=data, pending=None if scored else row)
            for name, variables in self.networks.items():
                write_weights(self.run / f"{name or 'weights'}.h5", self._weights(variables), attributes={"step": step})
        self._undrawn |= validates and scored
        if stopping() or time.monotonic() > self._drawn + DRAWN_EVERY:
            self._draw()

    def catch_up(self, row: dict[str, float], state: checkpoint.State, *, data: str) -> None:
        """Score what a training that was stopped had no time to score; write its row of the log, then the state."""
        self._validate(row, lambda: False)
        self._note(row)
        checkpoint.save(self.checkpoints, int(row["step"]), state, data=data)
        self._undrawn = True

    def _draw(self) -> None:
        """Draw the curves anew, if there are new scores."""
        if self._validation is not None and self._undrawn:
            from vdsr_train.run.figures import draw_curves

            logs = {self.run.name: self.run / "log.csv"}
            draw_curves(self.run / "curves.png", logs, dataset=self._validation.benchmark.name, protocol=PROTOCOL)
            self._drawn, self._undrawn = time.monotonic(), False

    def _validate(self, row: dict[str, float], stopping: Callable[[], bool]) -> bool:
        """Score the networks, add their means to `row`, and show them beside bicubic; False if it was stopped."""
        if self._validation is None:
            return True

        def upscale(ilr: NDArray[np.float64], scale: float) -> NDArray[np.floating[Any]]:
            if stopping():
                raise _Stopped
            return self._upscaler(ilr, scale)

        step, scores = int(row["step"]), {}
        networks = self.networks if step else {"": self.networks[""]}  # nothing is averaged yet
        for name, variables in networks.items():
            self._upscaler.load(self._weights(variables))
            try:
                psnr = self._validation(upscale, step=step, epoch=row["epoch"], suffix=name and f"-{name}")
            except _Stopped:
                return False
            scores[name] = psnr
        for name, psnr in scores.items():
            row.update({f"{name or 'psnr'}_x{scale}": value for scale, value in psnr.items()})
        if step:
            shown = {f"VDSR, step {step}" + (name and f", {name}"): psnr for name, psnr in scores.items()}
        else:
            self._start, shown = {"start": scores[""]}, {}
        self.console.say(self._validation.table(self._start | shown))
        if step >= self.due and all(map(self._validation.stuck, scores.values())):
            self.console.warn(self._stuck)
        return True


def stuck(config: Config) -> str:
    """Say what may help a network that is no better than bicubic."""
    rate = "; a loss averaged over pixels wants a far larger rate than a summed one"
    averaged = config.loss in ("mean", "absolute") and config.optimizer == "sgd"  # the others scale each gradient
    return f"the network is no better than bicubic: try another {levers(config)}{rate if averaged else ''}"


def levers(config: Config) -> str:
    """Return the options that make steps of a training larger or smaller."""
    return "--learning-rate" if config.clip == "none" else "--learning-rate or --theta"


def scores_of_start(log: Path) -> dict[str, dict[int, float]]:
    """Return what a log says of the weights that its training started from, as a row of a table; empty if nothing."""
    for row in read_log(log):
        if row["step"] == 0 and len(found := scores_of(row)) == len(SCALES):
            return {"start": found}
    return {}


def undrawn(run: Path) -> bool:
    """Whether a kill has left scores in the log that curves.png does not show."""
    curves, log = run / "curves.png", run / "log.csv"
    scored = log.exists() and any("psnr" in name for row in read_log(log) for name in row)
    return scored and not (curves.exists() and curves.stat().st_mtime >= log.stat().st_mtime)


def write_lacking(run: Path, networks: Mapping[str, Iterable[Any]], step: int) -> list[Path]:
    """Write those of the weights that a kill behind the checkpoint of `step` left missing, damaged or of another step.

    Returns their paths; `networks` is that of `Record`.
    """
    from vdsr_train.backends.model import get_weights

    written = []
    for name, variables in networks.items():
        path = run / f"{name or 'weights'}.h5"
        if step_of(path) != step:
            write_weights(path, get_weights(variables), attributes={"step": step})
            written.append(path)
    return written
