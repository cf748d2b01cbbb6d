"""A term: phase 2, what is announced as chosen, the no-op, reads, and how it ends."""

from __future__ import annotations

import pytest

from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.leadership import NO_OP, TRACED
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    AcceptedValue,
    Applied,
    Behind,
    Chosen,
    Confirm,
    Confirmed,
    Heartbeat,
    Leading,
    Propose,
)
from kvrmi.paxos.proposer import Proposer
from kvrmi.roles.contract import NOTHING, Envelope, NoAnswer, NotSent
from kvrmi.state.log import Entry, pack_batch

from .bench import TIMING, Bench, Benches, acceptor, ballot, batch, front, learner, pairs
from .leader import (
    B,
    accepted,
    choose,
    elected,
    follower,
    heard,
    leader,
    leased,
    propose,
)

EVERYBODY = (2, 3, 1)
"""Acceptors in the order in which they are asked: our own last."""


def value(slot: int, key: str) -> AcceptedValue:
    return AcceptedValue(slot, ballot(1, 2), batch(key))


def answer_beat(bench: Bench[Proposer], *replicas: int) -> None:
    """Send a heartbeat and have `replicas` answer that one."""
    bench.wake(TIMING.heartbeat)
    beat = bench.find(Heartbeat)[0].beat
    for replica in replicas:
        bench.deliver(acceptor(replica), heard(beat))


# --- counting -------------------------------------------------------------------------------------


def test_an_acceptance_below_the_quorum_is_only_counted(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"k")
    bench.drain()
    slot = bench.role.applied + 1
    counted = bench.role.receive(bench.now, acceptor(2), accepted(slot))
    assert counted is NOTHING
    bench.deliver(acceptor(3), accepted(slot))
    assert [chosen.entry.acceptors for chosen in bench.find(Chosen)] == [(2, 3)]


# --- taking over ----------------------------------------------------------------------------------


def test_every_open_slot_is_filled_then_our_own_no_op(benches: Benches) -> None:
    """Slot 2 was never used: a no-op fills the gap."""
    bench = follower(benches)
    accept = elected(bench, value(1, "a"), value(3, "c"))
    proposed = [accept]
    for slot in (1, 2, 3):
        choose(bench, slot)
        proposed.append(bench.find(Accept)[0])
    assert [accept and accept.value for accept in proposed] == [
        batch("a"), NO_OP, batch("c"), NO_OP,
    ]  # fmt: skip
    assert not bench.role.may_read(bench.now)
    choose(bench, 4)
    bench.expect(Envelope(front(1), Leading(1, B, True)))


def test_below_a_truncation_point_nothing_is_proposed(benches: Benches) -> None:
    """Not even a no-op: those slots are chosen, and have to be fetched first."""
    bench = follower(benches)
    assert elected(bench, value(9, "later"), truncated=8) is None
    bench.wake(TIMING.heartbeat)
    out = bench.drain()
    assert Envelope(learner(1), Behind(2, 8)) in out
    assert not any(isinstance(envelope.message, Accept) for envelope in out)
    bench.deliver(learner(1), Applied(0, 8, (), ()))
    assert bench.find(Accept)[0].value == batch("later")


def test_clients_wait_until_the_no_op_is_applied(benches: Benches) -> None:
    bench = follower(benches)
    elected(bench)
    bench.answer(front(1), Propose(B, (b"c",)), NotSent(1, Propose(B, (b"c",))))
    bench.deliver(acceptor(1), accepted(1))
    bench.deliver(acceptor(2), accepted(1))
    assert len(bench.find(Chosen)) == 1
    bench.answer(front(1), Propose(B, (b"c",)), NotSent(1, Propose(B, (b"c",))))


# --- phase 2 --------------------------------------------------------------------------------------


def test_a_batch_goes_to_the_slot_after_what_is_applied(benches: Benches) -> None:
    bench = leader(benches)
    bench.deliver(front(1), Propose(B, (b"one", b"two")))
    accept = Accept(B, 2, pack_batch((b"one", b"two")), 1, True)
    bench.expect(*(Envelope(acceptor(i), accept) for i in EVERYBODY))


def test_a_quorum_of_acceptances_makes_it_chosen(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"c")
    bench.deliver(acceptor(3), accepted(2))
    bench.expect()
    bench.deliver(acceptor(3), accepted(2))
    bench.expect()
    bench.deliver(acceptor(1), accepted(2))
    bench.expect(Envelope(learner(1), Chosen(Entry(2, B, (1, 3), pack_batch((b"c",))))))
    bench.deliver(acceptor(2), accepted(2))
    bench.expect()


@pytest.mark.parametrize("late", [accepted(1), accepted(2, at=ballot(1, 2)), accepted(3)])
def test_other_acceptances_do_not_count(benches: Benches, late: Accepted) -> None:
    bench = leader(benches)
    propose(bench, b"c")
    for replica in (1, 2, 3):
        bench.deliver(acceptor(replica), late)
    bench.expect()


def test_what_is_announced_as_chosen_is_what_our_learner_has_applied(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"c")
    bench.deliver(acceptor(1), accepted(2))
    bench.deliver(acceptor(2), accepted(2))
    bench.drain()
    bench.wake(TIMING.heartbeat)
    assert {beat.chosen for beat in bench.find(Heartbeat)} == {1}
    bench.deliver(learner(1), Applied(0, 2, (), ()))
    bench.expect(Envelope(front(1), Leading(1, B, True)))
    assert propose(bench, b"d").chosen == 2


def test_a_lost_batch_is_sent_again_at_the_same_ballot(benches: Benches) -> None:
    bench = leader(benches)
    accept = propose(bench, b"c")
    bench.deliver(acceptor(1), accepted(2))
    missed = set()
    for _ in range(10):
        bench.wake(TIMING.heartbeat / 2)
        for to, message in pairs(bench.drain()):
            if isinstance(message, Accept):
                assert message == accept
                missed.add(to)
    assert missed == {acceptor(2), acceptor(3)}


def test_a_slot_learned_from_another_leader_ends_the_term(benches: Benches) -> None:
    """Else it could announce a slot in which it proposed something else without success."""
    bench = leader(benches)
    propose(bench, b"c")
    bench.deliver(learner(1), Applied(0, 2, (), ()))
    assert not bench.role.leading
    bench.drain()


def test_so_does_one_learned_between_two_batches(benches: Benches) -> None:
    """A batch after it could be accepted by few, adopted later, and be chosen after all."""
    bench = leader(benches)
    bench.deliver(learner(1), Applied(1, 2, (), ()))
    assert not bench.role.leading
    bench.drain()


def test_heartbeats_say_where_values_of_this_ballot_begin(benches: Benches) -> None:
    bench = follower(benches)
    elected(bench, value(1, "a"))
    bench.wake(TIMING.heartbeat)
    assert {beat.own for beat in bench.find(Heartbeat)} == {0}
    choose(bench, 1)
    bench.drain()
    bench.wake(TIMING.heartbeat)
    assert {beat.own for beat in bench.find(Heartbeat)} == {2}


def asked(bench: Bench[Proposer]) -> int:
    """How many acceptors are asked to accept the next batch, which then is chosen."""
    bench.deliver(front(1), Propose(B, (b"one",)))
    accepts = bench.find(Accept)
    assert {accept.traced for accept in accepts} == {len(accepts) == 3}
    choose(bench, accepts[0].slot)
    bench.drain()
    return len(accepts)


def under_load(bench: Bench[Proposer]) -> int:
    """Write until a batch goes to a quorum only; the slot after it."""
    slot = 2
    while asked(bench) == 3:
        slot += 1
    return slot + 1


def test_under_load_a_batch_goes_to_a_quorum(benches: Benches) -> None:
    bench = leader(benches)
    under_load(bench)
    bench.deliver(front(1), Propose(B, (b"spared",)))
    out = bench.drain()
    assert len(out) == 2
    assert out[-1].to == acceptor(1)


def test_of_few_writes_each_goes_to_all_and_under_load_five_a_second(benches: Benches) -> None:
    bench = leader(benches)
    few, many = [3] * TRACED, [2, 2]
    assert [asked(bench) for _ in range(TRACED + 1)] == few[1:] + many  # its no-op was the first
    for _ in range(3):
        bench.now += 1.01 / TRACED
        assert [asked(bench) for _ in range(2)] == [3, 2]
    bench.now += 60
    assert [asked(bench) for _ in range(TRACED + 2)] == few + many


@pytest.mark.parametrize("news", [NotSent, NoAnswer])
def test_if_one_of_the_quorum_fails_the_others_are_asked_at_once(
    benches: Benches, news: type[NotSent | NoAnswer]
) -> None:
    bench = leader(benches)
    slot = under_load(bench)
    accept = propose(bench, b"spared")
    bench.deliver(acceptor(2), news(2, accept))
    bench.expect(Envelope(acceptor(3), accept))
    bench.deliver(acceptor(1), accepted(slot))
    bench.deliver(acceptor(3), accepted(slot))
    assert len(bench.find(Chosen)) == 1


# --- lease and reads ------------------------------------------------------------------------------


def test_a_lease_needs_answers_of_a_quorum_and_the_applied_no_op(benches: Benches) -> None:
    bench = follower(benches)
    elected(bench)
    answer_beat(bench, 1, 2)
    assert not bench.role.may_read(bench.now)
    choose(bench, 1)
    assert bench.role.may_read(bench.now)
    bench.drain()


def test_a_lease_ends_by_itself(benches: Benches) -> None:
    bench = leased(leader(benches))
    sent = bench.now
    assert bench.role.may_read(sent + TIMING.usable_lease - 0.001)
    assert not bench.role.may_read(sent + TIMING.usable_lease)


def test_a_grant_of_another_ballot_is_none(benches: Benches) -> None:
    bench = leader(benches)
    bench.wake(TIMING.heartbeat)
    beat = bench.find(Heartbeat)[0].beat
    for replica in (1, 2, 3):
        bench.deliver(acceptor(replica), heard(beat, at=ballot(1, 2)))
    assert not bench.role.may_read(bench.now)


def test_a_read_index_waits_for_a_heartbeat_sent_after_the_question(benches: Benches) -> None:
    bench = leader(benches)
    bench.wake(TIMING.heartbeat)
    before = bench.find(Heartbeat)[0].beat
    bench.deliver(front(1), Confirm(5))
    after = bench.find(Heartbeat)[0].beat
    for replica in (1, 2, 3):
        bench.deliver(acceptor(replica), heard(before))
    bench.expect()
    bench.deliver(acceptor(1), heard(after))
    bench.expect()
    bench.deliver(acceptor(3), heard(after))
    bench.expect(Envelope(front(1), Confirmed(5, 1)))


def test_a_read_index_covers_what_was_chosen_when_it_was_asked_for(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"c")
    bench.deliver(acceptor(1), accepted(2))
    bench.deliver(acceptor(2), accepted(2))
    bench.drain()
    bench.deliver(front(1), Confirm(5))
    beat = bench.find(Heartbeat)[0].beat
    bench.deliver(acceptor(1), heard(beat))
    bench.deliver(acceptor(2), heard(beat))
    bench.expect(Envelope(front(1), Confirmed(5, 2)))


def test_no_read_index_before_our_no_op_is_applied(benches: Benches) -> None:
    bench = follower(benches)
    elected(bench)
    bench.deliver(front(1), Confirm(5))
    beat = bench.find(Heartbeat)[0].beat
    for replica in (1, 2):
        bench.deliver(acceptor(replica), heard(beat))
    bench.expect()
    choose(bench, 1)
    # Not slot 0, where we stood when it was asked: our learner may come back there from its disk.
    assert bench.find(Confirmed) == [Confirmed(5, 1)]


# --- the end of a term ----------------------------------------------------------------------------


def test_without_a_quorum_it_steps_down_after_one_election_time(benches: Benches) -> None:
    bench = leased(leader(benches))
    contact = bench.now
    while bench.role.leading and bench.now < contact + 5:
        bench.wake(0.01)
        bench.drain()
    assert bench.now - contact == pytest.approx(TIMING.election_min, abs=0.02)


def test_acceptances_are_contact_as_well(benches: Benches) -> None:
    bench = leased(leader(benches))
    for slot in range(2, 20):
        bench.now += TIMING.election_min / 2
        propose(bench, b"c")
        choose(bench, slot)
        bench.wake()
        bench.drain()
    assert bench.role.leading


def in_touch(bench: Bench[Proposer], seconds: float) -> list[Envelope]:
    """Let time pass while acceptors 2 and 3 answer every heartbeat; everything that was sent."""
    sent: list[Envelope] = []
    end = bench.now + seconds
    while bench.now < end:
        bench.wake(TIMING.heartbeat / 2)
        out = bench.drain()
        sent += out
        for beat in {m.beat for _, m in pairs(out) if isinstance(m, Heartbeat)}:
            bench.deliver(acceptor(2), heard(beat))
            bench.deliver(acceptor(3), heard(beat))
    return sent


def test_a_term_that_does_not_open_is_given_up(benches: Benches) -> None:
    """Its learner lacks what acceptors have forgotten, say; everybody follows it meanwhile."""
    bench = follower(benches)
    assert elected(bench, value(9, "later"), truncated=8) is None
    in_touch(bench, TIMING.election_max - 0.1)
    assert bench.role.leading
    sent = in_touch(bench, 0.2)
    assert not bench.role.leading
    why = "it did not begin to serve within one election time"
    assert Envelope(front(1), Leading(0, NO_BALLOT, False, why)) in sent


def test_a_term_that_settles_open_slots_is_not_given_up(benches: Benches) -> None:
    """There may be many of them, and each takes a round."""
    bench = follower(benches)
    elected(bench, *(value(slot, "v") for slot in range(1, 4)))
    for slot in range(1, 5):
        in_touch(bench, TIMING.election_max - 0.1)
        choose(bench, slot)
        assert bench.role.leading
        bench.drain()
    in_touch(bench, 2 * TIMING.election_max)
    assert bench.role.leading
