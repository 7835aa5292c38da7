"""Which convolutions train faster on this machine: a short trial of both, that leaves no trace in the weights."""

import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vdsr_train.backends import backend
from vdsr_train.backends.interface import Step
from vdsr_train.backends.predict import KerasEngine
from vdsr_train.config import Config
from vdsr_train.loop import checkpoint

__all__ = ["eligible", "trial"]

Array = NDArray[np.float32]

SECONDS = 1.0  # of each
Convolution = Literal["direct", "winograd"]
CONVOLUTIONS: tuple[Convolution, ...] = ("direct", "winograd")


def eligible(config: Config) -> bool:
    """Whether both convolutions can train `config` here: in float32, on the processor alone."""
    from vdsr_train.backends.winograd import refusal

    return not refusal(config) and not KerasEngine.finds_gpu(backend.running())


def trial(model: Any, optimizer: Any, config: Config, lr: Array, gt: Array) -> tuple[dict[Convolution, float], Step]:
    """Train on one batch for a second with each of the convolutions; how many patches a second, and the faster step.

    Parameters
    ----------
    model, optimizer
        As `compile_step` takes them; afterwards they are what they were.
    config : Config
        Of the training; `eligible`.
    lr, gt : ndarray
        A batch, (patches, rows, columns, 1) float32.
    """
    steps = {name: backend.steps(name).compile_step(model, optimizer, config) for name in CONVOLUTIONS}
    variables = [*model.trainable_variables, *optimizer.variables]
    state = checkpoint.get_state(variables)
    found: dict[Convolution, float] = {}
    for name, step in steps.items():
        float(step(lr, gt))  # compiles
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < SECONDS:
            float(step(lr, gt))
            count += 1
        found[name] = config.batch_size * count / elapsed
    checkpoint.set_state(variables, state)
    return found, steps[max(found, key=found.__getitem__)]
