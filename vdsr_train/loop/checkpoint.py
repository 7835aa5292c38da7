"""Exact save and resume: every array a training needs, its step and its data, in one HDF5 file.

A checkpoint is written to a temporary name and renamed, carries a checksum, and the last two are kept: whatever
kills a training, one good checkpoint is left. A damaged one is moved aside and never counts again; one that the system
does not let us read is not damaged, and stops the training that wanted it.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import replacing, sweep
from vdsr_data.io.hdf5 import create_hdf5

__all__ = ["Saved", "check_finite", "checksum", "damaged", "get_state", "last_good", "load", "save", "set_state"]

State = Mapping[str, NDArray[Any]]
KEPT = 2
ASIDE = ".damaged"  # what is put behind the name of a damaged one


def get_state(variables: Iterable[Any]) -> dict[str, NDArray[Any]]:
    """Return the values of Keras variables by their paths."""
    return {variable.path: np.array(variable.numpy()) for variable in variables}


def set_state(variables: Iterable[Any], state: State) -> None:
    """Give Keras variables the values of `state`.

    Raises
    ------
    VdsrError
        A variable is missing, superfluous, or has another shape.
    """
    variables = {variable.path: variable for variable in variables}
    for name in sorted(variables.keys() ^ state.keys()):
        raise VdsrError(f"checkpoint: {name} is {'missing' if name in variables else 'not part of this training'}")
    for name, variable in variables.items():
        if tuple(variable.shape) != state[name].shape:
            raise VdsrError(f"checkpoint: {name} is {state[name].shape}, this training needs {tuple(variable.shape)}")
        variable.assign(state[name])


def check_finite(folder: Path, step: int, state: State) -> None:
    """Raise a VdsrError, which names the last good checkpoint, where an array of `state` holds NaN or infinity."""
    for name, array in state.items():
        if not np.isfinite(array).all():
            raise VdsrError(f"{name} is not finite after step {step}: the training has diverged; {last_good(folder)}")


def save(folder: Path, step: int, state: State, *, data: str, pending: Mapping[str, float] | None = None) -> Path:
    """Write the checkpoint of a training that has done `step` steps, and of those before it remove all but the last.

    `pending` is the row of the log that still lacks its scores, where there was no time for them.

    Raises
    ------
    VdsrError
        The file cannot be written; the last good checkpoint is named.
    """
    path = folder / f"step-{step:09}.h5"
    row = "" if pending is None else json.dumps(pending)
    try:
        with replacing(path) as temporary:
            with create_hdf5(temporary) as file:
                for name, array in state.items():
                    file[name] = array
                file.attrs.update(step=step, data=data, pending=row, sha256=checksum(step, data + row, state))
            _flush(temporary)
    except OSError as error:
        raise VdsrError(f"{path}: the checkpoint cannot be written ({error}); {last_good(folder)}") from None
    for old in [other for other in _newest_first(folder) if _step(other) <= step][KEPT:]:
        old.unlink(missing_ok=True)
    return path


class Saved(NamedTuple):
    """What `save` was given."""

    step: int
    state: dict[str, NDArray[Any]]
    data: str
    pending: dict[str, float] | None


def load(folder: Path, *, warn: Callable[[str], None], mend: bool = True) -> Saved | None:
    """Return the newest checkpoint that is whole, or None where there is none.

    A damaged one is reported to `warn` and gets another name; unless `mend`, nothing is changed, as is right where a
    training may go on at the same time.

    Raises
    ------
    OSError
        The folder or a checkpoint cannot be read, which does not mean that it is damaged.
    """
    if mend:
        sweep(folder)
    for path in _newest_first(folder):
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # another worker has moved it aside, or a training has got further
            continue
        try:
            return _read(content)
        except MemoryError:
            raise
        except Exception as error:  # h5py has no class of its own
            line = f"{path}: the checkpoint is damaged ({error}) and passed over"
            if mend:
                aside = path.with_name(path.name + ASIDE)
                with suppress(FileNotFoundError):
                    path.replace(aside)
                line += f"; it is now {aside.name}"
            warn(line)
    return None


def damaged(folder: Path) -> list[Path]:
    """Return the checkpoints that were moved aside."""
    return sorted(folder.glob(f"step-*.h5{ASIDE}"))


def last_good(folder: Path) -> str:
    """Say which checkpoint a stopped training can go on from."""
    newest = _newest_first(folder)
    return f"the last good checkpoint is {newest[0]}" if newest else "there is no checkpoint yet"


def _newest_first(folder: Path) -> list[Path]:
    try:
        paths = list(folder.iterdir())  # unlike a glob it does not take a folder that cannot be read for an empty one
    except FileNotFoundError:
        return []
    return sorted((path for path in paths if re.fullmatch(r"step-\d+\.h5", path.name)), key=_step, reverse=True)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _read(content: bytes) -> Saved:
    state: dict[str, NDArray[Any]] = {}
    with h5py.File(io.BytesIO(content), "r") as file:

        def read(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                if item.nbytes > len(content):
                    raise ValueError(f"{name} declares more values than the file holds")
                state[name] = item[()]

        file.visititems(read)
        step, data, expected = int(file.attrs["step"]), str(file.attrs["data"]), str(file.attrs["sha256"])
        row = str(file.attrs.get("pending", ""))
    if checksum(step, data + row, state) != expected:
        raise ValueError("its checksum does not match")
    return Saved(step, state, data, json.loads(row) if row else None)


def checksum(step: int, text: str, state: State) -> str:
    """Return the SHA-256 of a step, a text, and the names, kinds, shapes and values of the arrays."""
    digest = hashlib.sha256(f"{step} {text}".encode())
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _flush(path: Path) -> None:
    """Bring a file to the disk before it is renamed, so that a power cut cannot leave an empty one."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
