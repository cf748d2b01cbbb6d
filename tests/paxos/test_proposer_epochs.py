"""The proposer counts votes of the epoch in force, and begins anew when that changes."""

from __future__ import annotations

from kvrmi.operations.commands import Voter
from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.messages import Applied, Behind, Chosen, Heartbeat, Leading, PreVote
from kvrmi.roles.contract import Envelope

from .bench import TIMING, Benches, acceptor, ballot, front, learner
from .leader import accepted, campaigning, follower, heard, leader, leased, promise, propose


def test_a_promise_of_an_old_epoch_does_not_count(benches: Benches) -> None:
    bench = campaigning(follower(benches, voters=(Voter(2, 2, "new disk"),)))
    bench.deliver(acceptor(1), promise())
    bench.drain()
    bench.deliver(acceptor(2), promise(epoch=1))
    bench.expect()
    bench.deliver(acceptor(2), promise(epoch=2))
    assert bench.role.leading
    bench.drain()


def test_a_promise_of_a_newer_epoch_shows_that_we_lag(benches: Benches) -> None:
    bench = campaigning(follower(benches, applied=4))
    bench.deliver(acceptor(1), promise(slot=5))
    bench.drain()
    bench.deliver(acceptor(2), promise(slot=5, epoch=2))
    bench.expect(Envelope(learner(1), Behind(2, 5)))


def test_acceptances_and_grants_count_in_the_epoch_in_force_only(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"command")
    bench.deliver(acceptor(1), accepted(2))
    bench.deliver(acceptor(2), accepted(2, epoch=2))
    bench.expect()
    bench.deliver(acceptor(2), accepted(2))
    assert len(bench.find(Chosen)) == 1
    bench.wake(TIMING.heartbeat)
    beat = bench.find(Heartbeat)[0].beat
    bench.deliver(acceptor(1), heard(beat))
    bench.deliver(acceptor(2), heard(beat, epoch=2))
    assert not bench.role.may_read(bench.now)


def test_phase_1_is_repeated_when_epochs_change(benches: Benches) -> None:
    """In office: the term ends with its lease, and a new campaign begins at once."""
    bench = leased(leader(benches))
    assert bench.role.may_read(bench.now)
    bench.deliver(learner(1), Applied(0, 2, (), (Voter(3, 2, "new disk"),)))
    assert not bench.role.leading
    assert not bench.role.may_read(bench.now)
    why = "the log has new voters, so promises are asked for anew"
    bench.expect(Envelope(front(1), Leading(0, NO_BALLOT, False, why)))
    bench.wake()
    assert bench.find(PreVote)[0] == PreVote(ballot(2))


def test_promises_collected_before_epochs_changed_are_dropped(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.deliver(acceptor(1), promise())
    bench.drain()
    bench.deliver(learner(1), Applied(0, 1, (), (Voter(3, 2, "new disk"),)))
    bench.deliver(acceptor(2), promise())
    assert not bench.role.leading
    bench.expect()


def test_a_vote_of_an_acceptor_on_an_old_disk_does_not_count(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"command")
    bench.deliver(acceptor(1), accepted(2))
    bench.deliver(acceptor(2), accepted(2, writes=2))
    bench.expect()


def test_a_late_report_of_our_learner_brings_no_old_epoch_back(benches: Benches) -> None:
    """Its host may hold a report back until a write is done, and let later ones pass."""
    bench = follower(benches, applied=4)
    voters = (Voter(2, 2, "new disk"),)
    bench.deliver(learner(1), Applied(0, 6, (), voters))
    bench.deliver(learner(1), Applied(0, 5, (), ()))
    campaigning(bench)
    bench.deliver(acceptor(1), promise(slot=7))
    bench.drain()
    bench.deliver(acceptor(2), promise(slot=7, epoch=1))
    assert not bench.role.leading
    bench.deliver(acceptor(2), promise(slot=7, epoch=2))
    assert bench.role.leading
    bench.drain()
