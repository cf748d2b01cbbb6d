"""What a package of roles brings along to be simulated: its declaration, and what must hold of it.

Rule: everything that the simulated world knows of a protocol stands here; the world asks it and
names no role and no message. The shipped protocol's is in paxos/.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..cluster.timing import Timing
from ..roles.contract import Effects, Envelope, Role
from ..roles.declaration import Declaration

if TYPE_CHECKING:
    from .replica import Replica
    from .world import World

__all__ = ["Host", "Simulated", "Watch"]


class Host(NamedTuple):
    """How a process treats its roles; a planted bug turns one of these off."""

    syncs_first: bool = True
    """Messages leave only after the records of their step are durable."""
    fences: bool = True
    """A call made to an earlier incarnation of a role is refused, not carried out by it."""
    notices_loss: bool = True
    """A disk that takes the place of a lost one is formatted as such."""


class Watch(Protocol):
    """Sees everything that happens, touches nothing; raises Violation (`World.require`)."""

    def stepped(self, replica: Replica, name: str, role: Role, effects: Effects) -> None:
        """Look at a role after a step, before anything of it has left."""
        ...

    def left(self, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        """Look at what leaves a role, its records being durable."""
        ...

    def after_event(self) -> None:
        """Look at the whole world, after anything happened."""
        ...


class Simulated(NamedTuple):
    """A protocol as it is simulated; `watch` is made once a world, before its replicas."""

    declared: Declaration
    watch: Callable[[World], Watch]
    timing: Timing = Timing()
    host: Host = Host()
