"""Networks in ONNX files, of any kind, and ours by the same means: onnxruntime runs the graph on the processor.

Nothing else of a file is executed, and operators of other domains are refused.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError, one_line
from vdsr_data.io.files import check_input
from vdsr_data.limits import checked_path
from vdsr_eval.networks.graph import model_of
from vdsr_eval.networks.probed import ImageNetwork, Run, input_words, probe
from vdsr_eval.networks.weights import Weights

__all__ = ["OnnxEngine", "load_onnx"]

LARGEST = 2**31  # bytes of a file


class OnnxEngine:
    """An engine (see `vdsr_eval.networks.network.Engine`) that hands the network to onnxruntime as a graph.

    Raises
    ------
    VdsrError
        A library is missing (with what to install).
    """

    def __init__(self, weights: Weights) -> None:
        self.load(weights)

    def load(self, weights: Weights) -> None:
        """Exchange the weights for others."""
        try:
            model = model_of(weights).SerializeToString()
        except ImportError:
            raise VdsrError("engine onnx: onnx is not installed: pip install 'vdsr-toolkit[onnx]'") from None
        self._run = _session("engine onnx", model)[0]

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network makes of `images`, float32 (images, rows, columns, 1)."""
        return self._run(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).transpose(0, 2, 3, 1)


def load_onnx(path: Path | str, *, network_input: str | Iterable[str] = ()) -> ImageNetwork:
    """Load a network for super-resolution from an ONNX file; what it takes is found as `probe` says.

    Parameters
    ----------
    path : path
    network_input : str, or several
        What is known of the input, as for `probe`.

    Returns
    -------
    ImageNetwork
        For `evaluate` and `upscale`, whose ``takes`` says what was found.

    Raises
    ------
    ArgumentError
        If `network_input` holds another word.
    VdsrError
        If onnxruntime is missing, the file cannot be run, or the network is none for super-resolution; says why.

    Examples
    --------
    >>> from vdsr_eval.networks.onnxfile import load_onnx
    >>> load_onnx("nowhere.onnx")
    Traceback (most recent call last):
    vdsr_data.errors.VdsrError: nowhere.onnx: no such file
    """
    path, words = checked_path("path", path), input_words(network_input)
    check_input(path)
    if path.stat().st_size > LARGEST:
        raise VdsrError(f"{path}: has more than 2 GB; give a network of less")
    run, channels = _session(str(path), str(path))
    return probe(path, run, channels, engine="onnxruntime", words=words)


def _session(name: str, model: str | bytes) -> tuple[Run, int]:
    """What runs a graph, the path of a file or its content, and its number of channels."""
    try:
        import onnxruntime
    except ImportError:
        raise VdsrError(f"{name}: onnxruntime is not installed: pip install 'vdsr-toolkit[onnx]'") from None
    onnxruntime.set_default_logger_severity(4)  # its faults come back as exceptions
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:  # of many kinds of its own: of damage, of operators that it lacks
        raise VdsrError(f"{name}: onnxruntime cannot run it ({one_line(str(error))[:200]})") from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise VdsrError(f"{name}: has {len(inputs)} inputs and {len(outputs)} outputs; one of each is needed")
    shape, kind = inputs[0].shape, inputs[0].type
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    if kind not in types or len(shape) != 4:
        raise VdsrError(f"{name}: takes {kind} of shape {shape}; floats (1, channels, rows, columns) are needed")
    batch, channels, *sides = shape
    if isinstance(batch, int) and batch != 1:
        raise VdsrError(f"{name}: takes {batch} images at a time; export it for one, or for any number")
    if channels not in (1, 3):
        how = "for 1 (luma) or 3 (RGB)" if shape[3] not in (1, 3) else "with channels first, as they seem to come last"
        given = channels if isinstance(channels, int) else "any number of"
        raise VdsrError(f"{name}: takes {given} channels; export it {how}")
    if any(isinstance(side, int) for side in sides):
        raise VdsrError(
            f"{name}: takes images of {sides[0]} x {sides[1]} pixels only; export it for any rows and columns"
        )

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (found,) = session.run(None, {inputs[0].name: images.astype(types[kind])})
        except Exception as error:  # of many kinds of its own
            raise VdsrError(f"{name}: onnxruntime fails ({one_line(str(error))[:200]})") from None
        return np.asarray(found, np.float32)

    return run, channels
