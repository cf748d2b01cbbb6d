"""Memory that the large messages of strangers may take together.

Rules: who finds no room for its message waits, in the time that message has anyway; one always
finds room once all others are done. Answers do not wait: where there is no room for another, the
one that has not been read for longest is given up. It knows bytes only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

__all__ = ["Budget", "Unread"]


class Budget:
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


class Unread:
    """Answers that are being sent, for all connections of a daemon."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes."""
        self._size = size
        self._taken = 0
        self._lock = threading.Lock()
        self._sending: dict[Callable[[], None], int] = {}

    def begin(self, size: int, give_up: Callable[[], None]) -> None:
        """Note an answer of `size` bytes, and give up the oldest while all are too large."""
        given_up = []
        with self._lock:
            self._sending[give_up] = size
            self._taken += size
            while self._taken > self._size and len(self._sending) > 1:
                oldest = next(iter(self._sending))
                self._taken -= self._sending.pop(oldest)
                given_up.append(oldest)
        for oldest in given_up:
            oldest()

    def end(self, give_up: Callable[[], None]) -> None:
        """Forget an answer: it was sent, or given up."""
        with self._lock:
            self._taken -= self._sending.pop(give_up, 0)
