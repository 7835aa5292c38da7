"""How a process of a command begins, and how Ctrl-C ends it: with one line and exit code 130, within two seconds.

Nothing heavy is imported here, or Ctrl-C would not be looked after from the first import on.
"""

import atexit
import gc
import io
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

__all__ = ["CODE", "half_done", "interrupted", "leave", "run", "typed", "unheard"]

CODE = 130  # 128 and the number of the signal, as shells have it
PATIENCE = 1.0  # seconds to clear away what is half-written

half_done: set[str] = set()  # files and folders that Ctrl-C must not leave behind, where nothing else removes them
_caught = threading.Event()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=half_done.clear)  # they are the parent's


def interrupted() -> bool:
    """Whether Ctrl-C was pressed since `run` began: what fails thereafter fails for this reason."""
    return _caught.is_set()


class _Nobody(io.RawIOBase):
    """In the place of a closed standard output: takes everything, and knows whether anything came."""

    came = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.came = True
        return len(data)


_nobody = _Nobody()


def unheard() -> bool:
    """Whether something was printed though standard output is closed."""
    return _nobody.came


def typed() -> str:
    """The name of the command as it was typed, such as ``vdsr-data``, or ``python -m vdsr_data``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        return f"python -m {spec.name.removesuffix('.__main__')}"
    return os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "vdsr"  # noqa: PTH119


def _fill_standard_streams() -> None:
    """Put nothing in the place of standard streams that are closed, and let odd file names be printed.

    Otherwise the first file to be opened would have descriptor 2, to which C libraries write what they complain of.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest number that is free
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the whole process, as those below
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(_nobody, encoding="utf-8", write_through=True)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for name in ("stdout", "stderr"):
        with suppress(AttributeError):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def run(module: str) -> None:
    """Import a command line, and call its `main` for the whole process.

    The first Ctrl-C is a KeyboardInterrupt in the main thread, further ones change nothing. Libraries that it meets in
    a destructor or amid their bookkeeping complain of it on stderr, which is closed to them. If the process is still
    there after `PATIENCE`, because it waits for a thread, or a library has caught the exception, it is ended.
    """
    _fill_standard_streams()
    atexit.register(gc.freeze)  # Python's last look for garbage takes a second where TensorFlow was imported
    sys.excepthook = sys.unraisablehook = _ignore  # of destructors: HDF5's repeat what is wrong with a disk
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else whoever started it wants no Ctrl-C
            signal.signal(signal.SIGINT, _interrupt)
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # of which Python's last steps would die
            _watch()
        import_module(module).main()
    except SystemExit:
        raise
    except BaseException:
        if interrupted():
            leave()
        sys.excepthook = sys.__excepthook__
        raise


def _ignore(*_: object) -> None:
    pass


def _interrupt(_signum: int, _frame: object) -> None:
    if not interrupted():
        _caught.set()
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the rest belongs to `leave`
        raise KeyboardInterrupt


def _watch() -> None:
    """Let a thread hear of signals at once: handlers wait until the main thread comes out of compiled code."""
    import socket

    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)

    def watch() -> None:
        while told.fileno() >= 0:
            if heard.recv(1)[0] == signal.SIGINT:
                threading.Event().wait(PATIENCE)
                _end()

    threading.Thread(target=watch, daemon=True).start()
    if hasattr(os, "register_at_fork"):  # a child has no such thread, and must not wake its parent's
        os.register_at_fork(after_in_child=partial(signal.set_wakeup_fd, -1))


def leave() -> NoReturn:
    """End the process with its line, when its other threads have ended what they write.

    A pool that Ctrl-C meets while it starts a thread does not wait for that one.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            with suppress(RuntimeError):  # one that has not begun, and finds nothing to do
                thread.join()
    _end()


def _end() -> NoReturn:
    for path in list(half_done):
        _remove(path)
    with suppress(Exception):
        sys.stdout.flush()
    clear = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""  # the progress bar, which also hides the cursor
    with suppress(OSError):
        os.write(2, f"{clear}{typed()}: interrupted\n".encode())
    os._exit(CODE)


def _remove(path: str) -> None:
    with suppress(OSError):
        if not os.path.isdir(path):  # noqa: PTH112
            os.unlink(path)  # noqa: PTH108
        else:
            import shutil

            shutil.rmtree(path, ignore_errors=True)
