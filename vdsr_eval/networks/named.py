"""Arrays by name as the layers of a network: every one of them has its place, or the file is refused."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import errors
from vdsr_data.errors import VdsrError
from vdsr_eval.networks.weights import Weights, check_weights

__all__ = ["Arrays", "arrays_of", "fold_scale", "layers_of", "listed", "without_weight_norm"]

Arrays = Mapping[str, NDArray[Any]]
# PyTorch's two spellings of weight normalisation: length and direction of the rows of a kernel.
NORMALISED = {"weight_g": "weight_v", "parametrizations.weight.original0": "parametrizations.weight.original1"}


def layers_of(arrays: Arrays, source: str, *, ordered: bool = True) -> Weights:
    """Order layers, find their biases, and see that nothing is left.

    Parameters
    ----------
    arrays : mapping of arrays
        By name, kernels as (3, 3, inputs, outputs) or all as PyTorch's (outputs, inputs, 3, 3). The first layer has one
        input, the last one output, the others go by their names; a bias is named as its kernel is, and may be missing.
        Weight normalisation is folded in. Single whole numbers and text count steps or name things, and do nothing.
    source : str
        What messages begin with.
    ordered : bool, default True
        Whether the arrays come in the order in which their maker had them; some formats sort them by name.

    Returns
    -------
    list of (kernel, bias)
        As `vdsr_eval.networks.weights.read_weights`.

    Raises
    ------
    VdsrError
        A layer does not fit, names that differ in more than numbers tell another order of the layers than storage, or
        are all that tells it, or arrays are left that have no place in such a network (they are named).
    """
    arrays = without_weight_norm(arrays)
    kernels = _kernels(arrays)
    if len(kernels) < 2:
        raise VdsrError(f"{source}: {len(kernels)} kernels of 3x3 in it; a network has 2 or more (the paper's has 20)")
    order = _order(kernels, source, ordered=ordered)
    biases = {name: _bias(name, arrays) for name in order}
    used = {*order, *biases.values()}
    left = [name for name, array in arrays.items() if name not in used and (array.ndim or array.dtype.kind in "fc")]
    if left:
        hint = ""
        if any("running_var" in name or "moving_variance" in name for name in left):
            hint = "; batch normalisation can be folded in where the whole module is saved: torch.save(model, name)"
        shown = listed([f"{name} {arrays[name].shape}" for name in left])
        raise VdsrError(f"{source}: holds arrays that have no place in such a network: {shown}{hint}")
    nothing = {name: np.zeros(kernel.shape[3], np.float32) for name, kernel in kernels.items()}
    layers = [
        (kernels[name], nothing[name] if (bias := biases[name]) is None else arrays[bias].ravel()) for name in order
    ]
    return check_weights(layers, source)


def arrays_of(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The state dict of a PyTorch ``Sequential`` of these layers and a ReLU between any two."""
    found = {}
    for number, (kernel, bias) in enumerate(weights):
        found[f"{2 * number}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), "<f4")
        found[f"{2 * number}.bias"] = np.ascontiguousarray(bias, "<f4")
    return found


def without_weight_norm(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Kernels in the place of their lengths and directions: ``weight = g v / |v|``, computed in float64."""
    found = dict(arrays)
    for name in arrays:
        for length, direction in NORMALISED.items():
            stem = name.removesuffix(length)
            if stem != name and stem + direction in found:
                g, v = (np.asarray(found.pop(one), np.float64) for one in (name, stem + direction))
                axes = tuple(k for k in range(v.ndim) if g.ndim != v.ndim or g.shape[k] == 1)
                found[f"{stem}weight"] = g * v / np.sqrt((v * v).sum(axes, keepdims=True))
    return found


def fold_scale(
    kernel: NDArray[Any], bias: NDArray[Any] | float, scale: NDArray[Any], shift: NDArray[Any], mean: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A convolution that gives ``scale (y - mean) + shift`` where the given one gives y; outputs on the last axis."""
    scale, shift, mean = (np.asarray(array, np.float64).ravel() for array in (scale, shift, mean))
    return kernel * scale, (bias - mean) * scale + shift


def _kernels(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Arrays of (3, 3, inputs, outputs), or all of PyTorch's (outputs, inputs, 3, 3), which are turned."""
    found = {name: array for name, array in arrays.items() if array.ndim == 4}
    first = {name for name, kernel in found.items() if kernel.shape[:2] == (3, 3)}
    last = {name for name, kernel in found.items() if kernel.shape[2:] == (3, 3)}
    if len(last) > len(first):  # both hold of those with three inputs and three outputs
        return {name: kernel.transpose(2, 3, 1, 0) for name, kernel in found.items() if name in last}
    return {name: kernel for name, kernel in found.items() if name in first}


def _order(kernels: Arrays, source: str, *, ordered: bool) -> list[str]:
    """Names of layers from first to last; a VdsrError where words, which sort by chance, are all that tells it."""
    stored = sorted(kernels, key=lambda name: _place(kernels[name]))
    order = sorted(stored, key=lambda name: (_place(kernels[name]), _natural(name)))
    for place in range(3):
        given, named = ([name for name in names if _place(kernels[name]) == place] for names in (stored, order))
        words = {re.sub(r"\d+", "", name) for name in given}
        if len(words) > 1 and not (ordered and given == named):
            told = f"stored as {listed(given)}, but by their names {listed(named)}" if ordered else listed(named)
            raise VdsrError(
                f"{source}: the order of its layers is not certain: {told}; give them names that differ in numbers only"
            )
    return order


def _place(kernel: NDArray[Any]) -> int:
    """First, middle or last, by the channels: modules are often named and stored in another order."""
    return 0 if kernel.shape[2] == 1 else 2 if kernel.shape[3] == 1 else 1


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer_10 behind layer_9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _bias(name: str, arrays: Iterable[str]) -> str | None:
    """The name of a kernel's bias: ``conv1.bias`` for ``conv1.weight``, ``b3`` for ``W3``."""
    parts = re.fullmatch(r"(.*?)(?:kernel|weight|w)([\W_]*\d*)", name, flags=re.I | re.S)
    wanted = [f"{parts[1]}{word}{parts[2]}".lower() for word in ("bias", "b")] if parts else []
    return next((other for other in arrays if other.lower() in wanted), None)


def listed(names: list[str], most: int = 6) -> str:
    """The first few names of a list, none of them very long."""
    return errors.listed((name[:80] for name in names), most)
