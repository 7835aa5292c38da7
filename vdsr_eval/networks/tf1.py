"""The variables of a TensorFlow checkpoint, read by a process of its own, which TensorFlow ends at some damaged ones.

Run as a program, which imports nothing of ours, it prints them as an .npz archive. Of TensorFlow it imports the reader
of checkpoints alone: half a second instead of five.
"""

import io
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_variables"]

LIMIT = 120  # seconds


def read_variables(prefix: Path, pattern: str) -> dict[str, NDArray[Any]]:
    """Read the floating-point variables of a checkpoint whose names match a regular expression.

    Raises
    ------
    ImportError
        TensorFlow is not installed.
    ValueError
        The checkpoint cannot be read, and why.
    """
    if find_spec("tensorflow") is None:
        raise ImportError("no TensorFlow", name="tensorflow")
    command = [sys.executable, "-P", __file__, str(prefix), pattern]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=LIMIT)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"TensorFlow does not come to an end with it in {LIMIT} s") from error
    if done.returncode == 1:
        raise ValueError((done.stdout or done.stderr).decode(errors="replace"))  # stderr begins with TensorFlow's log
    if done.returncode:
        raise ValueError("TensorFlow crashes at it")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def main(prefix: str, pattern: str) -> None:
    """Print the archive, or the reason why not with exit code 1."""
    code = 0
    try:
        package = ModuleType("tensorflow")  # stands in for what would import everything
        package.__path__ = [*getattr(find_spec("tensorflow"), "submodule_search_locations", ())]
        sys.modules["tensorflow"] = package
        from tensorflow.python.training.py_checkpoint_reader import NewCheckpointReader

        reader = NewCheckpointReader(prefix)
        kinds = reader.get_variable_to_dtype_map()
        names = [name for name, kind in kinds.items() if kind.is_floating and re.search(pattern, name)]
        archive = io.BytesIO()
        np.savez(archive, **{name: reader.get_tensor(name) for name in names})
    except Exception as error:
        code, archive = 1, io.BytesIO((" ".join(str(error).split())[:200] or type(error).__name__).encode())
    sys.stdout.buffer.write(archive.getvalue())
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
