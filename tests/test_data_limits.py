"""What recipes may be made of: plain values come back, and whatever else is named with what is allowed."""

from functools import partial

import numpy as np
import pytest

from vdsr_data import limits
from vdsr_data.errors import ArgumentError


def test_numbers_come_back_plain():
    for value in (3, np.int64(3), np.uint8(3)):
        assert type(limits.whole("scale", value, limits.SCALES)) is int
    assert limits.whole("workers", 10**9, (1, None)) == 10**9
    assert type(limits.number("downsize", np.float32(0.5), limits.DOWNSIZES)) is float
    assert repr(limits.number("downsize", 1, limits.DOWNSIZES)) == "1"  # as it was given, for the file's sake


@pytest.mark.parametrize("value", [0, 65, -1, 2.0, True, "2", None, float("nan"), [2]])
def test_no_whole_number_in_the_range(value):
    with pytest.raises(ArgumentError, match=r"^scale: .* is not allowed; give a whole number, from 1 to 64$"):
        limits.whole("scale", value, limits.SCALES)


@pytest.mark.parametrize("value", [0, 1.01, float("nan"), float("inf"), True, "1", None, 1j, 10**400])
def test_no_number_in_the_range(value):
    with pytest.raises(ArgumentError, match=r"^downsize: .* give a number from 0\.01 to 1$"):
        limits.number("downsize", value, limits.DOWNSIZES)


def test_a_choice_is_of_its_type():
    assert limits.choice("rotation", 90, (0, 90)) == 90
    for value in (90.0, False, "90", [90], 45):
        with pytest.raises(ArgumentError, match=r"^rotation: .* give one of 0, 90$"):
            limits.choice("rotation", value, (0, 90))


def test_a_list_of_different_ones():
    check = partial(limits.whole, limits=(1, 9))
    for values in ([2, 3], (2, 3), range(2, 4)):
        assert limits.different("scales", values, check) == (2, 3)
    refused = [((), "at least one"), (2, "a list"), ("23", "a list"), ({2: 3}, "a list"), (None, "a list")]
    refused += [([2, 2], "different"), ([2, np.int8(2)], "different"), ([2, 10], "10 is not allowed")]
    for values, words in refused:
        with pytest.raises(ArgumentError, match=rf"^scales: .*{words}"):
            limits.different("scales", values, check)


def test_identifiers():
    assert limits.identifier("key", "data_1") == "data_1"
    for value in ("../lr", "", "a b", "1", 1, None, "a/b"):
        with pytest.raises(ArgumentError, match="a name such as lr"):
            limits.identifier("key", value)
