"""The simulated world: replicas, network, virtual time, and what is due when.

Rules: nothing happens but what is in the heap of due actions, ordered by time and then by when it
was put there; everything random comes from one seed. Each replica has a clock of its own, off by
any offset and by up to `drift` in rate. What runs in it, and what must hold of that, its protocol
brings along (Simulated); what fails is in faults.py. It knows all that it is made of, and none of
that knows it but by its form (interface.py).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ..cluster.timing import Timing
from ..roles.declaration import Declaration
from .draws import Draws
from .hosting import Configured, Host
from .interface import Monitor
from .network import Network
from .replica import Replica
from .seen import Onlooker
from .tracing import Tracing

__all__ = ["DRIFT", "Simulated", "Violation", "World"]

Visit: TypeAlias = Callable[[Replica, bool], Callable[[], bool]]

DRIFT = 0.01
"""A clock may be this much fast or slow; the lease's margin allows for twice as much."""


class Violation(Exception):
    """Something happened that must not; the message says when and what."""


class Simulated(NamedTuple):
    """A protocol as it is simulated: all that the world knows of it, without a role's name.

    `monitor` is made once a world, before its replicas. What who runs seeds knows of a protocol
    besides is in protocol.py.
    """

    declared: Declaration
    monitor: Callable[[World], Monitor[Replica]]
    timing: Timing = Timing()
    host: Host = Host()


class World:
    """A cluster of `replicas`, newly founded and started; the same seed gives the same run."""

    def __init__(
        self,
        seed: str,
        replicas: int,
        protocol: Simulated,
        *,
        configured: Callable[[int], Configured] = lambda _: Configured(),
        drift: float = DRIFT,
        draws: Callable[..., Draws] = Draws,
        onlooker: Onlooker | None = None,
    ) -> None:
        """Found and start it; `configured` gives what each replica has for itself.

        `draws` makes the streams of draws; `onlooker` sees all that happens.
        """
        self.seed = seed
        self.now = 1.0
        self.events = 0
        self.ids = tuple(range(1, replicas + 1))
        self.configured = configured
        self.drift = drift
        self.declared = protocol.declared
        self.timing = protocol.timing
        """Everybody's, but of replicas with times of their own."""
        self.host = protocol.host
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._draws = draws
        self.tracing = Tracing(self, onlooker, lambda: self.network.closed)
        self.network: Network = Network(self, self.tracing)
        self.monitor = protocol.monitor(self)
        self.visit: Visit = lambda *_: lambda: False
        """Has a client ask a replica at this moment, for a write or else a read; clients set it.

        Returns a function that answers whether it has its answer.
        """
        self.tracing.began()
        self.replicas = {i: Replica(self, i, self.network, self.monitor) for i in self.ids}
        for replica in self.replicas.values():
            replica.start()

    def draws(self, *names: object) -> Draws:
        """Make the stream of draws of that name."""
        return self._draws(self.seed, *names)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something done in so many seconds."""
        self.at(self.now + seconds, action)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Have something done at a moment."""
        heapq.heappush(self._due, (moment, next(self._order), action))

    def run(
        self, seconds: float, *, until: Callable[[], bool] | None = None, events: int | None = None
    ) -> bool:
        """Let time pass, or `events` events; True as soon as `until` holds."""
        end = self.now + seconds
        last = None if events is None else self.events + events
        while self._due and self._due[0][0] <= end and self.events != last:
            if until is not None and until():
                return True
            self.now, _, action = heapq.heappop(self._due)
            self.events += 1
            action()
            self.monitor.after_event()
        if self.events != last:
            self.now = end
        return until is not None and until()

    def require(self, holds: bool, what: str) -> None:
        """Stop the run with a Violation unless it `holds`."""
        if not holds:
            raise Violation(f"at {self.now:.4f}: {what}")

    def trace(self, who: int | str, what: str, text: str = "") -> None:
        """Report what happened: to part `what` of replica `who`, or to one without a number."""
        part, happened = (what, text) if isinstance(who, int) else ("", what)
        self.tracing.happened(who, part, happened)
