"""Minutes as steps: what fits, and when a training is late."""

import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_train.config import Config
from vdsr_train.loop.schedule import Due
from vdsr_train.run import pace
from vdsr_train.run.pace import Clock, Pace, fitting, measured

LEVEL, FALLING = Config(schedule="stable"), Config(schedule="cosine")
SCORED, QUIET = (Due(validates, saves=False, logs=False) for validates in (True, False))


def test_as_many_steps_as_fit_with_their_validations() -> None:
    left = 100.0 + pace.CLOSING
    assert fitting(LEVEL, Pace(0.5, 0.0), left, steps_per_epoch=7) == 200
    assert fitting(LEVEL, Pace(0.5, 10.0), left, steps_per_epoch=20) == 90  # of 0.5 s, and 10 s each 20
    assert fitting(Config(schedule="stable", validate_every=20), Pace(0.5, 10.0), left, steps_per_epoch=20) == 60
    assert fitting(FALLING, Pace(0.5, 0.0), left, steps_per_epoch=7) == int(200 / pace.ALLOWANCE)


@pytest.mark.parametrize("left", [-3.0, 0.0, 5.0])
def test_too_few_minutes_say_what_takes_so_long(left) -> None:
    said = r"no step fits .* s are left after the start, a step takes 2 s, the validation 40 s, and the end 5 s; give"
    with pytest.raises(VdsrError, match=said):
        fitting(LEVEL, Pace(2.0, 40.0), left, steps_per_epoch=9)
    with pytest.raises(VdsrError, match="a step takes 2 s, and the end 5 s; give more minutes"):
        fitting(LEVEL, Pace(2.0, 0.0), left, steps_per_epoch=9)


def test_a_level_rate_ends_in_time_for_its_last_validation() -> None:
    clock = Clock(LEVEL, Pace(1.0, 10.0), 100.0 + pace.CLOSING)
    assert not clock.late(QUIET, 1000, at=90.0)
    assert clock.late(QUIET, 1000, at=90.1)
    assert clock.late(SCORED, 1000, at=80.1)  # two validations would follow


def test_a_rate_that_falls_has_no_validations_where_they_would_make_it_late() -> None:
    clock = Clock(FALLING, Pace(1.0, 10.0), 100.0 + pace.CLOSING)
    assert not clock.late(SCORED, 30, at=50.0)
    assert clock.late(SCORED, 31, at=50.0)
    assert not clock.late(QUIET, 31, at=50.0)


def test_without_minutes_nothing_is_late() -> None:
    assert not Clock(LEVEL, Pace(0.0, 0.0), np.inf).late(SCORED, 10**9, at=1e9)


class Variable:
    path, shape = "a", ()

    def __init__(self) -> None:
        self.value = np.float32(0.1)

    def numpy(self):
        return self.value

    def assign(self, value) -> None:
        self.value = value


def test_measuring_undoes_its_steps() -> None:
    variable, seen = Variable(), []

    class Trainer:
        most = 4

        def read(self, span):
            return span

        def __call__(self, read, rates):
            assert len(rates) == len(read)
            seen.append(read)
            variable.assign(np.float32(np.nan))
            return lambda: [0.0] * len(read)

    found = measured(Config(validation="none"), Trainer(), [variable], {"": []}, seconds=1.0)
    assert variable.value == np.float32(0.1)
    assert seen[:5] == [range(1), range(1, 3), range(3, 7), range(7, 11), range(11, 15)]
    assert 0 < found.step < 1
    assert found.scores == 0
