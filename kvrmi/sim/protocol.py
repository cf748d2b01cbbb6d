"""What a package of roles brings along to be explored: how its runs begin, what strikes, its bugs.

Rule: everything that who runs seeds knows of a protocol stands here, and what the world knows of it
in world.py; they ask it and name no role and no message. What ships is in paxos/ and twophase/.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from .acts import Act
from .faults import Faults
from .profile import Profile
from .script import Language, play
from .seen import Onlooker
from .world import World

__all__ = ["Explored", "History"]


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
        acts: Sequence[Act] = (),
    ) -> bool:
        """Play it, and write what happens; whether all came as it says, or as acts let it."""
        ...


class Explored(NamedTuple):
    """A protocol whose runs follow from seeds: what may strike, what may be planted.

    `bugs` make the parts of a run, and their docstrings say what is wrong. `language` gives what it
    makes of scenarios.
    """

    name: str
    profiles: tuple[Profile, ...]
    begin: Begin
    bugs: Mapping[str, Callable[[], Any]]
    language: Callable[[], Language] | None = None
    package: str = ""
    """Where its bugs.json is: the seeds that show its bugs."""

    def profile(self, name: str, seed: int) -> Profile:
        """Find a profile by its name, or that of a seed; raises KeyError."""
        if name:
            return {profile.name: profile for profile in self.profiles}[name]
        return self.profiles[seed % len(self.profiles)]

    @property
    def play(self) -> Play | None:
        """What plays a scenario; None: there are no words for one."""
        return None if self.language is None else partial(play, self.language())
