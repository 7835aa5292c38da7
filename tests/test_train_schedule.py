"""The learning rate as a function of the step."""

import numpy as np
import pytest

from vdsr_train.config import Config
from vdsr_train.schedule import learning_rate, total_steps


def test_step_schedule_drops_exactly_at_the_first_step_of_an_epoch() -> None:
    config = Config()
    per_epoch = 3387
    assert total_steps(config, per_epoch) == 80 * 3387
    for epoch, rate in ((20, 0.1), (40, 0.01), (60, 0.001), (80, 0.0001)):
        assert learning_rate(config, epoch * per_epoch - 1, per_epoch) == pytest.approx(rate)
    assert learning_rate(config, 20 * per_epoch, per_epoch) == pytest.approx(0.01)  # not one step late


def test_cosine_falls_to_zero_just_past_the_end() -> None:
    config = Config(schedule="cosine", warmup=200, steps=3600, learning_rate=1e-3)
    rates = np.array([learning_rate(config, step, 100) for step in range(3600)])
    assert rates[0] == pytest.approx(1e-3 / 200)
    assert rates[199] == rates[200] == pytest.approx(1e-3)
    assert (np.diff(rates[200:]) < 0).all()
    assert 0 < rates[-1] < 1e-9
    assert rates[200 + 1700] == pytest.approx(5e-4)


def test_the_length_does_not_change_the_step_schedule() -> None:
    short, long = Config(steps=10), Config(steps=1000)
    assert [learning_rate(short, step, 3) for step in range(1000)] == [
        learning_rate(long, step, 3) for step in range(1000)
    ]
