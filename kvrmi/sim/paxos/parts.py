"""What a simulated replica is made of: the production roles, on an honest host.

Rule: a planted bug (bugs/) replaces one class or one answer here, from outside; production code
knows nothing of that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from ...access.attempts import Attempts
from ...cluster.timing import Timing
from ...paxos import parts
from ...paxos.declaration import declare
from ...paxos.parts import Pages
from ..draws import Draws
from ..hosting import Configured, Host
from ..seen import Onlooker
from ..world import DRIFT, Simulated, World
from .monitor import Monitor

__all__ = ["Pages", "Parts", "make_world"]


class Parts(parts.Parts):
    """The roles of a replica, and how its host treats them."""

    timing: Timing = Timing()
    pages: Pages = Pages(learned=200)
    own_pages: Mapping[int, Pages] = MappingProxyType({})
    """Of replicas that make others: runs draw sizes so small that small states come in several."""
    host: Host = Host()
    attempts: type[Attempts] = Attempts
    """What callers' stores decide; no part of a replica."""

    def with_sizes(self, pages: Mapping[int, Pages], session_limit: int) -> Parts:
        """Make the same roles, with pages of these sizes, and so many sessions remembered."""
        other = copy.copy(self)
        other.own_pages, other.session_limit = pages, session_limit
        return other

    def pages_of(self, replica: int) -> Pages:
        """Give the sizes of the pages that a replica makes."""
        return self.own_pages.get(replica, self.pages)

    def with_request_time(self, seconds: float) -> Parts:
        """Make the same roles, which have so long for a client's request."""
        other = copy.copy(self)
        other.timing = replace(self.timing, request=seconds)
        return other

    @property
    def simulated(self) -> Simulated:
        """Give the protocol as it is made of these."""
        return Simulated(declare(self), Monitor, self.timing, self.host)


def make_world(
    seed: str,
    replicas: int,
    *,
    parts: Parts | None = None,
    configured: Callable[[int], Configured] = lambda _: Configured(),
    drift: float = DRIFT,
    draws: Callable[..., Draws] = Draws,
    onlooker: Onlooker | None = None,
) -> World:
    """Make a world in which this protocol runs, of the production parts by default."""
    return World(
        seed,
        replicas,
        (parts or Parts()).simulated,
        configured=configured,
        drift=drift,
        draws=draws,
        onlooker=onlooker,
    )
