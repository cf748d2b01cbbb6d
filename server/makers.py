"""Makes a replica's roles from what its folder holds, as often as they are started.

Rule: an acceptor that replaces a lost one comes up silent, and stays so until its rejoin is done.
It starts nothing and listens nowhere.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from kvrmi.config import Cluster
from kvrmi.interface import Answer
from kvrmi.log import TABLES as LOG_TABLES
from kvrmi.log import Log
from kvrmi.machine import TABLES as MACHINE_TABLES
from kvrmi.machine import Machine
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.front import Front
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.proposer import Proposer
from kvrmi.paxos.rejoin import COPIED, MUST_COPY, Rejoin
from kvrmi.paxos.stable import TABLES as ACCEPTOR_TABLES
from kvrmi.paxos.stable import State
from kvrmi.storage.interface import Put, Tables, View

from .store import Folder

ACCEPTOR: Tables = ACCEPTOR_TABLES
LEARNER: Tables = {**MACHINE_TABLES, **LOG_TABLES}

_acceptor_log = logging.getLogger("kvrmi.server.acceptor")
_proposer_log = logging.getLogger("kvrmi.server.proposer")
_learner_log = logging.getLogger("kvrmi.server.learner")


class Makers:
    """One method a role; each call makes a new object."""

    def __init__(self, cluster: Cluster, me: int, folder: Folder, boot: bytes) -> None:
        """`boot`: 8 random bytes of this start of the process."""
        self._cluster = cluster
        self._me = me
        self._folder = folder
        self._boot = boot
        self._rng = random.Random()
        self._first_start = folder.identity.founding

    def acceptor(self, now: float, incarnation: int) -> Acceptor:
        """From acceptor.db. Raises Corrupt and StorageFailed."""
        rejoin = self._rejoin()
        founding, self._first_start = self._first_start, False
        acceptor = Acceptor.load(
            self._me,
            self._folder.acceptor,
            now,
            self._cluster.timing,
            founding=founding,
            rejoin=rejoin,
        )
        _acceptor_log.info(
            "%s incarnation=%d promised=%s accepted=%d%s",
            _started(incarnation), incarnation, acceptor.state.promised, len(acceptor.accepted),
            " recovering" if rejoin else "",
        )  # fmt: skip
        return acceptor

    def learner(self, now: float, incarnation: int) -> Learner:
        """From learner.db, or from nothing where that is damaged. Raises StorageFailed."""
        storage = self._folder.learner
        machine, log = storage.load(self._state)
        _learner_log.info(
            "%s incarnation=%d applied=%d keys=%d",
            _started(incarnation), incarnation, log.applied, machine.keys,
        )  # fmt: skip
        return Learner(self._me, self._cluster.ids, machine, log, storage.snapshot)

    def _state(self, view: View) -> tuple[Machine, Log]:
        return Machine.load(view), Log.load(view, self._cluster.log_entries)

    def proposer(self, now: float, incarnation: int) -> Proposer:
        """From nothing: what a proposer must not forget, acceptors keep."""
        _proposer_log.info("%s incarnation=%d", _started(incarnation), incarnation)
        return Proposer(self._me, self._cluster.ids, now, self._rng, self._cluster.timing)

    def front(
        self,
        fresh: Callable[[float, bytes], Answer | None],
        answer: Callable[[int, bytes], Answer | None],
    ) -> Front:
        """From nothing: requests do not outlive the process."""
        return Front(self._me, self._boot, self._cluster.timing, fresh, answer)

    def _rejoin(self) -> Rejoin | None:
        disk, identity = self._folder.acceptor, self._folder.identity
        row = disk.read("acceptor", "state")
        if row is None and identity.recovering:
            row = State(stage=MUST_COPY).pack()
            disk.write([Put("acceptor", "state", row)])
        stage = State.unpack(row).stage if row else 0
        if not stage:
            return None
        return Rejoin(self._me, self._cluster.ids, identity.disk, copied=stage == COPIED)


def _started(incarnation: int) -> str:
    return "STARTED" if incarnation == 1 else "RESTARTED"
