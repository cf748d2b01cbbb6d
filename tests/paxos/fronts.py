"""A front on a bench, with clients before it and nothing but a switch for a lease behind it."""

from __future__ import annotations

from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.front import Front
from kvrmi.paxos.messages import Applied, Followed, Leading
from kvrmi.paxos.submissions import Submission

from .bench import BOOT, TIMING, Bench, Benches, acceptor, front, learner, ok, proposer

FIRST = int.from_bytes(BOOT[:6], "big") + 1
"""The number of a front's first Forward or Confirm."""


class FrontBench:
    """Front 1; `lease` says whether it may read alone, reads answer what was asked."""

    def __init__(self, benches: Benches) -> None:
        self.lease = False
        self.slot = 0
        self.submission: Submission
        self.answers: dict[bytes, Answer] = {}
        role = Front(1, BOOT, TIMING, self._fresh, self._read)
        self.bench: Bench[Front] = benches(role)

    def _fresh(self, now: float, question: bytes) -> Answer | None:
        return self._read(0, question) if self.lease else None

    def _read(self, slot: int, question: bytes) -> Answer | None:
        known = self.answers.get(question, ok(question.decode(), 7))
        return known if self.slot >= slot else None

    def submit(
        self, payload: bytes, *, reads: bool = False, repeatable: bool = False
    ) -> Submission:
        request = Request(reads, payload)
        submission, effects = self.bench.role.submit(self.bench.now, request, repeatable=repeatable)
        self.bench.carry_out(effects)
        return submission

    def leads(self, leader: int, round: int = 1, *, ready: bool = True) -> None:
        """Our proposer says who leads; we do if it is 1."""
        at = Ballot(round, leader) if leader else NO_BALLOT
        self.bench.deliver(proposer(1), Leading(leader, at, ready and leader == 1))

    def applied(self, slot: int, *commands: bytes) -> None:
        """Our learner applied `commands` in `slot`; each was answered with its slot."""
        after, self.slot = min(self.slot, slot), slot
        answers = tuple((command, ok(slot, slot)) for command in commands)
        self.bench.deliver(learner(1), Applied(after, slot, answers, ()))

    def jumped(self, slot: int) -> None:
        """Our learner installed a snapshot of `slot`."""
        self.slot = slot
        self.bench.deliver(learner(1), Applied(slot, slot, (), ()))

    def followed(self, leader: int, round: int, own: int) -> None:
        """Our acceptor got a heartbeat of a ballot whose first value of its own is in `own`."""
        self.bench.deliver(acceptor(1), Followed(Ballot(round, leader), 0, own))


def leading(benches: Benches) -> FrontBench:
    """A client whose replica leads and takes the next batch."""
    client = FrontBench(benches)
    client.leads(1)
    return client


def following(benches: Benches, leader: int = 2) -> FrontBench:
    """A client that knows who else leads."""
    client = FrontBench(benches)
    client.leads(leader)
    return client


__all__ = ["FIRST", "FrontBench", "following", "front", "leading"]
