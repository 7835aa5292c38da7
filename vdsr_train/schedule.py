"""The recipe's arithmetic: learning rate and length as plain functions of the step."""

import math

from vdsr_train.config import Config

__all__ = ["learning_rate", "total_steps"]


def total_steps(config: Config, steps_per_epoch: int) -> int:
    """Return the length of the training in steps."""
    return config.epochs * steps_per_epoch if config.steps is None else config.steps


def learning_rate(config: Config, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of step `step`, the first step being 0.

    ``step``: the rate is divided by `decay_factor` every `decay_every` epochs; the first step of epoch 21 is the first
    with the new rate. ``cosine``: half a cosine from the full rate to zero, which it would reach one step past the end.
    Either rises linearly during the first `warmup` steps.
    """
    rate = config.learning_rate
    if step < config.warmup:
        return rate * (step + 1) / config.warmup
    if config.schedule == "cosine":
        length = max(1, total_steps(config, steps_per_epoch) - config.warmup)
        return rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - config.warmup) / length)))
    return rate / config.decay_factor ** (step // (config.decay_every * steps_per_epoch))
