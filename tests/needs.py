"""Test files for a library that not everybody has: skipped without it, which need not import it."""

from importlib.util import find_spec

import pytest


def needs(library: str) -> None:
    """Skip the file that calls this at its top if the library is not installed."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed", allow_module_level=True)
