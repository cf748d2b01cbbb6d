"""What a package of roles brings along to be simulated: its declaration, and what must hold of it.

Rule: everything that the simulated world, and who runs seeds in it, knows of a protocol stands
here; they ask it and name no role and no message. What ships is in paxos/ and twophase/.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..cluster.timing import Timing
from ..roles.contract import Effects, Envelope, Role
from ..roles.declaration import Declaration
from .profile import Profile
from .seen import Onlooker

if TYPE_CHECKING:
    from .faults import Faults
    from .replica import Replica
    from .world import World

__all__ = ["Configured", "Explored", "History", "Host", "Monitor", "Simulated"]


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


class History(Protocol):
    """One run: its world, what strikes it, and clients that ask; made, not yet begun."""

    world: World
    faults: Faults

    def judge(self) -> None:
        """Have it recover, faults being over, and look at all that came of it; raises Violation."""
        ...

    @property
    def decided(self) -> int:
        """How much was decided, in what the protocol counts."""
        ...

    @property
    def operations(self) -> int:
        """How many operations clients have made."""
        ...


class Begin(Protocol):
    """Makes the run of a seed; `parts` are a planted bug's, else the production ones."""

    def __call__(
        self,
        seed: int,
        profile: Profile,
        parts: Any | None,
        only: Collection[int] | None,
        onlooker: Onlooker | None,
    ) -> History:
        """Make it."""
        ...


class Play(Protocol):
    """Plays a scenario."""

    def __call__(
        self,
        lines: Sequence[str],
        write: Callable[[str], None],
        onlooker: Onlooker | None = None,
    ) -> bool:
        """Play it, and write what happens; whether all came as it says."""
        ...


class Explored(NamedTuple):
    """A protocol whose runs follow from seeds: what may strike, what may be planted.

    `bugs` make the parts of a run, and their docstrings say what is wrong.
    """

    name: str
    profiles: tuple[Profile, ...]
    begin: Begin
    bugs: Mapping[str, Callable[[], Any]]
    play: Play | None = None
    package: str = ""
    """Where its bugs.json is: the seeds that show its bugs."""

    def profile(self, name: str, seed: int) -> Profile:
        """Find a profile by its name, or that of a seed; raises KeyError."""
        if name:
            return {profile.name: profile for profile in self.profiles}[name]
        return self.profiles[seed % len(self.profiles)]
