"""How a training takes its steps: one at a time on batches of the host, or many in a call where a GPU holds the images.

A span is the steps of one call; whenever something is due, one ends.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vdsr_train.backends.interface import Losses, Span, Step
from vdsr_train.config import Config
from vdsr_train.loop.batches import Batches
from vdsr_train.loop.crops import CropBatches
from vdsr_train.loop.schedule import due

__all__ = ["MOST", "OnDevice", "OnHost", "Trainer", "spans"]

MOST = 50  # steps in a call: a signal waits for their end


class Trainer(Protocol):
    """What takes the steps of a training."""

    most: int

    def read(self, span: range) -> Any:
        """Return what `__call__` needs for the steps of `span`, at most `most`; a thread does so in advance."""

    def __call__(self, read: Any, rates: Sequence[float]) -> Losses:
        """Take a step at each of these learning rates, and return the losses before them."""


class OnHost:
    """One step at a time, on a batch that the host sends."""

    most = 1

    def __init__(self, batches: Batches, step: Step, optimizer: Any) -> None:
        self._batches, self._step, self._optimizer = batches, step, optimizer

    def read(self, span: range) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the batch."""
        return self._batches(span.start)

    def __call__(self, read: Any, rates: Sequence[float]) -> Losses:
        """Train on it."""
        (self._optimizer.learning_rate,) = rates
        loss = self._step(*read)
        return lambda: [float(loss)]


class OnDevice:
    """Up to `MOST` steps in a call, on crops that the device takes from its own images."""

    most = MOST

    def __init__(self, batches: CropBatches, train: Span) -> None:
        self._batches, self._train = batches, train

    def read(self, span: range) -> NDArray[np.int32]:
        """Return the places of the crops."""
        return np.stack([self._batches.places(step) for step in span])

    def __call__(self, read: Any, rates: Sequence[float]) -> Losses:
        """Train on them."""
        return self._train(read, np.asarray(rates, np.float32))


def spans(config: Config, first: int, total: int, *, steps_per_epoch: int, most: int) -> Iterator[range]:
    """Yield the steps from `first` up to, not including, `total`, `most` at once or up to where something is due."""
    while first < total:
        last = first + 1
        while last - first < most and not due(config, last, steps_per_epoch=steps_per_epoch, total=total).logs:
            last += 1
        yield range(first, last)
        first = last
