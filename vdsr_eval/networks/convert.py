"""Other people's weights as ours: MatConvNet, TensorFlow 1, NumPy, safetensors, PyTorch files and our own ONNX files.

What a file is is told by its content, not by its name. Every format is read as plain arrays; nothing in a file is
unpickled or executed. Whatever array a network holds is used, or the file is refused.
"""

import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from vdsr_data.errors import VdsrError, brief
from vdsr_data.io.mistaken import mistaken
from vdsr_data.matlab.mat73 import is_mat73
from vdsr_data.matlab.matfile import read_mat
from vdsr_eval.networks.graph import is_onnx, read_graph
from vdsr_eval.networks.matconvnet import network_of
from vdsr_eval.networks.modules import network_in
from vdsr_eval.networks.named import layers_of, listed
from vdsr_eval.networks.shipped import NAME, shipped_weights
from vdsr_eval.networks.tf1 import read_variables
from vdsr_eval.networks.torchfile import MAGIC, open_torch, read_safetensors
from vdsr_eval.networks.weights import Weights, check_weights, negated, read_weights

__all__ = ["FORMATS", "holds_tensors", "holds_weights", "read_any"]

T = TypeVar("T")
VARIABLE = r"(?:^|.*/)vdsr_((?:weight|bias)_\d+)"  # of VDSR-TensorFlow, under any scope
NO_SLOT = r"^(?!.*vdsr_(weight|bias)_\d+/)"  # but for what an optimizer keeps for each
FORMATS = (
    "weights.h5 (ours), .mat (MatConvNet, any version), .index or its folder (TensorFlow 1), .npz, .safetensors, "
    "our own .onnx, and what torch.save wrote (.pth, .pt, .ckpt, .bin, ...)"
)


def read_any(path: Path | str, *, subtract: bool = False) -> Weights:
    """Read the weights of a VDSR-like network from any of the known formats.

    Parameters
    ----------
    path : Path or str
        ``default``: the weights that come with the toolkit. A weights.h5 of ours, or the run folder of one. A .mat file
        of MatConvNet of any version: the VDSR authors' (``model.weight``, ``model.bias``), or a list of layers as
        DnCNN's (``net.layers``), whose output is subtracted from its input: its last layer comes negated. A TensorFlow
        1 checkpoint of VDSR-TensorFlow: its prefix, its ``.index`` file, or the folder of its ``checkpoint`` file.
        An .npz or safetensors file of named arrays (see `named.layers_of`). Whatever ``torch.save`` wrote in any
        version: a state dict or a whole module, also deep in a checkpoint (see `modules.network_in`). An ONNX file that
        `vdsr_eval.convert` wrote.
    subtract : bool, default False
        Whether the network's output is subtracted from its input where the file does not tell.

    Returns
    -------
    list of (kernel, bias)
        As `vdsr_eval.networks.weights.read_weights`.

    Raises
    ------
    VdsrError
        The file is missing, of an unknown format or damaged, a layer does not fit (it is named), or an array has no
        place in such a network (it is named too).
    """
    path = shipped_weights() if str(path) == NAME else Path(path)
    if (path / "weights.h5").is_file():
        path = path / "weights.h5"
    prefix = _checkpoint_prefix(path)
    if prefix is None and path.is_dir():
        raise VdsrError(f"{path}: no weights.h5 in it, and no TensorFlow 1 checkpoint")
    if prefix is None and not path.is_file():
        raise VdsrError(f"{path}: no such file")
    reader = _guarded(_reader, path) if prefix is None else _read_checkpoint
    if reader is _read_mat:  # where the file may tell
        return _guarded(partial(_read_mat, subtract=subtract), path)
    weights = _guarded(reader, prefix or path)
    return negated(weights) if subtract else weights


def holds_weights(folder: Path | str) -> bool:
    """Whether a folder is one that `read_any` knows: of a run, or of a TensorFlow 1 checkpoint."""
    return any((Path(folder) / name).is_file() for name in ("weights.h5", "checkpoint"))


def holds_tensors(path: Path) -> bool:
    """Whether a file is PyTorch's or safetensors'."""
    try:
        return _reader(path) in (_read_torch, _read_safetensors)
    except VdsrError:
        return False


def _guarded(reader: Callable[[Path], T], path: Path) -> T:
    """Turn whatever a reader raises at a bad file into one line."""
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused in the end
            return reader(path)
    except ImportError as error:
        name = error.name or "the library"
        raise VdsrError(f"{path}: reading this format needs {name}: pip install {name}") from error
    except VdsrError:
        raise
    except MemoryError as error:
        raise VdsrError(f"{path}: declares more values than fit in memory") from error
    except Exception as error:
        raise VdsrError(f"{path}: cannot be read as weights ({brief(error)[:200]})") from error


def _reader(path: Path) -> Callable[[Path], Weights]:
    """What reads a file, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(128)
    if head.startswith(b"MATLAB"):
        return _read_mat
    if head.startswith(b"\x89HDF"):
        return _read_mat if is_mat73(path) else read_weights
    if head.startswith(b"PK"):
        return _archive_reader(path)
    if head[:1] == b"\x80" and MAGIC.to_bytes(10, "little") in head:
        return _read_torch
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return _read_safetensors
    if is_onnx(head):
        return read_graph
    if (found := mistaken(path)) is not None:
        raise VdsrError(f"{path}: {found}")
    if head[:1] == b"\x80":
        raise VdsrError(f"{path}: a pickle that PyTorch did not write, which is not read; save it by torch.save")
    if path.suffix.lower() == ".mat":  # versions before 5 begin with anything
        return _read_mat
    raise VdsrError(f"{path}: unknown format of weights, or damaged; known are {FORMATS}")


def _read_mat(path: Path, *, subtract: bool = False) -> Weights:
    return network_of(read_mat(path), str(path), subtract=subtract)


def _archive_reader(path: Path) -> Callable[[Path], Weights]:
    """What reads an archive, of PyTorch or of NumPy."""
    if not zipfile.is_zipfile(path):
        raise VdsrError(f"{path}: a truncated archive; get the file again")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return _read_torch
    if not any(name.endswith(".npy") for name in names):
        raise VdsrError(f"{path}: an archive without NumPy's .npy or PyTorch's data.pkl in it; known are {FORMATS}")
    return _read_npz


def _read_npz(path: Path) -> Weights:
    with np.load(path, allow_pickle=False) as arrays:
        return layers_of({name: np.asarray(arrays[name]) for name in arrays.files}, str(path))


def _read_safetensors(path: Path) -> Weights:
    arrays = {name: tensor.array() for name, tensor in read_safetensors(path).items()}
    return layers_of(arrays, str(path), ordered=False)  # its writers sort them


def _read_torch(path: Path) -> Weights:
    with open_torch(path) as content:
        return network_in(content, str(path))


def _checkpoint_prefix(path: Path) -> Path | None:
    """The prefix of a TensorFlow checkpoint that `path` names in one of the usual ways."""
    if (path / "checkpoint").is_file():
        listed = re.search(r'^model_checkpoint_path: "(.+)"', (path / "checkpoint").read_text(errors="replace"), re.M)
        if listed is None:
            raise VdsrError(f"{path / 'checkpoint'}: names no model_checkpoint_path; name the .index file instead")
        return path / Path(listed[1].replace("\\", "/")).name
    if path.suffix == ".index":
        return path.with_suffix("")
    return path if path.name and Path(f"{path}.index").is_file() else None


def _read_checkpoint(prefix: Path) -> Weights:
    """VDSR-TensorFlow's variables ``vdsr_weight_0`` and ``vdsr_bias_0`` onwards, under any scope."""
    variables = read_variables(prefix, NO_SLOT)
    found = {match[1]: array for name, array in variables.items() if (match := re.fullmatch(VARIABLE, name))}
    left = [name for name, array in variables.items() if array.size > 1 and not re.fullmatch(VARIABLE, name)]
    count = sum(name.startswith("weight") for name in found)
    if not count:
        raise VdsrError(f"{prefix}: no variable vdsr_weight_0 in this checkpoint; it is not one of VDSR-TensorFlow")
    if left:
        raise VdsrError(f"{prefix}: holds variables that have no place in such a network: {listed(left)}")
    for number in range(count):
        for name in (f"weight_{number}", f"bias_{number}"):
            if name not in found:
                raise VdsrError(f"{prefix}: the variable vdsr_{name} is missing")
    return check_weights([(found[f"weight_{number}"], found[f"bias_{number}"]) for number in range(count)], str(prefix))
