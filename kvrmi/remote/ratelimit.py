"""Log lines that strangers can provoke, at most one a second.

Rule: whoever connects a thousand times a second must not fill a disk, nor push what matters out of
a log that is rotated; the next line says how many were left out.
"""

from __future__ import annotations

import logging
import threading
from time import monotonic

__all__ = ["RateLimit"]

_SECONDS = 1.0


class RateLimit:
    """Writes lines of one kind to a logger."""

    def __init__(self, log: logging.Logger, level: int) -> None:
        """Begin with no line written."""
        self._log = log
        self._level = level
        self._lock = threading.Lock()
        self._again = 0.0
        self._left_out = 0

    def say(self, text: str, *args: object) -> None:
        """Log the line, or count it as left out when one was logged just now."""
        now = monotonic()
        with self._lock:
            if now < self._again:
                self._left_out += 1
                return
            self._again = now + _SECONDS
            left_out, self._left_out = self._left_out, 0
        if left_out:
            text += f" (and {left_out} more)"
        self._log.log(self._level, text, *args)
