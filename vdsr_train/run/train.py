"""The whole training, read from top to bottom."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import claimed
from vdsr_data.training.file import open_training
from vdsr_train.backends import backend
from vdsr_train.backends.distribute import check_shares, this_worker
from vdsr_train.config import Config
from vdsr_train.loop import checkpoint
from vdsr_train.loop.batches import Batches, FileBatches, prefetch
from vdsr_train.loop.crops import CropBatches
from vdsr_train.loop.schedule import fitted, learning_rate, total_steps, unreached
from vdsr_train.run.console import Console, Silent
from vdsr_train.run.places import check_run
from vdsr_train.run.record import Record, levers, write_lacking

__all__ = ["Interrupted", "train"]


class Interrupted(Exception):  # noqa: N818 (it is not an error)
    """The training was stopped by a signal, after its state was saved."""

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum


def train(config: Config, run: Path | str, *, resume: bool, console: Console, fit: bool = False) -> None:
    """Train a network as `config` says, into the folder `run`.

    Parameters
    ----------
    config : Config
        Everything that decides the result.
    run : path
        Receives config.json, log.csv, checkpoints and weights.h5; created once the data have been opened.
    resume : bool
        Go on from the newest whole checkpoint in `run`, to the same result as an uninterrupted training. Where there
        is none, but once was one, nothing is changed.
    console : Console
        Told about everything worth seeing.
    fit : bool, default False
        Shorten a warm-up that is more than a tenth of the training, and say so: for a preset's.

    Raises
    ------
    VdsrError
        For what a user can mend: a folder with other things in it, data, a diverged training (the last good checkpoint
        is named), a full disk.
    OSError
        A checkpoint cannot be read, which does not mean that it is damaged.
    Interrupted
        On SIGINT or SIGTERM, after a checkpoint was written.
    """
    run, worker = Path(run), this_worker(config.distribute)
    check_shares(config.batch_size, worker.count)
    if worker.index == 0 and not resume:
        check_run(run, config)
    scope = backend.start(threads=config.threads, distribute=config.distribute)
    from vdsr_train.backends.model import build_model, initial_weights, set_weights
    from vdsr_train.backends.optimizer import build_optimizer

    with scope:
        model = build_model(depth=config.depth, channels=config.channels, precision=config.precision)
        if not resume:
            set_weights(model, initial_weights(config))
        optimizer = build_optimizer(config)
        train_step = backend.steps(config.convolution).compile_step(model, optimizer, config)
    variables = [*model.trainable_variables, *optimizer.variables]
    networks = {"": model.trainable_variables} | ({"averaged": optimizer.averages} if config.ema else {})

    with ExitStack() as opened:
        batches = opened.enter_context(_open_batches(config))
        epoch_steps = batches.steps_per_epoch
        total = total_steps(config, epoch_steps)
        data = batches.identity()

        if config.threads and config.convolution == "direct" and not backend.takes_threads():
            console.warn(f"threads: JAX takes as many as it likes, not {config.threads}")
        wanted, config = config, fitted(config, total) if fit and not resume else config
        if worker.index == 0:
            opened.enter_context(claimed(run))
            if config != wanted:
                console.say(f"warm-up: {config.warmup} steps, a tenth of the training, instead of {wanted.warmup}")
            for line in unreached(config, total, epoch_steps) if not resume else ():
                console.warn(line)
        first, pending = 0, None
        checkpoints = run / "checkpoints"
        saved = checkpoint.load(checkpoints, warn=console.warn) if resume else None
        if saved is not None:
            first, state, saved_data, pending = saved
            if saved_data not in (data, data.partition(" ")[0]):  # the first word alone, as it was saved once
                raise VdsrError(f"{config.images or config.file}: not the data that {run} was trained on")
            checkpoint.set_state(variables, state)
        elif resume:
            _refuse_lost(run)
            console.warn(f"{run}: there is no checkpoint, starting anew")
            set_weights(model, initial_weights(config))
        if first >= total and worker.index == 0:
            for path in write_lacking(run, networks, first):
                console.say(f"{path}: written from the checkpoint of step {first}")
        if first >= total and pending is None:
            console.say(f"{run}: the training is complete, all {total} steps are done")
            return

        record = None
        if worker.index == 0:
            kept = -1 if saved is None else first if pending is None else first - 1
            record = Record(run, config, networks, first=kept, due=min(epoch_steps, total), console=console)
            opened.enter_context(record)
            if saved is None and config.weights is not None:
                record.begin()
            if pending is not None:
                record.catch_up(pending, state, data=data)
        else:
            console = Silent()

        caught: list[int] | None = None  # until a step is done, there is nothing that should be saved
        losses: list[Any] = []
        row: dict[str, float] = {}
        waits, pace, window = 0.0, 0.0, time.perf_counter()
        for step, lr, gt, waited in prefetch(batches, first, total):
            rate = learning_rate(config, step, epoch_steps)
            optimizer.learning_rate = rate
            try:
                losses.append(train_step(lr, gt))
            except VdsrError:
                if caught:
                    raise Interrupted(caught[0], f"worker {worker.index} stopped with the chief") from None
                raise
            waits += waited
            done = step + 1
            if caught is None:
                caught = opened.enter_context(_signals())

            stops = bool(caught) and record is not None  # the workers beside the chief end with it
            due = done % epoch_steps == 0 or (config.validate_every and done % config.validate_every == 0)
            validates = bool(due) or done == total
            saves = validates or stops or done % config.checkpoint_every == 0
            logs = saves or done % config.log_every == 0  # a window ends at each checkpoint, so that logs resume too
            if not logs:
                row |= {"step": done, "epoch": done / epoch_steps}
                console.progress(row, total=total, seconds_left=(total - done) * pace, logged=False)
                continue

            loss = float(np.mean([float(value) for value in losses]))  # read seldom: reading waits for the device
            if not np.isfinite(loss):
                raise VdsrError(
                    f"the loss is {loss} at step {done}: the training has diverged; "
                    f"{checkpoint.last_good(checkpoints)}; start again with a lower {levers(config)}"
                )
            elapsed = time.perf_counter() - window
            pace = elapsed / len(losses)
            row = {
                "step": done,
                "epoch": done / epoch_steps,
                "loss": loss,
                "learning_rate": rate,
                "clipped": optimizer.clipped_fraction(),
                "patches_per_second": config.batch_size / pace,
                "waiting": waits / elapsed,
            }
            if record is not None:
                state = checkpoint.get_state(variables)
                record.write(
                    row, (lr, gt), state, data=data, validates=validates, saves=saves, stopping=partial(bool, caught)
                )
                stops = bool(caught) and saves
            console.progress(row, total=total, seconds_left=(total - done) * pace, logged=True)
            if stops and caught:
                raise Interrupted(caught[0], f"stopped after step {done}; go on with: vdsr-train --resume {run}")
            losses.clear()
            waits, window = 0.0, time.perf_counter()


def _refuse_lost(run: Path) -> None:
    """Stop before a training whose checkpoints are gone would begin anew and overwrite what is left of it."""
    left = [path for path in (run / "weights.h5", *checkpoint.damaged(run / "checkpoints")) if path.exists()]
    if left:
        last = f" (its last weights are not lost: --weights {run})" if left[0].suffix == ".h5" else ""
        raise VdsrError(
            f"{run}: there is no whole checkpoint to go on from; start another run{last}, or, to begin this one again, "
            f"remove {' and '.join(map(str, left))}"
        )


@contextmanager
def _open_batches(config: Config) -> Iterator[Batches]:
    """Open the training file, or read the folder of images."""
    if config.images is not None:
        yield CropBatches(config)
        return
    with open_training(config.file) as file:
        yield FileBatches(
            file, Path(config.file), batch_size=config.batch_size, seed=config.seed, symmetries=config.symmetries
        )


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of dying; the second one is obeyed at once.

    A step and a checkpoint may take longer than the time in which Ctrl-C ends other commands, so that is not counted.
    """
    caught: list[int] = []

    def note(signum: int, _frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(signum)

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        watched = signal.set_wakeup_fd(-1)
    except ValueError:  # only the main thread may do this; elsewhere a training cannot be interrupted
        before, watched = {}, -1
    try:
        yield caught
    finally:
        if before:
            signal.set_wakeup_fd(watched, warn_on_full_buffer=False)
        for number, handler in before.items():
            signal.signal(number, handler)
