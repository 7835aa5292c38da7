"""What is said of the values in a file: honest ranges, and what to do where they are no luma."""

import numpy as np
import pytest
from train_fixtures import training_file

from vdsr_data.benchmark.claims import RANGES, Values, fault_of
from vdsr_data.inspect.verification import verify


@pytest.mark.parametrize(
    ("values", "role", "words"),
    [
        ([0, 1], "gt", ""),
        (RANGES["lr"], "lr", ""),
        ([0, 1.5], "gt", "holds 0 to 1.5, allowed is 0 to 1"),
        ([-1, 0], "lr", "holds -1 to 0, allowed is -0.7207 to 1.721"),
        ([0, 255], "gt", "holds 0 to 255, allowed is 0 to 1; luma is 0 to 1, divide by 255"),
        ([-9, 262], "lr", "holds -9 to 262, allowed is -0.7207 to 1.721; luma is 0 to 1, divide by 255"),
        ([0, 256.5], "gt", "holds 0 to 256.5, allowed is 0 to 1; luma is 0 to 1, divide by 255"),
        ([0, 65535], "gt", "holds 0 to 65535, allowed is 0 to 1; luma is 0 to 1, divide by 65535"),
        ([0, 1e9], "gt", "holds 0 to 1e+09, allowed is 0 to 1"),
        ([0, np.nan], "gt", "holds NaN or infinite values"),
        ([0, -np.inf], "lr", "holds NaN or infinite values"),
    ],
)
def test_faults(values, role, words):
    assert fault_of(np.array(values), role) == words


def test_a_range_is_that_of_the_numbers():
    values = Values("data", "lr")
    assert (values.check.name, values.check.found) == ("values of data", "none")
    values.look(np.full((1, 2), np.nan), str)
    assert values.check.found == "NaN or infinity"
    values.look(np.array([[0.25, 0.5], [np.inf, 0.75]]), str)
    assert values.check.found == "0.2500 to 0.7500, NaN or infinity"
    assert values.check.failures == ["0 holds NaN or infinite values", "1 holds NaN or infinite values"]


def test_verify_names_the_data_set(tmp_path):
    path = training_file(tmp_path / "train.h5", keys=("data", "label"), change=lambda lr, gt: (lr * np.nan, gt * 255))
    found = {check.name: check for check in verify(path).checks}
    assert found["values of data"].found == "NaN or infinity"
    assert found["values of label"].found == "1.5708 to 252.0818"
    assert all("divide by 255" in text for text in found["values of label"].failures[:10])
