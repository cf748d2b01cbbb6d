"""Events of a replica's roles: lines in replica.log, and the last of them for who asks.

Rule: it takes events as they are made, and knows no protocol; a line is what the event says.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice

from kvrmi.cluster.counts import Counts
from kvrmi.roles.events import Event, Observing

from .rolework import Observed

LOGS = {
    "acceptor": logging.getLogger("kvrmi.server.acceptor"),
    "front": logging.getLogger("kvrmi.server.front"),
    "learner": logging.getLogger("kvrmi.server.learner"),
    "manager": logging.getLogger("kvrmi.server.manager"),
    "links": logging.getLogger("kvrmi.server.links"),
    "participant": logging.getLogger("kvrmi.server.participant"),
    "proposer": logging.getLogger("kvrmi.server.proposer"),
}
"""By role; others share one."""

KEPT = 2048
"""Events that a replica keeps for who asks."""

_log = logging.getLogger("kvrmi.server.role")


class Journal:
    """Takes the events of one replica; safe to use from any thread."""

    def __init__(
        self, observing: Observing, me: int, quorum: int, clock: Callable[[], float]
    ) -> None:
        """`quorum` is how many acceptances make a decision; `clock` gives seconds."""
        self.recent = Recent()
        self._clock = clock
        self._observer = observing(me, quorum, clock, self._happened)

    @property
    def counts(self) -> Counts:
        """What the roles have counted of their work."""
        return self._observer.counts

    def of(self, role: str) -> Observed:
        """How the steps of a role are noted."""
        return Observed(
            LOGS.get(role, _log),
            partial(self._observer.starts, role),
            self._observer.step(role),
            partial(self._lives, role),
        )

    def note(self, event: str, text: str, peer: int = 0) -> None:
        """Take note of what an operator did to this replica's links."""
        now = self._clock()
        self._happened(Event(now, "links", event, 0, "", peer, 0, text, True))

    def now(self) -> float:
        """Give the time by the clock of the events."""
        return self._clock()

    def _lives(self, role: str, incarnation: int, up: bool) -> None:
        """Keep that a role went down or came back, for who asks: its host has logged why."""
        event, word = ("restarted", "RESTARTED") if up else ("failed", "FAILED")
        text = f"{word} incarnation={incarnation}"
        self.recent.add(Event(self._clock(), role, event, 0, "", 0, 0, text, not up))

    def _happened(self, event: Event) -> None:
        self.recent.add(event)
        level = logging.WARNING if event.urgent else logging.INFO
        LOGS.get(event.role, _log).log(level, "%s", event.text)


class Recent:
    """The last events, numbered from 1 on; safe to use from any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        """Keep the last `kept`."""
        self._events: deque[Event] = deque(maxlen=kept)
        self._number = 0
        self._lock = threading.Lock()

    def add(self, event: Event) -> None:
        """Keep an event; the oldest goes."""
        with self._lock:
            self._events.append(event)
            self._number += 1

    def report(self) -> dict[str, float | int | None]:
        """Count the events there were and those that are kept, and the time of the oldest kept."""
        with self._lock:
            oldest = self._events[0].time if self._events else None
            return {"count": self._number, "kept": len(self._events), "oldest": oldest}

    def since(self, cursor: int, most: int) -> tuple[int, int, list[Event]]:
        """Give at most `most` events after number `cursor`.

        First the cursor to ask with next, then how many after `cursor` are not kept any more.
        """
        with self._lock:
            oldest = self._number - len(self._events)
            first = min(max(cursor, oldest), self._number)
            found = list(islice(self._events, first - oldest, first - oldest + most))
        return first + len(found), max(0, oldest - cursor), found
