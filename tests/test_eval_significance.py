"""The paired bootstrap: its interval covers, pairs, repeats, and does not call noise a win."""

import math
from dataclasses import replace

import numpy as np
import pytest

from vdsr_data.errors import ArgumentError
from vdsr_eval.scoring.records import Record
from vdsr_eval.scoring.significance import paired_difference


def records(psnrs, model: str = "a") -> list[Record]:
    return [Record("Set", f"image{k}", 3, model, "paper", float(psnr), 0.9) for k, psnr in enumerate(psnrs)]


def test_interval_matches_the_t_interval_of_normal_differences() -> None:
    """For many normal differences the percentile interval is close to mean +- 1.96 standard errors."""
    random = np.random.default_rng(5)
    base = random.normal(30, 4, 200)
    gains = random.normal(0.3, 0.5, 200)
    found = paired_difference(records(base + gains), records(base, "b"))
    error = gains.std() / math.sqrt(200)
    assert found.mean == pytest.approx(gains.mean())
    assert found.low == pytest.approx(gains.mean() - 1.96 * error, abs=0.006)
    assert found.high == pytest.approx(gains.mean() + 1.96 * error, abs=0.006)
    assert (found.images, found.wins, found.verdict) == (200, int((gains > 0).sum()), "better")


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        gains = random.normal(0.1, 0.4, 40)
        found = paired_difference(records(30 + gains), records([30] * 40, "b"), samples=500, seed=trial)
        hits += found.low <= 0.1 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_the_spread_between_images_cancels() -> None:
    base = np.linspace(20, 40, 10)
    found = paired_difference(records(base + 0.02), records(base, "b"))
    assert found.low == pytest.approx(0.02, abs=1e-9)
    assert found.high == pytest.approx(0.02, abs=1e-9)


def test_two_hundredths_in_noise_are_no_win() -> None:
    gains = np.array([0.5, -0.46, 0.3, -0.28, 0.04])
    found = paired_difference(records(30 + gains), records([30] * 5, "b"))
    assert found.mean == pytest.approx(0.02)
    assert found.low < 0 < found.high
    assert found.verdict == "no difference shown"
    assert paired_difference(records([29, 29, 28]), records([30, 30, 30], "b")).verdict == "worse"


def test_order_does_not_matter_and_repeats_agree() -> None:
    ours, theirs = records([31, 32, 33.5, 30]), records([30, 32.5, 33, 30], "b")
    assert paired_difference(ours[::-1], theirs) == paired_difference(ours, theirs) == paired_difference(ours, theirs)


def test_what_cannot_be_paired_is_refused() -> None:
    ours = records([31, 32])
    with pytest.raises(ValueError, match="same images"):
        paired_difference(ours, records([31, 32, 33], "b"))
    with pytest.raises(ValueError, match="one protocol"):
        paired_difference(ours, [replace(record, protocol="rcan") for record in ours])
    with pytest.raises(ValueError, match="at least 2"):
        paired_difference(ours[:1], ours[:1])
    with pytest.raises(ValueError, match="infinite PSNR"):
        paired_difference(records([31, math.inf]), ours)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"level": 95}, {"seed": -1}, {"records": [1]}, {"records": None}])
def test_arguments_are_checked(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(ArgumentError, match=f"{name}: .* is not allowed"):
        paired_difference(**{"records": records([1, 2]), "baseline": records([2, 3], "b")} | wrong)
