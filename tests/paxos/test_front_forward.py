"""Forwarding: one hop to the leader's front, and what may be said of a request afterwards."""

from __future__ import annotations

import gc

import pytest
from msgspec.structs import replace

from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import GRACE, PAUSE, QUEUE_MAX
from kvrmi.paxos.gathering import HOLD
from kvrmi.paxos.messages import Confirm, Confirmed, Forward, Forwarded, Propose
from kvrmi.paxos.submissions import NO_QUORUM, NOT_LEADER, OVERLOADED, UNKNOWN
from kvrmi.roles.contract import Envelope, NoAnswer, NotSent

from .bench import TIMING, Benches, front, ok, proposer
from .fronts import FIRST, FrontBench, following, leading

LEADER, PROPOSER = front(2), proposer(1)
PEER_BYTES = 4 << 20
"""The largest message between replicas."""


def forward(client: FrontBench) -> Forward:
    """The one Forward that came out."""
    (sent,) = client.bench.find(Forward)
    return sent


def forwarded(client: FrontBench, number: int, *answers: Answer) -> None:
    client.bench.deliver(LEADER, Forwarded(number, answers))


def asked(
    client: FrontBench, *payloads: bytes, reads: bool = False, timeout: float = 2.0, round: int = 1
) -> None:
    """Front 2 forwards its clients' requests to us, as number 5, for our ballot of `round`."""
    requests = tuple(Request(reads, payload) for payload in payloads)
    client.bench.deliver(LEADER, Forward(5, Ballot(round, 1), requests, timeout))


# --- a follower's front ---------------------------------------------------------------------------


def test_requests_are_forwarded_to_the_leader(benches: Benches) -> None:
    client = following(benches)
    client.submit(b"c")
    sent = forward(client)
    assert sent == Forward(FIRST, Ballot(1, 2), (Request(False, b"c"),), sent.timeout)
    assert sent.timeout == pytest.approx(TIMING.request - GRACE)


def test_one_forward_at_a_time_the_rest_waits(benches: Benches) -> None:
    client = following(benches)
    first = client.submit(b"1")
    client.submit(b"2")
    client.submit(b"3")
    assert forward(client).requests == (Request(False, b"1"),)
    forwarded(client, FIRST, ok(9, 9))
    assert first.answer == ok(9, 9)
    assert forward(client).requests == (Request(False, b"2"), Request(False, b"3"))


def test_what_our_own_learner_applied_first_answers_as_well(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    client.applied(3, b"c")
    assert submission.answer == ok(3, 3)
    forwarded(client, FIRST, ok(3, 3))
    assert submission.answer == ok(3, 3)


def test_not_leader_is_definite_the_request_is_sent_again(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    forwarded(client, FIRST, NOT_LEADER)
    client.bench.expect()
    client.bench.wake(PAUSE)
    assert forward(client).number == FIRST + 1
    forwarded(client, FIRST + 1, NOT_LEADER)
    client.bench.wake(TIMING.request)
    assert submission.answer == NO_QUORUM


def test_a_refused_forward_keeps_its_order(benches: Benches) -> None:
    client = following(benches)
    client.submit(b"0")
    for command in (b"1", b"2", b"3"):
        client.submit(command)
    client.bench.drain()
    forwarded(client, FIRST, ok(1, 1))
    sent = forward(client)
    forwarded(client, FIRST + 1, NOT_LEADER, NOT_LEADER, NOT_LEADER)
    client.bench.wake(PAUSE)
    assert forward(client).requests == sent.requests


def test_a_forward_that_was_not_sent_is_definite_as_well(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.deliver(LEADER, NotSent(2, forward(client)))
    client.bench.wake(PAUSE)
    client.bench.deliver(LEADER, NotSent(2, forward(client)))
    client.bench.wake(TIMING.request)
    assert submission.answer == NO_QUORUM


def test_a_forward_without_answer_is_not(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.deliver(LEADER, NoAnswer(2, forward(client)))
    client.bench.wake(PAUSE)
    client.bench.expect()  # without a session it is never sent a second time
    client.bench.wake(TIMING.request)
    assert submission.answer == UNKNOWN


def test_after_no_answer_the_log_may_still_tell(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.deliver(LEADER, NoAnswer(2, forward(client)))
    client.applied(3, b"c")
    assert submission.answer == ok(3, 3)


@pytest.mark.parametrize("reads", [True, False])
def test_reads_and_sessions_commands_are_sent_again(benches: Benches, reads: bool) -> None:
    client = following(benches)
    submission = client.submit(b"c", reads=reads, repeatable=not reads)
    client.bench.deliver(LEADER, NoAnswer(2, forward(client)))
    client.bench.wake(PAUSE)
    again = forward(client)
    assert again.requests == (Request(reads, b"c"),)
    forwarded(client, again.number, ok(3, 3))
    assert submission.answer == ok(3, 3)


@pytest.mark.parametrize("answer", [NO_QUORUM, OVERLOADED])
def test_once_in_doubt_nothing_done_this_time_is_not_nothing_done(
    benches: Benches, answer: Answer
) -> None:
    client = following(benches)
    submission = client.submit(b"c", repeatable=True)
    client.bench.deliver(LEADER, NoAnswer(2, forward(client)))
    client.bench.wake(PAUSE)
    forwarded(client, forward(client).number, answer)
    assert submission.answer == UNKNOWN


def test_at_first_sending_nothing_done_is_passed_on(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c", repeatable=True)
    client.bench.drain()
    forwarded(client, FIRST, NO_QUORUM)
    assert submission.answer == NO_QUORUM


def test_an_unknown_outcome_with_time_left_is_tried_again_by_sessions(benches: Benches) -> None:
    client = following(benches)
    plain, session = client.submit(b"p"), client.submit(b"s", repeatable=True)
    client.bench.drain()
    forwarded(client, FIRST, UNKNOWN)
    assert forward(client).requests == (Request(False, b"s"),)
    forwarded(client, FIRST + 1, UNKNOWN)
    assert forward(client).requests == (Request(False, b"s"),)
    client.bench.wake(TIMING.request)
    assert (plain.answer, session.answer) == (UNKNOWN, UNKNOWN)


def test_what_the_log_answers_is_final_an_expired_session_too(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"s", repeatable=True)
    client.bench.drain()
    expired = Answer("UNKNOWN_OUTCOME", "session expired", 7)
    forwarded(client, FIRST, expired)
    assert submission.answer == expired
    client.bench.expect()


def test_an_answer_to_another_forward_is_ignored(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    forwarded(client, FIRST - 1, ok(1, 1))
    assert submission.answer is None


def test_nobody_waits_for_a_former_leaders_answer(benches: Benches) -> None:
    """It may be stopped; a session's command can go to the new one at once."""
    client = following(benches)
    submission = client.submit(b"c", repeatable=True)
    client.bench.drain()
    client.leads(3, round=2)
    again = forward(client)
    forwarded(client, FIRST, ok(3, 3))
    assert submission.answer is None
    forwarded(client, again.number, ok(4, 4))
    assert submission.answer == ok(4, 4)


def test_a_former_leaders_late_refusal_is_as_definite_as_an_early_one(benches: Benches) -> None:
    """An orderly hand-over: the new leader is often heard of first."""
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    client.leads(3, round=2)
    client.bench.expect()  # it may have been chosen
    forwarded(client, FIRST, NOT_LEADER)
    again = forward(client)
    assert again == Forward(FIRST + 1, Ballot(2, 3), (Request(False, b"c"),), again.timeout)
    forwarded(client, FIRST + 1, ok(3, 3))
    assert submission.answer == ok(3, 3)


def test_a_former_leaders_late_answer_is_an_answer(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    client.leads(3, round=2)
    forwarded(client, FIRST, ok(3, 3))
    assert submission.answer == ok(3, 3)


def test_a_late_refusal_of_a_session_does_not_send_it_a_third_time(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c", repeatable=True)
    client.bench.drain()
    client.leads(3, round=2)
    again = forward(client)
    forwarded(client, FIRST, NOT_LEADER)
    client.bench.wake(PAUSE)
    client.bench.expect()
    forwarded(client, again.number, ok(3, 3))
    assert submission.answer == ok(3, 3)


# --- the leader's front ---------------------------------------------------------------------------


def test_forwarded_requests_are_answered_together_when_all_are_settled(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"own")
    client.bench.drain()
    asked(client, b"1", b"2")
    client.bench.expect()
    client.leads(1)
    client.bench.wake(HOLD)
    client.bench.expect(Envelope(PROPOSER, Propose(Ballot(1, 1), (b"1", b"2"))))
    client.applied(3, b"1")
    client.bench.expect()
    client.applied(4, b"2")
    client.bench.expect(Envelope(LEADER, Forwarded(5, (ok(3, 3), ok(4, 4)))))


def test_forwarded_reads_are_answered_under_our_lease(benches: Benches) -> None:
    client = leading(benches)
    client.lease = True
    asked(client, b"q", reads=True)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (ok("q", 7),))))


def test_forwarded_reads_are_confirmed_without_a_lease(benches: Benches) -> None:
    client = leading(benches)
    asked(client, b"q", reads=True)
    client.bench.expect(Envelope(PROPOSER, Confirm(FIRST)))
    client.bench.deliver(PROPOSER, Confirmed(FIRST, 0))
    client.bench.expect(Envelope(LEADER, Forwarded(5, (ok("q", 7),))))


@pytest.mark.parametrize("leader", [0, 3])
def test_who_does_not_lead_says_so_at_once_and_forwards_nothing(
    benches: Benches, leader: int
) -> None:
    """One hop, no further."""
    client = FrontBench(benches)
    client.leads(leader)
    asked(client, b"c", b"d")
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER, NOT_LEADER))))


@pytest.mark.parametrize("round", [1, 3])
def test_a_forward_for_another_ballot_of_ours_is_refused(benches: Benches, round: int) -> None:
    """It is late: whoever sent it may have decided by now that it can never be chosen."""
    client = FrontBench(benches)
    client.leads(1, round=2)
    asked(client, b"c", round=round)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_what_still_queues_at_our_next_ballot_goes_back(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"own")
    asked(client, b"c")
    client.bench.drain()
    client.leads(1, round=2)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_what_still_queues_when_leadership_ends_goes_back(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"own")
    asked(client, b"c")
    client.bench.drain()
    client.leads(3, round=2)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_what_was_proposed_when_leadership_ends_is_not_refused(benches: Benches) -> None:
    client = leading(benches)
    asked(client, b"c", timeout=1.0)
    client.bench.drain()
    client.leads(3, round=2)
    client.bench.expect()
    client.bench.wake(1.0)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (UNKNOWN,))))


def test_a_returned_proposal_of_others_goes_back_as_well(benches: Benches) -> None:
    client = leading(benches)
    asked(client, b"c")
    (propose,) = client.bench.find(Propose)
    client.leads(0)
    client.bench.deliver(PROPOSER, NotSent(1, propose))
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_a_forward_is_answered_within_its_patience(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"own")
    asked(client, b"c", timeout=0.5)
    client.bench.drain()
    client.bench.wake(0.5)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NO_QUORUM,))))


def test_a_full_queue_turns_forwarded_requests_away(benches: Benches) -> None:
    client = leading(benches)
    for _ in range(QUEUE_MAX + 1):
        client.submit(b"c")
    client.bench.drain()
    asked(client, b"c")
    client.bench.expect(Envelope(LEADER, Forwarded(5, (OVERLOADED,))))


def test_an_answer_to_another_replica_fits_into_one_message(benches: Benches) -> None:
    """Values have up to 1 MiB, and what does not fit must not break the connection for ever."""
    client = leading(benches)
    client.lease = True
    questions = tuple(b"%d" % number for number in range(8))
    for question in questions:
        client.answers[question] = ok("x" * (1 << 20), 7)
    asked(client, *questions, reads=True)
    (answer,) = client.bench.find(Forwarded)
    assert len(answer.answers) == len(questions)
    assert sum(len(str(a.value)) for a in answer.answers) < PEER_BYTES - (1 << 16)
    assert answer.answers[0].code == "OK"


def test_a_returned_proposal_refuses_nothing_that_was_proposed_before(benches: Benches) -> None:
    """The same command, forwarded at ballot 1 and proposed there, then retried here at ballot 2."""
    client = leading(benches)
    asked(client, b"c", timeout=1.0)
    client.leads(0)
    client.leads(1, round=2)
    client.bench.drain()
    client.submit(b"c", repeatable=True)
    (propose,) = client.bench.find(Propose)
    client.leads(0)
    client.bench.deliver(PROPOSER, NotSent(1, propose))
    client.bench.expect()
    client.bench.wake(1.0)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (UNKNOWN,))))


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
            leader.bench.deliver(LEADER, replace(forward(follower), ballot=Ballot(1, 1)))
            leader.applied(number, payload)
            (answer,) = leader.bench.find(Forwarded)
            follower.bench.deliver(LEADER, answer)
        assert gc.collect() == 0
    finally:
        gc.enable()
