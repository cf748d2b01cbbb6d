"""Runs of Multi-Paxos: what each draws from its seed, who asks, and the reckoning.

Rule: everything follows from the arguments, so that a run can be had again. What strikes is in
profiles.py and faults.py, what must hold on the way in monitor.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...cluster.timing import Timing
from ...state.clienttable import SESSION_LIMIT
from ..draws import Draws
from ..faults import Faults
from ..profile import Profile
from ..protocol import Explored
from ..seen import Onlooker
from .audit import audit, judge, recover
from .bugs import BUGS
from .callers import BESIDE, Callers
from .callers_audit import audit_callers
from .configured import configured, pages
from .faults import FAULTS
from .monitor import monitor
from .parts import Parts, make_world
from .profiles import PROFILES
from .script import language
from .workload import KINDS, Workload

__all__ = ["PAXOS", "History", "with_callers"]

SESSION_LIMITS = (SESSION_LIMIT, SESSION_LIMIT, 3, 2)
"""Sessions remembered: of the few here some are forgotten in half of the runs.

With two, two of the three clients with sessions can be known at a time."""

CALLERS_EVERY = 7
"""Of so many runs of a profile one has callers of stores; the others are as without them.

There few sessions are always remembered: a session expires while a write of it is sent again."""

REQUESTS = (Timing().request, 0.3)
"""Seconds that replicas have for a caller's request: runs are short, and NO_QUORUM comes late."""


class History:
    """The world of one run, and who acts in it."""

    def __init__(
        self,
        seed: int,
        profile: Profile,
        parts: Parts | None,
        only: Collection[int] | None,
        onlooker: Onlooker | None,
    ) -> None:
        """Make it; `only` and `onlooker` as for `run`."""
        name = f"{seed} {profile.name}"
        size = profile.size(_turn(seed))
        ids = range(1, size + 1)
        files = configured(name, ids, profile.keeps)
        self._called = with_callers(seed)
        self._parts = self._sized(parts or Parts(), name, ids)
        self.world = make_world(
            name, size, parts=self._parts, configured=files.__getitem__, onlooker=onlooker
        )
        self._workload = Workload(self.world, BESIDE if self._called else KINDS)
        self._callers: Callers | None = None
        if self._called:
            self._callers = Callers(self.world, self._workload, self._parts.attempts)
            self._workload.others = self._callers
        self.faults = Faults(self.world, FAULTS, profile.faults, profile.pauses, only)

    def _sized(self, parts: Parts, name: str, ids: Sequence[int]) -> Parts:
        limits = SESSION_LIMITS[-2:] if self._called else SESSION_LIMITS
        parts = parts.with_sizes(pages(name, ids), Draws(name, "sessions").choice(limits))
        if not self._called:
            return parts
        return parts.with_request_time(Draws(name, "request time").choice(REQUESTS))

    def judge(self) -> None:
        """Have it recover, and compare all that was seen with the chosen log."""
        recover(self.world, self._workload)
        audit(self.world, self._workload, self._parts)
        if self._callers is not None:
            audit_callers(self.world, self._callers, self._parts)
        judge(self.world, self._workload)

    @property
    def decided(self) -> int:
        """Slots that were chosen."""
        return len(monitor(self.world).chosen)

    @property
    def operations(self) -> int:
        """Operations of clients that are in the history."""
        return len(self._workload.history)


def with_callers(seed: int) -> bool:
    """Return whether callers of stores are among the clients of this run."""
    return _turn(seed) % CALLERS_EVERY == CALLERS_EVERY - 1


def _turn(seed: int) -> int:
    return seed // len(PROFILES)


PAXOS = Explored("paxos", PROFILES, History, BUGS, language, __package__)
