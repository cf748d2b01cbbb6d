"""The acceptor alone: promises, acceptances, grants and holds; exact answers, what is durable."""

from __future__ import annotations

import pytest

from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    AcceptedValue,
    Ask,
    Copied,
    Copy,
    Followed,
    Heard,
    Heartbeat,
    Learn,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Refused,
    Release,
    Released,
)
from kvrmi.paxos.stable import TABLES
from kvrmi.roles.contract import Address, Envelope, Message
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.state.log import Entry
from kvrmi.storage.memory import MemoryStorage

from .bench import START, TIMING, Bench, Benches, acceptor, ballot, front, learner, proposer

B2, B3 = ballot(5, 2), ballot(6, 3)
LEASE = TIMING.lease


def load(
    benches: Benches, disk: MemoryStorage | None = None, now: float = START, founding: bool = True
) -> Bench[Acceptor]:
    """Acceptor 1, of a folder that never ran unless said otherwise."""
    disk = disk or MemoryStorage(TABLES)
    return benches(Acceptor.load(1, disk, now, TIMING, founding=founding), disk, now)


def restart(benches: Benches, old: Bench[Acceptor]) -> Bench[Acceptor]:
    return load(benches, old.disk, old.now, founding=False)


def promised(bench: Bench[Acceptor], at: Ballot) -> Bench[Acceptor]:
    bench.deliver(proposer(at.replica), Prepare(at, 1, 0))
    assert len(bench.find(Promise)) == 1
    return bench


def granted(bench: Bench[Acceptor], at: Ballot, chosen: int = 0) -> Bench[Acceptor]:
    promised(bench, at)
    bench.deliver(proposer(at.replica), Heartbeat(at, 1, chosen, 0, LEASE, 0))
    assert len(bench.find(Heard)) == 1
    return bench


def accept(at: Ballot, slot: int, value: bytes = b"v", chosen: int = 0) -> Accept:
    return Accept(at, slot, value, chosen, False)


# --- promises -------------------------------------------------------------------------------------


def test_a_promise_is_durable_in_the_same_step(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(proposer(2), Prepare(B2, 1, 0))
    bench.expect(Envelope(proposer(2), Promise(B2, 1, 1, 1, (), 0, 0)), wrote=True)
    assert restart(benches, bench).role.state.promised == B2


def test_the_same_promise_again_writes_nothing(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.answer(proposer(2), Prepare(B2, 4, 1), Promise(B2, 1, 1, 4, (), 0, 0))


def test_a_lower_ballot_is_refused_with_the_promised_one(benches: Benches) -> None:
    bench = promised(load(benches), B3)
    bench.answer(proposer(2), Prepare(B2, 1, 0), Refused(B2, B3, "ballot"))


@pytest.mark.parametrize("request_", [Prepare(B2, 1, 0), accept(B2, 1)])
def test_a_ballot_is_of_use_to_its_owner_only(benches: Benches, request_: Message) -> None:
    load(benches).answer(proposer(3), request_, Refused(B2, NO_BALLOT, "ballot"))


def test_a_pre_vote_promises_nothing(benches: Benches) -> None:
    bench = load(benches)
    bench.answer(proposer(3), PreVote(B3), PreVoted(B3, True, NO_BALLOT))
    promised(bench, B2)
    assert bench.role.state.promised == B2


@pytest.mark.parametrize("at", [ballot(5, 1), B2])
def test_no_pre_vote_for_what_would_not_be_promised(benches: Benches, at: Ballot) -> None:
    bench = promised(load(benches), B2)
    bench.answer(proposer(at.replica), PreVote(at), PreVoted(at, False, B2))


# --- accepted values ------------------------------------------------------------------------------


def test_an_acceptance_is_durable_in_the_same_step(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1, b"value"))
    bench.expect(Envelope(proposer(2), Accepted(B2, 1, 1, 2)), wrote=True)
    assert restart(benches, bench).role.accepted == {1: (B2, b"value")}


def test_accepting_a_higher_ballot_promises_it(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(3), accept(B3, 1))
    bench.expect(Envelope(proposer(3), Accepted(B3, 1, 1, 2)), wrote=True)
    bench.answer(proposer(2), accept(B2, 2), Refused(B2, B3, "ballot"))
    assert restart(benches, bench).role.state.promised == B3


def test_a_lower_ballot_is_not_accepted(benches: Benches) -> None:
    bench = promised(load(benches), B3)
    bench.answer(proposer(2), accept(B2, 1), Refused(B2, B3, "ballot"))
    assert not bench.role.accepted


def test_the_same_accept_again_is_answered_and_not_written(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1))
    bench.drain()
    bench.answer(proposer(2), accept(B2, 1), Accepted(B2, 1, 1, 2))


def test_two_values_at_one_ballot_stop_the_process(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1, b"one"))
    bench.drain()
    with pytest.raises(InvariantBroken, match="two values"):
        bench.deliver(proposer(2), accept(B2, 1, b"other"))


def test_a_higher_ballot_replaces_the_value(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1, b"low"))
    bench.deliver(proposer(3), accept(B3, 1, b"high"))
    bench.drain()
    page = (AcceptedValue(1, B3, b"high"),)
    bench.answer(proposer(3), Prepare(B3, 1, 0), Promise(B3, 1, 3, 1, page, 0, 0))


def test_a_promise_tells_everything_accepted_from_the_slot_on(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    for slot in (1, 2, 4):
        bench.deliver(proposer(2), accept(B2, slot, b"%d" % slot))
    bench.drain()
    bench.deliver(proposer(3), Prepare(B3, 2, 0))
    page = (AcceptedValue(2, B2, b"2"), AcceptedValue(4, B2, b"4"))
    bench.expect(Envelope(proposer(3), Promise(B3, 1, 5, 2, page, 0, 0)), wrote=True)


# --- grants ---------------------------------------------------------------------------------------


def test_a_heartbeat_at_the_promised_ballot_grants_and_writes_nothing(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), Heartbeat(B2, 7, 0, 1, LEASE, 4))
    bench.expect(
        Envelope(proposer(2), Heard(B2, 7, 1, 1, LEASE)),
        Envelope(proposer(1), Followed(B2, 0, 4)),
        Envelope(front(1), Followed(B2, 0, 4)),
        Envelope(learner(1), Learn(B2, 0, ())),
    )


@pytest.mark.parametrize("candidate", [1, 3])
def test_while_a_grant_runs_nobody_else_is_promised(benches: Benches, candidate: int) -> None:
    """Our own proposer is no exception."""
    bench = granted(load(benches), B2)
    bench.now += TIMING.lease - 0.001
    at = ballot(9, candidate)
    bench.answer(proposer(candidate), PreVote(at), PreVoted(at, False, B2))
    bench.answer(proposer(candidate), Prepare(at, 1, 0), Refused(at, B2, "lease"))
    bench.answer(proposer(candidate), accept(at, 1), Refused(at, B2, "lease"))
    bench.now += 0.001
    bench.answer(proposer(candidate), PreVote(at), PreVoted(at, True, B2))
    promised(bench, at)


def test_a_grant_counts_from_the_last_heartbeat(benches: Benches) -> None:
    bench = granted(load(benches), B2)
    bench.now += TIMING.lease - 0.01
    bench.deliver(proposer(2), Heartbeat(B2, 2, 0, 1, LEASE, 0))
    bench.drain()
    bench.now += TIMING.lease - 0.01
    bench.answer(proposer(3), Prepare(B3, 1, 0), Refused(B3, B2, "lease"))


def test_its_holder_may_raise_the_ballot_during_a_grant(benches: Benches) -> None:
    bench = granted(load(benches), B2)
    at = ballot(9, 2)
    bench.answer(proposer(2), PreVote(at), PreVoted(at, True, B2))
    promised(bench, at)
    bench.answer(proposer(3), Prepare(ballot(10, 3), 1, 0), Refused(ballot(10, 3), at, "lease"))


@pytest.mark.parametrize("at", [ballot(4, 2), ballot(6, 2)])
def test_no_grant_but_at_exactly_the_promised_ballot(benches: Benches, at: Ballot) -> None:
    bench = promised(load(benches), B2)
    bench.answer(proposer(2), Heartbeat(at, 1, 0, 0, LEASE, 0), Refused(at, B2, "ballot"))
    promised(bench, B3)


def test_no_grant_on_a_strangers_heartbeat(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.answer(proposer(3), Heartbeat(B2, 1, 0, 0, LEASE, 0), Refused(B2, B2, "ballot"))
    promised(bench, B3)


def test_a_release_ends_the_grant_of_exactly_that_ballot(benches: Benches) -> None:
    bench = granted(load(benches), B2)
    bench.answer(proposer(2), Release(B2), Released(B2))
    promised(bench, B3)


@pytest.mark.parametrize(("sender", "at"), [(2, ballot(4, 2)), (3, B2), (3, B3)])
def test_any_other_release_is_answered_and_ends_nothing(
    benches: Benches, sender: int, at: Ballot
) -> None:
    bench = granted(load(benches), B2)
    bench.answer(proposer(sender), Release(at), Released(at))
    bench.answer(proposer(3), Prepare(B3, 1, 0), Refused(B3, B2, "lease"))


# --- holds ----------------------------------------------------------------------------------------


def test_a_restarted_acceptor_holds_for_one_lease(benches: Benches) -> None:
    """Whatever it granted before is forgotten: the hold stands in for it."""
    bench = restart(benches, promised(load(benches), B2))
    bench.now += TIMING.lease * (1 + TIMING.drift) - 0.001
    for at in (ballot(9, 1), ballot(9, 3)):
        refused = Refused(at, B2, "lease")
        bench.answer(proposer(at.replica), Prepare(at, 1, 0), refused)
        bench.answer(proposer(at.replica), accept(at, 1), refused)
        bench.answer(proposer(at.replica), PreVote(at), PreVoted(at, False, B2))
    bench.now += 0.002
    promised(bench, ballot(9, 3))


def test_during_a_hold_the_owner_of_the_promised_ballot_goes_on(benches: Benches) -> None:
    bench = restart(benches, promised(load(benches), B2))
    bench.deliver(proposer(2), accept(B2, 1))
    bench.expect(Envelope(proposer(2), Accepted(B2, 1, 1, 2)), wrote=True)
    promised(bench, ballot(9, 2))


def test_nobody_ends_a_hold(benches: Benches) -> None:
    bench = restart(benches, granted(load(benches), B2))
    bench.answer(proposer(2), Release(B2), Released(B2))
    bench.answer(proposer(3), Prepare(B3, 1, 0), Refused(B3, B2, "lease"))


def test_only_at_its_founding_an_empty_acceptor_is_free_at_once(benches: Benches) -> None:
    promised(load(benches), B2)
    held = load(benches, founding=False)
    held.answer(proposer(2), Prepare(B2, 1, 0), Refused(B2, NO_BALLOT, "lease"))


# --- telling our learner --------------------------------------------------------------------------


def test_our_learner_hears_what_is_chosen_at_that_very_ballot(benches: Benches) -> None:
    """Slot 1 was accepted at an older ballot: that value may have lost."""
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1, b"old"))
    bench.deliver(proposer(3), accept(B3, 2, b"new"))
    bench.drain()
    bench.deliver(proposer(3), Accept(B3, 3, b"next", 2, True))
    bench.expect(
        Envelope(proposer(3), Accepted(B3, 3, 1, 4)),
        Envelope(learner(1), Learn(B3, 2, (Entry(2, B3, (), b"new"),))),
        wrote=True,
    )


def test_our_learner_hears_of_a_slot_once(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1))
    bench.deliver(proposer(2), Heartbeat(B2, 1, 1, 0, LEASE, 0))
    assert bench.find(Learn) == [Learn(B2, 1, (Entry(1, B2, (), b"v"),))]
    bench.deliver(proposer(2), Heartbeat(B2, 2, 1, 0, LEASE, 0))
    assert bench.find(Learn) == [Learn(B2, 1, ())]


def test_what_our_own_proposer_has_chosen_it_tells_our_learner_itself(benches: Benches) -> None:
    own = ballot(5, 1)
    bench = promised(load(benches), own)
    bench.deliver(proposer(1), accept(own, 1))
    bench.deliver(proposer(1), accept(own, 2, chosen=1))
    bench.deliver(proposer(1), Heartbeat(own, 1, 1, 0, LEASE, 0))
    assert not bench.find(Learn)


def test_a_leader_far_ahead_costs_no_walk_through_all_slots(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 1 << 50))
    bench.drain()
    bench.deliver(proposer(2), Heartbeat(B2, 1, 1 << 50, 0, LEASE, 0))
    assert bench.find(Learn) == [Learn(B2, 1 << 50, (Entry(1 << 50, B2, (), b"v"),))]


# --- the disk -------------------------------------------------------------------------------------


def test_every_write_counts(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    for slot in (1, 2, 3):
        bench.deliver(proposer(2), accept(B2, slot))
    assert [a.writes for a in bench.find(Accepted)] == [2, 3, 4]
    assert restart(benches, bench).role.state.writes == 4


def test_a_copy_is_given_to_whoever_lost_its_disk(benches: Benches) -> None:
    bench = promised(load(benches), B2)
    bench.deliver(proposer(2), accept(B2, 3, b"v3"))
    bench.drain()
    page = (AcceptedValue(3, B2, b"v3"),)
    bench.answer(acceptor(2), Copy(1), Copied(B2, 1, page, 0, 0))


REQUESTS: list[tuple[Address, Message]] = [
    (proposer(2), PreVote(B2)),
    (proposer(2), Prepare(B2, 1, 0)),
    (proposer(2), accept(B2, 1)),
    (proposer(2), Heartbeat(B2, 1, 0, 0, LEASE, 0)),
    (proposer(2), Release(B2)),
    (acceptor(2), Copy(1)),
]


@pytest.mark.parametrize("prior", [NO_BALLOT, B2, B3])
@pytest.mark.parametrize(("sender", "request_"), REQUESTS)
def test_every_request_gets_exactly_one_answer(
    benches: Benches, prior: Ballot, sender: Address, request_: Message
) -> None:
    bench = load(benches)
    if prior != NO_BALLOT:
        promised(bench, prior)
    bench.deliver(sender, request_)
    assert [envelope.to for envelope in bench.drain()].count(sender) == 1


@pytest.mark.parametrize("message", [Released(B2), Heard(B2, 1, 1, 1, LEASE), Learn(B2, 1, ())])
def test_what_is_no_business_of_an_acceptor_is_ignored(benches: Benches, message: Message) -> None:
    bench = load(benches)
    bench.wake()
    bench.expect(Envelope(learner(1), Ask()))
    bench.deliver(proposer(2), message)
    bench.wake()
    bench.expect()
