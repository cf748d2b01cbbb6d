"""The front of a leader: queue, batches, reads, and what becomes of a request in the end."""

from __future__ import annotations

import pytest

from kvrmi.operations.commands import Voter, encode_voter, pack_command
from kvrmi.operations.interface import PAGE_BYTES
from kvrmi.operations.vocabulary import VOTER
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.front import QUEUE_MAX, TICK
from kvrmi.paxos.gathering import HOLD
from kvrmi.paxos.messages import Confirm, Confirmed, Enter, Forward, Propose
from kvrmi.paxos.submissions import BATCH_MAX, NO_QUORUM, OVERLOADED, UNKNOWN
from kvrmi.roles.contract import Envelope, NotSent

from .bench import BOOT, TIMING, Benches, acceptor, learner, ok, proposer
from .fronts import FIRST, FrontBench, leading

PROPOSER = proposer(1)


def propose(*commands: bytes, round: int = 1) -> Propose:
    return Propose(Ballot(round, 1), commands)


def test_ids_of_commands_without_a_request_are_never_the_same(benches: Benches) -> None:
    front = FrontBench(benches).bench.role
    assert [front.next_id() for _ in range(3)] == [(1, BOOT, 1), (1, BOOT, 2), (1, BOOT, 3)]


# --- batches --------------------------------------------------------------------------------------


def test_while_nobody_leads_requests_wait(benches: Benches) -> None:
    client = FrontBench(benches)
    submission = client.submit(b"c")
    client.bench.expect()
    assert submission.answer is None
    client.leads(1)
    client.bench.expect(Envelope(PROPOSER, propose(b"c")))


def test_a_command_is_proposed_and_answered_when_applied(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"c")
    client.bench.expect(Envelope(PROPOSER, propose(b"c")))
    assert submission.answer is None
    client.applied(3, b"another", b"c")
    assert submission.answer == ok(3, 3)


def test_what_queues_meanwhile_makes_the_next_batch_in_order(benches: Benches) -> None:
    client = leading(benches)
    for command in (b"1", b"2", b"3"):
        client.submit(command)
    client.bench.expect(Envelope(PROPOSER, propose(b"1")))
    client.applied(3, b"1")
    client.bench.expect()
    client.leads(1)
    client.bench.wake(HOLD)
    client.bench.expect(Envelope(PROPOSER, propose(b"2", b"3")))


def test_a_batch_waits_a_moment_for_those_who_were_just_answered(benches: Benches) -> None:
    client = leading(benches)
    for command in (b"1", b"2", b"3"):
        client.submit(command)
    client.bench.drain()
    client.applied(3, b"1")
    client.leads(1)
    client.bench.expect()  # two wait, and who sent the first may send another
    assert client.bench.wake_at == client.bench.now + HOLD
    client.submit(b"4")
    client.bench.expect(Envelope(PROPOSER, propose(b"2", b"3", b"4")))
    assert client.bench.wake_at == client.bench.now + TICK
    client.applied(4, b"2", b"3", b"4")
    client.leads(1)
    client.submit(b"5")
    client.bench.expect()
    client.leads(2, round=2)  # nothing is held back for a batch of somebody else's
    assert len(client.bench.find(Forward)) == 1
    assert client.bench.wake_at == client.bench.now + TICK


def test_a_batch_holds_so_many_commands_and_no_more(benches: Benches) -> None:
    client = leading(benches)
    for number in range(BATCH_MAX + 2):
        client.submit(b"%d" % number)
    client.leads(1)
    client.bench.wake(HOLD)
    sizes = [len(propose.commands) for propose in client.bench.find(Propose)]
    assert sizes == [1, BATCH_MAX]


def test_a_batch_holds_so_many_bytes_or_one_command(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"first")
    for size in (PAGE_BYTES + 1, PAGE_BYTES - 1, 1, 1):
        client.submit(b"x" * size)
    for _ in range(3):
        client.leads(1)
        client.bench.wake(HOLD)
    sizes = [[len(c) for c in propose.commands] for propose in client.bench.find(Propose)]
    assert sizes == [[5], [PAGE_BYTES + 1], [PAGE_BYTES - 1, 1], [1]]


def test_beyond_a_full_queue_requests_are_turned_away_with_nothing_done(benches: Benches) -> None:
    client = FrontBench(benches)
    submissions = [client.submit(b"c") for _ in range(QUEUE_MAX + 1)]
    assert submissions[-1].answer == OVERLOADED
    assert submissions[-2].answer is None


def test_two_requests_for_one_command_are_both_answered(benches: Benches) -> None:
    client = leading(benches)
    submissions = [client.submit(b"c", repeatable=True) for _ in range(2)]
    client.bench.expect(Envelope(PROPOSER, propose(b"c")))
    client.leads(1)
    client.bench.wake(HOLD)
    client.bench.expect(Envelope(PROPOSER, propose(b"c")))
    client.applied(3, b"c")
    assert [submission.answer for submission in submissions] == [ok(3, 3)] * 2


# --- outcomes -------------------------------------------------------------------------------------


def test_no_quorum_is_said_of_what_never_left_the_queue(benches: Benches) -> None:
    client = FrontBench(benches)
    submission = client.submit(b"c")
    client.bench.wake(TIMING.request - 0.01)
    assert submission.answer is None
    client.bench.wake(0.01)
    assert submission.answer == NO_QUORUM
    client.leads(1)  # it left the queue in the same step: nobody proposes it now
    client.bench.expect()


def test_what_was_proposed_is_of_unknown_outcome_in_the_end(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    client.bench.wake(TIMING.request)
    assert submission.answer == UNKNOWN
    client.applied(3, b"c")
    assert submission.answer == UNKNOWN


def test_a_proposal_returned_was_in_no_accept(benches: Benches) -> None:
    client = leading(benches)
    submissions = [client.submit(b"1"), client.submit(b"2")]
    (first,) = client.bench.find(Propose)
    client.bench.deliver(PROPOSER, NotSent(1, first))
    client.bench.expect()
    client.leads(1)
    client.bench.wake(HOLD)
    (again,) = client.bench.find(Propose)
    assert again == propose(b"1", b"2")
    client.bench.deliver(PROPOSER, NotSent(1, again))
    client.bench.wake(TIMING.request)
    assert [submission.answer for submission in submissions] == [NO_QUORUM] * 2


def test_without_a_session_nothing_is_proposed_twice(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"c")
    client.bench.drain()
    client.leads(0)
    client.leads(1, round=2)
    client.bench.expect()
    client.applied(3, b"c")
    assert submission.answer == ok(3, 3)


def test_a_sessions_command_is_proposed_again_at_a_new_ballot(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"c", repeatable=True)
    client.bench.drain()
    client.leads(0)
    client.bench.expect()
    client.leads(1, round=2)
    client.bench.expect(Envelope(PROPOSER, propose(b"c", round=2)))
    client.bench.deliver(PROPOSER, NotSent(1, propose(b"c")))
    client.bench.wake(TIMING.request)
    assert submission.answer == UNKNOWN  # the first sending may yet be chosen


def test_at_the_same_ballot_nothing_is_sent_again(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"c", repeatable=True)
    client.bench.drain()
    client.leads(1)
    client.bench.expect()


def test_every_request_is_answered_in_its_time(benches: Benches) -> None:
    client = FrontBench(benches)
    submissions = [client.submit(b"c", reads=number % 2 == 0) for number in range(4)]
    client.leads(1)
    submissions += [client.submit(b"d", reads=True), client.submit(b"e")]
    client.bench.drain()
    assert client.bench.wake_at is not None
    client.bench.wake(TIMING.request)
    assert all(submission.answer is not None for submission in submissions)
    assert client.bench.wake_at is None


# --- reads ----------------------------------------------------------------------------------------


def test_under_the_lease_a_read_is_answered_at_once(benches: Benches) -> None:
    client = leading(benches)
    assert client.bench.role.read(client.bench.now, b"q") is None
    client.lease = True
    assert client.bench.role.read(client.bench.now, b"q") == ok("q", 7)
    assert client.submit(b"q", reads=True).answer == ok("q", 7)
    client.bench.expect()


def test_without_a_lease_a_read_waits_for_confirmation(benches: Benches) -> None:
    client = leading(benches)
    client.applied(4)
    submission = client.submit(b"q", reads=True)
    client.bench.expect(Envelope(PROPOSER, Confirm(FIRST)))
    assert submission.answer is None
    client.bench.deliver(PROPOSER, Confirmed(FIRST, 4))
    assert submission.answer == ok("q", 7)


def test_a_confirmed_read_waits_until_its_slot_is_applied(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"q", reads=True)
    client.bench.drain()
    client.bench.deliver(PROPOSER, Confirmed(FIRST, 4))
    client.applied(3)
    assert submission.answer is None
    client.applied(4)
    assert submission.answer == ok("q", 7)


def test_a_read_asked_after_a_confirmation_needs_one_of_its_own(benches: Benches) -> None:
    client = leading(benches)
    client.submit(b"q", reads=True)
    late = client.submit(b"r", reads=True)
    client.bench.expect(Envelope(PROPOSER, Confirm(FIRST)))
    client.bench.deliver(PROPOSER, Confirmed(FIRST, 0))
    assert late.answer is None
    client.bench.expect(Envelope(PROPOSER, Confirm(FIRST + 1)))


def test_a_confirmation_of_another_number_answers_nothing(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"q", reads=True)
    client.bench.drain()
    client.bench.deliver(PROPOSER, Confirmed(FIRST - 1, 0))
    assert submission.answer is None


def test_any_command_of_the_clusters_own_gets_into_the_log(benches: Benches) -> None:
    client = leading(benches)
    client.bench.drain()
    client.bench.deliver(learner(1), Enter(200, (7, "x")))
    client.bench.expect(Envelope(PROPOSER, propose(pack_command(200, (7, "x"), (1, BOOT, 1)))))


def test_a_new_ballot_confirms_reads_anew(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"q", reads=True)
    client.bench.drain()
    client.leads(1, round=2)
    client.bench.expect(Envelope(PROPOSER, Confirm(FIRST + 1)))
    client.bench.deliver(PROPOSER, Confirmed(FIRST, 0))
    assert submission.answer is None


def test_a_returned_confirmation_leaves_the_read_waiting(benches: Benches) -> None:
    client = leading(benches)
    submission = client.submit(b"q", reads=True)
    client.bench.drain()
    client.leads(0)
    client.bench.deliver(PROPOSER, NotSent(1, Confirm(FIRST)))
    client.bench.wake(TIMING.request)
    assert submission.answer == NO_QUORUM


def test_reads_do_not_wait_for_the_batch_in_flight(benches: Benches) -> None:
    client = leading(benches)
    client.lease = True
    write = client.submit(b"c")
    client.bench.drain()
    assert client.submit(b"q", reads=True).answer == ok("q", 7)
    assert write.answer is None


# --- enrolment ------------------------------------------------------------------------------------


def test_a_recovering_acceptors_wish_becomes_a_command(benches: Benches) -> None:
    client = leading(benches)
    voter = Voter(1, 2, "new disk")
    client.bench.deliver(acceptor(1), Enter(VOTER.opcode, voter))
    client.bench.expect(Envelope(PROPOSER, propose(encode_voter(voter, (1, BOOT, 1)))))


@pytest.mark.parametrize("message", [propose(b"c"), Confirm(1)])
def test_what_is_no_business_of_a_front_is_ignored(
    benches: Benches, message: Propose | Confirm
) -> None:
    client = leading(benches)
    client.bench.deliver(PROPOSER, message)
    client.bench.expect()
