"""The fault table: which replicas cannot hear which, on purpose.

Rules: a cut has a direction; the table is replaced, never changed, so that a message on its way
asks without a lock. It drops nothing itself and knows no message.
"""

from __future__ import annotations

import threading

__all__ = ["FaultTable"]


class FaultTable:
    """Directed cuts between replica ids; any thread may use it."""

    def __init__(self) -> None:
        """Begin without a cut."""
        self._cuts: frozenset[tuple[int, int]] = frozenset()
        self._writing = threading.Lock()

    def passes(self, sender: int, receiver: int) -> bool:
        """Whether a message from `sender` reaches `receiver`."""
        return (sender, receiver) not in self._cuts

    def cut(self, sender: int, receiver: int) -> None:
        """Drop what `sender` sends to `receiver`; harmless twice."""
        with self._writing:
            self._cuts = self._cuts | {(sender, receiver)}

    def heal(self, sender: int | None = None, receiver: int | None = None) -> None:
        """End the cuts from `sender` to `receiver`; None stands for any."""
        with self._writing:
            self._cuts = frozenset(
                (one, other)
                for one, other in self._cuts
                if sender not in (None, one) or receiver not in (None, other)
            )

    def cuts(self) -> list[tuple[int, int]]:
        """List the cuts as (sender, receiver), sorted."""
        return sorted(self._cuts)
