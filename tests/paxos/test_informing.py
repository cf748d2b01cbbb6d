"""When an acceptor's own learner hears what is chosen: in bulk, yet never later than it matters."""

from __future__ import annotations

from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.election import FAR_BEHIND, FIT_LAG
from kvrmi.paxos.informing import LEARN_BYTES, LEARN_SLOTS
from kvrmi.paxos.messages import Accept, Heartbeat, Learn, Prepare, PreVote
from kvrmi.paxos.stable import TABLES
from kvrmi.state.log import Entry
from kvrmi.storage.memory import MemoryStorage

from .bench import START, TIMING, Bench, Benches, ballot, proposer

AT, LATER, OURS = ballot(2, 2), ballot(3, 3), ballot(3, 1)


def following(benches: Benches) -> Bench[Acceptor]:
    """Acceptor 1, which has promised ballot 2.2 and holds back nothing."""
    disk = MemoryStorage(TABLES)
    bench = benches(Acceptor.load(1, disk, START, TIMING, founding=True), disk)
    bench.deliver(proposer(2), Prepare(AT, 1, 0))
    bench.drain()
    return bench


def accept(bench: Bench[Acceptor], slot: int, value: bytes = b"v", traced: bool = False) -> None:
    """Accept a value in `slot`; all before it is chosen."""
    bench.deliver(proposer(2), Accept(AT, slot, value, slot - 1, traced))


def entries(first: int, last: int, at: Ballot = AT) -> tuple[Entry, ...]:
    return tuple(Entry(slot, at, (), b"v") for slot in range(first, last + 1))


def test_a_learner_hears_of_many_slots_at_once(benches: Benches) -> None:
    bench = following(benches)
    for slot in range(1, LEARN_SLOTS + 1):
        accept(bench, slot)
    assert not bench.find(Learn)
    accept(bench, LEARN_SLOTS + 1)
    assert bench.find(Learn) == [Learn(AT, LEARN_SLOTS, entries(1, LEARN_SLOTS))]
    accept(bench, LEARN_SLOTS + 2)
    assert not bench.find(Learn)


def test_a_large_bulk_does_not_grow_larger(benches: Benches) -> None:
    bench = following(benches)
    accept(bench, 1)
    accept(bench, 2, bytes(LEARN_BYTES))
    assert [learn.chosen for learn in bench.find(Learn)] == [1]


def test_traced_decisions_and_heartbeats_bring_what_waits(benches: Benches) -> None:
    bench = following(benches)
    for slot in (1, 2, 3):
        accept(bench, slot)
    accept(bench, 4, traced=True)
    assert bench.find(Learn) == [Learn(AT, 3, entries(1, 3))]
    bench.deliver(proposer(2), Heartbeat(AT, 1, 4, 0, TIMING.lease, 1))
    assert bench.find(Learn) == [Learn(AT, 4, entries(4, 4))]


def test_before_an_election_the_learner_hears_the_rest(benches: Benches) -> None:
    """A later ballot's announcement would not go for what was accepted at this one."""
    bench = following(benches)
    for slot in (1, 2, 3):
        accept(bench, slot)
    bench.deliver(proposer(1), PreVote(OURS))
    assert bench.find(Learn) == [Learn(AT, 2, entries(1, 2))]
    bench.deliver(proposer(1), PreVote(OURS))
    assert not bench.find(Learn)


def test_a_promise_to_another_brings_the_rest_too(benches: Benches) -> None:
    bench = following(benches)
    for slot in (1, 2, 3):
        accept(bench, slot)
    bench.deliver(proposer(3), Prepare(LATER, 1, 0))
    assert bench.find(Learn) == [Learn(AT, 2, entries(1, 2))]


def test_what_nobody_announced_is_not_passed_on(benches: Benches) -> None:
    bench = following(benches)
    accept(bench, 1)
    bench.deliver(proposer(3), Prepare(LATER, 1, 0))
    assert not bench.find(Learn)
    assert bench.role.state.chosen_at > NO_BALLOT


def test_a_learner_that_hears_in_bulk_is_not_far_behind() -> None:
    """Else a follower under load would wait longer to campaign, and never count as fit."""
    assert LEARN_SLOTS < FAR_BEHIND
    assert LEARN_SLOTS < FIT_LAG
