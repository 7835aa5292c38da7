"""The network in a PyTorch file, wherever it lies in it: a mapping of tensors, or a whole module as records."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.named import fold_scale, layers_of, listed, without_weight_norm
from vdsr_eval.networks.pickled import Record
from vdsr_eval.networks.torchfile import is_array, tensor_of
from vdsr_eval.networks.weights import Weights

__all__ = ["network_in"]

AVERAGED = {"ema", "params_ema", "model_ema", "ema_model", "state_dict_ema", "ema_state_dict"}
CONTAINERS = {"Sequential", "ModuleList", "ModuleDict", "DataParallel", "DistributedDataParallel"}
IDLE = {"Identity", "Dropout", "Dropout2d", "AlphaDropout"}  # where a network is not trained
# What a convolution must be, in each spelling that PyTorch keeps.
CONVOLUTION: dict[str, list[Any]] = {
    "kernel_size": [(3, 3)],
    "stride": [(1, 1)],
    "padding": [(1, 1), "same"],
    "dilation": [(1, 1)],
    "groups": [1],
    "padding_mode": ["zeros"],
    "transposed": [False],
}
DEPTH, MODULES = 64, 10_000  # of modules in modules
OBJECTS = 5_000_000  # that are looked at


def network_in(content: Any, source: str) -> Weights:
    """Find the one network in what `vdsr_eval.networks.torchfile.open_torch` gives.

    Parameters
    ----------
    content : object
        A state dict or a module, or something that has one in it under any key. Of several networks the averaged one
        (``params_ema`` and the like) is taken.
    source : str
        What messages begin with.

    Returns
    -------
    list of (kernel, bias)
        As `vdsr_eval.networks.weights.read_weights`.

    Raises
    ------
    VdsrError
        There is no such network, or there are several; what was most like one, and why it is none.
    """
    found: dict[str, Weights] = {}
    refused: dict[int, VdsrError] = {}
    for key, candidate in _candidates(content):
        where = f"{source}: {key}" if key else source
        try:
            arrays = _values(candidate, where) if isinstance(candidate, dict) else _Flattened(candidate, where).arrays
            found[key] = layers_of(arrays, where)
        except VdsrError as error:
            refused.setdefault(len(candidate) if isinstance(candidate, dict) else OBJECTS, error)
    averaged = [key for key in found if not AVERAGED.isdisjoint(key.split("."))]
    names = averaged if len(averaged) == 1 else list(found)
    if not names:
        nothing = VdsrError(f"{source}: no mapping of named tensors with kernels in it")
        raise refused[max(refused)] if refused else nothing
    first = found[names[0]]
    if not all(_same(found[name], first) for name in names):
        raise VdsrError(f"{source}: holds several networks, under {listed(names)}; save the one that is meant alone")
    return first


def _values(tensors: dict[str, Record], source: str) -> dict[str, NDArray[Any]]:
    """The values of arrays, each of which is a tensor that is understood."""
    for name, value in tensors.items():
        if tensor_of(value) is None:
            raise VdsrError(f"{source}: {name[:80]} is an array of an unknown kind ({value.name[:80]})")
    return {name: tensor.array() for name, value in tensors.items() if (tensor := tensor_of(value)) is not None}


def _same(one: Weights, other: Weights) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(mine, theirs)
        for pair in zip(one, other, strict=True)
        for mine, theirs in zip(*pair, strict=True)
    )


def _candidates(content: Any) -> Iterator[tuple[str, Record | dict[str, Record]]]:
    """Modules and mappings with kernels in them, by the keys under which they lie; each object is looked at once."""
    left: list[tuple[Any, Any]] = [(None, content)]
    seen: set[int] = set()
    looked = 0
    while left:
        path, value = left.pop()
        if id(value) in seen or not isinstance(value, (Record, list, tuple)):
            continue
        seen.add(id(value))
        inner: list[tuple[Any, Any]] = []
        if not isinstance(value, Record):
            inner = [((path, str(k)), one) for k, one in enumerate(value)]
        elif not is_array(value):
            state, named = _named(value.state), value.named()
            if "_modules" in state:
                yield _key(path), value
                continue
            arrays = {name: one for name, one in named.items() if is_array(one)}
            if any(len(tensor.shape) == 4 for tensor in map(tensor_of, arrays.values()) if tensor is not None):
                yield _key(path), arrays
            others = [one for key, one in value.entries() if not isinstance(key, str)]
            inner = [((path, name), one) for name, one in named.items()]
            inner += [(path, one) for one in (*others, value.items, value.args, value.state)]
            looked += len(state)
        left += inner[::-1]
        looked += len(inner)
        if looked > OBJECTS:
            raise ValueError(f"more than {OBJECTS} objects in it")


def _key(path: Any) -> str:
    """Keys from the outermost on, joined by dots; of very deep ones, the innermost."""
    keys: list[str] = []
    while path is not None and len(keys) < 8:
        path, key = path
        keys.insert(0, key[:80])
    return ".".join(keys)


def _named(value: Any) -> dict[str, Any]:
    return value.named() if isinstance(value, Record) else {}


def _unwrapped(module: Record) -> Record:
    """The module in wrappers that spread it over devices."""
    while module.name.startswith("torch.") and module.name.endswith("DataParallel"):
        inner = _named(_named(module.state).get("_modules")).get("module")
        if not isinstance(inner, Record):
            break
        module = inner
    return module


class _Flattened:
    """The arrays of a module and of all modules in it, by the names of its state dict, batch normalisation folded in.

    Parameters
    ----------
    module : Record
    source : str
        What messages begin with.

    Raises
    ------
    VdsrError
        A module in it is none that such a network may have, or of an unknown class with nothing in it; or the whole is
        a Sequential, which adds its input to nothing.
    """

    def __init__(self, module: Record, source: str) -> None:
        self.source = source
        self.count = 0
        self.tensors: dict[str, NDArray[Any]] = {}
        self.folds: list[tuple[str, str, Record]] = []
        self._visit(module, "", 0)
        self.arrays = without_weight_norm(self.tensors)
        for convolution, name, norm in self.folds:
            self._fold(convolution, name, norm)
        if (kind := _unwrapped(module).name).startswith("torch.") and kind.endswith(".Sequential"):
            raise self._refusal(
                "", f"is a {kind}, whose output nothing adds to its input; where something did, save its state_dict()"
            )

    def _visit(self, module: Any, name: str, depth: int) -> None:
        """Take what a module holds, and what those in it hold, in their order."""
        self.count += 1
        if depth > DEPTH or self.count > MODULES:
            raise ValueError("modules in modules without end")
        kind, state = self._kind(module, name), _named(module.state)
        if "kernel_size" in state:
            self._check_convolution(kind, state, name)
        elif kind.startswith("torch.") and kind.rpartition(".")[2] not in CONTAINERS | IDLE | {"ReLU"}:
            raise self._refusal(name, f"is a {kind}, which such a network does not have")
        held = self._arrays(state.get("_parameters"), name) | self._arrays(state.get("_buffers"), name)
        self.tensors |= held
        if not (kind.startswith("torch.") or held or _named(state.get("_modules"))):
            raise self._refusal(name, f"is a {kind[:80]}, which holds nothing that tells what it does")
        last = None  # a convolution of a Sequential that nothing follows yet
        sequential = kind.startswith("torch.") and kind.endswith(".Sequential")
        for key, child in _named(state.get("_modules")).items():
            if child is None:
                continue
            inner, path = self._kind(child, f"{name}{key}."), f"{name}{key}."
            word = inner.rpartition(".")[2] if inner.startswith("torch.") else ""
            if sequential and word == "BatchNorm2d" and last is not None:
                self.folds.append((last, path, child))
                continue
            if sequential and word == "Conv2d" and last is not None:
                raise self._refusal(path, f"follows {last[:-1]} without a ReLU between them")
            if sequential and word == "ReLU" and last is not None and self._is_last(last):
                raise self._refusal(path, f"is a ReLU behind the last convolution, {last[:-1]}")
            self._visit(child, path, depth + 1)
            last = path if word == "Conv2d" else last if word in IDLE else None

    def _is_last(self, convolution: str) -> bool:
        kernel = self.tensors.get(f"{convolution}weight")
        return kernel is not None and kernel.ndim == 4 and kernel.shape[0] == 1 < kernel.shape[1]

    def _refusal(self, name: str, what: str) -> VdsrError:
        return VdsrError(f"{self.source}: {name[:-1] or 'the module'} {what}")

    def _kind(self, module: Any, name: str) -> str:
        """The class of a module, which nothing is hooked to but weight normalisation."""
        if not isinstance(module, Record):
            raise self._refusal(name, "is no module")
        state = _named(module.state)
        for hooks in (state.get("_forward_hooks"), state.get("_forward_pre_hooks")):
            for _, hook in hooks.entries() if isinstance(hooks, Record) else ():
                if getattr(hook, "name", None) != "torch.nn.utils.weight_norm.WeightNorm":
                    raise self._refusal(name, "has code hooked to it, which is not run")
        return module.name

    def _arrays(self, tensors: Any, name: str) -> dict[str, NDArray[Any]]:
        """Parameters or buffers by their names."""
        found = {}
        for key, one in _named(tensors).items():
            tensor = tensor_of(one)
            if tensor is not None:
                found[f"{name}{key}"] = tensor.array()
            elif one is not None:
                raise self._refusal(f"{name}{key}.", "is no tensor of a known kind")
        return found

    def _check_convolution(self, kind: str, state: Mapping[str, Any], name: str) -> None:
        if kind.startswith("torch.") and not kind.endswith(".Conv2d"):
            raise self._refusal(name, f"is a {kind}, which such a network does not have")
        for key, allowed in CONVOLUTION.items():
            if (given := state.get(key, allowed[0])) not in allowed:
                plain = all(isinstance(one, (int, str)) for one in (given if isinstance(given, tuple) else [given]))
                raise self._refusal(name, f"has {key} {str(given)[:40] if plain else '?'}, expected {allowed[0]}")

    def _fold(self, convolution: str, name: str, norm: Record) -> None:
        """Multiply a convolution by the batch normalisation behind it, as that is applied when nothing is trained."""
        state = _named(norm.state)
        given = self._arrays(state.get("_parameters"), "") | self._arrays(state.get("_buffers"), "")
        kernel = self.arrays[f"{convolution}weight"].transpose(1, 2, 3, 0).astype(np.float64)
        mean, variance, eps = given.get("running_mean"), given.get("running_var"), state.get("eps")
        if mean is None or variance is None or not isinstance(eps, float):
            raise self._refusal(name, "keeps no statistics of its training")
        ones = np.ones_like(mean)
        scale = given.get("weight", ones) / np.sqrt(variance.astype(np.float64) + eps)
        bias = self.arrays.get(f"{convolution}bias", 0 * ones)
        kernel, bias = fold_scale(kernel, bias, scale, given.get("bias", 0 * ones), mean)
        self.arrays[f"{convolution}weight"], self.arrays[f"{convolution}bias"] = kernel.transpose(3, 0, 1, 2), bias
