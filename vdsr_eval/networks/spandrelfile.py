"""Networks in PyTorch and safetensors files of the architectures that spandrel knows, run by PyTorch.

Nothing is unpickled: of a PyTorch file tensors and plain containers are read, and whatever else is in it is refused.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError, brief
from vdsr_data.io.files import check_input
from vdsr_data.limits import checked_path
from vdsr_eval.networks.pickled import Record
from vdsr_eval.networks.probed import PEAKS, ImageNetwork, input_words, probe
from vdsr_eval.networks.torchfile import open_torch, read_safetensors, tensor_of

__all__ = ["UnreadError", "load_spandrel"]

DICTS = ("dict", "collections.OrderedDict")
INSTALL = "pip install 'vdsr-toolkit[spandrel]'"


class UnreadError(VdsrError):
    """Of a file that spandrel is not there for, or does not know."""


def load_spandrel(path: Path | str, *, network_input: str | Iterable[str] = ()) -> ImageNetwork:
    """Load a network for super-resolution of an architecture that spandrel knows.

    Parameters
    ----------
    path : path
        A state dict that ``torch.save`` wrote, in the wrappers that spandrel knows, or a safetensors file.
    network_input : str, or several
        What is known of the input, as for `vdsr_eval.networks.probed.probe`; white is 1 unless that says 255.

    Returns
    -------
    ImageNetwork
        For `evaluate` and `upscale`, whose ``takes`` says what was found.

    Raises
    ------
    ArgumentError
        If `network_input` holds another word.
    UnreadError
        If spandrel is missing, or cannot read the file.
    VdsrError
        If the network is none for super-resolution; says why.

    Examples
    --------
    >>> from vdsr_eval.networks.spandrelfile import load_spandrel
    >>> load_spandrel("nowhere.pth")
    Traceback (most recent call last):
    vdsr_data.errors.VdsrError: nowhere.pth: no such file
    """
    path, words = checked_path("path", path), input_words(network_input)
    check_input(path)
    try:
        import spandrel
        import torch
    except ImportError:
        raise UnreadError(f"{path}: spandrel, which may know it, is not installed: {INSTALL}") from None
    except RuntimeError as error:  # of torchvision, where it is of another release than torch
        raise UnreadError(f"{path}: spandrel cannot be imported ({brief(error)[:200]}); {INSTALL}") from None
    try:
        state = spandrel.canonicalize_state_dict(_state(path, torch))
        network = spandrel.ModelLoader(device="cpu").load_from_state_dict(state)
    except spandrel.UnsupportedModelError:
        raise UnreadError(f"{path}: is of no architecture that spandrel {spandrel.__version__} knows") from None
    except Exception as error:  # of many kinds: of damage, of what is no tensor, of tensors that do not fit
        raise UnreadError(f"{path}: spandrel cannot read it ({brief(error)[:200]})") from None
    kind, channels = network.architecture.name, network.input_channels
    if not isinstance(network, spandrel.ImageModelDescriptor) or channels not in (1, 3):
        raise VdsrError(f"{path}: {kind} of {channels} channels is none that makes an image of one; 1 or 3 are needed")
    if network.output_channels != channels:
        raise VdsrError(f"{path}: {kind} gives {network.output_channels} channels of {channels}; as many are needed")
    network.float().eval()

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            try:
                found = network(torch.from_numpy(images))
            except RuntimeError as error:  # of PyTorch, and of networks that need larger images
                raise VdsrError(f"{path}: spandrel's {kind} fails ({brief(error)[:200]})") from None
        return np.asarray(found.numpy(), np.float32)

    known = words if set(words) & set(PEAKS) else (*words, "1")
    return probe(path, run, channels, engine=f"spandrel ({kind})", words=known)


def _state(path: Path, torch: Any) -> Any:
    """What a file holds, with tensors as PyTorch's, dicts and lists; what else was pickled stays what `Record` says."""

    def built(value: Any) -> Any:
        if (tensor := tensor_of(value)) is not None:
            return torch.from_numpy(tensor.array().copy())
        if isinstance(value, Record) and value.name in DICTS:
            return {key: built(one) for key, one in value.named().items()}
        return [built(one) for one in value] if isinstance(value, (list, tuple)) else value

    with path.open("rb") as file:
        if file.read(9)[8:] == b"{":
            return {name: built(tensor) for name, tensor in read_safetensors(path).items()}
    with open_torch(path) as content:
        return built(content)
