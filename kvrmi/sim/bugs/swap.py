"""Parts of which one role is of another class: how most bugs are planted.

Rule: nothing but that class differs from the production parts. It knows no bug.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...interface import Answer
from ...log import Log
from ...machine import Machine
from ...paxos.acceptor import Acceptor
from ...paxos.front import Front
from ...paxos.leadership import Leadership
from ...paxos.learner import Learner
from ...paxos.lease import LeaderLease
from ...paxos.proposer import Proposer
from ...paxos.rejoin import Rejoin
from ...roles.contract import Envelope
from ..disk import SimDisk
from ..parts import PAGE_BYTES, Parts

if TYPE_CHECKING:
    from ...paxos.campaign import Phase1

__all__ = ["OtherAcceptor", "OtherFront", "OtherLearner", "OtherProposer", "TermsOf"]


class OtherAcceptor(Parts):
    """Its acceptors are of class `kind`."""

    kind: type[Acceptor] = Acceptor

    def acceptor(
        self, me: int, disk: SimDisk, now: float, *, founding: bool, rejoin: Rejoin | None
    ) -> Acceptor:
        """Take up an acceptor from its disk; raises Corrupt."""
        return self.kind.load(me, disk, now, self.timing, founding=founding, rejoin=rejoin)


class OtherProposer(Parts):
    """Its proposers are of class `kind`."""

    kind: type[Proposer] = Proposer

    def proposer(self, me: int, ids: tuple[int, ...], now: float, rng: random.Random) -> Proposer:
        """Take up a proposer."""
        return self.kind(me, ids, now, rng, self.timing)


class OtherLearner(Parts):
    """Its learners and machines are of these classes."""

    kind: type[Learner] = Learner
    machine: type[Machine] = Machine

    def learner(self, me: int, ids: tuple[int, ...], disk: SimDisk, keep: int) -> Learner:
        """Take up a learner from its disk; raises Corrupt."""
        log = Log.load(disk, keep)
        return self.kind(me, ids, self.machine.load(disk), log, disk.snapshot, PAGE_BYTES)


class OtherFront(Parts):
    """Its fronts are of class `kind`."""

    kind: type[Front] = Front

    def front(
        self,
        me: int,
        boot: bytes,
        fresh: Callable[[float, bytes], Answer | None],
        answer: Callable[[int, bytes], Answer | None],
    ) -> Front:
        """Take up a front."""
        return self.kind(me, boot, self.timing, fresh, answer)


class TermsOf(Proposer):
    """A proposer whose terms and leases are of other classes."""

    term: type[Leadership] = Leadership
    lease: type[LeaderLease] = LeaderLease

    def _take_office(self, now: float, won: Phase1) -> tuple[Envelope, ...]:
        self._phase1 = None
        self._hand_over.forget()
        lease = self.lease(self._quorum, self._timing)
        office = (self.applied, now, self._quorum, lease, self._electorate, self._timing)
        self._term = self.term(self.me, self._ids, won, *office)
        return self._term.tick(now)
