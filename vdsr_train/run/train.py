"""The whole training, read from top to bottom: what it needs, where it begins, and one loop.

Which backend computes is up to `vdsr_train.backends`, what is due at a step to `vdsr_train.loop.schedule`, and what is
written to `vdsr_train.run.record`.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import claimed
from vdsr_data.training.file import open_training
from vdsr_train.backends import backend
from vdsr_train.backends.distribute import check_shares, this_worker
from vdsr_train.backends.interface import Losses, Step
from vdsr_train.config import Config
from vdsr_train.loop import checkpoint
from vdsr_train.loop.batches import Batches, FileBatches, prefetch
from vdsr_train.loop.crops import CropBatches
from vdsr_train.loop.packed import Packed
from vdsr_train.loop.schedule import due, fitted, learning_rate, total_steps, unreached
from vdsr_train.loop.spans import MOST, OnDevice, OnHost, Trainer, spans
from vdsr_train.run.console import Console, Silent
from vdsr_train.run.pace import Clock, Pace, fitting, measured
from vdsr_train.run.places import LENGTH, check_run
from vdsr_train.run.record import Record, levers, undrawn, write_lacking

__all__ = ["Interrupted", "run_training"]

WORTH_A_TRIAL = 100  # steps: a shorter training would be over before its trial


class Interrupted(Exception):  # noqa: N818 (it is not an error)
    """A training was stopped by SIGINT or SIGTERM, after its state was saved; the message says how to go on.

    Attributes
    ----------
    signum : int
        The number of the signal.

    Examples
    --------
    >>> from vdsr_train import Interrupted
    >>> str(Interrupted(2, "stopped after step 7; go on with: vdsr-train --resume run"))
    'stopped after step 7; go on with: vdsr-train --resume run'
    """

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum


def run_training(
    config: Config,
    run: Path | str,
    *,
    resume: bool,
    console: Console,
    fit: bool = False,
    start: Packed | None = None,
    minutes: float | None = None,
) -> None:
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
    start : Packed, optional
        Go on from this state of another run, in the new folder `run`, which also receives its commands.
    minutes : float, optional
        End within so many minutes: instead of the steps of `config` as many as fit. Those taken are in config.json.

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
    began, run, worker = time.perf_counter(), Path(run), this_worker(config.distribute)
    chief = worker.index == 0  # the worker that writes; a training on one device has no other
    check_shares(config.batch_size, worker.count)
    if chief and not resume:
        check_run(run, config)

    scope = backend.start(threads=config.threads, distribute=config.distribute)
    from vdsr_train.backends.model import build_model, initial_weights, set_weights
    from vdsr_train.backends.optimizer import build_optimizer

    with ExitStack() as opened:
        # The data.
        batches = opened.enter_context(_open_batches(config))
        data, epoch_steps = batches.identity(), batches.steps_per_epoch

        # The network, its optimizer and the compiled step.
        with scope:
            model = build_model(depth=config.depth, channels=config.channels, precision=config.precision)
            if not resume and start is None:
                set_weights(model, initial_weights(config))
            optimizer = build_optimizer(config)
            config, train_step = _step(config, model, optimizer, batches, console)
        trainer = _trainer(config, train_step, model, optimizer, batches, console)
        variables = [*model.trainable_variables, *optimizer.variables]
        networks = {"": model.trainable_variables} | ({"averaged": optimizer.averages} if config.ema else {})
        if chief and resume:
            opened.enter_context(claimed(run))

        # Where it begins: at step 0, or where the newest whole checkpoint stands.
        first, pending = 0, None  # pending is a row of the log that still lacks its scores
        checkpoints = run / "checkpoints"
        saved = checkpoint.load(checkpoints, warn=console.warn) if resume else start and start.saved
        if saved is not None:
            first, state, saved_data, pending = saved
            if saved_data not in (data, data.partition(" ")[0]):  # the first word alone, as it was saved once
                raise VdsrError(f"{config.images or config.file}: not the data that this training began with")
            checkpoint.set_state(variables, state)
        elif resume:
            _refuse_lost(run)
            console.warn(f"{run}: there is no checkpoint, starting anew")
            set_weights(model, initial_weights(config))

        # How long it is.
        pace, deadline = Pace(0.0, 0.0), np.inf if minutes is None else began + 60 * minutes
        if minutes is not None:
            pace = measured(config, trainer, variables, networks, seconds=60 * minutes)
            left = deadline - time.perf_counter()
            config = replace(config, steps=first + fitting(config, pace, left, steps_per_epoch=epoch_steps))
            console.say(f"{minutes:g} minutes: until step {config.steps}, at {pace.step:.3g} s a step")
        clock, total = Clock(config, pace, deadline), total_steps(config, epoch_steps)
        if fit and not resume:
            wanted, config = config.warmup, fitted(config, total)
            if chief and config.warmup != wanted:
                console.say(f"warm-up: {config.warmup} steps, a tenth of the training, instead of {wanted}")
        if chief and not resume:
            for line in unreached(config, total, epoch_steps):
                console.warn(line)
        if first >= total and start is None:
            for path in write_lacking(run, networks, first) if chief else ():
                console.say(f"{path}: written from the checkpoint of step {first}")
            if pending is None:
                console.say(f"{run}: the training is complete, all {total} steps are done")
                if not (chief and undrawn(run)):
                    return

        # What the run folder receives, from the chief alone.
        if chief and not resume:
            opened.enter_context(claimed(run))
        record = None
        if chief:
            kept = -1 if saved is None else first if pending is None else first - 1
            record = Record(run, config, networks, first=kept, due=min(epoch_steps, total), console=console)
            opened.enter_context(record)
            if saved is None and config.weights is not None:
                record.begin()
            if pending is not None:
                record.catch_up(pending, state, data=data)
            if start is not None:
                checkpoint.save(checkpoints, first, state, data=data)
                write_lacking(run, networks, first)
                record.branch(start.commands.replace(LENGTH, str(total - first)))
        else:
            console = Silent()

        # The loop.
        caught: list[int] = []  # the signal that is to stop the training
        losses: list[Losses] = []  # since the last row of the log, as are the seconds of waiting
        waits, seconds, window, logged = 0.0, pace.step, time.perf_counter(), first
        row: dict[str, float] = {}
        ahead = spans(config, first, total, steps_per_epoch=epoch_steps, most=trainer.most)
        for span, read, waited in prefetch(trainer.read, ahead):
            # One step, or several on a device that holds the images.
            rates = [learning_rate(config, step, epoch_steps) for step in span]
            try:
                losses.append(trainer(read, rates))
            except VdsrError:
                if caught:
                    raise Interrupted(caught[0], f"worker {worker.index} stopped with the chief") from None
                raise
            waits += waited
            done = span.stop
            if span.start == first:  # until a step is done, there is nothing that should be saved
                caught = opened.enter_context(_signals())

            # Nothing is due but a sign of life. The other workers do not stop by themselves: they end with the chief.
            stops = chief and bool(caught)
            now = due(config, done, steps_per_epoch=epoch_steps, total=total, stops=stops)
            at = max(time.perf_counter(), window + (done - logged) * seconds)  # a device may be behind
            if record is not None and done < total and clock.late(now, total - done, at=at):
                if clock.falls:  # a validation changes no weights
                    now = now._replace(validates=False)
                else:
                    total, config = done, record.end(done)
                    now = due(config, done, steps_per_epoch=epoch_steps, total=total)
            if not now.logs:
                row |= {"step": done, "epoch": done / epoch_steps}
                console.progress(row, total=total, seconds_left=(total - done) * seconds, logged=False)
                continue

            # The loss since the last row, read seldom: reading waits for the device.
            loss = float(np.mean([value for part in losses for value in part()]))
            if not np.isfinite(loss):
                raise VdsrError(
                    f"the loss is {loss} at step {done}: the training has diverged; "
                    f"{checkpoint.last_good(checkpoints)}; start again with a lower {levers(config)}"
                )

            # The row, then scores, log, checkpoint and weights.
            elapsed = time.perf_counter() - window
            seconds = elapsed / (done - logged)
            row = {
                "step": done,
                "epoch": done / epoch_steps,
                "loss": loss,
                "learning_rate": rates[-1],
                "clipped": optimizer.clipped_fraction(),
                "patches_per_second": config.batch_size / seconds,
                "waiting": waits / elapsed,
            }
            if record is not None:
                state, stopping = checkpoint.get_state(variables), partial(bool, caught)
                last = partial(batches, done - 1)
                record.write(row, last, state, data=data, validates=now.validates, saves=now.saves, stopping=stopping)
            console.progress(row, total=total, seconds_left=(total - done) * seconds, logged=True)

            # The end, where a signal came, also during the validation, and the state is saved.
            if chief and caught and now.saves:
                raise Interrupted(caught[0], f"stopped after step {done}; go on with: vdsr-train --resume {run}")
            if done == total:
                break
            losses.clear()
            waits, window, logged = 0.0, time.perf_counter(), done

        if time.perf_counter() > deadline:
            took = (time.perf_counter() - began) / 60
            console.warn(f"it took {took:.3g} minutes: steps became slower than they were measured")


def _step(config: Config, model: Any, optimizer: Any, batches: Batches, console: Console) -> tuple[Config, Step]:
    """Compile the step of a training, by a trial where `config` leaves the convolutions open; and what was chosen."""
    if config.convolution == "auto":
        from vdsr_train.run.trial import eligible, trial

        if total_steps(config, batches.steps_per_epoch) >= WORTH_A_TRIAL and eligible(config):
            paces, step = trial(model, optimizer, config, *batches(0))
            chosen = max(paces, key=paces.__getitem__)
            others = ", ".join(f"{name} {pace:.0f}" for name, pace in paces.items())
            console.say(f"convolution: {chosen}, the faster in a trial, in patches a second: {others}")
            return replace(config, convolution=chosen), step
        config = replace(config, convolution="direct")
    steps = backend.steps(config.convolution)
    for line in steps.unheeded(config):
        console.warn(line)
    return config, steps.compile_step(model, optimizer, config)


def _trainer(config: Config, step: Step, model: Any, optimizer: Any, batches: Batches, console: Console) -> Trainer:
    """Return what takes the steps: on images in the memory of a GPU where it can hold them, else on batches."""
    compile_span = backend.span_compiler() if config.convolution == "direct" else None
    if compile_span is not None and isinstance(batches, CropBatches):
        pixels = batches.pixels()
        span = compile_span(model, optimizer, config, pixels, most=MOST)
        if span is not None:
            return OnDevice(batches, span)
        console.warn(
            f"{config.images}: {pixels.nbytes / 1e9:.2g} GB of pixels leave the memory of the device too little room; "
            "they stay on the host, which sends it batches"
        )
    return OnHost(batches, step, optimizer)


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
