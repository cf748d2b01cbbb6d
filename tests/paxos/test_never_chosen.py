"""The verdict: a newer leader's own slot is applied; what is not in the log never will be."""

from __future__ import annotations

from kvrmi.interface import Request
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import PAUSE
from kvrmi.paxos.messages import Forward, Forwarded, Propose
from kvrmi.paxos.tickets import NO_QUORUM, NOT_LEADER, UNKNOWN
from kvrmi.roles.contract import Envelope, NoAnswer, NotSent

from .bench import TIMING, Benches, front, ok, proposer
from .desk import Desk, following, leading

LEADER = front(2)


def unanswered(benches: Benches, *, repeatable: bool = False) -> Desk:
    """A follower whose Forward to leader 2 at ballot 1.2 was lost; then 3 leads at 2.3."""
    desk = following(benches)
    desk.applied(4)
    desk.ticket = desk.submit(b"c", repeatable=repeatable)
    (sent,) = desk.bench.find(Forward)
    desk.bench.tell(LEADER, NoAnswer(2, sent))
    desk.leads(3, round=2)
    return desk


def sent_again(desk: Desk) -> bool:
    desk.bench.wake(PAUSE)
    return [sent.requests for sent in desk.bench.find(Forward)] == [(Request(False, b"c"),)]


def test_it_is_sent_again_once_the_newer_leaders_own_slot_is_applied(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.followed(3, 2, own=6)
    desk.applied(5)
    assert not sent_again(desk)
    desk.applied(6)
    assert sent_again(desk)
    assert desk.ticket.answer is None
    desk.applied(7, b"c")
    assert desk.ticket.answer == ok(7, 7)


def test_it_may_be_applied_before_the_leader_says_which_slot_that_was(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.applied(6)
    desk.followed(3, 2, own=0)
    assert not sent_again(desk)
    desk.followed(3, 2, own=6)
    assert sent_again(desk)


def test_what_is_in_the_log_is_answered_and_not_sent_again(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.followed(3, 2, own=6)
    desk.applied(5, b"c")
    desk.applied(6)
    assert not sent_again(desk)
    assert desk.ticket.answer == ok(5, 5)


def test_the_ballot_it_was_sent_for_proves_nothing(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.followed(2, 1, own=5)
    desk.applied(5)
    assert not sent_again(desk)


def test_what_a_snapshot_jumped_over_may_hold_it(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.followed(3, 2, own=6)
    desk.jumped(8)
    desk.applied(9)
    assert not sent_again(desk)
    desk.bench.wake(TIMING.request)
    assert desk.ticket.answer == UNKNOWN


def test_what_was_sent_after_the_jump_can_be_judged(benches: Benches) -> None:
    desk = following(benches)
    desk.jumped(8)
    desk.submit(b"c")
    (sent,) = desk.bench.find(Forward)
    desk.bench.tell(LEADER, NoAnswer(2, sent))
    desk.leads(3, round=2)
    desk.followed(3, 2, own=9)
    desk.applied(9)
    assert sent_again(desk)


def test_a_learner_that_begins_again_from_its_disk_misses_nothing(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.applied(5)
    desk.slot = 2
    desk.applied(3)
    desk.followed(3, 2, own=6)
    desk.applied(6)
    assert sent_again(desk)


def test_never_chosen_and_no_leader_is_no_quorum(benches: Benches) -> None:
    desk = unanswered(benches)
    desk.leads(0)
    desk.followed(3, 2, own=6)
    desk.applied(6)
    desk.bench.wake(TIMING.request)
    assert desk.ticket.answer == NO_QUORUM


def test_a_late_answer_to_what_was_judged_changes_nothing(benches: Benches) -> None:
    desk = following(benches)
    ticket = desk.submit(b"c")
    (first,) = desk.bench.find(Forward)
    desk.leads(3, round=2)
    desk.followed(3, 2, own=1)
    desk.applied(1)
    (second,) = desk.bench.find(Forward)
    for late in (NOT_LEADER, NO_QUORUM, UNKNOWN):
        desk.bench.tell(LEADER, Forwarded(first.number, (late,)))
    desk.bench.expect()
    assert ticket.answer is None
    desk.bench.tell(front(3), Forwarded(second.number, (ok(2, 2),)))
    assert ticket.answer == ok(2, 2)


def test_a_deposed_leader_refuses_what_it_proposed_for_others_in_vain(benches: Benches) -> None:
    desk = leading(benches)
    desk.bench.tell(LEADER, Forward(5, Ballot(1, 1), (Request(False, b"c"),), 1.0))
    desk.bench.drain()
    desk.leads(3, round=2)
    desk.followed(3, 2, own=2)
    desk.applied(1)
    desk.bench.expect()
    desk.applied(2)
    desk.bench.expect(Envelope(LEADER, Forwarded(5, (NOT_LEADER,))))


def test_a_deposed_leader_sends_its_own_clients_commands_to_the_new_one(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"c")
    desk.bench.expect(Envelope(proposer(1), Propose(Ballot(1, 1), (b"c",))))
    desk.leads(3, round=2)
    desk.bench.expect()
    desk.followed(3, 2, own=1)
    desk.applied(1)
    assert sent_again(desk)


def test_what_was_sent_for_the_newer_ballot_is_not_judged(benches: Benches) -> None:
    desk = following(benches, leader=3)
    desk.followed(3, 1, own=1)
    desk.submit(b"c")
    desk.bench.drain()
    desk.applied(1)
    desk.followed(3, 1, own=1)
    assert not sent_again(desk)


def doubted(benches: Benches) -> Desk:
    """A session's command whose Forward was lost; it is about to be sent again."""
    desk = following(benches)
    desk.applied(4)
    desk.ticket = desk.submit(b"c", repeatable=True)
    (sent,) = desk.bench.find(Forward)
    desk.bench.tell(LEADER, NoAnswer(2, sent))
    desk.bench.expect()
    return desk


def test_what_is_chosen_while_it_waits_to_be_sent_again_is_answered(benches: Benches) -> None:
    desk = doubted(benches)
    desk.applied(5, b"c")
    assert desk.ticket.answer == ok(5, 5)
    desk.bench.wake(PAUSE)
    desk.bench.expect()


def test_no_newer_leader_makes_what_was_chosen_in_between_undone(benches: Benches) -> None:
    desk = doubted(benches)
    desk.applied(5, b"c")
    desk.leads(3, round=2)
    desk.bench.wake(PAUSE)
    desk.bench.drain()
    desk.leads(0)
    desk.followed(1, 3, own=6)
    desk.applied(6)
    desk.bench.wake(TIMING.request)
    assert desk.ticket.answer == ok(5, 5)


def test_a_refused_sending_leaves_the_one_before_the_jump_open(benches: Benches) -> None:
    desk = doubted(benches)
    desk.jumped(8)
    desk.bench.wake(PAUSE)
    (again,) = desk.bench.find(Forward)
    desk.bench.tell(LEADER, NotSent(2, again))
    desk.leads(0)
    desk.followed(3, 2, own=9)
    desk.applied(9)
    desk.bench.wake(TIMING.request)
    assert desk.ticket.answer == UNKNOWN


def test_a_batch_of_what_was_answered_meanwhile_is_not_proposed(benches: Benches) -> None:
    desk = doubted(benches)
    desk.applied(5, b"c")
    desk.leads(1, round=2)
    desk.bench.expect()
