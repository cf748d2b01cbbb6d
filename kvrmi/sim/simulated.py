"""A protocol as the simulated world runs it: what it declares, how it is hosted, who watches it.

Rule: all that the world knows of a protocol stands here, and names no role and no message; what who
runs seeds knows of one besides is in protocol.py.
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

__all__ = ["Configured", "Host", "Monitor", "Simulated"]


class Host(NamedTuple):
    """How a process treats its roles; a planted bug turns one of these off."""

    syncs_first: bool = True
    """Messages leave only after the records of their step are durable."""
    fences: bool = True
    """A call made to an earlier incarnation of a role is refused, not carried out by it."""
    notices_loss: bool = True
    """A disk that takes the place of a lost one is formatted as such."""


class Configured(NamedTuple):
    """What the file of one replica says that others' need not say."""

    keep: int = 10
    """Entries of its log that survive truncation."""
    timing: Timing | None = None
    """None: everybody's."""


class Monitor(Protocol):
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
    """A protocol as it is simulated; `monitor` is made once a world, before its replicas."""

    declared: Declaration
    monitor: Callable[[World], Monitor]
    timing: Timing = Timing()
    host: Host = Host()
