"""The fault table: which replicas cannot hear which, on purpose.

Rules: a cut has a direction; the table is replaced, never changed, so that a message on its way
asks without a lock. It drops nothing itself and knows no message.
"""

from __future__ import annotations

import threading

__all__ = ["Cuts"]


class Cuts:
    """Directed cuts between replica ids; any thread may use it."""

    def __init__(self) -> None:
        """Begin without a cut."""
        self._cuts: frozenset[tuple[int, int]] = frozenset()
        self._writing = threading.Lock()

    def passes(self, sender: int, receiver: int) -> bool:
        """Whether a message from `sender` reaches `receiver`."""
        return (sender, receiver) not in self._cuts

    def cut(self, sender: int, receiver: int) -> bool:
        """Drop what `sender` sends to `receiver`. False: it was dropped already."""
        with self._writing:
            before = self._cuts
            self._cuts = before | {(sender, receiver)}
            return self._cuts != before

    def heal(self, sender: int | None = None, receiver: int | None = None) -> list[tuple[int, int]]:
        """End the cuts from `sender` to `receiver`; None stands for any. Returns those ended."""
        with self._writing:
            before = self._cuts
            self._cuts = frozenset(
                (one, other)
                for one, other in before
                if sender not in (None, one) or receiver not in (None, other)
            )
            return sorted(before - self._cuts)

    def pairs(self) -> list[tuple[int, int]]:
        """List what is cut as (sender, receiver), sorted."""
        return sorted(self._cuts)
