"""The variables of a TensorFlow checkpoint, read by a process of its own, which TensorFlow ends at some damaged ones.

Run as a program, which imports nothing of ours, it prints them as an .npz archive.
"""

import io
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_variables"]

LIMIT = 120  # seconds, of which the import of TensorFlow takes most


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
        raise ValueError(done.stderr.decode(errors="replace"))
    if done.returncode:
        raise ValueError("TensorFlow crashes at it")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def main(prefix: str, pattern: str) -> None:
    """Print the archive, or the reason why not with exit code 1."""
    try:
        import tensorflow as tf

        reader = tf.train.load_checkpoint(prefix)
        kinds = reader.get_variable_to_dtype_map()
        names = [name for name, kind in kinds.items() if kind.is_floating and re.search(pattern, name)]
        archive = io.BytesIO()
        np.savez(archive, **{name: reader.get_tensor(name) for name in names})
    except Exception as error:
        sys.exit(" ".join(str(error).split())[:200] or type(error).__name__)
    sys.stdout.buffer.write(archive.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
