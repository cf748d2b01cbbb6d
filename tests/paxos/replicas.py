"""Real acceptors and as many real proposers around a table; every message is handed by hand.

Rule: what is not handed over is lost. Learners apply at once whatever their proposer has chosen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.leadership import HURRY
from kvrmi.paxos.messages import Accept, Applied, CampaignNow, Chosen, Learn, Propose
from kvrmi.paxos.proposer import Proposer
from kvrmi.paxos.rejoin import MUST_COPY, Rejoin
from kvrmi.paxos.stable import TABLES, State
from kvrmi.roles.contract import Envelope, Message
from kvrmi.storage.interface import Put
from kvrmi.storage.memory import MemoryStorage

from .bench import (
    IDS,
    START,
    TIMING,
    Bench,
    Benches,
    acceptor,
    front,
    host,
    learner,
    pairs,
    proposer,
)

__all__ = ["Replicas"]

TRIES = 4


class Replicas:
    """`issued` are all Accepts ever made, `chosen` what proposers found chosen, by slot.

    `learned` is what acceptors told the learners of their own replicas.
    """

    def __init__(self, benches: Benches, ids: tuple[int, ...] = IDS) -> None:
        self._benches = benches
        self._ids = ids
        self.acceptors: dict[int, Bench[Acceptor]] = {}
        self.proposers: dict[int, Bench[Proposer]] = {}
        self.issued: list[Accept] = []
        self.chosen: dict[int, list[bytes]] = {}
        self.learned: dict[int, list[Learn]] = {i: [] for i in ids}
        self.now = START
        for i in ids:
            disk = MemoryStorage(TABLES)
            role = Acceptor.load(i, disk, self.now, TIMING, founding=True)
            self.acceptors[i] = benches(role, disk)
            self.seat(i)

    def seat(self, who: int, applied: int = 0) -> Bench[Proposer]:
        """A new proposer takes the place of `who`; its learner has applied that much."""
        role = Proposer(who, self._ids, self.now, random.Random(who), TIMING)
        bench = self.proposers[who] = self._benches(role, now=self.now)
        bench.deliver(learner(who), Applied(0, applied, (), ()))
        bench.drain()
        return bench

    def restart(self, who: int) -> None:
        """Acceptor `who` loses its memory, and waits one lease like any other restarted one."""
        disk = self.acceptors[who].disk
        assert disk is not None
        role = Acceptor.load(who, disk, self.now, TIMING)
        self.acceptors[who] = self._benches(role, disk, self.now)
        self.later()

    def lose(self, who: int, *, naive: bool) -> None:
        """Acceptor `who` comes back on an empty disk; if `naive`, as if nothing were amiss."""
        disk = MemoryStorage(TABLES)
        rejoin = None if naive else Rejoin(who, self._ids, "new disk")
        if rejoin:
            disk.write([Put("acceptor", "state", State(stage=MUST_COPY).pack())])
        role = Acceptor.load(who, disk, self.now, TIMING, founding=naive, rejoin=rejoin)
        self.acceptors[who] = self._benches(role, disk, self.now)

    def later(self, seconds: float = 1.0) -> None:
        """By default every lease and every hold is over."""
        self.now += seconds
        for voter in self.acceptors.values():
            voter.now = self.now
        for candidate in self.proposers.values():
            candidate.now = self.now

    def accepted(self, who: int) -> dict[int, tuple[Ballot, bytes]]:
        return self.acceptors[who].role.accepted

    def campaign(
        self, who: int, among: Sequence[int], accepts: Sequence[int] | None = None
    ) -> None:
        """`who` tries to lead; acceptors `among` hear of it, of its Accepts only `accepts`.

        Its first tries may only tell it how high a ballot it needs.
        """
        for _ in range(TRIES):
            if not self.proposers[who].role.leading:
                self.later()
                self.proposers[who].deliver(host(who), CampaignNow(NO_BALLOT))
                self._hand_over(who, among, among if accepts is None else accepts)

    def propose(self, who: int, command: bytes, among: Sequence[int]) -> None:
        """A leader puts a command into the next slot; acceptors `among` hear of it."""
        bench = self.proposers[who]
        bench.deliver(front(who), Propose(bench.role.ballot, (command,)))
        self._hand_over(who, among, among)

    def hand(self, who: int, to: int, message: Message) -> list[Message]:
        """Hand one message of proposer `who` to acceptor `to`; what it answers."""
        bench = self.acceptors[to]
        bench.deliver(proposer(who), message)
        out = pairs(bench.drain())
        self.learned[to] += [m for own, m in out if own == learner(to) and isinstance(m, Learn)]
        return [answer for back, answer in out if back == proposer(who)]

    def _hand_over(self, who: int, among: Sequence[int], accepts: Sequence[int]) -> None:
        bench = self.proposers[who]
        for again in range(TRIES):
            if again and bench.role.leading:  # it may have asked others first, who hear nothing
                self.later(HURRY)
                bench.wake()
            while out := bench.drain():
                for envelope in out:
                    if isinstance(envelope.message, Accept):
                        self._note(envelope.message)
                    hear = accepts if isinstance(envelope.message, Accept) else among
                    self._one(who, envelope, hear)

    def _note(self, accept: Accept) -> None:
        if accept not in self.issued:
            self.issued.append(accept)

    def _one(self, who: int, envelope: Envelope, hear: Sequence[int]) -> None:
        to, message, bench = envelope.to, envelope.message, self.proposers[who]
        if to.role == "acceptor" and to.replica in hear:
            for answer in self.hand(who, to.replica, message):
                bench.deliver(acceptor(to.replica), answer)
        elif isinstance(message, Chosen):
            slot = message.entry.slot
            self.chosen.setdefault(slot, []).append(message.entry.value)
            bench.deliver(learner(who), Applied(0, slot, (), ()))
