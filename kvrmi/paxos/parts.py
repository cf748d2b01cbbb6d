"""Makes the roles of a replica from what its disks hold, as often as they are started.

Rule: an acceptor that replaces a lost one comes up silent, and stays so until its rejoin is done.
Each class can be exchanged for another, which is how the simulator plants bugs. It does not know
why a role starts, nor who runs it.
"""

from __future__ import annotations

from typing import NamedTuple

from ..operations.interface import PAGE_BYTES as LEARNED_BYTES
from ..operations.interface import Answer
from ..roles.declaration import Others, Setting, Stored, there
from ..state.clienttable import SESSION_LIMIT
from ..state.history import History
from ..state.keyvalue import KeyValues
from ..state.machine import StateMachine
from ..state.replicated import Replicated
from .acceptor import PAGE_BYTES, Acceptor
from .front import Front
from .learner import Learner
from .pieces import PIECES, Pieces
from .proposer import Proposer
from .rejoin import COPIED, MUST_COPY, Rejoin
from .stable import State

__all__ = ["Pages", "Parts", "Reads"]


class Pages(NamedTuple):
    """Bytes of a page: of promises and copies, of entries and snapshots."""

    accepted: int = PAGE_BYTES
    learned: int = LEARNED_BYTES


class Reads:
    """What a front may read of its replica's own state, and when."""

    def __init__(self, others: Others) -> None:
        """Read the learner of the same replica."""
        self._others = others

    def fresh(self, now: float, question: bytes) -> Answer | None:
        """Read what is applied under the leader's lease, which is checked in the same step.

        A learner that were restarted in between could show an older state.
        """

        def read(learner: Learner) -> Answer | None:
            leased = self._others.peek("proposer", lambda proposer: proposer.may_read(now), False)
            return learner.read(question) if leased else None

        return self._others.look("learner", read)

    def answer(self, slot: int, question: bytes) -> Answer | None:
        """Read once `slot` is applied."""
        return self._others.look(
            "learner", lambda learner: learner.read(question) if learner.applied >= slot else None
        )


class Parts:
    """The classes that a replica is made of, and how each is made."""

    acceptors: type[Acceptor] = Acceptor
    proposers: type[Proposer] = Proposer
    learners: type[Learner] = Learner
    machines: type[StateMachine] = KeyValues
    states: type[Replicated] = Replicated
    fronts: type[Front] = Front
    rejoins: type[Rejoin] = Rejoin
    pieces: Pieces = PIECES
    """Of proposers."""
    pages: Pages = Pages()
    session_limit: int = SESSION_LIMIT
    """All replicas need the same."""

    def pages_of(self, replica: int) -> Pages:
        """Give the sizes of the pages that a replica makes; nobody relies on another's."""
        return self.pages

    def acceptor(self, setting: Setting, storage: Stored | None, now: float) -> Acceptor:
        """From its disk. Raises Corrupt, StorageFailed."""
        disk = there(storage)
        row = disk.read("acceptor", "state")
        stage = State.unpack(row).stage if row else setting.recovering * MUST_COPY
        rejoin = None
        if stage:
            copied = stage == COPIED
            rejoin = self.rejoins(setting.me, setting.ids, setting.disk, copied=copied)
        return self.acceptors.load(
            setting.me,
            disk,
            now,
            setting.timing,
            founding=setting.founding,
            rejoin=rejoin,
            page_bytes=self.pages_of(setting.me).accepted,
        )

    def learner(self, setting: Setting, storage: Stored | None, now: float) -> Learner:
        """From its disk. Raises Corrupt, StorageFailed."""
        disk = there(storage)
        history = History(setting.history, disk.snapshot)
        state = self.states.load(disk, self.machines, setting.keep, self.session_limit, history)
        return self.learners(
            setting.me, setting.ids, state, disk.snapshot, self.pages_of(setting.me).learned
        )

    def proposer(self, setting: Setting, storage: Stored | None, now: float) -> Proposer:
        """From nothing: what a proposer must not forget, acceptors keep."""
        return self.proposers(
            setting.me, setting.ids, now, setting.rng, setting.timing, self.pieces
        )

    def front(self, setting: Setting, storage: Stored | None, now: float) -> Front:
        """From nothing: requests do not outlive the process."""
        reads = Reads(setting.others)
        return self.fronts(setting.me, setting.boot, setting.timing, reads.fresh, reads.answer)
