"""A training that ends within given minutes: how many steps fit is measured before it begins, by steps undone again."""

import math
import time
from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from vdsr_data.errors import VdsrError
from vdsr_train.config import FALLING, Config
from vdsr_train.loop import checkpoint
from vdsr_train.loop.batches import prefetch
from vdsr_train.loop.schedule import Due
from vdsr_train.loop.spans import Trainer
from vdsr_train.run.validate import open_validation

__all__ = ["Clock", "Pace", "fitting", "measured"]

TRIAL = 0.02  # of the time, for measuring; 10 seconds at most
ALLOWANCE = 1.06  # times the measured pace: drawing, checkpoints, a processor that grows warm
WRITING = 1.5  # times the scoring: the tables and pictures of a validation
CLOSING = 5.0  # seconds to draw the curves and to end


class Pace(NamedTuple):
    """Seconds that parts of a training take."""

    step: float
    scores: float  # one validation


class Clock:
    """Tells when a training of so many minutes is late; `deadline` is of `time.perf_counter`, infinite without any."""

    def __init__(self, config: Config, pace: Pace, deadline: float) -> None:
        self.falls, self.pace = config.schedule in FALLING, pace
        self.until = deadline - pace.scores - CLOSING  # of the steps

    def late(self, now: Due, left: int, *, at: float) -> bool:
        """Whether, `at` a time, what is due now would take too long, with the `left` steps of a rate that falls."""
        return at + self.pace.scores * now.validates + self.falls * left * self.pace.step > self.until


def measured(
    config: Config, trainer: Trainer, variables: list[Any], networks: Mapping[str, Iterable[Any]], *, seconds: float
) -> Pace:  # fmt: skip
    """Time steps and a validation; the variables are what they were before.

    Parameters
    ----------
    config, trainer, networks
        Of the training; `networks` is that of `vdsr_train.run.record.Record`.
    variables : list of Keras variables
        All that a step changes.
    seconds : float
        Of the whole training, of which a little is spent here.
    """
    state, until = checkpoint.get_state(variables), math.inf
    times, done = [time.perf_counter()], [0]  # after each call
    firsts = accumulate((min(trainer.most, 2**number) for number in range(1000)), initial=0)
    for span, read, _ in prefetch(trainer.read, (range(*ends) for ends in pairwise(firsts))):
        trainer(read, [config.learning_rate] * len(span))()  # waits for the device
        times.append(time.perf_counter())
        done.append(span.stop)
        if len(done) == 3:  # the first one is compiled, the second may be
            until = times[-1] + min(10.0, TRIAL * seconds)
        if len(done) > 4 and times[-1] > until:
            break
    checkpoint.set_state(variables, state)
    return Pace((times[-1] - times[2]) / (done[-1] - done[2]), _scoring(config, networks))


def _scoring(config: Config, networks: Mapping[str, Iterable[Any]]) -> float:
    from vdsr_eval.networks.network import Network
    from vdsr_train.backends.model import get_weights
    from vdsr_train.backends.predict import engine

    validation = open_validation(str(config.validation), Path(), keep=0, warn=lambda _: None)
    if validation is None:
        return 0.0
    start = time.perf_counter()
    validation.score(Network(get_weights(networks[""]), engine=engine(config.threads)))
    return WRITING * (time.perf_counter() - start) * len(networks)


def fitting(config: Config, pace: Pace, left: float, *, steps_per_epoch: int) -> int:
    """Return how many steps fit into `left` seconds, with the validations among them and the one at the end.

    Where the rate falls to zero, which cannot be hurried, there is an allowance for what was not measured.

    Raises
    ------
    VdsrError
        Not even one step fits.
    """
    validations = 1 / steps_per_epoch + (1 / config.validate_every if config.validate_every else 0)
    each = pace.step + pace.scores * validations
    steps = int((left - pace.scores - CLOSING) / (each * (ALLOWANCE if config.schedule in FALLING else 1)))
    if steps < 1:
        validation = f", the validation {pace.scores:.2g} s" if pace.scores else ""
        raise VdsrError(
            f"no step fits into these minutes: {max(left, 0):.0f} s are left after the start, a step takes "
            f"{pace.step:.2g} s{validation}, and the end {CLOSING:.0f} s; give more minutes"
        )
    return steps
