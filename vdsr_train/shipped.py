"""The weights that come with the toolkit, in the folder ``default`` beside the record of their training.

`vdsr-train` made them; docs/model-card.md tells how, and how good they are.
"""

import hashlib
from pathlib import Path

from vdsr_data.errors import VdsrError

__all__ = ["NAME", "SHA256", "shipped_weights"]

NAME = "default"
SHA256 = "511048aed79c7c8c0e846fadd9429ed91ccf61d4194b4a182941aa00e9f7604d"
FILE = Path(__file__).with_name("default") / "vdsr.h5"


def shipped_weights() -> Path:
    """Return the file of the shipped weights, which is whole.

    Raises
    ------
    VdsrError
        The file is missing or is not the one that was shipped.
    """
    try:
        found = hashlib.sha256(FILE.read_bytes()).hexdigest()
    except OSError as error:
        raise VdsrError(f"{FILE}: {error.strerror}; install vdsr-toolkit again") from None
    if found != SHA256:
        raise VdsrError(f"{FILE}: damaged, its SHA-256 is {found}, not {SHA256}; install vdsr-toolkit again")
    return FILE
