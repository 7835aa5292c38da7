"""Networks out of the house: files that ONNX's runtimes, PyTorch, safetensors and NumPy read, and ours.

Kernels become PyTorch's, (outputs, inputs, 3, 3), by the names of a ``Sequential`` of convolutions with ReLU between
them, which only an ONNX file goes beyond: it adds the input, too.
"""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.io.files import check_output, replacing
from vdsr_data.limits import checked_path
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.graph import WHAT, model_of
from vdsr_eval.networks.named import arrays_of
from vdsr_eval.networks.weights import Weights, write_weights

__all__ = ["convert"]

ABOUT = f"{WHAT}; 3x3 convolutions with zero padding and ReLU between them give what is to be added to it"


def convert(source: Path | str, target: Path | str, *, subtract: bool = False, force: bool = False) -> Weights:
    """Convert weights of any known kind to a file of ours or of others; the command is ``vdsr-eval convert``.

    Parameters
    ----------
    source : path
        What `vdsr_eval.networks.convert.read_any` reads: ``default``, a run folder, files of ours, of MatConvNet,
        PyTorch, TensorFlow 1, safetensors or NumPy, told apart by their content. Nothing in them is executed.
    target : path
        Its name says what it becomes. ``.h5``: ours. ``.onnx``: a graph of opset 17 for images of any size, which takes
        luma enlarged by bicubic, float32 (images, 1, rows, columns) in [0, 1], and gives the result; needs
        ``vdsr-toolkit[onnx]``. ``.pth``: a dict for ``torch.load(..., weights_only=True)`` of ``state_dict``, which a
        ``Sequential`` of convolutions and ReLU loads, and ``about``. ``.safetensors`` and ``.npz``: the same arrays.
    subtract : bool, default False
        The network's output is subtracted from its input, as DnCNN's; for files that do not tell.
    force : bool, default False
        Replace a target that exists.

    Returns
    -------
    list of (kernel, bias)
        What was written: for each layer a kernel (3, 3, inputs, outputs) and a bias (outputs,), float32.

    Raises
    ------
    ArgumentError
        If the name of the target ends in nothing of the above.
    VdsrError
        The source cannot be read, or holds an array that has no place in such a network; the target exists or cannot be
        written; the library for ONNX files is missing.

    Examples
    --------
    >>> import tempfile
    >>> from vdsr_eval import convert, load_network
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     weights = convert("default", f"{folder}/vdsr.safetensors")
    ...     load_network(f"{folder}/vdsr.safetensors").parameters
    664704
    """
    source, target = checked_path("source", source), checked_path("target", target)
    suffix = target.suffix.lower()
    if suffix not in WRITERS:
        raise ArgumentError(f"target: {target} is of no kind that is written; give it a name in {', '.join(WRITERS)}")
    check_output(target, force=force)
    weights = read_any(source, subtract=subtract)
    if suffix == ".h5":
        write_weights(target, weights, attributes={"source": source.name})
        return weights
    with replacing(target) as temporary:
        WRITERS[suffix](temporary, weights)
    return weights


def _write_onnx(path: Path, weights: Weights) -> None:
    try:
        content = model_of(weights).SerializeToString()
    except ImportError:
        raise VdsrError("ONNX files are written by onnx: pip install 'vdsr-toolkit[onnx]'") from None
    path.write_bytes(content)


def _write_npz(path: Path, weights: Weights) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, about=np.array(ABOUT), **arrays_of(weights))


def _write_safetensors(path: Path, weights: Weights) -> None:
    """The length of a header, the header as JSON, padded so that values lie at multiples of 8 bytes, and all values."""
    header: dict[str, object] = {"__metadata__": {"about": ABOUT}}
    place, arrays = 0, arrays_of(weights)
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": (place, place := place + array.nbytes)}
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    path.write_bytes(struct.pack("<Q", len(words)) + words + b"".join(array.tobytes() for array in arrays.values()))


def _write_torch(path: Path, weights: Weights) -> None:
    """As ``torch.save`` writes a dict today: an archive of a pickle and one file for the values of each tensor."""
    arrays = arrays_of(weights)
    tensors = [(_text(name), _tensor(str(k), array)) for k, (name, array) in enumerate(arrays.items())]
    content = _dict([(_text("state_dict"), _dict(tensors)), (_text("about"), _text(ABOUT))])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("vdsr/data.pkl", b"\x80\x02" + content + b".")
        archive.writestr("vdsr/byteorder", "little")
        for k, array in enumerate(arrays.values()):
            archive.writestr(f"vdsr/data/{k}", array.tobytes())
        archive.writestr("vdsr/version", "3\n")


# Instructions of a pickle (protocol 2), each of which leaves one object.


def _text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return _tuple(*(b"J" + struct.pack("<i", number) for number in numbers))


def _dict(items: list[tuple[bytes, bytes]]) -> bytes:
    return b"}(" + b"".join(key + value for key, value in items) + b"u"


def _tensor(key: str, array: NDArray[np.float32]) -> bytes:
    """A tensor whose values lie in the file of that name: what ``torch._utils._rebuild_tensor_v2`` makes of them."""
    strides = tuple(step // array.itemsize for step in array.strides)
    count = b"J" + struct.pack("<i", array.size)
    storage = _tuple(_text("storage"), b"ctorch\nFloatStorage\n", _text(key), _text("cpu"), count) + b"Q"
    no_hooks = b"ccollections\nOrderedDict\n)R"
    parts = storage, b"K\x00", _numbers(array.shape), _numbers(strides), b"\x89", no_hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(*parts) + b"R"


WRITERS: dict[str, Callable[[Path, Weights], None]] = {
    ".h5": write_weights,
    ".onnx": _write_onnx,
    ".pth": _write_torch,
    ".safetensors": _write_safetensors,
    ".npz": _write_npz,
}
