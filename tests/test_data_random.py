"""MATLAB's random numbers: what MATLAB printed, and slow twins that draw one number after the other."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from reference import slow_randn, slow_v4_randn, slow_v4_start

from vdsr_data import ArgumentError, rand, randi, randn
from vdsr_data.matlab import random

# `rng default; randn(1, 24)` with 17 digits; the thirteenth is known with 15 digits.
PRINTED = [
    0.53766713954610001, 1.8338850145950865, -2.2588468610036481, 0.86217332036812055, 0.31876523985898081,
    -1.3076882963052734, -0.43359202230568356, 0.34262446653864992, 3.5783969397257605, 2.7694370298848772,
    -1.3498869401565212, 3.0349234663318545, 0.725404224946106, -0.063054873189656191, 0.71474290382609584,
    -0.20496605829977463, -0.12414434821631191, 1.4896976077854649, 1.4090344898004792, 1.4171924134296139,
    0.6714971336080805, -1.2074869226850378, 0.71723865132883846, 1.6302352891647292,
]  # fmt: skip


def test_randn_of_a_fresh_session_is_what_matlab_printed() -> None:
    found = randn(24).tolist()
    assert found[12] == pytest.approx(PRINTED.pop(12), rel=0, abs=5e-16)
    del found[12]
    assert found == PRINTED
    assert randn(1, seed=1).tolist() == [pytest.approx(-0.649013765191241, rel=0, abs=5e-16)]


def test_numbers_of_matlab_4_as_printed() -> None:
    """By `randn('seed', 0); randn(1, 8)` and `rand('seed', 0); rand(1, 6)`; the latter in MATLAB's manuals."""
    printed = [1.1650, 0.6268, 0.0751, 0.3516, -0.6965, 1.6961, 0.0591, 1.7971]
    assert randn(8, generator="v4").round(4).tolist() == printed
    assert rand(6, generator="v4").round(4).tolist() == [0.2190, 0.0470, 0.6789, 0.6793, 0.9347, 0.3835]


@pytest.mark.parametrize(
    ("seed", "printed"),
    [(1, [0.5129, 0.4605, 0.3504]), (2, [0.0258, 0.9210, 0.7008]), (931316785, [0.2190, 0.0470, 0.6789])],
)
def test_seeds_of_matlab_4_as_printed(seed: int, printed: list[float]) -> None:
    """By `rand('seed', k); rand(3, 1)`; the last is the state that MATLAB reports after the seed 0."""
    assert rand(3, seed, "v4").round(4).tolist() == printed


@pytest.mark.parametrize("seed", [1, 7, 2**15, 2**16 - 1, 2**31 - 2])
def test_any_seed_of_matlab_4_equals_slow_twin(seed: int) -> None:
    assert randn(50, seed, "v4").tolist() == slow_v4_randn(50, seed)
    state = 16807 * slow_v4_start(seed) % (2**31 - 1)
    assert rand(1, seed, "v4").tolist() == [state / (2**31 - 1)]


def test_sizes_may_be_arrays() -> None:
    assert (rand(np.array([2, 3])) == rand((2, 3))).all()
    assert (randi(np.array([1, 6]), np.array(5)) == randi((1, 6), 5)).all()


def test_matlabs_order_is_down_the_columns() -> None:
    """MATLAB's manual prints `randi(10, 5)` of a fresh session."""
    first, *_ = printed = [[9, 1, 2, 2, 7], [10, 3, 10, 5, 1], [2, 6, 10, 10, 9], [10, 10, 5, 8, 10], [7, 10, 9, 10, 7]]
    assert randi(10, (5, 5)).tolist() == printed
    assert randi((1, 10), (1, 5)).tolist() != [first]
    for function in (rand, randn):
        numbers = function((2, 3, 4), seed=3)
        assert (numbers.ravel(order="F") == function(24, seed=3)).all()


def test_randi_between_two_numbers() -> None:
    numbers = randi((-2, 2), 1000, seed=5)
    assert sorted(set(numbers.tolist())) == [-2, -1, 0, 1, 2]
    assert (numbers == randi(5, 1000, seed=5) - 3).all()


@pytest.mark.parametrize("seed", [0, 3, 2**32 - 1])
def test_ziggurat_equals_slow_twin(seed: int) -> None:
    count = 6000  # two in a hundred take another way, one in 3,000 lies beyond the ziggurat
    expected = slow_randn(count, seed, random._layers().tolist())
    assert randn(count, seed).tolist() == expected


@pytest.mark.parametrize("block", [1, 97])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = (0, 1, 2, 3000)
    whole = {(n, kind): randn(n, generator=kind) for n in counts for kind in ("twister", "v4")}
    monkeypatch.setattr(random, "BLOCK", block)
    for (n, kind), expected in whole.items():
        assert (randn(n, generator=kind) == expected).all()
        assert expected.shape == (n,)
    assert max(abs(randn(3000))) > random.TAIL or max(abs(whole[3000, "v4"])) > 3


@pytest.mark.slow
def test_polar_method_equals_slow_twin() -> None:
    assert randn(3000, generator="v4").tolist() == slow_v4_randn(3000)


def test_table_of_the_ziggurat_is_matlabs(reference_data: Path) -> None:
    lines = (reference_data / "proofs" / "randn" / "ziggurat.txt").read_text().split()
    assert random._layers().tolist() == [float(line) for line in lines]


def test_table_of_the_ziggurat_stays_what_it_was_when_compared() -> None:
    text = " ".join(f"{width:.15g}" for width in random._layers())
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "29b77cee0a7899e6ec5e37a359eef6b7a151f0fd520db12c1629f6dfe263b27d"
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rand(-1), "shape"),
        (lambda: rand((2, 1.5)), "shape"),
        (lambda: randn(3, seed=2**32), "seed"),
        (lambda: randn(3, seed=2**31 - 1, generator="v4"), "seed: .* from 0 to 2147483646"),
        (lambda: rand(10**15), r"shape: 1e\+15 random numbers are too many for any memory"),
        (lambda: rand(np.array([2, 2.5])), "shape"),
        (lambda: randn(3, generator="v5"), "generator: 'v5' is not allowed; give one of twister, v4"),
        (lambda: randi(0, 3), "randi needs"),
        (lambda: randi((1, 2, 3), 3), "randi needs"),
        (lambda: randi("19", 3), "most"),
        (lambda: randi(2.7, 3), "most"),
        (lambda: randi(True, 3), "most"),
        (lambda: randi(float("inf"), 3), "most"),
    ],
)
def test_refused(call, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()
