"""Whether an acceptor still has the disk that it had, when somebody says that it has not.

Proposers remember how many writes each acceptor made; an old copy of a disk has fewer. A single
message that says so, damaged or forged, proves nothing: the acceptor falls silent and asks who said
it, over a connection of its own. It gives up its disk when that one remembers more, and goes on
when it does not, or does not answer in time. Best effort either way: a proposer remembers what
acceptors answered since it started.

It knows neither clock nor disk.
"""

from __future__ import annotations

from ..roles.contract import Address, Envelope
from .messages import Recall

__all__ = ["RETRY", "TIMEOUT", "Doubt"]

RETRY = 0.5
"""Seconds between questions: every message may be lost."""

TIMEOUT = 3.0
"""Seconds after which what nobody has confirmed is taken for an error."""


class Doubt:
    """Who said that writes are missing, and until when they are asked."""

    def __init__(self, now: float) -> None:
        """Nobody said it yet."""
        self.until = now + TIMEOUT
        self._accusers: set[int] = set()

    @property
    def settled(self) -> bool:
        """True once everybody who said it was asked and did not say it again."""
        return not self._accusers

    def said_by(self, replica: int) -> tuple[Envelope, ...]:
        """Take note of who says it; the question to ask, unless it was asked before."""
        if replica in self._accusers:
            return ()
        self._accusers.add(replica)
        return (_question(replica),)

    def not_confirmed(self, replica: int) -> None:
        """Take note that one who was asked remembers no more than we have."""
        self._accusers.discard(replica)

    def ask(self) -> tuple[Envelope, ...]:
        """Ask all of them again."""
        return tuple(map(_question, sorted(self._accusers)))


def _question(replica: int) -> Envelope:
    return Envelope(Address(replica, "proposer"), Recall())
