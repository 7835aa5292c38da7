"""Networks of MatConvNet: the VDSR authors' cells of weights, and lists of layers as those of the DnCNN family."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval.networks.named import fold_scale, listed
from vdsr_eval.networks.weights import Weights, check_weights, negated

__all__ = ["network_of"]

Layers = list[tuple[NDArray[Any], NDArray[Any]]]
PLAIN = {"stride": 1, "pad": 1, "dilate": 1, "leak": 0}  # what else a layer could do, and does not


def network_of(variables: Mapping[str, Any], source: str, *, subtract: bool = False) -> Weights:
    """Read the network among the variables of a .mat file.

    Parameters
    ----------
    variables : mapping
        As `read_mat` gives them. A struct ``model`` of the cells ``weight`` and ``bias``: the output
        of that network is added to its input. A struct ``net`` of the cell ``layers``: it is subtracted, as that family
        predicts the noise, and the last layer comes negated; batch normalisation behind a convolution is folded in.
    source : str
        What messages begin with.
    subtract : bool, default False
        Whether the output of a `model` is subtracted from its input after all; of a `net` that is known.

    Returns
    -------
    list of (kernel, bias)
        As `vdsr_eval.networks.weights.read_weights`.

    Raises
    ------
    VdsrError
        There is no such struct, or a layer is none that such a network may have (it is named).
    """
    if {"weight", "bias"} <= (model := _fields(variables.get("model"))).keys():
        weights = check_weights(_of_cells(model, source), source)
        return negated(weights) if subtract else weights
    if "layers" in (net := _fields(variables.get("net"))):
        if subtract:
            raise ArgumentError(f"{source}: the output of `net` is subtracted anyhow; leave out --subtract")
        return negated(check_weights(_of_layers(net, source), source))
    for name, value in variables.items():
        if several := [net for net in map(_fields, _cells(value)) if "layers" in net]:
            layers = map(_fields, _cells(several[0]["layers"]))
            dilated = any((np.asarray(layer.get("dilate", 1)) != 1).any() for layer in layers)
            why = "their convolutions are dilated, which those of this kind are not" if dilated else "give one of them"
            raise VdsrError(f"{source}: `{name}` holds {len(several)} networks, as IRCNN's for levels of noise; {why}")
    raise VdsrError(
        f"{source}: neither a struct `model` with the cells `weight` and `bias`, as the VDSR authors publish it, nor a "
        "struct `net` with the cell `layers`, as DnCNN's is"
    )


def _of_cells(model: Mapping[str, Any], source: str) -> Layers:
    kernels, biases = _cells(model["weight"]), _cells(model["bias"])
    others = {name: value for name, value in model.items() if name not in ("weight", "bias")}
    left = [name for name, value in others.items() if value is None or np.size(value) > 1]
    if left:
        raise VdsrError(f"{source}: `model` holds what has no place in such a network: {listed(left)}")
    if len(kernels) != len(biases):
        raise VdsrError(f"{source}: {len(kernels)} kernels, but {len(biases)} biases")
    return [(_kernel(kernel), bias.ravel()) for kernel, bias in zip(kernels, biases, strict=True)]


def _of_layers(net: Mapping[str, Any], source: str) -> Layers:
    """Take convolutions with what follows them."""
    found: Layers = []
    active = True  # whether what comes next gets the input, or values behind a ReLU
    for number, cell in enumerate(_cells(net["layers"]), start=1):
        layer = _fields(cell)
        kind = str(next(np.asarray(layer.get("type", "?")).flat, "?"))
        where = f"{source}: layer {number} of `net` ({kind})"
        weights = [np.asarray(array) for array in _cells(layer.get("weights"))]
        for field, wanted in PLAIN.items():
            if ((given := np.asarray(layer.get(field, wanted))) != wanted).any():
                shown = listed([str(value) for value in given.flat])
                raise VdsrError(f"{where}: {field} is {shown}, expected {wanted}")
        if kind == "conv" and active and len(weights) == 2:
            kernel, bias = _kernel(weights[0]), weights[1].ravel()
            found.append((kernel, bias if bias.size else np.zeros(kernel.shape[-1], np.float32)))
        elif kind == "bnorm" and not active and len(weights) == 3:
            scale, shift, moments = weights
            if moments.shape != (found[-1][0].shape[-1], 2):
                raise VdsrError(
                    f"{where}: the moments are {moments.shape}, expected a mean and a deviation for each output"
                )
            scale = scale.ravel() / moments[:, 1].astype(np.float64)
            found[-1] = fold_scale(*found[-1], scale, shift, moments[:, 0])
        elif kind not in ("relu", "loss") or (kind == "relu" and active):
            raise VdsrError(
                f"{where}: is not understood here; known are conv, bnorm behind it, relu behind it, and loss"
            )
        active = kind == "relu" if kind != "loss" else active
    if active:
        raise VdsrError(f"{source}: the last layer of `net` is no convolution")
    return found


def _fields(struct: Any) -> dict[str, Any]:
    """The fields of a single struct; none of anything else."""
    names = getattr(getattr(struct, "dtype", None), "names", None) or ()
    return {name: struct.flat[0][name] for name in names} if len(names) and struct.size == 1 else {}


def _cells(value: Any) -> list[Any]:
    """The cells of a row or column of them; none of anything else."""
    return list(value.ravel()) if isinstance(value, np.ndarray) and value.dtype == object else []


def _kernel(kernel: Any) -> NDArray[Any]:
    """Kernels are (rows, columns, inputs, outputs); MATLAB drops trailing axes of length 1."""
    array: NDArray[Any] = np.asarray(kernel)
    return array.reshape(array.shape + (1,) * (4 - array.ndim))
