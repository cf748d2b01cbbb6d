"""The proposer: campaigns, pre-votes, phase 1, epochs, and when it is in office at all."""

from __future__ import annotations

import pytest

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.leadership import NO_OP
from kvrmi.paxos.messages import (
    Accept,
    AcceptedValue,
    Applied,
    Ask,
    Behind,
    CampaignNow,
    Chosen,
    Confirm,
    Followed,
    Leading,
    Noted,
    Offered,
    Prepare,
    PreVote,
    PreVoted,
    Propose,
    Refused,
    RolesUp,
)
from kvrmi.roles.contract import Envelope, NotSent, Unreachable

from .bench import (
    IDS,
    TIMING,
    Benches,
    acceptor,
    ballot,
    batch,
    front,
    host,
    learner,
    proposer,
)
from .leader import (
    B,
    accepted,
    campaigning,
    choose,
    elected,
    follower,
    heard,
    leader,
    leased,
    promise,
    propose,
    wait_until_due,
)

OTHER = ballot(4, 3)


# --- before phase 1 -------------------------------------------------------------------------------


def test_it_asks_its_learner_before_anything_else(benches: Benches) -> None:
    follower(benches)


def test_a_candidate_asks_everybody_whether_they_would_promise(benches: Benches) -> None:
    bench = follower(benches)
    bench.wake()
    bench.expect(*(Envelope(acceptor(i), PreVote(B)) for i in (2, 3, 1)))


def test_nobody_campaigns_while_a_leader_is_heard_of(benches: Benches) -> None:
    bench = follower(benches)
    bench.deliver(acceptor(1), Followed(OTHER, 0, 0))
    bench.expect(Envelope(front(1), Leading(3, OTHER, False)))
    bench.wake(TIMING.election_min - 0.01)
    bench.expect()


def test_a_silent_leader_is_forgotten_and_then_succeeded(benches: Benches) -> None:
    bench = follower(benches)
    bench.deliver(acceptor(1), Followed(OTHER, 0, 0))
    bench.drain()
    bench.wake(TIMING.election_min + 0.001)
    bench.expect(Envelope(front(1), Leading(0, NO_BALLOT, False, "no heartbeat in time")))
    bench.wake(TIMING.election_max)
    assert bench.find(PreVote)[0] == PreVote(ballot(5))


@pytest.mark.parametrize("roles", [RolesUp(True, False), RolesUp(True, True, votes=False)])
def test_only_who_has_all_three_roles_campaigns(benches: Benches, roles: RolesUp) -> None:
    bench = follower(benches)
    bench.deliver(host(1), roles)
    bench.wake()
    assert not bench.find(PreVote)
    bench.deliver(host(1), RolesUp(True, True))
    bench.deliver(learner(1), Applied(0, 0, (), ()))
    bench.wake(TIMING.election_max + 0.01)
    assert len(bench.find(PreVote)) == 3


def test_a_lost_pre_vote_raises_no_ballot(benches: Benches) -> None:
    bench = follower(benches)
    for _ in range(5):
        wait_until_due(bench)
        assert bench.find(PreVote)[0] == PreVote(B)
        bench.deliver(acceptor(1), PreVoted(B, False, NO_BALLOT))
        bench.expect()


def test_a_pre_vote_without_answers_is_given_up_in_time(benches: Benches) -> None:
    bench = follower(benches)
    bench.wake()
    bench.drain()
    bench.wake(TIMING.answer)
    bench.expect()
    bench.wake(TIMING.backoff_max)
    assert len(bench.find(PreVote)) == 3


def test_ballots_are_raised_above_all_that_were_heard_of(benches: Benches) -> None:
    bench = follower(benches)
    bench.wake()
    bench.drain()
    bench.deliver(acceptor(2), PreVoted(B, False, ballot(7, 2)))
    bench.deliver(acceptor(1), PreVoted(B, False, ballot(6, 2)))
    bench.wake(TIMING.backoff_max)
    assert bench.find(PreVote)[0] == PreVote(ballot(8))


def test_answers_to_another_pre_vote_do_not_count(benches: Benches) -> None:
    bench = follower(benches)
    bench.wake()
    bench.drain()
    for replica in IDS:
        bench.deliver(acceptor(replica), PreVoted(ballot(9), True, NO_BALLOT))
    bench.expect()


# --- phase 1 --------------------------------------------------------------------------------------


def test_our_own_acceptor_promises_before_any_peer_sees_the_ballot(benches: Benches) -> None:
    bench = campaigning(follower(benches, applied=4))
    bench.expect(Envelope(acceptor(1), Prepare(B, 5, 0)))
    bench.deliver(acceptor(1), promise(slot=5))
    bench.expect(*(Envelope(acceptor(i), Prepare(B, 5, 0)) for i in (2, 3)))


def test_without_our_own_acceptors_promise_nothing_happens(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.drain()
    bench.deliver(acceptor(1), Refused(B, NO_BALLOT, "lease"))
    bench.expect()
    bench.wake(TIMING.backoff_max)
    assert len(bench.find(PreVote)) == 3


def test_a_higher_promise_somewhere_ends_the_attempt(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.deliver(acceptor(1), promise())
    bench.drain()
    bench.deliver(acceptor(3), Refused(B, OTHER, "ballot"))
    bench.deliver(acceptor(2), promise())
    bench.expect()
    bench.wake(TIMING.backoff_max)
    assert bench.find(PreVote)[0] == PreVote(ballot(5))


def test_a_lease_somewhere_else_does_not(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.deliver(acceptor(1), promise())
    bench.deliver(acceptor(3), Refused(B, NO_BALLOT, "lease"))
    bench.deliver(acceptor(2), promise())
    assert bench.role.leading
    bench.drain()


def test_a_promise_in_pages_counts_when_it_is_complete(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.deliver(acceptor(1), promise())
    bench.drain()
    bench.deliver(acceptor(2), promise(AcceptedValue(1, ballot(1, 2), batch("a")), more=2))
    bench.expect(Envelope(acceptor(2), Prepare(B, 2, 0)))
    bench.deliver(acceptor(2), promise(AcceptedValue(2, ballot(1, 2), batch("b")), slot=2))
    assert bench.find(Accept)[0] == Accept(B, 1, batch("a"), 0, True)


def test_a_promise_of_another_ballot_does_not_count(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.deliver(acceptor(1), promise())
    bench.drain()
    bench.deliver(acceptor(2), promise(at=ballot(3)))
    bench.expect()


def test_phase_1_without_a_quorum_is_given_up_in_time(benches: Benches) -> None:
    bench = campaigning(follower(benches))
    bench.deliver(acceptor(1), promise())
    bench.drain()
    bench.wake(2 * TIMING.answer)
    bench.deliver(acceptor(2), promise())
    bench.expect()
    assert not bench.role.leading


# --- other leaders --------------------------------------------------------------------------------


def test_a_higher_ballot_ends_a_term(benches: Benches) -> None:
    bench = leased(leader(benches))
    bench.deliver(acceptor(3), Refused(B, OTHER, "ballot"))
    bench.expect(Envelope(front(1), Leading(0, NO_BALLOT, False, "acceptor 3 promised 4.3")))
    assert not bench.role.may_read(bench.now)


def test_following_another_leader_ends_a_term(benches: Benches) -> None:
    bench = leader(benches)
    bench.deliver(acceptor(1), Followed(OTHER, 0, 0))
    assert not bench.role.leading
    assert len(bench.find(Leading)) == 1


def test_an_acceptor_that_missed_our_prepare_is_asked_again(benches: Benches) -> None:
    bench = leader(benches)
    bench.deliver(acceptor(3), Refused(B, NO_BALLOT, "ballot"))
    bench.expect(Envelope(acceptor(3), Prepare(B, 2, 0)))


def test_an_acceptor_that_forgot_the_slot_shows_that_we_lag(benches: Benches) -> None:
    """It answers heartbeats, so the term goes on; the slot is chosen and has to be fetched."""
    bench = leader(benches)
    propose(bench, b"command")
    bench.deliver(acceptor(3), Refused(B, B, "truncated"))
    bench.expect(Envelope(learner(1), Behind(3, 2)))


def test_a_dead_leader_is_succeeded_when_its_lease_is_over(benches: Benches) -> None:
    bench = follower(benches)
    bench.deliver(acceptor(1), Followed(OTHER, 0, 0))
    bench.drain()
    bench.deliver(host(1), Unreachable(3))
    bench.wake(TIMING.lease)
    bench.expect()
    bench.wake(0.02)
    assert len(bench.find(PreVote)) == 3


# --- our own roles --------------------------------------------------------------------------------


def test_a_leader_without_its_learner_steps_down(benches: Benches) -> None:
    bench = leased(leader(benches))
    bench.deliver(host(1), RolesUp(True, False))
    assert not bench.role.leading
    assert not bench.role.may_read(bench.now)
    bench.drain()


def test_a_learner_that_was_restarted_is_asked_again_how_far_it_is(benches: Benches) -> None:
    """Its disk lags behind what it had applied; those slots have to be proposed again."""
    bench = leader(benches, applied=20)
    bench.deliver(host(1), RolesUp(True, False))
    bench.deliver(host(1), RolesUp(True, True))
    bench.drain()
    bench.wake()
    bench.expect(Envelope(learner(1), Ask()))
    bench.deliver(learner(1), Applied(0, 15, (), ()))
    assert bench.role.applied == 15


def test_a_leader_without_its_acceptor_goes_on_while_others_give_a_quorum(
    benches: Benches,
) -> None:
    bench = leader(benches)
    bench.deliver(host(1), RolesUp(False, True))
    propose(bench, b"command")
    bench.deliver(acceptor(2), accepted(2))
    bench.deliver(acceptor(3), accepted(2))
    assert len(bench.find(Chosen)) == 1


def test_out_of_office_batches_and_confirmations_are_returned(benches: Benches) -> None:
    bench = follower(benches)
    for request_ in (Propose(B, (b"command",)), Confirm(3)):
        bench.answer(front(1), request_, NotSent(1, request_))


def test_a_batch_for_another_ballot_is_returned(benches: Benches) -> None:
    """Other replicas' commands in it may have been refused since, and sent elsewhere."""
    bench = leader(benches)
    late = Propose(ballot(0), (b"late",))
    bench.answer(front(1), late, NotSent(1, late))


def test_a_batch_too_many_is_returned(benches: Benches) -> None:
    bench = leader(benches)
    propose(bench, b"one")
    second = Propose(B, (b"two",))
    bench.answer(front(1), second, NotSent(1, second))


# --- alone, and asked by others -------------------------------------------------------------------


def test_a_single_replica_elects_itself(benches: Benches) -> None:
    bench = follower(benches, ids=(1,))
    bench.wake()
    bench.expect(Envelope(acceptor(1), PreVote(B)))
    bench.deliver(acceptor(1), PreVoted(B, True, NO_BALLOT))
    bench.expect(Envelope(acceptor(1), Prepare(B, 1, 0)))
    bench.deliver(acceptor(1), promise())
    assert bench.find(Accept) == [Accept(B, 1, NO_OP, 0, True)]
    bench.deliver(acceptor(1), accepted(1))
    assert len(bench.find(Chosen)) == 1


def test_asked_to_campaign_it_does_so_at_once(benches: Benches) -> None:
    bench = follower(benches)
    bench.deliver(acceptor(1), Followed(OTHER, 0, 0))
    bench.drain()
    bench.deliver(proposer(3), CampaignNow(OTHER))
    out = bench.drain()
    assert out[0] == Envelope(proposer(3), Noted(OTHER))
    assert Envelope(acceptor(1), PreVote(ballot(5))) in out


def test_a_heartbeat_that_comes_behind_the_hand_over_delays_nothing(benches: Benches) -> None:
    # Both leave in one step, but by different lanes: the last heartbeat may come second.
    bench = follower(benches)
    bench.deliver(proposer(3), CampaignNow(OTHER))
    bench.drain()
    bench.deliver(acceptor(1), Followed(OTHER, 0, 0))
    for who in (1, 2, 3):
        bench.deliver(acceptor(who), PreVoted(ballot(5), True, OTHER))
    assert Envelope(acceptor(1), Prepare(ballot(5), 1, 0)) in bench.drain()
    bench.deliver(acceptor(1), Followed(Ballot(6, 2), 0, 0))
    bench.expect(Envelope(front(1), Leading(2, Ballot(6, 2), False)))


def test_a_leader_asked_to_campaign_stays_where_it_is(benches: Benches) -> None:
    bench = leader(benches)
    bench.answer(proposer(3), CampaignNow(NO_BALLOT), Noted(NO_BALLOT))
    assert bench.role.leading


def test_stale_answers_out_of_office_change_nothing(benches: Benches) -> None:
    bench = follower(benches)
    for message in (accepted(1), heard(1), promise(), PreVoted(B, True, NO_BALLOT)):
        bench.deliver(acceptor(2), message)
    bench.deliver(proposer(2), Offered(B, True))
    bench.expect()
    assert (bench.role.leading, bench.role.ballot.replica) == (False, 0)


def test_what_was_applied_meanwhile_is_not_proposed_again(benches: Benches) -> None:
    bench = campaigning(follower(benches, applied=0))
    bench.deliver(acceptor(1), promise())
    bench.deliver(learner(1), Applied(0, 2, (), ()))
    bench.drain()
    values = [AcceptedValue(slot, ballot(1, 2), batch(str(slot))) for slot in (1, 2, 3)]
    bench.deliver(acceptor(2), promise(*values))
    assert bench.find(Accept)[0] == Accept(B, 3, batch("3"), 2, True)


def test_the_ballot_never_falls_and_is_never_used_twice(benches: Benches) -> None:
    bench = follower(benches)
    used: list[Ballot] = []
    for _ in range(4):
        campaigning(bench)
        used.append(bench.find(Prepare)[0].ballot)
        bench.deliver(acceptor(1), Refused(used[-1], ballot(used[-1].round + 3, 2), "ballot"))
        bench.drain()
    assert used == sorted(set(used))


def test_a_late_report_of_our_learner_takes_nothing_back(benches: Benches) -> None:
    """Its host may hold a report back until a write is done, and let later ones pass."""
    bench = leader(benches, applied=4)
    bench.deliver(learner(1), Applied(0, 4, (), ()))
    bench.drain()
    accept = propose(bench, b"c")
    assert (accept.slot, accept.chosen) == (6, 5)


def test_in_office_again_it_begins_with_what_it_has_applied(benches: Benches) -> None:
    bench = follower(benches, applied=7)
    accept = elected(bench)
    assert accept is not None
    assert accept.slot == 8
    choose(bench, 8)
    bench.drain()
