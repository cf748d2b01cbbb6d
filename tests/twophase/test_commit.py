"""Both phases, seen from a client: what is acknowledged, aborted, in doubt."""

from __future__ import annotations

import pytest

from kvrmi.operations.interface import Answer
from kvrmi.roles.contract import Address, Envelope
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.twophase.messages import (
    Decision,
    Done,
    Go,
    Inquire,
    Prepare,
    Tid,
    Transaction,
    Veto,
    Votes,
)
from tests.twophase.table import Table, made


@pytest.fixture
def table() -> Table:
    return Table()


def drops(*kinds: type, of: int | None = None, to: int | None = None):  # type: ignore[no-untyped-def]
    def lost(sender: Address, envelope: Envelope) -> bool:
        fits = isinstance(envelope.message, kinds) and sender.replica != envelope.to.replica
        return fits and of in (None, sender.replica) and to in (None, envelope.to.replica)

    return lost


def test_a_write_is_everywhere_when_it_is_acknowledged(table: Table) -> None:
    answer = table.put(1, "k", "v")
    assert answer == made(1, at=1)
    assert table.holds("k") == ["v"] * 3
    assert [table.get(id, "k") for id in table.ids] == ["v"] * 3


def test_the_messages_of_one_write(table: Table) -> None:
    table.sent.clear()
    table.put(1, "k", "v")
    kinds = [type(message) for _, to, message in table.sent if type(message).__name__ != "Freed"]
    assert kinds == [Prepare] * 3 + [Votes] * 3 + [Go, Done] + [Go] * 2 + [Done] * 2
    (first, *others) = [to.replica for _, to, message in table.sent if type(message) is Go]
    assert (first, others) == (1, [2, 3]), "its own participant records the commit first"


def test_every_kind_of_write(table: Table) -> None:
    def done(op: str, *args: object) -> object:
        submission = table.write(2, op, *args)
        table.run()
        assert submission.answer is not None
        assert submission.answer.code == "OK"
        return submission.answer.value

    assert done("put_many", [["a", "1"], ["b", "2"]]) == 4
    assert done("cas", "a", "1", "3") is True
    assert done("cas", "a", "1", "4") is False
    assert done("delete", "b") is True
    assert (table.holds("a"), table.holds("b")) == (["3"] * 3, [None] * 3)
    scan, size = table.read(3, "scan", "", None, 10), table.read(3, "size")
    table.run()
    assert scan.answer == Answer("OK", [["a", "3"]], 13)
    assert size.answer == Answer("OK", 1, 13)


def test_one_no_aborts_and_nothing_was_done(table: Table) -> None:
    table.deliver(3, "participant", Veto(1))
    answer = table.put(1, "k", "v")
    assert answer is not None
    assert answer.code == "ABORTED"
    assert "replica 3 voted ABORT: it was ordered to vote so; nothing was done" in str(answer.value)
    assert table.holds("k") == [None] * 3
    assert table.put(2, "k", "w") == made(1, at=2), "its locks are free again"


def test_a_server_that_is_down_blocks_writes_and_no_reads(table: Table) -> None:
    table.put(1, "k", "v")
    table.kill(3)
    answer = table.put(1, "k", "w")
    assert answer is not None
    assert answer.code == "ABORTED"
    assert "replica 3 did not vote" in str(answer.value)
    assert table.get(2, "k") == "v"


def test_where_only_the_own_participant_is_down_a_client_is_sent_to_other_servers(
    table: Table,
) -> None:
    """The others may write without it, once it is not counted any more."""
    table.lost = lambda sender, envelope: envelope.to == Address(1, "participant")
    first, there = table.put(1, "k", "v"), table.put(2, "there", "v")
    assert first is not None
    assert (first.code, "participant is down" in str(first.value)) == ("UNAVAILABLE", True)
    assert there is not None
    assert there.code == "ABORTED", "no other server has the vote either"
    again = table.write(1, "put", "k", "w")  # the abort is not on record there, and has the key
    table.pass_time(1.5)
    assert again.answer == first
    table.lost = lambda *_: False
    table.pass_time(0.3)
    assert table.put(1, "k", "x") == made(1, at=1)
    table.lost = drops(Done, of=3)
    table.write(1, "put", "k", "y")
    late = table.write(1, "put", "k", "z")
    table.run()
    table.pass_time(1.5)
    assert late.answer is not None
    assert late.answer.code == "ABORTED", "it is another server that lacks"


def test_silence_is_a_no_when_the_time_is_over(table: Table) -> None:
    submission = table.write(1, "put", "k", "v")
    table.lost = drops(Votes, of=2)
    table.run()
    assert submission.answer is None
    table.pass_time(1.2)
    assert submission.answer is not None
    assert submission.answer.code == "ABORTED"
    table.lost = lambda *_: False
    assert table.put(3, "k", "w") == made(1, at=3)


def test_two_managers_that_want_one_key_abort_and_a_third_key_does_not_mind(table: Table) -> None:
    one, other = table.write(1, "put", "k", "1"), table.write(2, "put", "k", "2")
    third = table.write(3, "put", "other", "3")
    table.run()
    codes = [one.answer and one.answer.code, other.answer and other.answer.code]
    assert "ABORTED" in codes
    assert third.answer == made(1, at=3)
    assert len(set(table.holds("k"))) == 1


def test_writes_of_one_replica_wait_for_each_other(table: Table) -> None:
    submissions = [table.write(1, "put", "k", str(value)) for value in range(5)]
    table.run()
    assert [one.answer for one in submissions] == [made(nth, at=1) for nth in range(1, 6)]
    assert table.holds("k") == ["4"] * 3


def test_a_missing_go_ack_is_unknown_never_aborted(table: Table) -> None:
    submission = table.write(1, "put", "k", "v")
    table.lost = drops(Go, Inquire)
    table.run()
    table.pass_time(2.4)
    assert submission.answer is None
    assert table.get(3, "k") is None, "it waits: the key is prepared there"
    assert table.get(1, "k") == "v"
    table.pass_time(0.3)
    assert submission.answer is not None
    assert submission.answer.code == "UNKNOWN_OUTCOME"


def test_a_read_of_a_prepared_key_errs_within_its_time(table: Table) -> None:
    table.lost = drops(Go, of=1)
    table.write(1, "put", "k", "v")
    table.run()
    table.kill(1)
    read, stale = table.read(2, "get", "k"), table.read(2, "get", "k", stale=True)
    other = table.read(2, "get", "another")
    table.pass_time(2.6)
    assert read.answer is not None
    assert read.answer.code == "UNAVAILABLE"
    assert stale.answer == other.answer == Answer("OK", None, 0)


def test_requests_take_effect_once(table: Table) -> None:
    first = table.write(1, "put", "k", "v", request=("ana", 1))
    table.run()
    table.put(2, "k", "w")
    again = table.write(3, "put", "k", "v", request=("ana", 1))
    table.run()
    assert first.answer == again.answer == made(1, at=1)
    assert table.holds("k") == ["w"] * 3
    other = table.write(3, "put", "k", "x", request=("ana", 1))
    late = table.write(3, "put", "k", "x", request=("bob", 7))
    table.run()
    assert other.answer is not None
    assert other.answer.code == "INVALID"
    assert late.answer is not None
    assert late.answer.value == "session expired"


def test_a_retry_while_the_first_is_in_doubt_is_in_doubt(table: Table) -> None:
    table.lost = drops(Go, of=1)
    table.write(1, "put", "k", "v", request=("ana", 1))
    table.run()
    table.kill(1)
    table.lost = lambda *_: False
    again = table.write(2, "put", "k", "v", request=("ana", 1))
    table.run()
    assert again.answer is not None
    assert again.answer.code in ("UNKNOWN_OUTCOME", "ABORTED")
    table.start(1)
    table.pass_time(2.0)
    assert table.holds("k") == ["v"] * 3
    last = table.write(2, "put", "k", "v", request=("ana", 1))
    table.run()
    assert last.answer == made(1, at=1)


def settle(table: Table, at: int, client: str, sequence: int) -> Answer | None:
    submission = table.write(at, "settle", client, sequence)
    table.run()
    return submission.answer


def outcome(table: Table, at: int, client: str, sequence: int) -> object:
    submission = table.read(at, "outcome", client, sequence)
    table.run()
    return None if submission.answer is None else submission.answer.value


def test_what_became_of_a_request_is_known_at_every_server(table: Table) -> None:
    table.write(1, "put", "k", "v", request=("ana", 1))
    table.run()
    for at in table.ids:
        assert outcome(table, at, "ana", 1) == ["applied", made(1, at=1).revision, 3]
        assert outcome(table, at, "ana", 2) == ["open", None, None]
        assert outcome(table, at, "eva", 2) == ["forgotten", None, None]


def test_a_request_that_was_settled_is_voted_down_from_then_on(table: Table) -> None:
    table.write(1, "put", "k", "v", request=("ana", 1))
    table.run()
    for client, sequence in (("ana", 2), ("eva", 1)):
        settled = settle(table, 2, client, sequence)
        assert settled is not None
        assert settled.value == ["never", None, None]
        assert outcome(table, 3, client, sequence) == ["never", None, None]
        late = table.write(1, "put", "k", "late", request=(client, sequence))
        table.run()
        assert late.answer is not None
        assert late.answer.code == "INVALID"
    assert table.holds("k") == ["v"] * 3
    table.kill(3)
    table.start(3)
    table.run()
    assert outcome(table, 3, "ana", 2) == ["never", None, None], "it is on the disk"


def test_what_became_of_a_request_in_doubt_is_not_guessed(table: Table) -> None:
    table.lost = drops(Go, of=1)
    table.write(1, "put", "k", "v", request=("ana", 1))
    table.run()
    assert outcome(table, 2, "ana", 1) is None, "it waits"
    in_doubt = settle(table, 2, "ana", 1)
    assert in_doubt is not None
    assert in_doubt.code == "UNKNOWN_OUTCOME"
    table.lost = lambda *_: False
    table.pass_time(3.0)
    assert outcome(table, 2, "ana", 1) == ["applied", 3, 3]


def test_a_vote_never_changes(table: Table) -> None:
    participant = table.participants[2]
    tid, asked = Tid(1, 7), Transaction(7, table.write(1, "put", "k", "v").request.payload)
    participant.vetoes = 1
    assert participant.vote(tid, asked, participant.view).yes is False
    assert participant.vote(tid, asked, participant.view).yes is False, "the veto is over"
    other = Tid(1, 8)
    assert participant.vote(other, asked._replace(number=8), participant.view).yes is True
    participant.vetoes = 1
    assert participant.vote(other, asked._replace(number=8), participant.view).yes is True


def test_another_outcome_ends_the_process(table: Table) -> None:
    table.put(1, "k", "v")
    (tid,) = table.participants[2].book.outcomes
    with pytest.raises(InvariantBroken, match="two outcomes"):
        table.participants[2].go(tid, Decision(tid.number, False, 0))
