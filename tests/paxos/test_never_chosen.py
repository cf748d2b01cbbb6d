"""The verdict: a newer leader's own slot is applied; what is not in the log never will be."""

from __future__ import annotations

from kvrmi.operations.interface import Request
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import PAUSE
from kvrmi.paxos.messages import Forward, Forwarded, Propose
from kvrmi.paxos.submissions import NO_QUORUM, NOT_LEADER, UNKNOWN
from kvrmi.roles.contract import Envelope, NoAnswer, NotSent

from .bench import TIMING, Benches, front, ok, proposer
from .fronts import FrontBench, following, leading

LEADER = front(2)


def unanswered(benches: Benches, *, repeatable: bool = False) -> FrontBench:
    """A follower whose Forward to leader 2 at ballot 1.2 was lost; then 3 leads at 2.3."""
    client = following(benches)
    client.applied(4)
    client.submission = client.submit(b"c", repeatable=repeatable)
    (sent,) = client.bench.find(Forward)
    client.bench.deliver(LEADER, NoAnswer(2, sent))
    client.leads(3, round=2)
    return client


def sent_again(client: FrontBench) -> bool:
    client.bench.wake(PAUSE)
    return [sent.requests for sent in client.bench.find(Forward)] == [(Request(False, b"c"),)]


def test_it_is_sent_again_once_the_newer_leaders_own_slot_is_applied(benches: Benches) -> None:
    client = unanswered(benches)
    client.followed(3, 2, own=6)
    client.applied(5)
    assert not sent_again(client)
    client.applied(6)
    assert sent_again(client)
    assert client.submission.answer is None
    client.applied(7, b"c")
    assert client.submission.answer == ok(7, 7)


def test_it_may_be_applied_before_the_leader_says_which_slot_that_was(benches: Benches) -> None:
    client = unanswered(benches)
    client.applied(6)
    client.followed(3, 2, own=0)
    assert not sent_again(client)
    client.followed(3, 2, own=6)
    assert sent_again(client)


def test_what_is_in_the_log_is_answered_and_not_sent_again(benches: Benches) -> None:
    client = unanswered(benches)
    client.followed(3, 2, own=6)
    client.applied(5, b"c")
    client.applied(6)
    assert not sent_again(client)
    assert client.submission.answer == ok(5, 5)


def test_the_ballot_it_was_sent_for_proves_nothing(benches: Benches) -> None:
    client = unanswered(benches)
    client.followed(2, 1, own=5)
    client.applied(5)
    assert not sent_again(client)


def test_what_a_snapshot_jumped_over_may_hold_it(benches: Benches) -> None:
    client = unanswered(benches)
    client.followed(3, 2, own=6)
    client.jumped(8)
    client.applied(9)
    assert not sent_again(client)
    client.bench.wake(TIMING.request)
    assert client.submission.answer == UNKNOWN


def test_what_was_sent_after_the_jump_can_be_judged(benches: Benches) -> None:
    client = following(benches)
    client.jumped(8)
    client.submit(b"c")
    (sent,) = client.bench.find(Forward)
    client.bench.deliver(LEADER, NoAnswer(2, sent))
    client.leads(3, round=2)
    client.followed(3, 2, own=9)
    client.applied(9)
    assert sent_again(client)


def test_a_learner_that_begins_again_from_its_disk_misses_nothing(benches: Benches) -> None:
    client = unanswered(benches)
    client.applied(5)
    client.slot = 2
    client.applied(3)
    client.followed(3, 2, own=6)
    client.applied(6)
    assert sent_again(client)


def test_never_chosen_and_no_leader_is_no_quorum(benches: Benches) -> None:
    client = unanswered(benches)
    client.leads(0)
    client.followed(3, 2, own=6)
    client.applied(6)
    client.bench.wake(TIMING.request)
    assert client.submission.answer == NO_QUORUM


def test_a_late_answer_to_what_was_judged_changes_nothing(benches: Benches) -> None:
    client = following(benches)
    submission = client.submit(b"c")
    (first,) = client.bench.find(Forward)
    client.leads(3, round=2)
    client.followed(3, 2, own=1)
    client.applied(1)
    (second,) = client.bench.find(Forward)
    for late in (NOT_LEADER, NO_QUORUM, UNKNOWN):
        client.bench.deliver(LEADER, Forwarded(first.number, (late,)))
    client.bench.expect()
    assert submission.answer is None
    client.bench.deliver(front(3), Forwarded(second.number, (ok(2, 2),)))
    assert submission.answer == ok(2, 2)


def test_a_deposed_leader_refuses_what_it_proposed_for_others_in_vain(benches: Benches) -> None:
    client = leading(benches)
    client.bench.deliver(LEADER, Forward(5, Ballot(1, 1), (Request(False, b"c"),), 1.0))
    client.bench.drain()
    client.leads(3, round=2)
    client.followed(3, 2, own=2)
    client.applied(1)
    client.bench.expect()
    client.applied(2)
    client.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_a_deposed_leader_sends_its_own_clients_commands_to_the_new_one(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"c")
    client.bench.expect(Envelope(proposer(1), Propose(Ballot(1, 1), (b"c",))))
    client.leads(3, round=2)
    client.bench.expect()
    client.followed(3, 2, own=1)
    client.applied(1)
    assert sent_again(client)


def test_what_was_sent_for_the_newer_ballot_is_not_judged(benches: Benches) -> None:
    client = following(benches, leader=3)
    client.followed(3, 1, own=1)
    client.submit(b"c")
    client.bench.drain()
    client.applied(1)
    client.followed(3, 1, own=1)
    assert not sent_again(client)


def doubted(benches: Benches) -> FrontBench:
    """A session's command whose Forward was lost; it is about to be sent again."""
    client = following(benches)
    client.applied(4)
    client.submission = client.submit(b"c", repeatable=True)
    (sent,) = client.bench.find(Forward)
    client.bench.deliver(LEADER, NoAnswer(2, sent))
    client.bench.expect()
    return client


def test_what_is_chosen_while_it_waits_to_be_sent_again_is_answered(benches: Benches) -> None:
    client = doubted(benches)
    client.applied(5, b"c")
    assert client.submission.answer == ok(5, 5)
    client.bench.wake(PAUSE)
    client.bench.expect()


def test_no_newer_leader_makes_what_was_chosen_in_between_undone(benches: Benches) -> None:
    client = doubted(benches)
    client.applied(5, b"c")
    client.leads(3, round=2)
    client.bench.wake(PAUSE)
    client.bench.drain()
    client.leads(0)
    client.followed(1, 3, own=6)
    client.applied(6)
    client.bench.wake(TIMING.request)
    assert client.submission.answer == ok(5, 5)


def test_a_refused_sending_leaves_the_one_before_the_jump_open(benches: Benches) -> None:
    client = doubted(benches)
    client.jumped(8)
    client.bench.wake(PAUSE)
    (again,) = client.bench.find(Forward)
    client.bench.deliver(LEADER, NotSent(2, again))
    client.leads(0)
    client.followed(3, 2, own=9)
    client.applied(9)
    client.bench.wake(TIMING.request)
    assert client.submission.answer == UNKNOWN


def test_a_batch_of_what_was_answered_meanwhile_is_not_proposed(benches: Benches) -> None:
    client = doubted(benches)
    client.applied(5, b"c")
    client.leads(1, round=2)
    client.bench.expect()


def test_what_an_answer_leaves_out_is_in_doubt(benches: Benches) -> None:
    """A peer that answers fewer than it was asked: no request is left without an answer."""
    client = following(benches)
    client.submit(b"p", reads=True)
    (sent,) = client.bench.find(Forward)
    second, third = client.submit(b"q", reads=True), client.submit(b"r", reads=True)
    client.bench.deliver(front(2), Forwarded(sent.number, (ok("p", 7),)))
    (sent,) = client.bench.find(Forward)
    assert len(sent.requests) == 2
    client.bench.deliver(front(2), Forwarded(sent.number, (ok("q", 7),)))
    assert second.answer == ok("q", 7)
    assert third.answer is None
    client.bench.drain()
    client.bench.wake(TIMING.request)
    assert third.answer is not None
