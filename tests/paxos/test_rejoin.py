"""A lost disk: silence, copies, the VOTER command, then a vote; each step survives a restart."""

from __future__ import annotations

import pytest

from kvrmi.operations.commands import Voter
from kvrmi.operations.vocabulary import VOTER
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.messages import (
    Accept,
    AcceptedValue,
    Applied,
    Ask,
    Copied,
    Copy,
    Durable,
    Enter,
    Followed,
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
from kvrmi.paxos.rejoin import COPIED, MUST_COPY, RETRY, Rejoin
from kvrmi.paxos.stable import TABLES, State
from kvrmi.roles.contract import Address, Envelope, Message
from kvrmi.storage.interface import Put
from kvrmi.storage.memory import MemoryStorage

from .bench import START, TIMING, Bench, Benches, acceptor, ballot, front, learner, proposer

B2, B3, B4 = ballot(5, 2), ballot(6, 3), ballot(7, 4)
FIVE = (1, 2, 3, 4, 5)
NEW = Voter(1, 2, "new disk")


def load(
    benches: Benches,
    disk: MemoryStorage | None = None,
    now: float = START,
    ids: tuple[int, ...] = FIVE,
) -> Bench[Acceptor]:
    """Acceptor 1 on a disk that is not the one it founded the cluster with."""
    if disk is None:
        disk = MemoryStorage(TABLES)
        disk.write([Put("acceptor", "state", State(stage=MUST_COPY).pack())])
    row = disk.read("acceptor", "state")
    assert row is not None
    stage = State.unpack(row).stage
    rejoin = Rejoin(1, ids, "new disk", copied=stage == COPIED) if stage else None
    return benches(Acceptor.load(1, disk, now, TIMING, rejoin=rejoin), disk, now)


def copied(
    *values: AcceptedValue, promised: Ballot = NO_BALLOT, truncated: int = 0, more: int = 0
) -> Copied:
    return Copied(promised, 1, values, truncated, more)


def copy_all(bench: Bench[Acceptor]) -> Bench[Acceptor]:
    for peer in (2, 3, 4):
        bench.deliver(acceptor(peer), copied(promised=B2))
    bench.drain()
    return bench


def elect(bench: Bench[Acceptor], voter: Voter = NEW, slot: int = 9) -> Bench[Acceptor]:
    """Our learner applied `voter` in `slot`, and has it on disk."""
    bench.deliver(learner(1), Applied(0, slot, (), (voter,)))
    bench.deliver(learner(1), Durable(slot))
    return bench


REQUESTS: list[tuple[Address, Message, Message]] = [
    (proposer(2), PreVote(B2), PreVoted(B2, False, NO_BALLOT)),
    (proposer(2), Prepare(B2, 1, 7), Refused(B2, NO_BALLOT, "recovering")),
    (acceptor(2), Copy(1), Refused(NO_BALLOT, NO_BALLOT, "recovering")),
    (proposer(2), Release(B2), Released(B2)),
]


@pytest.mark.parametrize(("sender", "request_", "answer"), REQUESTS)
def test_a_lost_disk_is_silent(
    benches: Benches, sender: Address, request_: Message, answer: Message
) -> None:
    load(benches).answer(sender, request_, answer)


@pytest.mark.parametrize(
    "request_", [Accept(B2, 4, b"v", 3, False), Heartbeat(B2, 1, 3, 7, TIMING.lease, 0)]
)
def test_while_silent_our_learner_follows_all_the_same(benches: Benches, request_: Message) -> None:
    bench = load(benches)
    bench.deliver(proposer(2), request_)
    bench.expect(
        Envelope(proposer(2), Refused(B2, NO_BALLOT, "recovering")),
        Envelope(proposer(1), Followed(B2, 3, 0)),
        Envelope(front(1), Followed(B2, 3, 0)),
        Envelope(learner(1), Learn(B2, 3, ())),
    )


def test_it_asks_every_peer_again_until_enough_were_copied(benches: Benches) -> None:
    bench = load(benches)
    bench.wake()
    bench.expect(*(Envelope(acceptor(peer), Copy(1)) for peer in (2, 3, 4, 5)))
    bench.deliver(acceptor(3), copied())
    bench.wake(RETRY)
    bench.expect(*(Envelope(acceptor(peer), Copy(1)) for peer in (2, 4, 5)))


def test_pages_are_asked_for_one_after_the_other(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(acceptor(2), copied(AcceptedValue(1, B2, b"v"), more=2))
    bench.expect(Envelope(acceptor(2), Copy(2)))
    assert bench.role.rejoin is not None
    assert not bench.role.rejoin.complete


def test_a_recovering_peer_is_not_copied(benches: Benches) -> None:
    bench = load(benches)
    for peer in (2, 3, 4):
        bench.deliver(acceptor(peer), Refused(NO_BALLOT, NO_BALLOT, "recovering"))
    bench.expect()
    assert bench.role.state.stage == MUST_COPY


def test_of_five_three_are_copied_and_the_highest_ballot_wins(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(acceptor(2), copied(AcceptedValue(1, B3, b"high"), promised=B3))
    bench.deliver(acceptor(3), copied(AcceptedValue(1, B2, b"low"), promised=B4))
    bench.expect()
    bench.deliver(acceptor(4), copied(AcceptedValue(2, B2, b"two"), truncated=0))
    bench.expect(Envelope(learner(1), Ask()), wrote=True)
    state = bench.role.state
    assert (state.stage, state.promised) == (COPIED, B4)
    assert load(benches, bench.disk).role.accepted == {1: (B3, b"high"), 2: (B2, b"two")}


def test_what_any_peer_forgot_counts_as_forgotten(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(acceptor(2), copied(truncated=7))
    bench.deliver(acceptor(3), copied(AcceptedValue(4, B2, b"v"), truncated=3))
    bench.deliver(acceptor(4), copied())
    bench.drain()
    assert load(benches, bench.disk).role.state.truncated == 7


def test_once_copied_more_copies_change_nothing(benches: Benches) -> None:
    bench = copy_all(load(benches))
    bench.deliver(acceptor(5), copied(AcceptedValue(1, B4, b"late"), promised=B4))
    bench.expect()
    assert bench.role.state.promised == B2


def test_it_enrols_once_it_knows_its_epoch(benches: Benches) -> None:
    bench = copy_all(load(benches))
    bench.wake(RETRY)
    bench.expect(Envelope(learner(1), Ask()))
    bench.deliver(learner(1), Applied(0, 3, (), ()))
    bench.wake(RETRY)
    bench.expect(Envelope(learner(1), Ask()), Envelope(front(1), Enter(VOTER.opcode, NEW)))


def test_a_second_loss_takes_the_next_epoch(benches: Benches) -> None:
    bench = copy_all(load(benches))
    bench.deliver(
        learner(1), Applied(0, 3, (), (Voter(1, 4, "disk before"), Voter(2, 2, "another")))
    )
    bench.wake(RETRY)
    assert bench.find(Enter) == [Enter(VOTER.opcode, Voter(1, 5, "new disk"))]


def test_before_the_copies_are_durable_it_does_not_enrol(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(learner(1), Applied(0, 3, (), ()))
    bench.wake()
    assert bench.drain() == [Envelope(acceptor(peer), Copy(1)) for peer in (2, 3, 4, 5)]


def test_a_restart_after_copying_goes_on_from_there(benches: Benches) -> None:
    bench = load(benches, copy_all(load(benches)).disk)
    bench.wake()
    bench.expect(Envelope(learner(1), Ask()))
    bench.answer(proposer(2), Prepare(B3, 1, 0), Refused(B3, B2, "recovering"))


def test_a_restart_before_copying_ended_begins_again(benches: Benches) -> None:
    first = load(benches)
    first.deliver(acceptor(2), copied(AcceptedValue(1, B2, b"v"), promised=B2))
    first.expect()
    bench = load(benches, first.disk)
    bench.wake()
    assert len(bench.find(Copy)) == 4


def test_elected_it_votes_in_its_new_epoch_after_one_lease(benches: Benches) -> None:
    bench = elect(copy_all(load(benches)))
    bench.expect(wrote=True)
    assert not bench.role.recovering
    bench.answer(proposer(4), Prepare(B4, 10, 0), Refused(B4, B2, "lease"))
    bench.now += TIMING.hold
    bench.deliver(proposer(4), Prepare(B4, 10, 0))
    (promise,) = bench.find(Promise)
    assert promise.epoch == 2


@pytest.mark.parametrize("voters", [(), (Voter(1, 2, "disk before"),), (Voter(2, 2, "new disk"),)])
def test_others_election_is_not_ours(benches: Benches, voters: tuple[Voter, ...]) -> None:
    bench = copy_all(load(benches))
    bench.deliver(learner(1), Applied(0, 9, (), voters))
    bench.deliver(learner(1), Durable(9))
    bench.expect()
    assert bench.role.recovering


def test_an_election_before_the_copies_is_not_enough(benches: Benches) -> None:
    bench = elect(load(benches))
    bench.expect()
    assert bench.role.recovering


def test_no_vote_before_our_learner_has_the_election_on_its_disk(benches: Benches) -> None:
    """A crash could make every learner forget the epoch; then nobody would count our votes."""
    bench = copy_all(load(benches))
    bench.deliver(learner(1), Applied(0, 9, (), (NEW,)))
    bench.deliver(learner(1), Durable(8))
    assert bench.role.recovering
    bench.deliver(learner(1), Durable(9))
    bench.expect(wrote=True)
    assert not bench.role.recovering


def test_its_epoch_survives_a_restart(benches: Benches) -> None:
    bench = elect(copy_all(load(benches)))
    bench.drain()
    again = load(benches, bench.disk, bench.now)
    assert (again.role.recovering, again.role.state.epoch) == (False, 2)


def test_what_peers_saw_of_the_lost_disk_does_not_condemn_the_new_one(benches: Benches) -> None:
    """Peers that have not applied the VOTER command yet still send the old count of writes."""
    bench = elect(copy_all(load(benches)))
    bench.drain()
    bench.now += TIMING.hold
    bench.deliver(proposer(3), Prepare(B3, 10, 1_000_000))
    assert len(bench.find(Promise)) == 1


@pytest.mark.parametrize(("ids", "need"), [((1, 2), 1), ((1, 2, 3), 2), ((1, 2, 3, 4), 2)])
def test_how_many_peers_are_copied(benches: Benches, ids: tuple[int, ...], need: int) -> None:
    bench = load(benches, ids=ids)
    for count, peer in enumerate(ids[1:], 1):
        assert bench.role.state.stage == (COPIED if count > need else MUST_COPY)
        bench.deliver(acceptor(peer), copied())
        bench.drain()
    assert bench.role.state.stage == COPIED


def test_a_wake_of_a_voter_asks_what_the_log_says_of_it_and_that_is_all(benches: Benches) -> None:
    bench = elect(copy_all(load(benches)))
    bench.expect(wrote=True)
    bench.wake()
    bench.expect(Envelope(learner(1), Ask()))
    bench.wake()
    bench.expect()
