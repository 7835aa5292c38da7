"""What the toolkit raises and warns of; whatever else comes out of it is a fault of its own."""

import warnings
from collections.abc import Iterable

__all__ = ["ArgumentError", "VdsrError", "VdsrWarning", "brief", "listed", "one_line", "warned"]


def one_line(text: str) -> str:
    """Text in which nothing breaks the line or commands the terminal: a line end in a file's name becomes ``\\n``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def brief(error: BaseException) -> str:
    """What a library says of an error, in one line; its class, if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def listed(names: Iterable[str], most: int = 6) -> str:
    """The first few names of a list, for a message."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


class VdsrError(Exception):
    """An expected failure; ``str(error)`` is one line that says what was wrong, where, and what to do.

    Examples
    --------
    >>> from vdsr_data import VdsrError, read_image
    >>> try:
    ...     read_image("none.png")
    ... except VdsrError as error:
    ...     print(error)
    none.png: no such file
    """

    def __str__(self) -> str:
        """The line; what a file or its name put into it neither breaks it nor commands the terminal."""
        return one_line(super().__str__())


class ArgumentError(VdsrError, ValueError):
    """An argument that a function does not take, whether it came from Python or from the command line.

    Examples
    --------
    >>> from vdsr_data import ArgumentError, randperm
    >>> try:
    ...     randperm(5, seed=-1)
    ... except ArgumentError as error:
    ...     print(error)
    seed: -1 is not allowed; give a whole number, from 0 to 4294967295
    """


class VdsrWarning(UserWarning):
    """Something that changes a result and should not be missed; commands say it once, on stderr.

    Examples
    --------
    >>> import warnings
    >>> from vdsr_data import VdsrWarning
    >>> warnings.simplefilter("error", VdsrWarning)  # to stop there
    """


def warned(line: str) -> None:
    """Warn of something, by a VdsrWarning: what hears remarks where a caller names nothing else."""
    warnings.warn(line, VdsrWarning, stacklevel=3)
