"""The front of a leader: queue, batches, reads, and what becomes of a request in the end."""

from __future__ import annotations

import pytest

from kvrmi.interface import PAGE_BYTES
from kvrmi.machine import Voter, encode_voter
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import BATCH_MAX, OVERLOADED, QUEUE_MAX
from kvrmi.paxos.messages import Confirm, Confirmed, Enrol, Propose
from kvrmi.paxos.tickets import NO_QUORUM, UNKNOWN
from kvrmi.roles.contract import Envelope, NotSent

from .bench import BOOT, TIMING, Benches, acceptor, ok, proposer
from .desk import FIRST, Desk, leading

PROPOSER = proposer(1)


def propose(*commands: bytes, round: int = 1) -> Propose:
    return Propose(Ballot(round, 1), commands)


def test_ids_of_commands_without_a_request_are_never_the_same(benches: Benches) -> None:
    front = Desk(benches).bench.role
    assert [front.next_id() for _ in range(3)] == [(1, BOOT, 1), (1, BOOT, 2), (1, BOOT, 3)]


# --- batches --------------------------------------------------------------------------------------


def test_while_nobody_leads_requests_wait(benches: Benches) -> None:
    desk = Desk(benches)
    ticket = desk.submit(b"c")
    desk.bench.expect()
    assert ticket.answer is None
    desk.leads(1)
    desk.bench.expect(Envelope(PROPOSER, propose(b"c")))


def test_a_command_is_proposed_and_answered_when_applied(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"c")
    desk.bench.expect(Envelope(PROPOSER, propose(b"c")))
    assert ticket.answer is None
    desk.applied(3, b"another", b"c")
    assert ticket.answer == ok(3, 3)


def test_what_queues_meanwhile_makes_the_next_batch_in_order(benches: Benches) -> None:
    desk = leading(benches)
    for command in (b"1", b"2", b"3"):
        desk.submit(command)
    desk.bench.expect(Envelope(PROPOSER, propose(b"1")))
    desk.applied(3, b"1")
    desk.bench.expect()
    desk.leads(1)
    desk.bench.expect(Envelope(PROPOSER, propose(b"2", b"3")))


def test_a_batch_holds_so_many_commands_and_no_more(benches: Benches) -> None:
    desk = leading(benches)
    for number in range(BATCH_MAX + 2):
        desk.submit(b"%d" % number)
    desk.leads(1)
    sizes = [len(propose.commands) for propose in desk.bench.find(Propose)]
    assert sizes == [1, BATCH_MAX]


def test_a_batch_holds_so_many_bytes_or_one_command(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"first")
    for size in (PAGE_BYTES + 1, PAGE_BYTES - 1, 1, 1):
        desk.submit(b"x" * size)
    for _ in range(3):
        desk.leads(1)
    sizes = [[len(c) for c in propose.commands] for propose in desk.bench.find(Propose)]
    assert sizes == [[5], [PAGE_BYTES + 1], [PAGE_BYTES - 1, 1], [1]]


def test_beyond_a_full_queue_requests_are_turned_away_with_nothing_done(benches: Benches) -> None:
    desk = Desk(benches)
    tickets = [desk.submit(b"c") for _ in range(QUEUE_MAX + 1)]
    assert tickets[-1].answer == OVERLOADED
    assert tickets[-2].answer is None


def test_two_requests_for_one_command_are_both_answered(benches: Benches) -> None:
    desk = leading(benches)
    tickets = [desk.submit(b"c", repeatable=True) for _ in range(2)]
    desk.bench.expect(Envelope(PROPOSER, propose(b"c")))
    desk.leads(1)
    desk.bench.expect(Envelope(PROPOSER, propose(b"c")))
    desk.applied(3, b"c")
    assert [ticket.answer for ticket in tickets] == [ok(3, 3)] * 2


# --- outcomes -------------------------------------------------------------------------------------


def test_no_quorum_is_said_of_what_never_left_the_queue(benches: Benches) -> None:
    desk = Desk(benches)
    ticket = desk.submit(b"c")
    desk.bench.wake(TIMING.request - 0.01)
    assert ticket.answer is None
    desk.bench.wake(0.01)
    assert ticket.answer == NO_QUORUM
    desk.leads(1)  # it left the queue in the same step: nobody proposes it now
    desk.bench.expect()


def test_what_was_proposed_is_of_unknown_outcome_in_the_end(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    desk.bench.wake(TIMING.request)
    assert ticket.answer == UNKNOWN
    desk.applied(3, b"c")
    assert ticket.answer == UNKNOWN


def test_a_proposal_returned_was_in_no_accept(benches: Benches) -> None:
    desk = leading(benches)
    tickets = [desk.submit(b"1"), desk.submit(b"2")]
    (first,) = desk.bench.find(Propose)
    desk.bench.tell(PROPOSER, NotSent(1, first))
    desk.bench.expect()
    desk.leads(1)
    (again,) = desk.bench.find(Propose)
    assert again == propose(b"1", b"2")
    desk.bench.tell(PROPOSER, NotSent(1, again))
    desk.bench.wake(TIMING.request)
    assert [ticket.answer for ticket in tickets] == [NO_QUORUM] * 2


def test_without_a_session_nothing_is_proposed_twice(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"c")
    desk.bench.drain()
    desk.leads(0)
    desk.leads(1, round=2)
    desk.bench.expect()
    desk.applied(3, b"c")
    assert ticket.answer == ok(3, 3)


def test_a_sessions_command_is_proposed_again_at_a_new_ballot(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"c", repeatable=True)
    desk.bench.drain()
    desk.leads(0)
    desk.bench.expect()
    desk.leads(1, round=2)
    desk.bench.expect(Envelope(PROPOSER, propose(b"c", round=2)))
    desk.bench.tell(PROPOSER, NotSent(1, propose(b"c")))
    desk.bench.wake(TIMING.request)
    assert ticket.answer == UNKNOWN  # the first sending may yet be chosen


def test_at_the_same_ballot_nothing_is_sent_again(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"c", repeatable=True)
    desk.bench.drain()
    desk.leads(1)
    desk.bench.expect()


def test_every_request_is_answered_in_its_time(benches: Benches) -> None:
    desk = Desk(benches)
    tickets = [desk.submit(b"c", reads=number % 2 == 0) for number in range(4)]
    desk.leads(1)
    tickets += [desk.submit(b"d", reads=True), desk.submit(b"e")]
    desk.bench.drain()
    assert desk.bench.wake_at is not None
    desk.bench.wake(TIMING.request)
    assert all(ticket.answer is not None for ticket in tickets)
    assert desk.bench.wake_at is None


# --- reads ----------------------------------------------------------------------------------------


def test_under_the_lease_a_read_is_answered_at_once(benches: Benches) -> None:
    desk = leading(benches)
    assert desk.bench.role.read(desk.bench.now, b"q") is None
    desk.lease = True
    assert desk.bench.role.read(desk.bench.now, b"q") == ok("q", 7)
    assert desk.submit(b"q", reads=True).answer == ok("q", 7)
    desk.bench.expect()


def test_without_a_lease_a_read_waits_for_confirmation(benches: Benches) -> None:
    desk = leading(benches)
    desk.applied(4)
    ticket = desk.submit(b"q", reads=True)
    desk.bench.expect(Envelope(PROPOSER, Confirm(FIRST)))
    assert ticket.answer is None
    desk.bench.tell(PROPOSER, Confirmed(FIRST, 4))
    assert ticket.answer == ok("q", 7)


def test_a_confirmed_read_waits_until_its_slot_is_applied(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"q", reads=True)
    desk.bench.drain()
    desk.bench.tell(PROPOSER, Confirmed(FIRST, 4))
    desk.applied(3)
    assert ticket.answer is None
    desk.applied(4)
    assert ticket.answer == ok("q", 7)


def test_a_read_asked_after_a_confirmation_needs_one_of_its_own(benches: Benches) -> None:
    desk = leading(benches)
    desk.submit(b"q", reads=True)
    late = desk.submit(b"r", reads=True)
    desk.bench.expect(Envelope(PROPOSER, Confirm(FIRST)))
    desk.bench.tell(PROPOSER, Confirmed(FIRST, 0))
    assert late.answer is None
    desk.bench.expect(Envelope(PROPOSER, Confirm(FIRST + 1)))


def test_a_confirmation_of_another_number_answers_nothing(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"q", reads=True)
    desk.bench.drain()
    desk.bench.tell(PROPOSER, Confirmed(FIRST - 1, 0))
    assert ticket.answer is None


def test_a_new_ballot_confirms_reads_anew(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"q", reads=True)
    desk.bench.drain()
    desk.leads(1, round=2)
    desk.bench.expect(Envelope(PROPOSER, Confirm(FIRST + 1)))
    desk.bench.tell(PROPOSER, Confirmed(FIRST, 0))
    assert ticket.answer is None


def test_a_returned_confirmation_leaves_the_read_waiting(benches: Benches) -> None:
    desk = leading(benches)
    ticket = desk.submit(b"q", reads=True)
    desk.bench.drain()
    desk.leads(0)
    desk.bench.tell(PROPOSER, NotSent(1, Confirm(FIRST)))
    desk.bench.wake(TIMING.request)
    assert ticket.answer == NO_QUORUM


def test_reads_do_not_wait_for_the_batch_in_flight(benches: Benches) -> None:
    desk = leading(benches)
    desk.lease = True
    write = desk.submit(b"c")
    desk.bench.drain()
    assert desk.submit(b"q", reads=True).answer == ok("q", 7)
    assert write.answer is None


# --- enrolment ------------------------------------------------------------------------------------


def test_a_recovering_acceptors_wish_becomes_a_command(benches: Benches) -> None:
    desk = leading(benches)
    voter = Voter(1, 2, "new disk")
    desk.bench.tell(acceptor(1), Enrol(voter))
    desk.bench.expect(Envelope(PROPOSER, propose(encode_voter(voter, (1, BOOT, 1)))))


@pytest.mark.parametrize("message", [propose(b"c"), Confirm(1)])
def test_what_is_no_business_of_a_front_is_ignored(
    benches: Benches, message: Propose | Confirm
) -> None:
    desk = leading(benches)
    desk.bench.tell(PROPOSER, message)
    desk.bench.expect()
