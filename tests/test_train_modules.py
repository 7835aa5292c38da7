"""The network in a PyTorch file: found wherever it lies, its batch normalisation folded in, nothing else believed."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_train_named import network, same
from torch_files import Raw, Writer, module_of_2017

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.modules import network_in
from vdsr_eval.networks.pickled import Record, read_pickle
from vdsr_eval.networks.torchfile import open_torch
from vdsr_eval.networks.weights import Weights

WEIGHTS = network(depth=5)
PLAIN = [(kernel, np.zeros_like(bias)) for kernel, bias in WEIGHTS]


def turned(weights: Weights, bias: bool = True) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]]:
    """Kernels with PyTorch's axes."""
    return [(kernel.transpose(3, 2, 0, 1), values if bias else None) for kernel, values in weights]


def read(path: Path, writer: Writer, content: Any) -> Weights:
    path.write_bytes(writer.stream(content) if writer.old else writer.archive(content))
    with open_torch(path) as found:
        return network_in(found, path.name)


def state(writer: Writer, weights: Weights = WEIGHTS, prefix: str = "") -> Raw:
    names = [f"{prefix}body.{k}" for k in range(len(weights))]
    items = {}
    for name, (kernel, bias) in zip(names, turned(weights), strict=True):
        items |= {f"{name}.weight": kernel, f"{name}.bias": bias}
    return writer.ordered(items)


def optimizer(weights: Weights = WEIGHTS) -> dict[str, Any]:
    """What Adam keeps: two arrays of the shape of each kernel."""
    kept = {k: {"step": 5, "exp_avg": kernel, "exp_avg_sq": kernel} for k, (kernel, _) in enumerate(turned(weights))}
    return {"state": kept, "param_groups": [{"lr": 1e-4, "params": [0, 1, 2]}]}


WRAPPERS: dict[str, Callable[[Writer], Any]] = {
    "alone": state,
    "state_dict": lambda w: {"epoch": 50, "state_dict": state(w), "optimizer": optimizer()},
    "params": lambda w: {"params": state(w)},
    "net": lambda w: {"net": state(w, prefix="module."), "acc": 37.5, "epoch": 3},
    "deep": lambda w: {"a": [1, (2, {"model_state_dict": state(w)})], "names": ["x"] * 5},
    "in an object": lambda w: Raw(
        w.name("lib", "Trainer") + b")\x81" + w.put({"ema_rate": 0.9, "net": state(w)}) + b"b"
    ),
    "twice the same": lambda w: {"last": state(w), "best": state(w)},
}


@pytest.mark.parametrize("python2", [False, True])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_state_dict_is_found_under_any_key(tmp_path: Path, wrapper: str, python2: bool) -> None:
    writer = Writer(python2=python2)
    same(read(tmp_path / "net.pth", writer, WRAPPERS[wrapper](writer)), WEIGHTS)


def doubled(weights: Weights = WEIGHTS) -> Weights:
    return [(2 * kernel, bias) for kernel, bias in weights]


@pytest.mark.parametrize("key", ["params_ema", "ema", "state.model_ema"])
def test_of_several_networks_the_averaged_one_is_taken(tmp_path: Path, key: str) -> None:
    writer = Writer()
    inner: Any = state(writer, doubled())
    for part in reversed(key.split(".")):
        inner = {part: inner}
    same(read(tmp_path / "net.pth", writer, {"params": state(writer), **inner}), doubled())


def test_of_several_networks_none_is_guessed(tmp_path: Path) -> None:
    writer = Writer()
    content = {"net_g": state(writer), "net_g_old": {"x": state(writer, doubled())}}
    with pytest.raises(VdsrError, match=r"^net\.pth: holds several networks, under net_g, net_g_old\.x; save the one"):
        read(tmp_path / "net.pth", writer, content)


def test_the_reason_is_that_of_what_is_most_like_a_network(tmp_path: Path) -> None:
    """Not that of what an optimizer keeps."""
    writer = Writer()
    norm = {f"bn.{name}": np.ones(5, "f4") for name in ("weight", "running_var")}
    inner = Raw(state(writer) + b"(" + b"".join(writer.put(k) + writer.put(v) for k, v in norm.items()) + b"u")
    with pytest.raises(VdsrError, match=r"^net\.pth: state_dict: holds arrays .*: bn.weight .5,., bn.running_var"):
        read(tmp_path / "net.pth", writer, {"optimizer": optimizer(), "state_dict": inner})


@pytest.mark.parametrize("content", [None, [1, 2], {"epoch": 3}, np.ones((3, 3)), {"w": np.ones(3)}])
def test_files_without_a_network(tmp_path: Path, content: Any) -> None:
    with pytest.raises(VdsrError, match=r"^net\.pth: no mapping of named tensors with kernels in it"):
        read(tmp_path / "net.pth", Writer(), content)


def test_what_holds_itself_and_what_is_shared_by_many_paths(tmp_path: Path) -> None:
    """Thirty levels of twice the same are a billion paths."""
    writer = Writer()
    level = writer.put([state(writer)])
    for place in range(30):
        mark = bytes([113, place]), bytes([104, place])  # remember, and put again
        level = Raw(level + mark[0] + b"0](" + mark[1] * 2 + b"e")
    itself = Raw(b"]q\x64(h\x64" + level + b"e")
    same(read(tmp_path / "net.pth", writer, itself), WEIGHTS)


@pytest.mark.parametrize("module", ["torch._utils", "numpy._core.multiarray"])
def test_an_array_of_an_unknown_kind_is_not_left_out(tmp_path: Path, module: str) -> None:
    """Quantised and sparse tensors, and NumPy's arrays, beside tensors that are understood."""
    writer = Writer()
    made = writer.call(writer.name(module, "_rebuild_qtensor" if module.startswith("torch") else "_reconstruct"), 1)
    content = Raw(state(writer) + b"(" + writer.put("bn.weight") + made + b"u")
    with pytest.raises(VdsrError, match=rf"^net\.pth: net: bn\.weight is an array of an unknown kind \({module}"):
        read(tmp_path / "net.pth", writer, {"net": content})


# Whole modules


@pytest.mark.parametrize("python2", [False, True])
def test_a_module_of_any_class(tmp_path: Path, python2: bool) -> None:
    """Blocks of a user's class in a Sequential in DataParallel, of which no code is there."""
    writer = Writer(python2=python2)
    first, *middle, last = (writer.conv(*layer) for layer in turned(WEIGHTS))
    blocks = [
        writer.module("m", "Block", _modules={"conv": one, "relu": writer.relu(), "none": None}) for one in middle
    ]
    inner = {"last": last, "first": first, "blocks": writer.sequential(*blocks)}
    net = writer.module("m", "VDSR", _modules=inner, upscale=3)
    parallel = writer.module(
        "torch.nn.parallel.data_parallel", "DataParallel", _modules={"module": net}, device_ids=[0]
    )
    same(read(tmp_path / "net.pth", writer, {"model": parallel, "optimizer": optimizer()}), WEIGHTS)


def test_a_file_of_2017(tmp_path: Path) -> None:
    """Python 2.7, PyTorch 0.2, ``{"epoch": 50, "model": net}``."""
    (tmp_path / "net.pth").write_bytes(module_of_2017(turned(WEIGHTS, bias=False)))
    with open_torch(tmp_path / "net.pth") as content:
        assert content.named()["epoch"] == 50
        same(network_in(content, "net.pth"), PLAIN)


@pytest.mark.parametrize("bias", [True, False])
def test_batch_normalisation_is_folded_in_with_its_own_epsilon(tmp_path: Path, bias: bool) -> None:
    writer = Writer()
    layers = turned(WEIGHTS, bias)
    norm, arrays = writer.norm(5, seed=3, eps=0.25)
    idle = writer.module("torch.nn.modules.dropout", "Dropout", p=0.5)
    second = {"eps": 0.5, "affine": False, "_parameters": {"weight": None, "bias": None}}
    other, bare = writer.norm(5, seed=4, **second)
    net = writer.sequential(
        writer.conv(*layers[0]), writer.relu(), writer.conv(*layers[1]), norm, writer.relu(),
        writer.sequential(writer.conv(*layers[2]), idle, other), writer.relu(), writer.conv(*layers[3]), writer.relu(),
    )  # fmt: skip
    module = writer.module("m", "Net", _modules={"body": net, "end": writer.conv(*layers[4])})
    found = read(tmp_path / "net.pth", writer, module)
    plain = WEIGHTS if bias else PLAIN
    same([found[k] for k in (0, 3, 4)], [plain[k] for k in (0, 3, 4)])
    patch = np.random.default_rng(0).normal(size=(3, 3, 5))
    for k, values, eps in ((1, arrays, 0.25), (2, bare | {"weight": 1, "bias": 0}, 0.5)):
        answer = np.tensordot(patch, plain[k][0], 3) + plain[k][1]
        answer = (answer - values["running_mean"]) / np.sqrt(values["running_var"] + eps) * values["weight"] + values[
            "bias"
        ]
        np.testing.assert_allclose(np.tensordot(patch, found[k][0], 3) + found[k][1], answer, rtol=1e-5, atol=1e-5)


def test_weight_norm_of_a_module_comes_before_its_batch_normalisation(tmp_path: Path) -> None:
    writer = Writer()
    (kernel, _), *rest = turned(WEIGHTS[:1] + WEIGHTS[-1:])
    g = np.full((5, 1, 1, 1), 2, "f4")
    hook = Raw(writer.name("torch.nn.utils.weight_norm", "WeightNorm") + b")\x81")
    parameters = {"bias": None, "weight_g": writer.parameter(g), "weight_v": writer.parameter(kernel)}
    one = writer.conv(kernel, _parameters=parameters, _forward_pre_hooks={"0": hook})
    norm, arrays = writer.norm(5, seed=3)
    net = whole(writer, writer.sequential(one, norm, writer.relu(), writer.conv(*rest[0])))
    found = read(tmp_path / "net.pth", writer, net)[0][0]
    scale = arrays["weight"] / np.sqrt(arrays["running_var"].astype(np.float64) + 1e-3)
    length = np.sqrt((kernel.astype(np.float64) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(found, (kernel.transpose(2, 3, 1, 0) * (2 / length * scale)).astype("f4"), rtol=1e-6)


def whole(writer: Writer, body: Raw) -> Raw:
    """A network of a class of its own, which adds what it is given."""
    return writer.module("m", "Net", _modules={"body": body})


def in_sequence(*names: str) -> Callable[[Writer], Raw]:
    """A Sequential of a first convolution, modules by what they are called, and a last convolution."""

    def made(writer: Writer) -> Raw:
        known = {"conv": lambda: writer.conv(*layers[1]), "relu": writer.relu, "bn": lambda: writer.norm(5, seed=0)[0]}
        layers = turned(WEIGHTS)
        modules = [known[name]() if name in known else writer.module("torch.nn.modules.x", name) for name in names]
        return writer.sequential(writer.conv(*layers[0]), *modules, writer.conv(*layers[-1]))

    return made


def with_one(**fields: Any) -> Callable[[Writer], Raw]:
    """A network of which the second convolution has other fields."""

    def made(writer: Writer) -> Raw:
        first, second, *_, last = turned(WEIGHTS)
        odd = writer.conv(*second, **fields)
        return writer.sequential(writer.conv(*first), writer.relu(), odd, writer.relu(), writer.conv(*last))

    return made


def user_block(writer: Writer) -> Raw:
    """A batch normalisation of which nobody knows where it stands."""
    first, second, *_, last = turned(WEIGHTS)
    norm, _ = writer.norm(5, seed=0)
    block = writer.module("m", "Block", _modules={"conv": writer.conv(*second), "bn": norm})
    return writer.module("m", "Net", _modules={"a": writer.conv(*first), "b": block, "c": writer.conv(*last)})


def hooked(writer: Writer) -> Raw:
    return with_one(_forward_hooks={"0": writer.name("m", "double")})(writer)


def untracked(writer: Writer) -> Raw:
    norm, _ = writer.norm(5, seed=0, _buffers={"running_mean": None, "running_var": None})
    first, *_, last = turned(WEIGHTS)
    return writer.sequential(writer.conv(*first), norm, writer.relu(), writer.conv(*last))


def own_parameter(writer: Writer) -> Raw:
    inner = {"a": in_sequence("relu")(writer)}
    return writer.module("m", "Net", _modules=inner, _parameters={"scale": writer.parameter(np.ones(1, "f4"))})


def transposed(writer: Writer) -> Raw:
    up = writer.module("torch.nn.modules.conv", "ConvTranspose2d", kernel_size=(3, 3))
    return writer.module("m", "Net", _modules={"up": up})


def own_leaf(writer: Writer) -> Raw:
    """A class of the user's that holds nothing: it may do anything."""
    first, *_, last = turned(WEIGHTS)
    inner = {"a": writer.conv(*first), "act": writer.module("m", "LeakyThing"), "b": writer.conv(*last)}
    return writer.module("m", "Net", _modules=inner)


def relu_behind(writer: Writer) -> Raw:
    first, *_, last = turned(WEIGHTS)
    return writer.sequential(writer.conv(*first), writer.relu(), writer.conv(*last), writer.relu())


BAD = {
    "an unknown class": (own_leaf, r"act is a m\.LeakyThing, which holds nothing that tells what it does$"),
    "relu behind the last": (relu_behind, "3 is a ReLU behind the last convolution, 2$"),
    "PReLU": (in_sequence("PReLU"), r"1 is a torch\.nn\.modules\.x\.PReLU, which such a network does not have"),
    "LeakyReLU": (in_sequence("LeakyReLU"), r"1 is a .*LeakyReLU"),
    "PixelShuffle": (in_sequence("relu", "PixelShuffle"), r"2 is a .*PixelShuffle"),
    "no relu": (in_sequence("relu", "conv"), "3 follows 2 without a ReLU between them"),
    "norm behind relu": (in_sequence("relu", "bn"), r"2 is a torch\.nn\.modules\.batchnorm\.BatchNorm2d"),
    "norm in a block": (user_block, r"b\.bn is a torch\.nn\.modules\.batchnorm\.BatchNorm2d"),
    "norm without statistics": (untracked, "1 keeps no statistics of its training"),
    "stride": (with_one(stride=(2, 2)), r"2 has stride \(2, 2\), expected \(1, 1\)"),
    "padding": (with_one(padding=(0, 0)), r"2 has padding \(0, 0\)"),
    "dilation": (with_one(dilation=(2, 2)), r"2 has dilation \(2, 2\)"),
    "groups": (with_one(groups=5), "2 has groups 5, expected 1"),
    "kernel": (with_one(kernel_size=(5, 5)), r"2 has kernel_size \(5, 5\)"),
    "reflected": (with_one(padding_mode="reflect"), "2 has padding_mode reflect, expected zeros"),
    "hook": (hooked, "2 has code hooked to it, which is not run"),
    "an array of the class": (own_parameter, r"holds arrays .*: scale \(1,\)"),
    "transposed": (transposed, r"up is a torch\.nn\.modules\.conv\.ConvTranspose2d"),
    "itself": (lambda w: w.module("torch.nn.modules.linear", "Linear"), r"the module is a .*Linear"),
    "no module in it": (lambda w: w.module("m", "Net", _modules={"a": 5}), "a is no module"),
    "no tensor in it": (lambda w: w.module("m", "Net", _parameters={"a": 5}), "a is no tensor of a known kind"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_module_that_such_a_network_does_not_have_is_named(tmp_path: Path, name: str) -> None:
    make, message = BAD[name]
    writer = Writer()
    with pytest.raises(VdsrError, match=rf"^net\.pth: model: {message}"):
        read(tmp_path / "net.pth", writer, {"model": make(writer)})


def test_padding_same_is_padding_by_one(tmp_path: Path) -> None:
    writer = Writer()
    net = whole(writer, with_one(padding="same", padding_mode="zeros")(writer))
    assert len(read(tmp_path / "net.pth", writer, net)) == 3


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_sequential_alone_is_refused(tmp_path: Path, wrapped: bool) -> None:
    """All that it does is known: it does not add its input to its output, which the network here would."""
    writer = Writer()
    net = with_one()(writer)
    if wrapped:
        net = writer.module("torch.nn.parallel.data_parallel", "DataParallel", _modules={"module": net})
    with pytest.raises(VdsrError, match=r"net\.pth: the module is a torch\..*Sequential, whose output nothing adds"):
        read(tmp_path / "net.pth", writer, net)


def test_modules_without_end_are_refused() -> None:
    """A module in itself; and forty levels of twice the same."""
    data = b"\x80\x02cm\nNet\n)\x81q\x01}U\x08_modules}U\x01ah\x01ssb."
    with pytest.raises(ValueError, match="without end"):
        network_in(read_pickle(io.BytesIO(data)), "net.pth")
    level = Record("torch.nn.modules.activation.ReLU", state=Record("dict"))
    for _ in range(40):
        inner = Record("dict", pairs=[("a", level), ("b", level)])
        level = Record("m.Net", state=Record("dict", pairs=[("_modules", inner)]))
    with pytest.raises(ValueError, match="without end"):
        network_in(level, "net.pth")
