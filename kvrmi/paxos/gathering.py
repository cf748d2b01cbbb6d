"""When the next batch leaves: at once, or when those are back who were just answered.

Rule: speed alone; a batch is held back for a millisecond at most, and not as long as that has not
paid. Clients that write again once they are answered fall into groups of which one waits while the
other is answered; a batch costs as much for few as for many, so they had better be one group.
It does not know what is waited for, nor why a batch may leave.
"""

from __future__ import annotations

__all__ = ["HOLD", "Gathering"]

HOLD = 0.001
"""Seconds that a batch waits at most for more."""

_LONGEST = 6
"""After each batch held in vain the next ones are not: two, four, .. at most this power of two."""


class Gathering:
    """The requests of one front, counted."""

    def __init__(self) -> None:
        """Hold nothing back yet."""
        self._last = 0
        self._hoped = 0
        """Requests that wait once all are back whom the last batch answered."""
        self._until = 0.0
        self._vain = 0
        self._skip = 0

    def free(self, waiting: int) -> None:
        """Take note that the last batch was answered, while so many requests waited."""
        self._hoped = 0 if self._skip else self._last + waiting

    def held_until(self, now: float, waiting: int) -> float:
        """Say until when those that wait should; 0: they leave now."""
        if waiting >= self._hoped:
            return 0.0
        if not self._until:
            self._until = now + HOLD
        return self._until if now < self._until else 0.0

    def left(self, size: int) -> None:
        """Take note that a batch of so many leaves."""
        if self._until:
            paid = 4 * size >= 3 * self._hoped
            self._vain = 0 if paid else min(self._vain + 1, _LONGEST)
            self._skip = 0 if paid else 1 << self._vain
        elif self._skip:
            self._skip -= 1
        self._last = size
        self._until = 0.0
