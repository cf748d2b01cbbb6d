"""Counting answers before leading: pre-votes, and the promises of phase 1."""

from __future__ import annotations

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.campaign import Phase1, PreVoteRound
from kvrmi.paxos.messages import AcceptedValue, PreVoted, Promise

from .bench import ballot

B1 = ballot(9, 1)


def voted(granted: bool, promised: Ballot = NO_BALLOT) -> PreVoted:
    return PreVoted(B1, granted, promised)


def promise(*values: AcceptedValue, truncated: int = 0, more: int = 0) -> Promise:
    return Promise(B1, 1, 1, 1, values, truncated, more)


def pre_vote(quorum: int = 3) -> PreVoteRound:
    return PreVoteRound(1, B1, quorum, 5.0)


def phase1(quorum: int = 2) -> Phase1:
    return Phase1(B1, 1, quorum, 5.0)


def test_a_quorum_of_would_be_promises_wins() -> None:
    ask = pre_vote()
    for replica in (1, 2, 3):
        assert not ask.won
        ask.add(replica, voted(True))
    assert ask.won
    assert not ask.failed


def test_without_our_own_acceptor_a_quorum_does_not_win() -> None:
    ask = pre_vote()
    for replica in (2, 3, 4):
        ask.add(replica, voted(True))
    assert not ask.won
    ask.add(1, voted(False))
    assert ask.failed


def test_a_quorum_of_refusals_fails() -> None:
    ask = pre_vote()
    for replica in (2, 3, 4):
        assert not ask.failed
        ask.add(replica, voted(False, ballot(7, replica)))
    assert ask.failed


def test_whom_others_follow_is_the_newest_ballot_for_which_they_refuse() -> None:
    ask = pre_vote()
    assert ask.followed == NO_BALLOT
    ask.add(2, voted(True, ballot(8, 2)))
    assert ask.followed == NO_BALLOT
    ask.add(3, voted(False, ballot(7, 3)))
    ask.add(4, voted(False, ballot(6, 4)))
    assert ask.followed == ballot(7, 3)


def test_one_replica_is_counted_once() -> None:
    ask = pre_vote(2)
    ask.add(1, voted(True))
    ask.add(1, voted(True))
    assert not ask.won
    won = phase1()
    won.add(2, promise())
    won.add(2, promise())
    assert not won.won


def test_phase_1_is_won_by_a_quorum_of_complete_answers() -> None:
    attempt = phase1()
    assert attempt.add(1, promise()) == 0
    assert attempt.add(2, promise(more=7)) == 7
    assert not attempt.won
    assert attempt.add(2, promise()) == 0
    assert attempt.won


def test_of_each_slot_the_highest_accepted_ballot_is_adopted() -> None:
    attempt = phase1()
    attempt.add(1, promise(AcceptedValue(1, ballot(3), b"3"), AcceptedValue(2, ballot(4), b"4")))
    attempt.add(2, promise(AcceptedValue(1, ballot(5), b"5"), AcceptedValue(2, ballot(2), b"2")))
    attempt.add(3, promise(AcceptedValue(1, ballot(4), b"x")))
    assert attempt.open_values() == {1: b"5", 2: b"4"}


def test_the_highest_truncation_point_is_kept_with_who_knows_more() -> None:
    attempt = phase1()
    attempt.add(1, promise(truncated=3))
    attempt.add(2, promise(truncated=8))
    attempt.add(3, promise(truncated=5))
    assert (attempt.truncated, attempt.informant) == (8, 2)
