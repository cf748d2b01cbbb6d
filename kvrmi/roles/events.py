"""What roles did, as events: one kind for the log, for whoever asks a replica, and for a trace.

Rules: a package of roles makes its events in one place, from the steps of its roles; whoever prints
or keeps them names no message. Only what is worth a line becomes an event, so that it costs nothing
that matters while nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from msgspec import Struct

from ..cluster.counts import Counts
from .contract import Address, Effects, Message

__all__ = ["Event", "Happened", "NoEvents", "Observe", "Observer", "Observing", "Reporter"]


class Event(Struct, frozen=True, gc=False):
    """One thing that a role did, at `time` in seconds of its replica's clock.

    `event` is one word, or two; `slot`, `peer` (a replica) and `request` (a number) are 0, `ballot`
    is "" where there is none. `text` is its line in a log. `urgent`: an operator should see it.
    """

    time: float
    role: str
    event: str
    slot: int
    ballot: str
    peer: int
    request: int
    text: str
    urgent: bool


Observe: TypeAlias = Callable[[Address, Message | None, Effects], None]
"""Takes a step: who sent which message (None: it was woken), and what came of it."""

Happened: TypeAlias = Callable[[Event], None]
"""Takes an event; from any thread, and must not wait."""


class Observer(Protocol):
    """Where a package of roles makes its events, and counts: one for all roles of a replica."""

    @property
    def counts(self) -> Counts:
        """What was counted so far."""
        ...

    def step(self, role: str) -> Observe:
        """Give what takes the steps of a role, in their order."""
        ...

    def starts(self, role: str) -> None:
        """Take note that a role is started."""
        ...


Observing: TypeAlias = Callable[[int, int, Callable[[], float], Happened], Observer]
"""Makes an observer, of our id, the quorum, a clock in seconds, and who takes the events."""


class NoEvents:
    """An observer for roles of which there is nothing to report."""

    def __init__(
        self, me: int, quorum: int, clock: Callable[[], float], happened: Happened
    ) -> None:
        """Take what any observer takes."""
        self.counts = Counts()

    def step(self, role: str) -> Observe:
        """Give what looks at nothing."""
        return _ignored

    def starts(self, role: str) -> None:
        """Take no note."""


class Reporter:
    """Makes the events of one role."""

    def __init__(self, role: str, clock: Callable[[], float], happened: Happened) -> None:
        """`clock` gives seconds."""
        self._role = role
        self._clock = clock
        self._happened = happened

    def __call__(
        self,
        event: str,
        text: str,
        *,
        slot: int = 0,
        ballot: object = "",
        peer: int = 0,
        request: int = 0,
        urgent: bool = False,
    ) -> None:
        """Report that it happened."""
        now = self._clock()
        self._happened(
            Event(now, self._role, event, slot, str(ballot), peer, request, text, urgent)
        )


def _ignored(sender: Address, message: Message | None, effects: Effects) -> None:
    """Look at nothing."""
