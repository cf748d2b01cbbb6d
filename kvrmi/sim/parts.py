"""What a simulated replica is made of: the production roles, on an honest host.

Rule: this is the only place where the simulator makes a role, so that a planted bug (bugs/) can be
put in from outside by replacing one part; production code knows nothing of that.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import NamedTuple

from ..config import Timing
from ..interface import Answer
from ..log import Log
from ..machine import Machine
from ..paxos.acceptor import PAGE_BYTES, Acceptor
from ..paxos.front import Front
from ..paxos.learner import Learner
from ..paxos.proposer import Proposer
from ..paxos.rejoin import COPIED, MUST_COPY, Rejoin
from ..paxos.stable import State
from ..sessions import SESSION_LIMIT
from ..storage.interface import Put, Record
from .disk import SimDisk

__all__ = ["TIMING", "Pages", "Parts"]

TIMING = Timing()


class Pages(NamedTuple):
    """Bytes of a page; runs draw so few that small states come in several."""

    accepted: int = PAGE_BYTES
    """Of promises and copies."""
    learned: int = 200
    """Of entries and snapshots."""


class Parts:
    """Makes the roles of a replica and says how its host treats them."""

    timing: Timing = TIMING
    pages: Pages = Pages()
    session_limit: int = SESSION_LIMIT
    acceptors: type[Acceptor] = Acceptor
    proposers: type[Proposer] = Proposer
    learners: type[Learner] = Learner
    machines: type[Machine] = Machine
    fronts: type[Front] = Front
    syncs_first = True
    """Messages leave only after the records of their step are durable."""
    fences = True
    """A call made to an earlier incarnation of a role is refused, not carried out by it."""

    def with_times(self, timing: Timing) -> Parts:
        """Make the same roles, with other times."""
        other = copy.copy(self)
        other.timing = timing
        return other

    def with_sizes(self, pages: Pages, session_limit: int) -> Parts:
        """Make the same roles, with pages of other sizes, and so many sessions remembered."""
        other = copy.copy(self)
        other.pages, other.session_limit = pages, session_limit
        return other

    def acceptor(
        self, me: int, disk: SimDisk, now: float, *, founding: bool, rejoin: Rejoin | None
    ) -> Acceptor:
        """Take up an acceptor from its disk; raises Corrupt."""
        return self.acceptors.load(
            me,
            disk,
            now,
            self.timing,
            founding=founding,
            rejoin=rejoin,
            page_bytes=self.pages.accepted,
        )

    def rejoin(self, me: int, ids: tuple[int, ...], disk: SimDisk, disk_id: str) -> Rejoin | None:
        """Return what an acceptor still has to do before it votes, as its disk says."""
        row = disk.read("acceptor", "state")
        stage = State.unpack(row).stage if row else 0
        return Rejoin(me, ids, disk_id, copied=stage == COPIED) if stage else None

    def fresh_disk(self) -> tuple[Record, ...]:
        """Format the disk that takes the place of a lost one."""
        return (Put("acceptor", "state", State(stage=MUST_COPY).pack()),)

    def proposer(self, me: int, ids: tuple[int, ...], now: float, rng: random.Random) -> Proposer:
        """Take up a proposer."""
        return self.proposers(me, ids, now, rng, self.timing)

    def learner(self, me: int, ids: tuple[int, ...], disk: SimDisk, keep: int) -> Learner:
        """Take up a learner from its disk; raises Corrupt."""
        log = Log.load(disk, keep)
        machine = self.machines.load(disk, self.session_limit)
        return self.learners(me, ids, machine, log, disk.snapshot, self.pages.learned)

    def front(
        self,
        me: int,
        boot: bytes,
        fresh: Callable[[float, bytes], Answer | None],
        answer: Callable[[int, bytes], Answer | None],
    ) -> Front:
        """Take up a front."""
        return self.fronts(me, boot, self.timing, fresh, answer)
