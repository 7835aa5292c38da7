"""The weights that come with the toolkit, in the folder ``default`` beside the record of their training.

`vdsr-train` made them; docs/model-card.md tells how, and how good they are.
"""

import hashlib
from pathlib import Path

from vdsr_data.errors import VdsrError

__all__ = ["NAME", "SHA256", "shipped_weights"]

NAME = "default"
SHA256 = "84cc289d711b4514834da2c976fc215b64cbf4f6f45c775767599d06cc3b8445"
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
