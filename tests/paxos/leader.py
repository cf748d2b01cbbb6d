"""A proposer on a bench, brought to where a test begins: as follower, candidate or leader."""

from __future__ import annotations

import random

from kvrmi.operations.commands import Voter
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.leadership import NO_OP
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    AcceptedValue,
    Applied,
    Ask,
    Chosen,
    Heard,
    Heartbeat,
    Leading,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Propose,
)
from kvrmi.paxos.proposer import Proposer
from kvrmi.roles.contract import Envelope

from .bench import IDS, TIMING, Bench, Benches, acceptor, front, learner

B = Ballot(1, 1)
"""The first ballot of proposer 1 in a cluster that never had one."""

WRITES = 3
"""Writes that every acceptor claims unless a test says otherwise."""


def follower(
    benches: Benches,
    me: int = 1,
    ids: tuple[int, ...] = IDS,
    applied: int = 0,
    voters: tuple[Voter, ...] = (),
) -> Bench[Proposer]:
    """A proposer that knows how far its learner is."""
    bench = benches(Proposer(me, ids, 100.0, random.Random(1), TIMING))
    bench.wake()
    bench.expect(Envelope(learner(me), Ask()))
    bench.deliver(learner(me), Applied(0, applied, (), voters))
    bench.expect(Envelope(front(me), Leading(0, NO_BALLOT, False)))
    return bench


def promise(
    *values: AcceptedValue,
    at: Ballot = B,
    slot: int = 1,
    epoch: int = 1,
    writes: int = WRITES,
    truncated: int = 0,
    more: int = 0,
) -> Promise:
    return Promise(at, epoch, writes, slot, values, truncated, more)


def accepted(slot: int, at: Ballot = B, epoch: int = 1, writes: int = WRITES) -> Accepted:
    return Accepted(at, slot, epoch, writes)


def heard(beat: int, at: Ballot = B, epoch: int = 1, writes: int = WRITES) -> Heard:
    return Heard(at, beat, epoch, writes, TIMING.lease)


def wait_until_due(bench: Bench[Proposer]) -> None:
    """Wake it when it wants to be woken, until something comes of it."""
    while not bench.pending:
        assert bench.wake_at is not None
        bench.now = max(bench.now, bench.wake_at)
        bench.wake()


def campaigning(bench: Bench[Proposer], me: int = 1) -> Bench[Proposer]:
    """Through the pre-vote: our own acceptor was asked for its promise."""
    ids = IDS
    wait_until_due(bench)
    asked = bench.find(PreVote)
    assert len(asked) == len(ids)
    for replica in (me, *(i for i in ids if i != me))[:2]:
        bench.deliver(acceptor(replica), PreVoted(asked[0].ballot, True, NO_BALLOT))
    return bench


def elected(bench: Bench[Proposer], *values: AcceptedValue, truncated: int = 0) -> Accept | None:
    """Through phase 1 with acceptors 1 and 2, who accepted `values`; the first Accept sent."""
    campaigning(bench)
    first = bench.role.applied + 1
    (prepare,) = bench.find(Prepare)
    assert prepare == Prepare(B, first, 0)
    bench.deliver(acceptor(1), promise(slot=first))
    bench.deliver(acceptor(2), promise(*values, slot=first, truncated=truncated))
    accepts = bench.find(Accept, acceptor(1))
    return accepts[0] if accepts else None


def choose(bench: Bench[Proposer], slot: int) -> None:
    """Acceptors 1 and 2 accept what is in flight for `slot`, and our learner applies it."""
    bench.deliver(acceptor(1), accepted(slot))
    bench.deliver(acceptor(2), accepted(slot))
    assert [chosen.entry.slot for chosen in bench.find(Chosen, learner(1))] == [slot]
    bench.deliver(learner(1), Applied(0, slot, (), ()))


def leader(benches: Benches, applied: int = 0) -> Bench[Proposer]:
    """Proposer 1 of three, whose no-op is applied: it takes batches, and has no lease yet."""
    bench = follower(benches, applied=applied)
    accept = elected(bench)
    assert accept is not None
    assert (accept.slot, accept.value) == (applied + 1, NO_OP)
    choose(bench, applied + 1)
    bench.expect(Envelope(front(1), Leading(1, B, True)))
    return bench


def leased(bench: Bench[Proposer]) -> Bench[Proposer]:
    """A quorum answered a heartbeat sent now."""
    bench.now += TIMING.heartbeat
    bench.wake()
    beat = bench.find(Heartbeat)[0].beat
    for replica in (1, 2):
        bench.deliver(acceptor(replica), heard(beat))
    bench.drain()
    return bench


def propose(bench: Bench[Proposer], *commands: bytes) -> Accept:
    """Put commands in flight."""
    bench.deliver(front(1), Propose(B, commands))
    return bench.find(Accept)[0]
