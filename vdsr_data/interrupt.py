"""Ctrl-C ends a command with one line and exit code 130, within two seconds and from its first import on.

Nothing heavy is imported here, or it would not be from the first import on.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

__all__ = ["CODE", "interrupted", "leave", "run"]

CODE = 130  # 128 and the number of the signal, as shells have it
PATIENCE = 1.0  # seconds to clear away what is half-written

_caught = threading.Event()


def interrupted() -> bool:
    """Whether Ctrl-C was pressed since `run` began: what fails thereafter fails for this reason."""
    return _caught.is_set()


def run(module: str) -> None:
    """Import a command line, and call its `main` for the whole process.

    The first Ctrl-C is a KeyboardInterrupt in the main thread, further ones change nothing. If the process is still
    there after `PATIENCE`, because it waits for a thread, or a library has caught the exception, it is ended.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else whoever started it wants no Ctrl-C
        signal.signal(signal.SIGINT, _interrupt)
        _watch()
    try:
        import_module(module).main()
    except BaseException as error:
        if interrupted() and not isinstance(error, SystemExit):
            leave()
        raise


def _interrupt(_signum: int, _frame: object) -> None:
    if not interrupted():
        _caught.set()
        sys.unraisablehook = lambda _: None  # where a library's destructor or callback loses the exception
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
                leave()

    threading.Thread(target=watch, daemon=True).start()


def leave() -> NoReturn:
    """End the process with its line, without a look at other threads."""
    with suppress(Exception):
        sys.stdout.flush()
    show_cursor = "\x1b[?25h" if sys.stderr is not None and os.isatty(2) else ""  # a progress bar hides it
    os.write(2, f"{show_cursor}{os.path.basename(sys.argv[0])}: interrupted\n".encode())  # noqa: PTH119
    os._exit(CODE)
