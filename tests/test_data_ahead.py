"""Work ahead: order, bounds, and errors in their turn."""

import threading
import time
from functools import partial

import pytest

from vdsr_data.io.ahead import in_order


def test_results_come_in_the_order_of_the_jobs() -> None:
    def job(number: int) -> int:
        time.sleep(0.01 * (number % 3 == 0))
        return number

    assert list(in_order((partial(job, n) for n in range(50)), workers=4, window=6)) == list(range(50))


def test_no_more_than_the_window_is_ahead() -> None:
    begun = []

    def jobs():
        for number in range(20):
            begun.append(number)
            yield partial(int, number)

    for number in in_order(jobs(), workers=2, window=3):
        assert len(begun) <= number + 4


def test_jobs_run_at_once() -> None:
    barrier = threading.Barrier(2, timeout=60)  # two jobs that wait for each other
    assert len(list(in_order([barrier.wait, barrier.wait], workers=2, window=2))) == 2


def test_an_error_comes_in_its_turn_and_ends_the_rest() -> None:
    ran = []

    def job(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        ran.append(number)
        return number

    results = in_order((partial(job, n) for n in range(1000)), workers=2, window=8)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(ran) < 20
