"""What is inside a simulated world asks no more than this: of the world, and of a process in it.

Rule: the network, the traces and the parts of a process know these forms alone, a process knows the
network, and the world (world.py) knows them all: so none of them needs to know who made it. Who
plays faults, clients or scenarios is outside, and knows World and Replica themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from ..cluster.timing import Timing
from ..roles.contract import Address, Effects, Envelope, Message, Role
from ..roles.declaration import Declaration, Others
from .call import Call
from .clock import Clock
from .disk import SimDisk
from .draws import Draws
from .hosting import Configured, Host

__all__ = ["Monitor", "Process", "Surroundings"]

P_contra = TypeVar("P_contra", contravariant=True)


class Surroundings(Protocol):
    """The world to those in it: time, chance, what is declared, and who else is there."""

    now: float
    ids: tuple[int, ...]
    drift: float
    declared: Declaration
    timing: Timing
    host: Host
    configured: Callable[[int], Configured]

    @property
    def replicas(self) -> Mapping[int, Process]:
        """Give all processes by their numbers, once the world is made."""
        ...

    def draws(self, *names: object) -> Draws:
        """Make the stream of draws of that name."""
        ...

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something done in so many seconds."""
        ...

    def require(self, holds: bool, what: str) -> None:
        """Stop the run with a Violation unless it `holds`."""
        ...

    def trace(self, who: int | str, what: str, text: str = "") -> None:
        """Report what happened."""
        ...


class Process(Others, Protocol):
    """A process (replica.py) to its own parts, to the network and to the traces."""

    world: Surroundings
    me: int
    draws: Draws
    own_clock: Clock
    disks: dict[str, SimDisk]
    disk_id: str
    recovering: bool
    up: bool
    starts: int
    boot: bytes
    roles: dict[str, Role]
    incarnation: dict[str, int]

    def address(self, role: str) -> Address:
        """Give the address of one of its roles."""
        ...

    def clock(self) -> float:
        """Read what its clock shows."""
        ...

    def run(self, action: Callable[[], None]) -> None:
        """Do something in this process: now, or when it is resumed."""
        ...

    def after(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do something for a role later, if it is then still the same incarnation."""
        ...

    def post(self, sender: Address, role: str, message: Message, id: int | None = None) -> None:
        """Leave a message in an own role's inbox."""
        ...

    def pump(self) -> None:
        """Empty the inboxes."""
        ...

    def handle(self, call: Call) -> None:
        """Handle a request of another replica."""
        ...

    def leave(self, name: str, effects: Effects, call: Call | None) -> None:
        """Let the messages of a role's step go."""
        ...

    def end(self, why: str) -> None:
        """End as a process that cannot go on."""
        ...


class Monitor(Protocol[P_contra]):
    """Sees everything that happens, touches nothing; raises Violation (`World.require`)."""

    def stepped(self, replica: P_contra, name: str, role: Role, effects: Effects) -> None:
        """Look at a role after a step, before anything of it has left."""
        ...

    def left(self, replica: P_contra, name: str, messages: tuple[Envelope, ...]) -> None:
        """Look at what leaves a role, its records being durable."""
        ...

    def after_event(self) -> None:
        """Look at the whole world, after anything happened."""
        ...
