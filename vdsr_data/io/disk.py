"""Whether a file fits on its disk: told before the work, and its blocks taken at once."""

import errno
import os
import shutil
from pathlib import Path

from vdsr_data.errors import VdsrError

__all__ = ["check_space", "reserve", "size_text"]


def check_space(path: Path | str, needed: int, *, way_out: str = "name a place on another disk") -> None:
    """Refuse to start what cannot fit on the disk of `path`.

    Raises
    ------
    VdsrError
        If fewer than `needed` bytes are free.
    """
    free = shutil.disk_usage(Path(os.path.realpath(path)).parent).free
    if free < needed:
        raise VdsrError(f"{path}: needs {size_text(needed)}, {size_text(free)} are free; {way_out}")


def size_text(count: float) -> str:
    """Bytes for people: 2.92 GB, 12.3 MB, 0.8 kB."""
    unit, size, digits = ("GB", 1e9, 2) if count >= 1e8 else ("MB", 1e6, 1) if count >= 1e5 else ("kB", 1e3, 1)
    return f"{count / size:.{digits}f} {unit}"


def reserve(path: Path) -> None:
    """Give a sparse file all its blocks at once, where the system knows how.

    A full disk or a quota then shows before the work, not after it; and 433,536 patches of 6.7 kB at random places of
    ext4 take 4.3 s instead of 6.2.

    Raises
    ------
    OSError
        If the disk or the quota is too small.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot
                    raise
