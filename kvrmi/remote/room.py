"""Memory that the large messages of strangers may take together.

Rules: who finds no room waits, in the time its message has anyway; one message always finds room
once all others are done. It knows bytes only.
"""

from __future__ import annotations

import threading
from time import monotonic

__all__ = ["Room"]


class Room:
    """So many bytes, for all connections of a daemon."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes."""
        self._size = size
        self._taken = 0
        self._changed = threading.Condition()

    def take(self, size: int, end: float) -> None:
        """Take `size` bytes as soon as they are free. Raises TimeoutError at `end` (monotonic)."""
        with self._changed:
            fits = self._changed.wait_for(
                lambda: self._taken + size <= self._size or not self._taken, end - monotonic()
            )
            if not fits:
                raise TimeoutError("too many large messages at once")
            self._taken += size

    def give_back(self, size: int) -> None:
        """Let others have what was taken."""
        with self._changed:
            self._taken -= size
            self._changed.notify_all()
