"""Networks of MatConvNet: what they compute is what comes out, in both structs and both versions of .mat files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mat_files import write_mat73
from scipy.io import savemat
from test_train_named import network, same

from vdsr_data.errors import VdsrError
from vdsr_data.matlab.matfile import read_mat
from vdsr_eval.networks.matconvnet import network_of
from vdsr_eval.networks.weights import Weights

RANDOM = np.random.default_rng(1)
WRITERS: dict[str, Callable[[Path, dict[str, Any]], None]] = {"version 5": savemat, "version 7.3": write_mat73}


def cells(*values: Any) -> np.ndarray[Any, Any]:
    found = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        found[0, k] = value
    return found


def squeezed(kernel: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As MATLAB has it, without trailing axes of length 1."""
    return kernel[..., 0] if kernel.shape[3] == 1 else kernel


def model(weights: Weights) -> dict[str, Any]:
    return {
        "weight": cells(*(squeezed(kernel) for kernel, _ in weights)),
        "bias": cells(*(bias[:, None] for _, bias in weights)),
    }


def conv(kernel: np.ndarray[Any, Any], bias: np.ndarray[Any, Any], **fields: Any) -> dict[str, Any]:
    fixed = {"type": "conv", "stride": np.array([[1.0]]), "pad": np.array([[1.0, 1, 1, 1]]), "name": "conv"}
    return fixed | {"weights": cells(squeezed(kernel), bias[None, :]), "learningRate": np.array([[1.0, 0]])} | fields


def relu(**fields: Any) -> dict[str, Any]:
    return {"type": "relu", "leak": np.array([[0.0]]), **fields}


def norm(outputs: int, **fields: Any) -> dict[str, Any]:
    g, b, moments = (RANDOM.uniform(0.5, 2, shape).astype("f4") for shape in ((outputs, 1), (outputs, 1), (outputs, 2)))
    return {"type": "bnorm", "weights": cells(g, b, moments), **fields}


def net(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"layers": cells(*layers), "meta": {"epoch": np.array([[50.0]])}}


def plain(weights: Weights) -> list[dict[str, Any]]:
    layers = [layer for pair in weights for layer in (conv(*pair), relu())]
    return layers[:-1]


def negated(weights: Weights) -> Weights:
    return [*weights[:-1], (-weights[-1][0], -weights[-1][1])]


@pytest.mark.parametrize("version", WRITERS)
def test_the_output_of_a_model_is_added_and_that_of_a_net_subtracted(tmp_path: Path, version: str) -> None:
    weights = network()
    WRITERS[version](tmp_path / "model.mat", {"model": model(weights)})
    same(network_of(read_mat(tmp_path / "model.mat"), "model.mat"), weights)
    WRITERS[version](
        tmp_path / "net.mat", {"net": net(*plain(weights), {"type": "loss"}), "opts": {"rate": np.ones((1, 1))}}
    )
    same(network_of(read_mat(tmp_path / "net.mat"), "net.mat"), negated(weights))
    same(network_of(read_mat(tmp_path / "model.mat"), "model.mat", subtract=True), negated(weights))
    with pytest.raises(VdsrError, match=r"net\.mat: the output of `net` is subtracted anyhow; leave out --subtract"):
        network_of(read_mat(tmp_path / "net.mat"), "net.mat", subtract=True)


def test_a_net_without_biases(tmp_path: Path) -> None:
    weights = [(kernel, np.zeros_like(bias)) for kernel, bias in network()]
    layers = plain(weights)
    for layer in layers[::2]:
        layer["weights"][0, 1] = np.zeros((0, 0), "f4")
    savemat(tmp_path / "net.mat", {"net": net(*layers)})
    same(network_of(read_mat(tmp_path / "net.mat"), "net.mat"), negated(weights))


@pytest.mark.parametrize("version", WRITERS)
def test_batch_normalisation_is_folded_in(tmp_path: Path, version: str) -> None:
    """g (x - mean) / deviation + b, where the deviation has MatConvNet's epsilon in it."""
    weights = network()
    layers, norms = plain(weights), {1: norm(5), 2: norm(5)}
    layers = [*layers[:3], norms[1], *layers[3:5], norms[2], *layers[5:]]
    WRITERS[version](tmp_path / "net.mat", {"net": net(*layers)})
    found = network_of(read_mat(tmp_path / "net.mat"), "net.mat")
    same([found[0], found[3]], [weights[0], negated(weights)[3]])
    patch = RANDOM.normal(size=(3, 3, 5))
    for k, layer in norms.items():
        g, b, moments = (array.astype(np.float64) for array in layer["weights"][0])
        kernel, bias = weights[k]
        behind = g[:, 0] * (np.tensordot(patch, kernel, 3) + bias - moments[:, 0]) / moments[:, 1] + b[:, 0]
        np.testing.assert_allclose(np.tensordot(patch, found[k][0], 3) + found[k][1], behind, rtol=1e-5, atol=1e-5)


A, B, C = network(depth=3)
BAD_NETS = {
    "stride": (
        [conv(*A, stride=2.0), relu(), conv(*B), relu(), conv(*C)],
        r"layer 1 .*\(conv\): stride is 2.0, expected 1",
    ),
    "pad": (
        [conv(*A, pad=np.array([[0.0, 0, 0, 0]])), relu(), conv(*C)],
        r"pad is 0.0, 0.0, 0.0, 0.0, expected 1",
    ),
    "dilate": ([conv(*A), relu(), conv(*B, dilate=2.0), relu(), conv(*C)], r"layer 3 .*: dilate is 2.0"),
    "leak": ([conv(*A), relu(leak=0.2), conv(*C)], r"layer 2 .*\(relu\): leak is 0.2, expected 0"),
    "no relu": ([conv(*A), conv(*B), relu(), conv(*C)], r"layer 2 of `net` \(conv\): is not understood here"),
    "relu first": ([relu(), conv(*A), relu(), conv(*C)], r"layer 1 of `net` \(relu\)"),
    "relu last": ([conv(*A), relu(), conv(*C), relu()], "the last layer of `net` is no convolution"),
    "norm behind relu": ([conv(*A), relu(), norm(5), conv(*C)], r"layer 3 of `net` \(bnorm\)"),
    "moments": ([conv(*A), norm(4), relu(), conv(*C)], r"layer 2 .*the moments are \(4, 2\)"),
    "pool": ([conv(*A), {"type": "pool"}, relu(), conv(*C)], r"layer 2 of `net` \(pool\): is not understood here"),
    "three arrays": ([conv(*A, weights=cells(A[0], A[1], A[1])), relu(), conv(*C)], r"layer 1 of `net` \(conv\)"),
    "nothing": ([], "the last layer of `net` is no convolution"),
    "no layer": ([np.ones((2, 2))], r"layer 1 of `net` \(\?\)"),
    "deviation of zero": (
        [conv(*A), norm(5, weights=cells(np.ones((5, 1)), np.ones((5, 1)), np.zeros((5, 2)))), relu(), conv(*C)],
        "conv_01: the kernel holds NaN or infinity",
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", BAD_NETS)
def test_a_layer_that_such_a_network_does_not_have_is_named(tmp_path: Path, name: str) -> None:
    layers, message = BAD_NETS[name]
    savemat(tmp_path / "net.mat", {"net": net(*layers)})
    with pytest.raises(VdsrError, match=rf"^net\.mat: .*{message}"):
        network_of(read_mat(tmp_path / "net.mat"), "net.mat")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "neither a struct `model`"),
        ({"model": np.ones((2, 2))}, "neither a struct `model`"),
        ({"net": {"params": np.ones((2, 2))}}, "neither a struct `model`"),  # a DagNN
        ({"model": {"weight": cells(A[0]), "bias": cells(A[1], B[1])}}, "1 kernels, but 2 biases"),
        (
            {"model": model([A, B, C]) | {"bn": cells(A[1], B[1])}},
            "`model` holds what has no place in such a network: bn",
        ),
        ({"model": {"weight": np.ones((2, 2)), "bias": np.ones((2, 2))}}, "0 layers"),
    ],
)
def test_files_of_something_else(tmp_path: Path, variables: dict[str, Any], message: str) -> None:
    savemat(tmp_path / "net.mat", variables)
    with pytest.raises(VdsrError, match=rf"^net\.mat: .*{message}"):
        network_of(read_mat(tmp_path / "net.mat"), "net.mat")


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize(
    ("dilate", "words"), [(2.0, "their convolutions are dilated"), (1.0, "give one of them")], ids=["ircnn", "plain"]
)
def test_many_networks_in_one_file_are_none(tmp_path: Path, version: str, dilate: float, words: str) -> None:
    """IRCNN's file: a cell of 25 denoisers, of seven convolutions each."""
    layers = [conv(*network(3, 4)[0]), relu(), conv(*network(3, 4)[1], dilate=np.array([[dilate]])), relu(),
              conv(*network(3, 4)[2])]  # fmt: skip
    WRITERS[version](tmp_path / "net.mat", {"CNNdenoiser": cells(*[{"layers": cells(*layers)}] * 25)})
    with pytest.raises(VdsrError, match=rf"^net: `CNNdenoiser` holds 25 networks, as IRCNN's .*; {words}"):
        network_of(read_mat(tmp_path / "net.mat"), "net")
