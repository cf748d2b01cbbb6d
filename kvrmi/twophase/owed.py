"""Decisions that participants have not answered yet: one Go at a time to each, again until it has.

Rule: a commit is owed until it is answered; an abort is sent once, as who missed it asks for it,
but for the participant beside the manager, which must record it. It knows no time but what it is
given.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..roles.contract import Address, Envelope
from .doubt import PARTICIPANT
from .messages import Decision, Go

__all__ = ["Owed"]

AGAIN_SECONDS = 0.1
"""Before another Go, after one that did not arrive."""
PATIENCE_SECONDS = 1.5
"""After a Go of which nothing is reported."""
_MOST = 500
"""Decisions in one Go."""


class Owed:
    """What one manager owes."""

    def __init__(self, me: int) -> None:
        """Begin with nothing."""
        self._me = me
        self._open: dict[int, dict[int, Decision]] = {}
        self._sent_until: dict[int, float] = {}

    def add(self, to: Iterable[int], decision: Decision) -> None:
        """Have a decision sent to these."""
        for peer in to:
            self._open.setdefault(peer, {})[decision.number] = decision

    def to(self, peer: int) -> list[Decision]:
        """List what a participant is owed."""
        return list(self._open.get(peer, {}).values())

    def is_owed(self, peer: int, number: int) -> bool:
        """Whether a participant is owed the decision about a transaction."""
        return number in self._open.get(peer, {})

    def answered(self, peer: int, numbers: Iterable[int]) -> None:
        """Take note that a participant has carried these out."""
        owed = self._open.get(peer, {})
        for number in numbers:
            owed.pop(number, None)
        self._sent_until.pop(peer, None)

    def missed(self, peer: int, now: float) -> list[int]:
        """Take note that a Go came to nothing; the aborts that are not sent again."""
        self._sent_until[peer] = now + AGAIN_SECONDS
        if peer == self._me:
            return []
        owed = self._open.get(peer, {})
        dropped = [number for number, one in owed.items() if not one.commit]
        for number in dropped:
            del owed[number]
        return dropped

    def forgive(self, members: Iterable[int]) -> list[tuple[int, int]]:
        """Owe nothing to others than these any more; who was owed what."""
        gone = set(self._open) - set(members)
        return [(peer, number) for peer in gone for number in self._open.pop(peer)]

    def forgive_one(self, peer: int, number: int) -> None:
        """Owe a participant this no more."""
        self._open.get(peer, {}).pop(number, None)

    def send(self, now: float) -> list[Envelope]:
        """Give what is to be sent now."""
        messages = []
        for peer, owed in self._open.items():
            if owed and self._sent_until.get(peer, 0.0) <= now:
                self._sent_until[peer] = now + PATIENCE_SECONDS
                go = Go(tuple(list(owed.values())[:_MOST]))
                messages.append(Envelope(Address(peer, PARTICIPANT), go))
        return messages

    @property
    def wake_at(self) -> float | None:
        """When something is to be sent again."""
        times = [self._sent_until.get(peer, 0.0) for peer, owed in self._open.items() if owed]
        return min(times, default=None)
