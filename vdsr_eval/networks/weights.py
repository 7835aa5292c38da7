"""The weights of a network as a file: plain arrays in HDF5, checked layer by layer, nothing executed."""

import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import replacing
from vdsr_data.io.hdf5 import create_hdf5, open_hdf5, plain_dataset, plain_group

__all__ = ["Weights", "check_weights", "negated", "read_weights", "step_of", "write_weights"]

Weights = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
FORMAT = "vdsr-weights 1"
PARTS = ("kernel", "bias")


def write_weights(
    path: Path | str, weights: Weights, *, attributes: Mapping[str, str | int | float] | None = None
) -> None:
    """Write weights as HDF5: ``/conv_01/kernel`` (3, 3, inputs, outputs) and ``/conv_01/bias`` (outputs,), float32.

    Parameters
    ----------
    path : Path
        Replaced if it exists, and only when the new file is complete.
    weights : list of (kernel, bias)
        First layer first.
    attributes : mapping, optional
        How the weights came about, stored beside them.

    Raises
    ------
    VdsrError
        The weights are not those of such a network, or the file cannot be written.
    """
    weights = check_weights(weights, str(path))
    try:
        with replacing(path) as temporary, create_hdf5(temporary) as file:
            for number, (kernel, bias) in enumerate(weights, start=1):
                file[f"conv_{number:02}/kernel"] = kernel
                file[f"conv_{number:02}/bias"] = bias
            file.attrs.update({"format": FORMAT, **(attributes or {})})
    except OSError as error:
        raise VdsrError(f"{path}: the weights cannot be written ({error})") from None


def read_weights(path: Path | str) -> Weights:
    """Read weights that `write_weights` wrote.

    Returns
    -------
    list of (kernel, bias)
        float32, kernels (3, 3, inputs, outputs), biases (outputs,), first layer first.

    Raises
    ------
    VdsrError
        The file is missing or not such a file, or a layer is missing, misshapen or not finite (it is named).
    """
    path = Path(path)
    if not path.is_file():
        raise VdsrError(f"{path}: no such file; vdsr-train writes weights.h5 into its run folder")
    try:
        with open_hdf5(path) as file:
            return check_weights(_read_layers(file), str(path))
    except VdsrError:
        raise
    except Exception as error:  # h5py has no class of its own
        raise VdsrError(f"{path}: cannot be read as weights ({error})") from None


def step_of(path: Path) -> int | None:
    """Return after which step of a training weights were written; None where a file is missing, damaged or silent."""
    try:
        with h5py.File(path, "r") as file:
            return int(file.attrs["step"])
    except Exception:  # h5py has no class of its own
        return None


def _read_layers(file: h5py.File) -> Weights:
    names = sorted(name for name in file if re.fullmatch(r"conv_\d{2,}", name))
    if not names and "config" in file.attrs:
        raise ValueError("it is a packed training; vdsr-train decay FILE --steps N makes weights of it")
    if not names:
        raise ValueError("it holds no group conv_01; a weights.h5 of vdsr-train was expected")
    left = [name for name in file if name not in names]
    left += [f"{name}/{part}" for name in names for part in plain_group(file, name) or () if part not in PARTS]
    if left:
        raise ValueError(f"it holds what has no place in such a network: {', '.join(left[:6])}")
    layers = []
    for number, name in enumerate(names, start=1):
        if name != f"conv_{number:02}":
            raise ValueError(f"layer conv_{number:02} is missing")
        group = plain_group(file, name)
        arrays = []
        for part in PARTS:
            if group is None or not isinstance(group.get(part, getlink=True), h5py.HardLink):
                raise ValueError(f"layer {name} has no {part} in this very file")
            data = plain_dataset(group, part)
            if data is None:
                kind = getattr(group[part], "dtype", "a group")
                raise ValueError(f"layer {name}: the {part} is {kind}, expected floating point, stored in this file")
            arrays.append(data[()])
        layers.append((arrays[0], arrays[1]))
    return layers


def negated(weights: Weights) -> Weights:
    """The network whose output is that of the given one times -1; exact."""
    kernel, bias = weights[-1]
    return [*weights[:-1], (-kernel, -bias)]


def check_weights(weights: Weights, source: str) -> Weights:
    """Return `weights` as float32, or raise a VdsrError that names `source` and the first layer that does not fit."""
    if len(weights) < 2:
        raise VdsrError(f"{source}: {len(weights)} layers; a network has 2 or more (the paper's has 20)")
    checked: Weights = []
    first = np.asarray(weights[0][0])
    width = first.shape[-1] if first.ndim == 4 else 64  # of all hidden layers
    for number, layer in enumerate(weights, start=1):
        kernel, bias = (np.asarray(array) for array in layer)
        where = f"{source}: layer conv_{number:02}"
        kept: list[NDArray[np.float32]] = []
        inputs, outputs = 1 if number == 1 else width, 1 if number == len(weights) else width
        for part, array, shape in (("kernel", kernel, (3, 3, inputs, outputs)), ("bias", bias, (outputs,))):
            if array.shape != shape or 0 in shape:
                mixed = "; all hidden layers have one width" if array.shape[:3] == shape[:3] else ""
                raise VdsrError(f"{where}: the {part} is {array.shape}, expected {shape}{mixed}")
            if array.dtype.kind != "f":
                raise VdsrError(f"{where}: the {part} is {array.dtype}, expected floating point")
            with np.errstate(over="ignore"):
                kept.append(array.astype(np.float32))
            if not np.isfinite(kept[-1]).all():
                raise VdsrError(f"{where}: the {part} holds NaN or infinity, or more than float32 can")
        checked.append((kept[0], kept[1]))
    return checked
