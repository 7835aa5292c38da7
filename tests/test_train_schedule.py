"""The learning rate as a function of the step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vdsr_train.config import FALLING, Config
from vdsr_train.loop.schedule import Due, due, fitted, learning_rate, total_steps, unreached


def test_step_schedule_drops_exactly_at_the_first_step_of_an_epoch() -> None:
    config = Config()
    per_epoch = 3387
    assert total_steps(config, per_epoch) == 80 * 3387
    for epoch, rate in ((20, 0.1), (40, 0.01), (60, 0.001), (80, 0.0001)):
        assert learning_rate(config, epoch * per_epoch - 1, per_epoch) == pytest.approx(rate)
    assert learning_rate(config, 20 * per_epoch, per_epoch) == pytest.approx(0.01)  # not one step late


@pytest.mark.parametrize(("factor", "late"), [(1e300, 0.0), (1e-300, np.inf)])
def test_a_factor_whose_power_no_float_holds_ends_at_its_limit(factor, late) -> None:
    config = Config(decay_factor=factor, decay_every=1)
    assert learning_rate(config, 3, 3) == pytest.approx(0.1 / factor, rel=1e-12, abs=0)
    assert learning_rate(config, 6, 3) == late


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


def test_a_warm_up_is_at_most_a_tenth_of_a_training_that_it_is_fitted_to() -> None:
    config = Config(warmup=1000, schedule="cosine", learning_rate=5e-4)
    assert fitted(config, 20000) == fitted(config, 10000) == config
    assert fitted(config, 200) == Config(warmup=20, schedule="cosine", learning_rate=5e-4)
    assert fitted(config, 5).warmup == 0
    reached = [learning_rate(fitted(config, 200), step, 10) for step in range(200)]
    assert max(reached) == 5e-4


def test_what_a_training_never_comes_to_is_said() -> None:
    cosine = Config(schedule="cosine", warmup=10, ema=3)
    assert unreached(cosine, 30, 5) == []
    assert unreached(cosine, 11, 5) == ["weights are averaged over the last tenth of 11 steps, not over 3"]
    assert unreached(cosine, 10, 5)[0] == "the warm-up takes 10 steps of 10: the rate never is 0.1"
    steps = Config(decay_every=2)
    assert unreached(steps, 11, 5) == []
    assert unreached(steps, 10, 5) == ["the rate stays 0.1: it would be divided after 10 steps, of 10"]
    assert learning_rate(steps, 9, 5) == 0.1 > learning_rate(steps, 10, 5)


def test_what_is_due_at_a_step() -> None:
    """At the end of an epoch and of the training all is; a stop saves; each includes those behind it."""
    config = Config(validate_every=8, checkpoint_every=5, log_every=3)
    seen = {done: due(config, done, steps_per_epoch=12, total=26) for done in range(1, 27)}
    assert [done for done, now in seen.items() if now.validates] == [8, 12, 16, 24, 26]
    assert [done for done, now in seen.items() if now.saves] == [5, 8, 10, 12, 15, 16, 20, 24, 25, 26]
    assert [done for done, now in seen.items() if now.logs] == [
        3, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 21, 24, 25, 26
    ]  # fmt: skip
    assert due(config, 7, steps_per_epoch=12, total=26) == Due(validates=False, saves=False, logs=False)
    assert due(config, 7, steps_per_epoch=12, total=26, stops=True) == Due(validates=False, saves=True, logs=True)
    epochs = Config(validate_every=0, checkpoint_every=100, log_every=100)
    assert [done for done in range(1, 30) if due(epochs, done, steps_per_epoch=12, total=29).validates] == [12, 24, 29]


@given(
    schedule=st.sampled_from(["step", "cosine", "linear", "stable"]),
    warmup=st.integers(0, 60),
    decay_from=st.integers(0, 120),
    steps=st.integers(1, 120),
    per_epoch=st.integers(1, 50),
)
def test_a_rate_is_a_function_of_the_step_that_rises_holds_and_falls(schedule, warmup, decay_from, steps, per_epoch):
    falls = schedule in FALLING
    config = Config(schedule=schedule, warmup=warmup, steps=steps, learning_rate=0.5, decay_from=decay_from, epochs=9)
    rates = [learning_rate(config, step, per_epoch) for step in range(steps)]
    assert rates == [learning_rate(config, step, per_epoch) for step in reversed(range(steps))][::-1]
    assert all(0 < rate <= 0.5 for rate in rates)
    assert (np.diff(rates[:warmup]) > 0).all()
    assert (np.diff(rates[max(warmup - 1, 0) :]) <= 0).all()
    top = max(warmup, decay_from) if falls else steps if schedule == "stable" else 20 * per_epoch
    assert set(rates[warmup:top]) <= {0.5}
    longer = replace(config, steps=steps + 7)
    same = steps if not falls else min(steps, top + 1)
    assert [learning_rate(longer, step, per_epoch) for step in range(same)] == rates[:same]
    if falls and top < steps:
        assert learning_rate(config, steps, per_epoch) == pytest.approx(0, abs=1e-16)


def test_a_line_falls_evenly_from_where_it_is_told_to() -> None:
    config = Config(schedule="linear", warmup=2, decay_from=6, steps=10, learning_rate=1.0)
    rates = [learning_rate(config, step, 3) for step in range(11)]
    assert rates == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    late = replace(config, decay_from=10)
    assert unreached(late, 10, 3) == ["the rate stays 1: it would fall from step 10, of 10"]
