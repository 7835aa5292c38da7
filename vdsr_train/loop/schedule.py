"""The recipe's arithmetic: length, learning rate and what is due as plain functions of the step; what does not fit."""

import math
from dataclasses import replace
from typing import NamedTuple

from vdsr_train.config import FALLING, Config

__all__ = ["Due", "due", "fitted", "learning_rate", "total_steps", "unreached"]

WARMUP = 10  # a warm-up that nobody asked for is at most so manyth a part of the training


def total_steps(config: Config, steps_per_epoch: int) -> int:
    """Return the length of the training in steps."""
    return config.epochs * steps_per_epoch if config.steps is None else config.steps


def learning_rate(config: Config, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of step `step`, the first step being 0.

    ``step``: the rate is divided by `decay_factor` every `decay_every` epochs; the first step of epoch 21 is the first
    with the new rate. ``cosine``, ``linear``: half a cosine, or a line, from the full rate at step `decay_from`, or at
    the end of the warm-up, to zero, which it would reach one step past the end. ``stable``: the full rate. Each rises
    linearly during the first `warmup` steps. Before its fall, a rate does not depend on the length.
    """
    rate = config.learning_rate
    if step < config.warmup:
        return rate * (step + 1) / config.warmup
    if config.schedule == "stable":
        return rate
    if config.schedule in FALLING:
        first = max(config.warmup, config.decay_from)
        length = max(1, total_steps(config, steps_per_epoch) - first)
        fallen = min(1.0, max(0, step - first) / length)
        return rate * (1.0 - fallen if config.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * fallen)))
    try:
        return rate / float(config.decay_factor) ** (step // (config.decay_every * steps_per_epoch))
    except OverflowError:  # of the power
        return 0.0
    except ZeroDivisionError:  # the same of a factor below 1
        return math.inf


class Due(NamedTuple):
    """What is done after a step; each includes those behind it."""

    validates: bool  # the network is scored
    saves: bool  # a checkpoint is written, and the weights
    logs: bool  # the log gets a row


def due(config: Config, done: int, *, steps_per_epoch: int, total: int, stops: bool = False) -> Due:
    """Return what is due once `done` steps of `total` are done; a training that `stops` saves what it has.

    A row of the log ends at each checkpoint, so that a resumed training writes the same rows.
    """
    validates = done == total or done % steps_per_epoch == 0 or _every(config.validate_every, done)
    saves = validates or stops or _every(config.checkpoint_every, done)
    return Due(validates, saves, logs=saves or _every(config.log_every, done))


def _every(period: int, done: int) -> bool:
    return period > 0 and done % period == 0


def fitted(config: Config, total: int) -> Config:
    """Return `config` for a training of `total` steps: with a warm-up of at most a tenth of them."""
    return replace(config, warmup=min(config.warmup, total // WARMUP))


def unreached(config: Config, total: int, steps_per_epoch: int) -> list[str]:
    """Say, a line each, what of `config` a training of `total` steps never comes to."""
    lines = []
    if config.warmup >= total:
        lines.append(f"the warm-up takes {config.warmup} steps of {total}: the rate never is {config.learning_rate:g}")
    first = config.decay_every * steps_per_epoch
    if config.schedule == "step" and first >= total:
        lines.append(f"the rate stays {config.learning_rate:g}: it would be divided after {first} steps, of {total}")
    if config.schedule in FALLING and config.decay_from >= total:
        lines.append(
            f"the rate stays {config.learning_rate:g}: it would fall from step {config.decay_from}, of {total}"
        )
    if config.ema > total // 10 + 1:  # as the optimizer shortens it at first
        lines.append(f"weights are averaged over the last tenth of {total} steps, not over {config.ema}")
    return lines
