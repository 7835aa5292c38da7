"""Ctrl-C ends a command with one line and exit code 130, within two seconds and from its first import on.

Nothing heavy is imported here, or it would not be from the first import on.
"""

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

__all__ = ["CODE", "half_done", "interrupted", "leave", "run"]

CODE = 130  # 128 and the number of the signal, as shells have it
PATIENCE = 1.0  # seconds to clear away what is half-written

half_done: set[str] = set()  # files and folders that Ctrl-C must not leave behind, where nothing else removes them
_caught = threading.Event()


def interrupted() -> bool:
    """Whether Ctrl-C was pressed since `run` began: what fails thereafter fails for this reason."""
    return _caught.is_set()


def run(module: str) -> None:
    """Import a command line, and call its `main` for the whole process.

    The first Ctrl-C is a KeyboardInterrupt in the main thread, further ones change nothing. Libraries that it meets in
    a destructor or amid their bookkeeping complain of it on stderr, which is closed to them. If the process is still
    there after `PATIENCE`, because it waits for a thread, or a library has caught the exception, it is ended.
    """
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
    name = os.path.basename(sys.argv[0])  # noqa: PTH119
    clear = "\r\x1b[2K\x1b[?25h" if os.isatty(2) else ""  # the progress bar, which also hides the cursor
    with suppress(OSError):
        os.write(2, f"{clear}{name}: interrupted\n".encode())
    os._exit(CODE)


def _remove(path: str) -> None:
    with suppress(OSError):
        if not os.path.isdir(path):  # noqa: PTH112
            os.unlink(path)  # noqa: PTH108
        else:
            import shutil

            shutil.rmtree(path, ignore_errors=True)
