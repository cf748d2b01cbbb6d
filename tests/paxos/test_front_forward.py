"""Forwarding: one hop to the leader's front, and what may be said of a request afterwards."""

from __future__ import annotations

import gc

import pytest

from kvrmi.interface import Answer, Request
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import GRACE, OVERLOADED, PAUSE, QUEUE_MAX
from kvrmi.paxos.messages import Confirm, Confirmed, Forward, Forwarded, Propose
from kvrmi.paxos.tickets import NO_QUORUM, NOT_LEADER, UNKNOWN
from kvrmi.roles.contract import Envelope, NoAnswer, NotSent

from .bench import TIMING, Benches, front, ok, proposer
from .desk import FIRST, Desk, following, leading

LEADER, PROPOSER = front(2), proposer(1)
PEER_BYTES = 4 << 20
"""The largest message between replicas."""


def forward(desk: Desk) -> Forward:
    """The one Forward that came out."""
    (sent,) = desk.bench.find(Forward)
    return sent


def forwarded(desk: Desk, number: int, *answers: Answer) -> None:
    desk.bench.tell(LEADER, Forwarded(number, answers))


def asked(
    desk: Desk, *payloads: bytes, reads: bool = False, patience: float = 2.0, round: int = 1
) -> None:
    """Front 2 forwards its clients' requests to us, as number 5, for our ballot of `round`."""
    requests = tuple(Request(reads, payload) for payload in payloads)
    desk.bench.tell(LEADER, Forward(5, Ballot(round, 1), requests, patience))


# --- a follower's front ---------------------------------------------------------------------------


def test_requests_are_forwarded_to_the_leader(benches: Benches) -> None:
    desk = following(benches)
    desk.submit(b"c")
    sent = forward(desk)
    assert sent[:3] == (FIRST, Ballot(1, 2), (Request(False, b"c"),))
    assert sent.patience == pytest.approx(TIMING.request - GRACE)


def test_one_forward_at_a_time_the_rest_waits(benches: Benches) -> None:
    desk = following(benches)
    first = desk.submit(b"1")
    desk.submit(b"2")
    desk.submit(b"3")
    assert forward(desk).requests == (Request(False, b"1"),)
    forwarded(desk, FIRST, ok(9, 9))
    assert first.answer == ok(9, 9)
    assert forward(desk).requests == (Request(False, b"2"), Request(False, b"3"))


def test_what_our_own_learner_applied_first_answers_as_well(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    desk.applied(3, b"c")
    assert ticket.answer == ok(3, 3)
    forwarded(desk, FIRST, ok(3, 3))
    assert ticket.answer == ok(3, 3)


def test_not_leader_is_definite_the_request_is_sent_again(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    forwarded(desk, FIRST, NOT_LEADER)
    desk.bench.expect()
    desk.bench.wake(PAUSE)
    assert forward(desk).number == FIRST + 1
    forwarded(desk, FIRST + 1, NOT_LEADER)
    desk.bench.wake(TIMING.request)
    assert ticket.answer == NO_QUORUM


def test_a_refused_forward_keeps_its_order(benches: Benches) -> None:
    desk = following(benches)
    desk.submit(b"0")
    for command in (b"1", b"2", b"3"):
        desk.submit(command)
    desk.bench.drain()
    forwarded(desk, FIRST, ok(1, 1))
    sent = forward(desk)
    forwarded(desk, FIRST + 1, NOT_LEADER, NOT_LEADER, NOT_LEADER)
    desk.bench.wake(PAUSE)
    assert forward(desk).requests == sent.requests


def test_a_forward_that_was_not_sent_is_definite_as_well(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.tell(LEADER, NotSent(2, forward(desk)))
    desk.bench.wake(PAUSE)
    desk.bench.tell(LEADER, NotSent(2, forward(desk)))
    desk.bench.wake(TIMING.request)
    assert ticket.answer == NO_QUORUM


def test_a_forward_without_answer_is_not(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.tell(LEADER, NoAnswer(2, forward(desk)))
    desk.bench.wake(PAUSE)
    desk.bench.expect()  # without a session it is never sent a second time
    desk.bench.wake(TIMING.request)
    assert ticket.answer == UNKNOWN


def test_after_no_answer_the_log_may_still_tell(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.tell(LEADER, NoAnswer(2, forward(desk)))
    desk.applied(3, b"c")
    assert ticket.answer == ok(3, 3)


@pytest.mark.parametrize("reads", [True, False])
def test_reads_and_sessions_commands_are_sent_again(benches: Benches, reads: bool) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c", reads=reads, repeatable=not reads)
    desk.bench.tell(LEADER, NoAnswer(2, forward(desk)))
    desk.bench.wake(PAUSE)
    again = forward(desk)
    assert again.requests == (Request(reads, b"c"),)
    forwarded(desk, again.number, ok(3, 3))
    assert ticket.answer == ok(3, 3)


@pytest.mark.parametrize("answer", [NO_QUORUM, OVERLOADED])
def test_once_in_doubt_nothing_done_this_time_is_not_nothing_done(
    benches: Benches, answer: Answer
) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c", repeatable=True)
    desk.bench.tell(LEADER, NoAnswer(2, forward(desk)))
    desk.bench.wake(PAUSE)
    forwarded(desk, forward(desk).number, answer)
    assert ticket.answer == UNKNOWN


def test_at_first_sending_nothing_done_is_passed_on(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c", repeatable=True)
    desk.bench.drain()
    forwarded(desk, FIRST, NO_QUORUM)
    assert ticket.answer == NO_QUORUM


def test_an_unknown_outcome_with_time_left_is_tried_again_by_sessions(benches: Benches) -> None:
    desk = following(benches)
    plain, session = desk.submit(b"p"), desk.submit(b"s", repeatable=True)
    desk.bench.drain()
    forwarded(desk, FIRST, UNKNOWN)
    assert forward(desk).requests == (Request(False, b"s"),)
    forwarded(desk, FIRST + 1, UNKNOWN)
    assert forward(desk).requests == (Request(False, b"s"),)
    desk.bench.wake(TIMING.request)
    assert (plain.answer, session.answer) == (UNKNOWN, UNKNOWN)


def test_what_the_log_answers_is_final_an_expired_session_too(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"s", repeatable=True)
    desk.bench.drain()
    expired = Answer("UNKNOWN_OUTCOME", "session expired", 7)
    forwarded(desk, FIRST, expired)
    assert ticket.answer == expired
    desk.bench.expect()


def test_an_answer_to_another_forward_is_ignored(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    forwarded(desk, FIRST - 1, ok(1, 1))
    assert ticket.answer is None


def test_nobody_waits_for_a_former_leaders_answer(benches: Benches) -> None:
    """It may be stopped; a session's command can go to the new one at once."""
    desk = following(benches)
    ticket = desk.submit(b"c", repeatable=True)
    desk.bench.drain()
    desk.leads(3, round=2)
    again = forward(desk)
    forwarded(desk, FIRST, ok(3, 3))
    assert ticket.answer is None
    forwarded(desk, again.number, ok(4, 4))
    assert ticket.answer == ok(4, 4)


def test_a_former_leaders_late_refusal_is_as_definite_as_an_early_one(benches: Benches) -> None:
    """An orderly hand-over: the new leader is often heard of first."""
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    desk.leads(3, round=2)
    desk.bench.expect()  # it may have been chosen
    forwarded(desk, FIRST, NOT_LEADER)
    assert forward(desk)[:3] == (FIRST + 1, Ballot(2, 3), (Request(False, b"c"),))
    forwarded(desk, FIRST + 1, ok(3, 3))
    assert ticket.answer == ok(3, 3)


def test_a_former_leaders_late_answer_is_an_answer(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    desk.leads(3, round=2)
    forwarded(desk, FIRST, ok(3, 3))
    assert ticket.answer == ok(3, 3)


def test_a_late_refusal_of_a_session_does_not_send_it_a_third_time(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c", repeatable=True)
    desk.bench.drain()
    desk.leads(3, round=2)
    again = forward(desk)
    forwarded(desk, FIRST, NOT_LEADER)
    desk.bench.wake(PAUSE)
    desk.bench.expect()
    forwarded(desk, again.number, ok(3, 3))
    assert ticket.answer == ok(3, 3)


# --- the leader's front ---------------------------------------------------------------------------


def test_forwarded_requests_are_answered_together_when_all_are_settled(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"own")
    desk.bench.drain()
    asked(desk, b"1", b"2")
    desk.bench.expect()
    desk.leads(1)
    desk.bench.expect(Envelope(PROPOSER, Propose(Ballot(1, 1), (b"1", b"2"))))
    desk.applied(3, b"1")
    desk.bench.expect()
    desk.applied(4, b"2")
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (ok(3, 3), ok(4, 4)))))


def test_forwarded_reads_are_answered_under_our_lease(benches: Benches) -> None:
    desk = leading(benches)
    desk.lease = True
    asked(desk, b"q", reads=True)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (ok("q", 7),))))


def test_forwarded_reads_are_confirmed_without_a_lease(benches: Benches) -> None:
    desk = leading(benches)
    asked(desk, b"q", reads=True)
    desk.bench.expect(Envelope(PROPOSER, Confirm(FIRST)))
    desk.bench.tell(PROPOSER, Confirmed(FIRST, 0))
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (ok("q", 7),))))


@pytest.mark.parametrize("leader", [0, 3])
def test_who_does_not_lead_says_so_at_once_and_forwards_nothing(
    benches: Benches, leader: int
) -> None:
    """One hop, no further."""
    desk = Desk(benches)
    desk.leads(leader)
    asked(desk, b"c", b"d")
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER, NOT_LEADER))))


@pytest.mark.parametrize("round", [1, 3])
def test_a_forward_for_another_ballot_of_ours_is_refused(benches: Benches, round: int) -> None:
    """It is late: whoever sent it may have decided by now that it can never be chosen."""
    desk = Desk(benches)
    desk.leads(1, round=2)
    asked(desk, b"c", round=round)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_what_still_queues_at_our_next_ballot_goes_back(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"own")
    asked(desk, b"c")
    desk.bench.drain()
    desk.leads(1, round=2)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_what_still_queues_when_leadership_ends_goes_back(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"own")
    asked(desk, b"c")
    desk.bench.drain()
    desk.leads(3, round=2)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_what_was_proposed_when_leadership_ends_is_not_refused(benches: Benches) -> None:
    desk = leading(benches)
    asked(desk, b"c", patience=1.0)
    desk.bench.drain()
    desk.leads(3, round=2)
    desk.bench.expect()
    desk.bench.wake(1.0)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (UNKNOWN,))))


def test_a_returned_proposal_of_others_goes_back_as_well(benches: Benches) -> None:
    desk = leading(benches)
    asked(desk, b"c")
    (propose,) = desk.bench.find(Propose)
    desk.leads(0)
    desk.bench.tell(PROPOSER, NotSent(1, propose))
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_a_forward_is_answered_within_its_patience(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"own")
    asked(desk, b"c", patience=0.5)
    desk.bench.drain()
    desk.bench.wake(0.5)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NO_QUORUM,))))


def test_a_full_queue_turns_forwarded_requests_away(benches: Benches) -> None:
    desk = leading(benches)
    for _ in range(QUEUE_MAX + 1):
        desk.submit(b"c")
    desk.bench.drain()
    asked(desk, b"c")
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (OVERLOADED,))))


def test_an_answer_to_another_replica_fits_into_one_message(benches: Benches) -> None:
    """Values have up to 1 MiB, and what does not fit must not break the connection for ever."""
    desk = leading(benches)
    desk.lease = True
    questions = tuple(b"%d" % number for number in range(8))
    for question in questions:
        desk.answers[question] = ok("x" * (1 << 20), 7)
    asked(desk, *questions, reads=True)
    (answer,) = desk.bench.find(Forwarded)
    assert len(answer.answers) == len(questions)
    assert sum(len(str(a.value)) for a in answer.answers) < PEER_BYTES - (1 << 16)
    assert answer.answers[0].code == "OK"


def test_a_returned_proposal_refuses_nothing_that_was_proposed_before(benches: Benches) -> None:
    """The same command, forwarded at ballot 1 and proposed there, then retried here at ballot 2."""
    desk = leading(benches)
    asked(desk, b"c", patience=1.0)
    desk.leads(0)
    desk.leads(1, round=2)
    desk.bench.drain()
    desk.submit(b"c", repeatable=True)
    (propose,) = desk.bench.find(Propose)
    desk.leads(0)
    desk.bench.tell(PROPOSER, NotSent(1, propose))
    desk.bench.expect()
    desk.bench.wake(1.0)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (UNKNOWN,))))


def test_what_is_answered_is_freed_without_the_collector(benches: Benches) -> None:
    """It runs seldom, on purpose: values of answered requests would fill the memory meanwhile."""
    leader, follower = leading(benches), following(benches)
    gc.collect()
    gc.disable()
    try:
        for number in range(20):
            payload = b"%d" % number
            leader.leads(1)
            follower.submit(payload)
            leader.bench.tell(LEADER, forward(follower)._replace(ballot=Ballot(1, 1)))
            leader.applied(number, payload)
            (answer,) = leader.bench.find(Forwarded)
            follower.bench.tell(LEADER, answer)
        assert gc.collect() == 0
    finally:
        gc.enable()
