"""Who was away: what it left, what it asks for, and when nobody can know."""

from __future__ import annotations

import pytest

from kvrmi.roles.contract import Address, Envelope
from kvrmi.twophase.messages import Enter, Go, Inquire, Prepare, Votes
from kvrmi.twophase.views import Member, View, founding, joined, left, pack, unpack
from tests.twophase.table import Table, made


@pytest.fixture
def table() -> Table:
    return Table()


def without(*kinds: type, to: int | None = None):  # type: ignore[no-untyped-def]
    def lost(sender: Address, envelope: Envelope) -> bool:
        other = sender.replica != envelope.to.replica
        return other and isinstance(envelope.message, kinds) and to in (None, envelope.to.replica)

    return lost


def prepared(table: Table) -> list[int]:
    return [len(table.participants[id].book.prepared) for id in table.ids]


def test_a_manager_that_dies_after_the_votes_blocks_all_until_it_is_back(table: Table) -> None:
    table.lost = without(Go, Votes)
    table.write(1, "put", "k", "v")
    table.run()
    assert prepared(table) == [1, 1, 1]
    table.kill(1)
    table.lost = lambda *_: False
    table.pass_time(10.0)
    assert prepared(table)[1:] == [1, 1], "both have asked each other, and neither knows"
    answer = table.put(2, "k", "w")
    assert answer is not None
    assert answer.code == "ABORTED"
    assert table.put(2, "free", "x") is not None, "aborted too: replica 1 does not vote"
    table.start(1)
    table.pass_time(3.0)
    assert prepared(table) == [0, 0, 0]
    assert table.holds("k") == [None] * 3, "it was never decided"
    assert table.put(2, "k", "w") == made(1, at=2)


def test_what_a_manager_had_recorded_it_sends_on_when_it_is_back(table: Table) -> None:
    table.lost = without(Go)
    table.write(1, "put", "k", "v")
    table.run()
    table.kill(1)
    table.lost = lambda *_: False
    table.pass_time(3.0)
    assert prepared(table)[1:] == [1, 1]
    table.start(1)
    table.run()
    assert table.holds("k") == ["v"] * 3


def test_one_participant_that_knows_is_enough(table: Table) -> None:
    table.lost = without(Go, to=3)
    table.write(1, "put", "k", "v")
    table.run()
    table.kill(1)
    assert table.holds("k")[1:] == ["v", None]
    table.pass_time(3.0)
    assert table.holds("k")[1:] == ["v", "v"]


def test_who_has_not_voted_aborts_what_another_is_in_doubt_about(table: Table) -> None:
    unasked, silent = without(Prepare, to=3), without(Votes)
    table.lost = lambda *sent: unasked(*sent) or silent(*sent)
    table.write(1, "put", "k", "v")
    table.run()
    table.kill(1)
    assert prepared(table)[1:] == [1, 0]
    table.pass_time(4.0)
    assert prepared(table)[1:] == [0, 0]
    (outcome,) = table.participants[3].book.outcomes.values()
    assert not outcome.commit, "it is on record: it never votes for that now"


def test_a_participant_that_starts_again_keeps_its_locks_and_asks(table: Table) -> None:
    table.lost = without(Go, Inquire)
    table.write(1, "put", "k", "v")
    table.run()
    table.kill(3)
    table.start(3)
    assert table.get(3, "k") is None
    table.lost = lambda *_: False
    table.pass_time(1.0)
    assert table.get(3, "k") == "v"


def test_everything_survives_a_power_cut(table: Table) -> None:
    table.write(1, "put", "k", "v", request=("ana", 1))
    table.run()
    for id in table.ids:
        table.kill(id)
    for id in table.ids:
        table.start(id)
    table.run()
    assert [table.get(id, "k") for id in table.ids] == ["v"] * 3
    again = table.write(2, "put", "k", "v", request=("ana", 1))
    table.run()
    assert again.answer == made(1, at=1)
    assert not any(isinstance(message, Inquire) for _, _, message in table.sent)


# --- views ----------------------------------------------------------------------------------------


def enter(table: Table, view: View, *ids: int) -> None:
    for id in ids:
        table.deliver(id, "participant", Enter(view))
    table.run()


def test_views_are_numbered_and_know_since_when() -> None:
    first = founding((1, 2, 3))
    second = left(first, 3)
    third = joined(second, 3)
    assert (first.number, second.ids, third.number) == (1, (1, 2), 3)
    assert third.member(3) == Member(3, 3)
    assert third.since(1) == (1, 2)
    assert unpack(pack(third)) == third


def test_without_a_member_that_is_down_the_others_go_on(table: Table) -> None:
    table.kill(3)
    enter(table, left(founding(table.ids), 3), 1)
    assert table.put(1, "k", "v") == made(1, at=1), "replica 2 hears of the view with Prepare"
    assert table.participants[2].view.number == 2
    assert table.get(2, "k") == "v"


def test_who_comes_back_neither_votes_nor_reads_before_it_has_the_store(table: Table) -> None:
    table.kill(3)
    enter(table, left(founding(table.ids), 3), 1, 2)
    table.put(1, "k", "v")
    table.lost = lambda sender, envelope: envelope.to.replica == 3 != sender.replica
    table.start(3)
    enter(table, joined(table.participants[1].view, 3), 1, 2, 3)
    assert table.get(3, "k") is None, "it waits"
    submission = table.write(3, "put", "k", "w")
    table.pass_time(1.2)
    assert submission.answer is not None
    assert "has not received the store" in str(submission.answer.value)
    table.lost = lambda *_: False
    table.pass_time(2.0)
    assert table.get(3, "k") == "v"
    assert table.put(3, "k", "w") == made(2, at=3)
    assert table.holds("k") == ["w"] * 3


def test_what_it_reports_of_itself_is_on_its_disk(table: Table) -> None:
    table.kill(3)
    enter(table, left(founding(table.ids), 3), 1, 2)
    table.start(3)
    view = joined(table.participants[1].view, 3)
    participant = table.participants[3]
    participant.receive(table.now, Address(3, "host"), Enter(view))
    assert participant.view == view
    assert participant.durable.view.number == 1, "its record may not be written yet"
    participant.wake(table.now)
    assert participant.durable.view == view


def test_nothing_is_given_while_an_older_transaction_is_in_doubt(table: Table) -> None:
    table.kill(3)
    enter(table, left(founding(table.ids), 3), 1, 2)
    table.lost = without(Go)
    table.write(1, "put", "k", "v")
    table.run()
    table.kill(1)
    table.start(3)
    enter(table, joined(table.participants[2].view, 3), 2, 3)
    table.pass_time(3.0)
    assert table.participants[3].standing.returning
    table.lost = lambda *_: False
    table.start(1)
    table.pass_time(3.0)
    assert table.holds("k") == ["v"] * 3
    assert table.participants[3].standing.votes


def test_an_excluded_server_that_does_not_know_it_can_write_nothing(table: Table) -> None:
    enter(table, left(founding(table.ids), 3), 1, 2)
    answer = table.put(3, "k", "w")
    assert answer is not None
    assert answer.code == "ABORTED"
    assert "view 1 is over" in str(answer.value)
    answer = table.put(3, "k", "w")
    assert answer is not None
    assert "replica 3 is not in view 2" in str(answer.value), "it knows now"
    assert answer.code == "UNAVAILABLE", "so that its client asks another server"


def test_a_lost_disk_fetches_the_store_and_uses_new_numbers(table: Table) -> None:
    table.put(3, "k", "v")
    used = max(tid.number for tid in table.participants[1].book.outcomes)
    table.kill(3)
    table.format(3, disk="new")
    table.start(3)
    table.pass_time(1.0)
    assert table.get(3, "k") is None
    view = joined(founding(table.ids), 3, "another")
    enter(table, view, 3)
    assert not table.participants[3].standing.returning, "that is not its disk"
    enter(table, joined(view, 3, "new"), 1, 2, 3)
    table.pass_time(1.0)
    assert table.get(3, "k") == "v"
    assert table.put(3, "k", "w") == made(2, at=3)
    assert min(tid.number for tid in table.participants[3].book.outcomes) > used
