"""Arrays by name as layers: which are used, what is folded in, and that nothing is ever left out."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.named import fold_scale, layers_of, listed, without_weight_norm
from vdsr_eval.networks.weights import Weights

RANDOM = np.random.default_rng(0)


def network(depth: int = 4, channels: int = 5) -> Weights:
    widths = [1, *[channels] * (depth - 1), 1]
    return [
        (RANDOM.normal(size=(3, 3, i, o)).astype(np.float32), RANDOM.normal(size=o).astype(np.float32))
        for i, o in pairwise(widths)
    ]


def same(found: Weights, expected: Weights) -> None:
    assert len(found) == len(expected)
    for pair, wanted in zip(found, expected, strict=True):
        for one, other in zip(pair, wanted, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_array_equal(one, other)


def pytorch(weights: Weights, bias: bool = True) -> dict[str, np.ndarray[Any, Any]]:
    arrays = {f"conv{k}.weight": kernel.transpose(3, 2, 0, 1) for k, (kernel, _) in enumerate(weights)}
    return arrays | ({f"conv{k}.bias": values for k, (_, values) in enumerate(weights)} if bias else {})


SPELLINGS = [
    ("conv_{}/kernel", "conv_{}/bias"),
    ("weight_{}", "bias_{}"),
    ("W{}", "b{}"),
    ("W{}", "B{}"),
    ("layer{}/kernel:0", "layer{}/bias:0"),
    ("down.{}.weight", "down.{}.bias"),
    ("kernel{}", "bias{}"),
]


@pytest.mark.parametrize(("kernel", "bias"), SPELLINGS)
def test_names_of_biases(kernel: str, bias: str) -> None:
    weights = network(depth=12)  # the tenth does not come before the second
    arrays = {kernel.format(k): layer[0] for k, layer in enumerate(weights)}
    arrays |= {bias.format(k): layer[1] for k, layer in enumerate(weights)}
    same(layers_of(arrays, "net.npz"), weights)


def test_biases_may_be_missing_one_by_one() -> None:
    weights = network()
    arrays = pytorch(weights)
    del arrays["conv2.bias"]
    weights[2] = weights[2][0], np.zeros_like(weights[2][1])
    same(layers_of(arrays, "net.npz"), weights)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 9])
def test_axes_are_those_of_all_kernels(channels: int) -> None:
    """With three channels a kernel in the middle has four axes of length 3, which say nothing."""
    weights = network(channels=channels)
    if channels > 1:
        same(layers_of(pytorch(weights), "net.npz"), weights)
    ours = {f"{k}/{name}": array for k, layer in enumerate(weights) for name, array in zip("wb", layer, strict=True)}
    same(layers_of(ours, "net.npz"), weights)


WORDS = [["one", "two", "three"], ["enc1", "enc2", "dec1", "dec2"], ["block_one", "block_two", "block_three"]]


@pytest.mark.parametrize("words", WORDS)
def test_layers_whose_words_sort_in_another_order_are_refused(words: list[str]) -> None:
    kernels = [kernel for kernel, _ in network(depth=len(words) + 2)]
    arrays = {f"{name}.weight": kernel for name, kernel in zip(["in", *words, "out"], kernels, strict=True)}
    stored, named = (", ".join(f"{word}.weight" for word in order) for order in (words, sorted(words)))
    with pytest.raises(VdsrError, match=rf"^net\.npz: the order .*: stored as {stored}, but by their names {named}; "):
        layers_of(arrays, "net.npz")


@pytest.mark.parametrize(
    "names", [["first", "second", "third"], ["b.0", "b.2", "b.10", "tail"], ["b.2", "b.10", "b.1"]]
)
def test_layers_whose_order_is_certain_are_taken(names: list[str]) -> None:
    """Words in their order, and numbers in any order."""
    weights = network(depth=len(names) + 2)
    arrays = {f"{name}.weight": layer[0] for name, layer in zip(["in", *names, "out"], weights, strict=True)}
    middle = sorted(names, key=lambda name: int(name[2:]) if name.startswith("b.") else 99)
    found = layers_of(arrays, "net.npz")[1:-1]
    for (kernel, _), name in zip(found, middle, strict=True):
        np.testing.assert_array_equal(kernel, arrays[f"{name}.weight"])


@pytest.mark.parametrize("names", [["first", "second", "third"], ["b.0", "b.10", "b.2", "tail"]])
def test_words_tell_no_order_where_a_format_sorts_them(names: list[str]) -> None:
    arrays = {
        f"{name}.weight": layer[0]
        for name, layer in zip(["in", *names, "out"], network(depth=len(names) + 2), strict=True)
    }
    with pytest.raises(VdsrError, match=r"^net\.safetensors: the order of its layers is not certain: .*; give them"):
        layers_of(arrays, "net.safetensors", ordered=False)


def test_numbers_tell_the_order_where_a_format_sorts_names() -> None:
    weights = network(depth=12)
    arrays = dict(sorted(pytorch(weights).items()))
    assert list(arrays)[4] == "conv10.bias"
    same(layers_of(arrays, "net.safetensors", ordered=False), weights)


NORMALISED = [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")]


@pytest.mark.parametrize(("length", "direction"), NORMALISED)
@pytest.mark.parametrize("whole", [False, True])
def test_weight_norm_is_folded_in(length: str, direction: str, whole: bool) -> None:
    """``g v / |v|``, of each row or, with PyTorch's ``dim=None``, of the whole kernel."""
    wanted, arrays = {}, {}
    for name, kernel in pytorch(network(), bias=False).items():
        g = np.float32(1.5) if whole else RANDOM.uniform(0.5, 2, (len(kernel), 1, 1, 1)).astype(np.float32)
        arrays[name.replace("weight", length)], arrays[name.replace("weight", direction)] = np.asarray(g), kernel
        rows = [kernel] if whole else kernel
        norms = np.array([np.linalg.norm(row.astype(np.float64)) for row in rows]).reshape(-1, 1, 1, 1)
        wanted[name] = g * kernel.astype(np.float64) / norms
    folded = without_weight_norm(arrays)
    assert folded.keys() == wanted.keys()
    for name, array in folded.items():
        np.testing.assert_allclose(array, wanted[name], rtol=1e-14)
    assert [kernel.shape[3] for kernel, _ in layers_of(arrays, "net.pth")] == [5, 5, 5, 1]


def test_a_length_without_a_direction_is_left() -> None:
    with pytest.raises(VdsrError, match=r"no place in such a network: conv0\.weight_g \(5, 1, 1, 1\)$"):
        layers_of(pytorch(network()) | {"conv0.weight_g": np.ones((5, 1, 1, 1))}, "net.pth")


NORM = {name: np.ones(5, "f4") for name in ("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")}
LEFT = {
    "batch normalisation": (NORM, r"bn.weight .5,., bn.bias .5,., .* bn.running_var .5,.; .*torch.save.model, name.$"),
    "PReLU": ({"act.weight": np.ones(1, "f4")}, r"act.weight .1,.$"),
    "a scale": ({"scale": np.array(0.1)}, r"scale \(\)$"),
    "dense": ({"fc.weight": np.ones((3, 5), "f4"), "fc.bias": np.ones(3, "f4")}, r"fc.weight .3, 5., fc.bias .3,.$"),
    "larger kernels": ({"up.weight": np.ones((5, 1, 9, 9), "f4")}, r"up.weight .5, 1, 9, 9.$"),
    "kernels of a volume": ({"v.weight": np.ones((5, 1, 3, 3, 3), "f4")}, r"v.weight .5, 1, 3, 3, 3.$"),
    "positions": ({"arr_1": np.ones(5, "f4")}, "arr_1 .5,.$"),
    "many": ({f"x{k}": np.ones(2) for k in range(9)}, r"x0 .*, x5 .2,. and 3 more$"),
}


@pytest.mark.parametrize("name", LEFT)
def test_an_array_without_a_place_is_named(name: str) -> None:
    extra, message = LEFT[name]
    with pytest.raises(VdsrError, match=rf"^net\.pth: holds arrays that have no place in such a network: {message}"):
        layers_of(pytorch(network()) | extra, "net.pth")


def test_counters_and_text_do_nothing() -> None:
    weights = network()
    counters = {"epoch": np.array(50), "bn.num_batches_tracked": np.array(3), "name": np.array("VDSR")}
    same(layers_of(pytorch(weights) | counters, "net.npz"), weights)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "0 kernels of 3x3 in it"),
        ({"a.weight": np.ones((4, 1, 3, 3))}, "1 kernels"),
        ({"a.weight": np.ones((8, 1, 3, 3)), "b.weight": np.ones((16, 8, 3, 3)), "c.weight": np.ones((1, 16, 3, 3))},
         r"conv_02: the kernel is \(3, 3, 8, 16\), expected \(3, 3, 8, 8\); all hidden layers have one width"),
        ({"a.weight": np.ones((4, 3, 3, 3)), "c.weight": np.ones((3, 4, 3, 3))}, "conv_01: the kernel is"),
    ],
)  # fmt: skip
def test_other_networks_are_refused(arrays: dict[str, np.ndarray[Any, Any]], message: str) -> None:
    with pytest.raises(VdsrError, match=message):
        layers_of(arrays, "net.pth")


def test_fold_scale_gives_what_the_scale_behind_would() -> None:
    kernel, bias = RANDOM.normal(size=(3, 3, 4, 6)), RANDOM.normal(size=6)
    scale, shift, mean = RANDOM.normal(size=(3, 6))
    patch = RANDOM.normal(size=(3, 3, 4))
    behind = scale * (np.tensordot(patch, kernel, 3) + bias - mean) + shift
    folded, added = fold_scale(kernel, bias, scale[:, None], shift, mean)
    np.testing.assert_allclose(np.tensordot(patch, folded, 3) + added, behind, rtol=1e-12)


def test_a_list_of_names_is_short() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefgh"), most=3) == "a, b, c and 5 more"
    assert len(listed(["x" * 1000])) == 80
