"""Any network in any file: ours and its kind by our engine, ONNX files by onnxruntime, others by spandrel."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from vdsr_data.errors import VdsrError
from vdsr_data.limits import checked_path
from vdsr_eval.networks.convert import holds_tensors, read_any
from vdsr_eval.networks.graph import is_onnx, is_ours
from vdsr_eval.networks.network import EngineName, Network, load_network
from vdsr_eval.networks.probed import ImageNetwork

__all__ = ["AnyNetwork", "load_any"]

AnyNetwork: TypeAlias = Network | ImageNetwork


def load_any(
    weights: Path | str | None = None, *, engine: EngineName = "auto", network_input: str | Iterable[str] = ()
) -> AnyNetwork:
    """Load a network for inference. What a file is is told by its content, not by its name.

    Parameters
    ----------
    weights : path or None
        As for `load_network`, or an ONNX file, or the state dict of an architecture that spandrel knows.
    engine
        As for `Network`; an `ImageNetwork` has its own.
    network_input : str, or several
        What is known of the input of an `ImageNetwork`, where trying guesses wrongly: "1" or "255" is white, "bgr" the
        order of colours, "whole" that it cannot be given an image in tiles.

    Returns
    -------
    Network or ImageNetwork

    Raises
    ------
    ArgumentError
        If `network_input` holds another word.
    VdsrError
        There is no such file, nothing here runs it, or what runs it is missing (with what to install).

    Examples
    --------
    >>> from vdsr_eval.networks.load import load_any
    >>> load_any("default", engine="numba").reach
    20
    """
    path = None if weights is None else checked_path("weights", weights)
    if path is None or not path.is_file():
        return load_network(path, engine=engine)
    with path.open("rb") as file:
        onnx = is_onnx(file.read(16)) or path.suffix.lower() == ".onnx"
    if onnx and not is_ours(path):
        from vdsr_eval.networks.onnxfile import load_onnx

        return load_onnx(path, network_input=network_input)
    if holds_tensors(path):
        try:
            read_any(path)
        except VdsrError as refusal:
            from vdsr_eval.networks.spandrelfile import UnreadError, load_spandrel

            try:
                return load_spandrel(path, network_input=network_input)
            except UnreadError as error:
                raise VdsrError(f"{refusal}; {str(error).removeprefix(f'{path}: ')}") from error
    return load_network(path, engine=engine)
