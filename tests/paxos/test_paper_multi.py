"""Many slots: "Paxos Made Simple", section 3, and "Paxos Made Moderately Complex" (van Renesse,
Altinbuken 2015). One test a sentence, which it quotes.
"""

from __future__ import annotations

import itertools

import pytest

from kvrmi.paxos.leadership import NO_OP
from kvrmi.paxos.messages import (
    Accept,
    AcceptedValue,
    Applied,
    Chosen,
    Learn,
    Prepare,
    Promise,
    Refused,
)
from kvrmi.roles.contract import Envelope
from kvrmi.state.log import pack_batch

from .bench import Benches, acceptor, ballot, batch, entry, learner, proposer
from .leader import B, accepted, campaigning, choose, elected, follower, leader, promise, propose
from .learners import load
from .replicas import Replicas


def value(slot: int, name: str) -> AcceptedValue:
    return AcceptedValue(slot, ballot(1, 2), batch(name))


# --- "Paxos Made Simple", 3 -----------------------------------------------------------------------


def test_one_short_message_for_all_instances(benches: Benches) -> None:
    """'Using the same proposal number for all instances, it can do this by sending a single
    reasonably short message to the other servers.'
    """
    bench = campaigning(follower(benches, applied=134))
    bench.drain()
    bench.deliver(acceptor(1), promise(slot=135))
    bench.expect(*(Envelope(acceptor(i), Prepare(B, 135, 0)) for i in (2, 3)))


def test_more_than_one_value_in_a_promise(benches: Benches) -> None:
    """'... an acceptor responds with more than a simple OK only if it has already received a
    phase 2 message from some proposer.' Then it tells of all those instances at once.
    """
    table = Replicas(benches)
    for slot in (135, 140):
        table.hand(1, 2, Accept(ballot(1, 1), slot, b"v", 0, False))
    (answer,) = table.hand(3, 2, Prepare(ballot(2, 3), 135, 0))
    assert isinstance(answer, Promise)
    assert [reported.slot for reported in answer.accepted] == [135, 140]
    (empty,) = table.hand(3, 1, Prepare(ballot(2, 3), 135, 0))
    assert isinstance(empty, Promise)
    assert empty.accepted == ()


def test_the_example_of_the_paper(benches: Benches) -> None:
    """'The leader then executes phase 2 for instances 135 and 140, thereby choosing commands 135
    and 140.' 'Instead, we let it fill the gap immediately by proposing, as commands 136 and 137, a
    special "no-op" command that leaves the state unchanged.'
    """
    bench = follower(benches, applied=134)
    reported = (value(135, "135"), value(138, "138"), value(139, "139"), value(140, "140"))
    proposed = {135: elected(bench, *reported)}
    for slot in range(135, 141):
        choose(bench, slot)
        proposed[slot + 1] = bench.find(Accept)[0]
    values = {slot: accept.value for slot, accept in proposed.items() if accept}
    assert values == {
        135: batch("135"),
        136: NO_OP,
        137: NO_OP,
        138: batch("138"),
        139: batch("139"),
        140: batch("140"),
        141: NO_OP,  # our own, before any client's
    }


def test_a_no_op_leaves_the_state_unchanged(benches: Benches) -> None:
    """'... a special "no-op" command that leaves the state unchanged.'"""
    bench = load(benches)
    before = (bench.role.state.revision, bench.role.state.digest)
    bench.deliver(proposer(1), Chosen(entry(1)))
    assert bench.find(Applied)[0] == Applied(0, 1, (), ())
    assert (bench.role.state.revision, bench.role.state.digest) == before


def test_only_phase_2_in_normal_operation(benches: Benches) -> None:
    """'... the effective cost of executing a state machine command [...] is the cost of executing
    only phase 2 of the consensus algorithm.'
    """
    bench = leader(benches)
    for slot in range(2, 12):
        propose(bench, b"command")
        bench.deliver(acceptor(1), accepted(slot))
        bench.deliver(acceptor(2), accepted(slot))
        sent = bench.drain()
        assert [type(envelope.message) for envelope in sent] == [Chosen]
        bench.deliver(learner(1), Applied(0, slot, (), ()))
        assert not bench.find(Prepare)


def test_several_who_believe_to_lead(benches: Benches) -> None:
    """'... safety is preserved--two different servers will never disagree on the value chosen as
    the ith state machine command.'
    Leaders are deposed half-way in every order.
    """
    halves = list(itertools.permutations((1, 2, 3), 2))
    for first, second in itertools.product(halves, halves):
        table = Replicas(benches)
        for who, other in (first, second, first):
            table.seat(who)
            table.campaign(who, (who, other), accepts=(other,))
        for who in (1, 2, 3):
            table.seat(who)
            table.campaign(who, (1, 2, 3))
        assert all(len(set(values)) == 1 for values in table.chosen.values())
        assert 1 in table.chosen


def test_nothing_is_executed_beyond_a_gap(benches: Benches) -> None:
    """'However, it can't execute commands 138-140, which it also knows, because commands 136 and
    137 have yet to be chosen.'
    """
    bench = load(benches)
    for slot in (1, 4, 5, 6):
        bench.deliver(acceptor(1), Learn(B, 0, (entry(slot, f"key {slot}"),)))
    bench.drain()
    assert (bench.role.applied, bench.role.state.keys) == (1, 1)
    for slot in (2, 3):
        bench.deliver(acceptor(1), Learn(B, 0, (entry(slot),)))
    bench.drain()
    assert (bench.role.applied, bench.role.state.keys) == (6, 4)


# --- "Paxos Made Moderately Complex" --------------------------------------------------------------


def test_r1(benches: Benches) -> None:
    """'R1: There are no two different commands decided for the same slot.'"""
    table = Replicas(benches)
    for who, among in ((1, (1, 2)), (3, (2, 3)), (2, (1, 2)), (1, (3, 1))):
        table.seat(who)
        table.campaign(who, among)
        table.propose(who, b"command of %d" % who, among)
    assert all(len(set(values)) == 1 for values in table.chosen.values())
    of_clients = [values[0] for values in table.chosen.values() if values[0] != NO_OP]
    assert of_clients == [pack_batch((b"command of %d" % who,)) for who in (1, 3, 2, 1)]


def test_r2(benches: Benches) -> None:
    """'R2: All commands up to slot_out are in the set of decisions.'"""
    bench = load(benches)
    for slot in (3, 1, 2, 7):
        bench.deliver(acceptor(1), Learn(B, 0, (entry(slot, "k"),)))
    bench.drain()
    assert [kept.slot for kept in bench.role.log.page(1)] == [1, 2, 3]


@pytest.mark.parametrize("rounds", list(itertools.permutations((1, 2, 3, 4))))
def test_a1(benches: Benches, rounds: tuple[int, ...]) -> None:
    """'A1: an acceptor can only adopt strictly increasing ballot numbers.'"""
    table = Replicas(benches)
    adopted = []
    for round in rounds:
        table.hand(2, 1, Prepare(ballot(round, 2), 1, 0))
        adopted.append(table.acceptors[1].role.state.promised.round)
    assert adopted == list(itertools.accumulate(rounds, max))


def test_a4(benches: Benches) -> None:
    """A4, in short: given a ballot and a slot, acceptors accept at most one command between them.

    A leader has one batch in flight and repeats that very batch.
    """
    bench = leader(benches)
    first = propose(bench, b"one")
    seen = {first}
    for _ in range(10):
        bench.wake(0.05)
        seen |= set(bench.find(Accept))
    assert seen == {first}
    bench.drain()


def test_a5(benches: Benches) -> None:
    """A5, in short: what a majority accepted at a ballot is all that higher ballots can have
    accepted in that slot.
    """
    table = Replicas(benches)
    table.campaign(1, (1, 2))
    table.propose(1, b"v", (1, 2))
    for who, among in ((3, (3, 1)), (2, (2, 3)), (3, (3, 2))):
        table.seat(who)
        table.campaign(who, among)
    for who in (1, 2, 3):
        assert table.accepted(who)[2][1] == pack_batch((b"v",))


def test_an_acceptor_preempts_an_old_leader(benches: Benches) -> None:
    """In short: a leader whose ballot is lower than an acceptor's is told that ballot, and tries
    again above it only after that.
    """
    bench = leader(benches)
    bench.deliver(acceptor(2), Refused(B, ballot(7, 2), "ballot"))
    bench.drain()
    assert not bench.role.leading
    campaigning(bench)
    assert bench.find(Prepare)[0].ballot == ballot(8)
