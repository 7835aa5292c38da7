"""The one exception that carries a message for the user."""


class VdsrError(Exception):
    """An expected failure; ``str(error)`` is one line that says what was wrong, where, and what to do."""

    def __str__(self) -> str:
        """The line; what a file or its name put into it neither breaks it nor commands the terminal."""
        text = super().__str__()
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() else " " if c.isspace() else ascii(c)[1:-1] for c in text)
