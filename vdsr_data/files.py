"""Output files that are complete or absent: written beside their final name, then renamed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vdsr_data.errors import VdsrError

__all__ = ["check_output", "replacing"]


def check_output(path: Path, *, force: bool) -> None:
    """Refuse an output that exists (unless `force`) or whose folder does not.

    Raises
    ------
    VdsrError
        With the way out: another name, ``--force``, or the folder to create.
    """
    if path.is_dir():
        raise VdsrError(f"{path}: is a folder; give the name of a file to write")
    if path.exists() and not force:
        raise VdsrError(f"{path}: exists already; use --force to replace it or --output to write elsewhere")
    if not path.parent.is_dir():
        raise VdsrError(f"{path.parent}: no such folder; create it first, or write elsewhere")


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; rename it to `path` if the block ends well, else remove it.

    The temporary name starts with a dot and ends in ``.partial`` plus the suffix of `path`, so that neither a reader
    nor a glob for finished files can take it for one.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:100]}-", suffix=f".partial{path.suffix}", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes private files; a data set is shared like any other
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
