"""One writer at a time: a lock that the operating system drops when its holder dies, however it dies.

So no lock is ever stale; what a killed process leaves is a file that nobody holds, and tells the next one to clean up.
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vdsr_data.errors import VdsrError
from vdsr_data.io.interrupt import half_done

__all__ = ["held"]

BUSY = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
PATIENCE = 20  # looks, 50 ms apart, for the name of a holder that has only just locked the file

if sys.platform == "win32":
    import msvcrt

    FAR = 2**30  # a byte beyond the text: Windows keeps others from reading what is locked

    def _lock(handle: int) -> None:
        os.lseek(handle, FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(lock: Path, output: Path, *, clean: Callable[[], object] = bool) -> Iterator[None]:
    """Hold the file `lock`, which keeps every other process and thread from writing `output`, until the block ends.

    If a process that died had held it, what it has left behind is cleared away first, by `clean`; should that be
    interrupted too, `lock` stays to tell the next. On file systems without locks nothing is held, and nothing cleared.

    Raises
    ------
    VdsrError
        If another process holds it, with the id of that process.
    OSError
        If the file cannot be made.
    """
    handle, left = _acquire(lock, output)
    try:
        if left:
            clean()
        half_done.add(str(lock))
        try:
            yield
        finally:
            if sys.platform == "win32":
                os.close(handle)  # what is open cannot be removed there, neither by us nor under another's feet
                handle = -1
            half_done.discard(str(lock))
            if not _left_over(lock, output):
                try:
                    lock.unlink(missing_ok=True)
                except OSError:
                    half_done.add(str(lock))
    finally:
        if handle >= 0:
            os.close(handle)


def _acquire(lock: Path, output: Path) -> tuple[int, bool]:
    """The open lock file, and whether a process that died had left it."""
    while True:
        handle, left = _open(lock)
        try:
            try:
                _lock(handle)
            except OSError as error:
                if error.errno in BUSY:
                    raise VdsrError(_busy(handle, output)) from None
                return handle, False  # a file system that cannot
            if _is_there(lock, handle):
                with suppress(OSError):  # of a full disk: who holds it is a courtesy, and cleaning may make room
                    os.ftruncate(handle, 0)
                    os.write(handle, f"{os.getpid()} {socket.gethostname()}\n".encode())
                return handle, left
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its last holder has removed it in the meantime


def _open(lock: Path) -> tuple[int, bool]:
    """Open the lock file, and say whether it was there; never through a link that leads elsewhere."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(lock, flags | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(lock, flags, 0o666), True
    return handle, False


def _left_over(lock: Path, output: Path) -> bool:
    """Whether something could not be removed that only this lock tells of."""
    paths = [Path(name) for name in list(half_done)]  # in one go: other threads add to it
    if output == lock.parent:
        return any(output in path.parents for path in paths)
    return any(path.parent == lock.parent and path.name.startswith(f"{lock.stem}-") for path in paths)


def _is_there(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _holder(handle: int) -> bytes:
    """What the holder has written of itself; empty if it never does."""
    for _ in range(PATIENCE):
        os.lseek(handle, 0, os.SEEK_SET)
        if text := os.read(handle, 300):
            return text
        time.sleep(0.05)
    return b""


def _busy(handle: int, output: Path) -> str:
    process, _, host = _holder(handle).decode(errors="replace").strip().partition(" ")
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return f"{output}: process {process or '(unknown)'}{where} is writing there; wait until it ends, or write elsewhere"
