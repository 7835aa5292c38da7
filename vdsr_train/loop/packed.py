"""A training as one small file that goes on elsewhere: its arrays, its step, its configuration, and which data it saw.

It comes from outside: every value lies plainly in the file and is checked before anything is built, none is executed.
"""

import json
import re
from dataclasses import asdict
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vdsr_data import __version__
from vdsr_data.errors import VdsrError
from vdsr_data.io.files import replacing
from vdsr_data.io.hdf5 import create_hdf5, damage_explained, open_hdf5, plain_dataset, read_attributes, write_attribute
from vdsr_train.config import Config, config_of
from vdsr_train.loop.checkpoint import Saved, State, checksum

__all__ = ["Packed", "read_packed", "write_packed"]

FORMAT = "vdsr-training 1"


class Packed(NamedTuple):
    """What a continuation needs."""

    config: Config
    saved: Saved
    commands: str  # that led here, a line each, where the configuration alone does not tell


def write_packed(path: Path, packed: Packed) -> None:
    """Write one data set for each array, with points for the slashes of its name, and the rest as attributes.

    Raises
    ------
    OSError
        The file cannot be written; what was there before is left as it was.
    """
    config, saved, commands = packed
    said: dict[str, Any] = {
        "format": FORMAT, "version": __version__, "step": saved.step, "data": saved.data, "config": asdict(config),
    }  # fmt: skip
    said |= {"commands": commands} if commands else {}
    said = json.loads(json.dumps(said))  # lists for tuples, as they are read
    with replacing(path) as temporary, create_hdf5(temporary) as file:
        for name, array in sorted(saved.state.items()):
            file[name.replace("/", ".")] = array
        for name, value in {**said, "sha256": checksum(saved.step, _text(said), saved.state)}.items():
            write_attribute(file, name, value)


def read_packed(path: Path) -> Packed:
    """Read what `write_packed` wrote.

    Raises
    ------
    VdsrError
        The file is another one, damaged, of another version, or its arrays are not of the network it says.
    """
    with open_hdf5(path) as file, damage_explained(path):
        said = read_attributes(file)
        if said.get("format") != FORMAT or said.get("version") != __version__:
            raise VdsrError(f"{path}: {_other(said)}")
        state = {}
        for name in file:
            data = plain_dataset(file, name, kinds="fui")
            if data is None or data.chunks or data.nbytes > path.stat().st_size:
                raise VdsrError(f"{path}: {name!r} is not as vdsr-train pack writes arrays; pack it again")
            state[name.replace(".", "/")] = data[()]
        expected = said.pop("sha256", None)
        if checksum(said["step"], _text(said), state) != expected:
            raise VdsrError(f"{path}: damaged, its checksum does not match; copy it, or pack it, again")
        config = config_of(said["config"], path)
        _check_network(path, config, state)
        saved = Saved(index(said["step"]), state, str(said["data"]), None)
        return Packed(config, saved, str(said.get("commands", "")))


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True)


def _other(said: dict[str, Any]) -> str:
    """Say what a file is that is not a packed training of this version."""
    kind = str(said.get("format", ""))
    if kind == FORMAT:
        return (
            f"was packed by vdsr-toolkit {said.get('version')}; this is {__version__}, whose trainings may have other "
            "bits: go on with that version"
        )
    if kind.startswith("vdsr-weights"):
        return "holds weights alone, not what a training needs to go on; start another from them with --weights"
    return f"is not a training that this version has packed ({FORMAT}); write one with: vdsr-train pack RUN OUT.h5"


def _check_network(path: Path, config: Config, state: State) -> None:
    """Refuse arrays of another network than the configuration's, before one is built."""
    shapes = {name: array.shape for name, array in state.items() if re.fullmatch(r"conv_\d+/kernel", name)}
    hidden = [shape[-1:] for name, shape in sorted(shapes.items()) if name != f"conv_{config.depth:02}/kernel"]
    wrong = len(shapes) != config.depth or hidden != [(config.channels,)] * (config.depth - 1)
    if wrong or np.shape(state.get("optimizer/learning_rate", 0)):
        raise VdsrError(
            f"{path}: its {len(shapes)} layers are those of another network than its configuration says, "
            f"{config.depth} of {config.channels} channels; pack it again"
        )
