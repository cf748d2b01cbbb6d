"""The file that --log names: a line for each command's outcome, for its owner alone.

Rule: what cannot be written is dropped, and that is said once on stderr; no command fails for it.
"""

from __future__ import annotations

import logging
import os
import sys

from kvrmi import cli
from kvrmi.errors import InvalidRequest

__all__ = ["log_to"]

_PRIVATE = 0o600
"""Keys are in it."""


class _LogFile(logging.StreamHandler):  # type: ignore[type-arg]
    """Appends lines to a file."""

    def __init__(self, path: str) -> None:
        """Open it, as a new one private. Raises OSError."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _PRIVATE)
        super().__init__(os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace"))
        self._path = path
        self._dropping = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say it the first time."""
        error = sys.exc_info()[1]
        if not self._dropping and isinstance(error, OSError):
            self._dropping = True
            cli.complain(f"--log {self._path} cannot be written: {cli.reason(error)}")


def log_to(path: str | None, name: str | None) -> None:
    """Log commands to a file, if there is one, each with the client's name, if it has one.

    Raises InvalidRequest for a file that cannot be opened.
    """
    logger = logging.getLogger("kvrmi.client")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())  # else warnings would be printed twice
    if path is None:
        return
    try:
        handler = _LogFile(path)
    except OSError as error:
        raise InvalidRequest(f"--log {path}: {error.strerror}") from error
    who = f"{name} " if name else ""
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)s {who}%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
