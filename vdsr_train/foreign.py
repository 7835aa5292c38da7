"""Other people's weights as ours: MatConvNet, TensorFlow 1, NumPy, safetensors and PyTorch files.

Every format is read as plain arrays; nothing in a file is unpickled or executed.
"""

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_eval.matfile import read_mat
from vdsr_train.shipped import NAME, shipped_weights
from vdsr_train.tf1 import read_variables
from vdsr_train.weights import Weights, check_weights, read_weights

__all__ = ["FORMATS", "read_any"]

VARIABLE = r"(^|/)vdsr_(weight|bias)_\d+$"  # of VDSR-TensorFlow, under any scope
FORMATS = ".h5 (ours), .mat (MatConvNet), .index or its folder (TensorFlow 1), .npz, .safetensors, .pth, .pt"


def read_any(path: Path | str) -> Weights:
    """Read the weights of a VDSR-like network from any of the known formats.

    Parameters
    ----------
    path : Path
        ``default``: the weights that come with the toolkit. ``.h5``, or the run folder of one: ours. ``.mat``: the
        VDSR authors' MatConvNet file (``model.weight``, ``model.bias``). A TensorFlow 1 checkpoint of VDSR-TensorFlow:
        its prefix, its ``.index`` file, or the folder of its ``checkpoint`` file.
        ``.npz``, ``.safetensors``, ``.pth``, ``.pt``: named arrays, kernels as (3, 3, inputs, outputs) or as PyTorch's
        (outputs, inputs, 3, 3); the first layer has one input, the last one output, the others go by their names, and
        biases may be missing.

    Returns
    -------
    list of (kernel, bias)
        As `vdsr_train.weights.read_weights`.

    Raises
    ------
    VdsrError
        The file is missing, of an unknown format or damaged, holds code, or a layer does not fit (it is named).
    """
    path = shipped_weights() if str(path) == NAME else Path(path)
    if (path / "weights.h5").is_file():
        path = path / "weights.h5"
    prefix = _checkpoint_prefix(path)
    if prefix is not None:
        return check_weights(_guarded(_read_checkpoint, prefix), str(prefix))
    if path.is_dir():
        raise VdsrError(f"{path}: no weights.h5 in it, and no TensorFlow 1 checkpoint")
    if path.suffix.lower() in (".h5", ".hdf5"):
        return _guarded(read_weights, path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise VdsrError(f"{path}: unknown format of weights; known are {FORMATS}")
    if not path.is_file():
        raise VdsrError(f"{path}: no such file")
    return check_weights(_guarded(reader, path), str(path))


def _guarded(reader: Callable[[Path], Weights], path: Path) -> Weights:
    """Turn whatever a reader raises at a bad file into one line."""
    try:
        return reader(path)
    except ImportError as error:
        name = error.name or "the library"
        raise VdsrError(f"{path}: reading this format needs {name}: pip install {name}") from error
    except VdsrError:
        raise
    except MemoryError as error:
        raise VdsrError(f"{path}: declares more values than fit in memory") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise VdsrError(f"{path}: cannot be read as weights ({reason})") from error


def _read_mat(path: Path) -> Weights:
    """MatConvNet kernels are (rows, columns, inputs, outputs); MATLAB drops trailing axes of length 1."""
    model: Any = read_mat(path).get("model")
    names = getattr(getattr(model, "dtype", None), "names", None) or ()
    if not {"weight", "bias"} <= set(names):
        raise VdsrError(f"{path}: no struct `model` with the cells `weight` and `bias`, as the VDSR authors publish it")
    kernels, biases = (model[0, 0][key].ravel() for key in ("weight", "bias"))
    if len(kernels) != len(biases):
        raise VdsrError(f"{path}: {len(kernels)} kernels, but {len(biases)} biases")
    return [
        (np.asarray(kernel).reshape(kernel.shape + (1,) * (4 - kernel.ndim)), np.asarray(bias).ravel())
        for kernel, bias in zip(kernels, biases, strict=True)
    ]


def _checkpoint_prefix(path: Path) -> Path | None:
    """The prefix of a TensorFlow checkpoint that `path` names in one of the usual ways."""
    if (path / "checkpoint").is_file():
        listed = re.search(r'^model_checkpoint_path: "(.+)"', (path / "checkpoint").read_text(errors="replace"), re.M)
        if listed is None:
            raise VdsrError(f"{path / 'checkpoint'}: names no model_checkpoint_path; name the .index file instead")
        return path / Path(listed[1].replace("\\", "/")).name
    if path.suffix == ".index":
        return path.with_suffix("")
    return path if path.with_name(path.name + ".index").is_file() else None


def _read_checkpoint(prefix: Path) -> Weights:
    """VDSR-TensorFlow's variables ``vdsr_weight_0`` and ``vdsr_bias_0`` onwards, under any scope."""
    found = {name.rpartition("vdsr_")[2]: array for name, array in read_variables(prefix, VARIABLE).items()}
    count = sum(name.startswith("weight") for name in found)
    if not count:
        raise VdsrError(f"{prefix}: no variable vdsr_weight_0 in this checkpoint; it is not one of VDSR-TensorFlow")
    for number in range(count):
        for name in (f"weight_{number}", f"bias_{number}"):
            if name not in found:
                raise VdsrError(f"{prefix}: the variable vdsr_{name} is missing")
    return [(found[f"weight_{number}"], found[f"bias_{number}"]) for number in range(count)]


def _read_npz(path: Path) -> Weights:
    if not zipfile.is_zipfile(path):
        raise VdsrError(f"{path}: not an .npz archive, or truncated")
    with np.load(path, allow_pickle=False) as archive:
        return _from_named({name: archive[name] for name in archive.files}, path)


def _read_safetensors(path: Path) -> Weights:
    from safetensors.numpy import load_file

    return _from_named(load_file(path), path)


def _read_torch(path: Path) -> Weights:
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise VdsrError(
            f"{path}: holds code, which is not run; where you trust it: torch.save(model.state_dict(), name)"
        ) from error
    for key in ("state_dict", "model", "params", "weights"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise VdsrError(f"{path}: no state_dict in it, but a {type(content).__name__}")
    arrays = {name: value.float().numpy() for name, value in content.items() if isinstance(value, torch.Tensor)}
    return _from_named(arrays, path)


def _from_named(arrays: Mapping[str, NDArray[Any]], path: Path) -> Weights:
    """Layers in their order from arrays by name."""
    kernels = {name: _channels_last(array) for name, array in arrays.items() if array.ndim == 4}
    if len(kernels) < 2:
        raise VdsrError(f"{path}: {len(kernels)} kernels of 3x3 in it; a network has 2 or more (the paper's has 20)")
    order = sorted(kernels, key=lambda name: (_place(kernels[name]), _natural(name)))
    layers = []
    for name in order:
        parts = re.fullmatch(r"(.*?)(?:kernel|weight|w)([\W_]*\d*)", name, flags=re.I | re.S)
        candidates = [f"{parts[1]}{word}{parts[2]}" for word in ("bias", "b")] if parts else []
        bias = next((arrays[candidate] for candidate in candidates if candidate in arrays), None)
        layers.append((kernels[name], np.zeros(kernels[name].shape[3], np.float32) if bias is None else bias.ravel()))
    return layers


def _channels_last(kernel: NDArray[Any]) -> NDArray[Any]:
    """(3, 3, inputs, outputs), also of PyTorch's (outputs, inputs, 3, 3)."""
    return kernel.transpose(2, 3, 1, 0) if kernel.shape[:2] != (3, 3) and kernel.shape[2:] == (3, 3) else kernel


def _place(kernel: NDArray[Any]) -> int:
    """First, middle or last, by the channels: modules are often named and stored in another order."""
    return 0 if kernel.shape[2] == 1 else 2 if kernel.shape[3] == 1 else 1


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer_10 behind layer_9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


READERS: dict[str, Callable[[Path], Weights]] = {
    ".mat": _read_mat,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
}
