"""Weights files: what comes back, and what is refused with the layer's name."""

from itertools import pairwise

import h5py
import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.weights import negated, read_weights, write_weights


def network(depth: int = 4, channels: int = 6):
    random = np.random.default_rng(depth)
    sizes = [1] + [channels] * (depth - 1) + [1]
    return [
        (random.standard_normal((3, 3, a, b)).astype(np.float32), random.standard_normal(b).astype(np.float32))
        for a, b in pairwise(sizes)
    ]


def test_round_trip_is_exact(tmp_path) -> None:
    weights = network(depth=12)
    write_weights(tmp_path / "weights.h5", weights, attributes={"step": 7})
    for got, want in zip(read_weights(tmp_path / "weights.h5"), weights, strict=True):
        for one, other in zip(got, want, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.h5"]


def spoil(path, change) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def replace(name, array):
    def change(file) -> None:
        del file[name]
        file[name] = array

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.pop("conv_03"), "layer conv_03 is missing"),
        (lambda file: file["conv_02"].pop("bias"), "layer conv_02 has no bias"),
        (lambda file: file.clear(), "no group conv_01"),
        (lambda file: file.create_dataset("bn/gamma", data=np.ones(6)), "no place in such a network: bn"),
        (
            lambda file: file.create_dataset("conv_02/gamma", data=np.ones(6)),
            "no place in such a network: conv_02/gamma",
        ),
        (
            lambda file: (
                replace("conv_02/kernel", np.zeros((3, 3, 6, 7)))(file),
                replace("conv_02/bias", np.zeros(7))(file),
            ),
            r"conv_02: the kernel is \(3, 3, 6, 7\), expected \(3, 3, 6, 6\); all hidden layers have one width",
        ),
        (
            replace("conv_02/bias", np.full(6, 1e300)),
            "layer conv_02: the bias holds NaN or infinity, or more than float32",
        ),
        (replace("conv_02/kernel", np.zeros((3, 3, 5, 6), np.float32)), r"layer conv_02: the kernel is \(3, 3, 5, 6\)"),
        (replace("conv_02/kernel", np.zeros((5, 5, 6, 6), np.float32)), "layer conv_02: the kernel"),
        (replace("conv_02/kernel", np.zeros((6, 6), np.float32)), "layer conv_02: the kernel"),
        (replace("conv_04/kernel", np.zeros((3, 3, 6, 2), np.float32)), "layer conv_04: the kernel"),
        (replace("conv_01/bias", np.zeros(7, np.float32)), "layer conv_01: the bias"),
        (replace("conv_01/bias", np.full(6, np.nan, np.float32)), "layer conv_01: the bias holds NaN"),
        (replace("conv_03/bias", np.zeros(6, int)), "layer conv_03: the bias is int64"),
        (replace("conv_03/bias", "text"), "layer conv_03: the bias"),
    ],
)
def test_a_mismatch_names_the_layer(tmp_path, change, message) -> None:
    path = tmp_path / "weights.h5"
    write_weights(path, network())
    spoil(path, change)
    with pytest.raises(VdsrError, match=message) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_weights(tmp_path) -> None:
    with pytest.raises(VdsrError, match="no such file"):
        read_weights(tmp_path / "weights.h5")
    (tmp_path / "weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    with pytest.raises(VdsrError, match=r"weights\.h5: damaged HDF5 file"):
        read_weights(str(tmp_path / "weights.h5"))


def test_nan_is_never_written(tmp_path) -> None:
    weights = network()
    weights[2][0][0, 0, 0, 0] = np.inf
    with pytest.raises(VdsrError, match="conv_03: the kernel holds NaN or infinity"):
        write_weights(tmp_path / "weights.h5", weights)
    assert list(tmp_path.iterdir()) == []


def test_the_negated_network() -> None:
    weights = network()
    found = negated(weights)
    np.testing.assert_array_equal(found[-1][0], -weights[-1][0])
    np.testing.assert_array_equal(found[-1][1], -weights[-1][1])
    assert all(one is other for one, other in zip(found[:-1], weights[:-1], strict=True))
