"""The one exception that carries a message for the user."""


class VdsrError(Exception):
    """An expected failure; ``str(error)`` is one line that says what was wrong, where, and what to do."""
