"""Whom a learner that is behind asks for what, and when it asks again."""

from __future__ import annotations

import pytest

from kvrmi.operations.interface import PAGE_BYTES
from kvrmi.paxos.catchup import GIVE_UP, TIMEOUT, CatchUp
from kvrmi.paxos.messages import Entries, Fetch, FetchSnapshot, SnapshotPage
from kvrmi.roles.contract import Envelope
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Log
from kvrmi.state.replicated import Replicated
from kvrmi.state.snapshot import SnapshotSource
from kvrmi.state.stored import learner_tables
from kvrmi.storage.interface import Record
from kvrmi.storage.memory import MemoryStorage

from .bench import IDS, START, entry, learner, put


def catchup() -> CatchUp:
    return CatchUp(1, IDS)


MINE = Replicated(KeyValues)
"""What a snapshot shall replace."""


def one_slot() -> tuple[Record, ...]:
    log = Log()
    log.append(entry(1), 0)
    return log.take_records()


def empty_page() -> bytes:
    """The one page of a snapshot of a slot and no rows."""
    storage = MemoryStorage(learner_tables(KeyValues.tables))
    storage.write(one_slot())
    data, last = SnapshotSource(storage.snapshot(), KeyValues).page(0)
    assert last
    return data


def test_nothing_is_asked_while_nothing_is_missing() -> None:
    mine = catchup()
    assert not mine.ask(START, 0, True)
    mine.heard(2, 5)
    assert not mine.ask(START, 5, True)
    assert not mine.ask(START, 4, False)


def test_what_is_missing_is_asked_of_who_said_it_is_chosen() -> None:
    mine = catchup()
    mine.heard(3, 5)
    assert mine.ask(START, 2, True) == (Envelope(learner(3), Fetch(3)),)


def test_one_question_at_a_time_until_it_is_answered_or_lost() -> None:
    mine = catchup()
    mine.heard(3, 5)
    assert mine.ask(START, 2, True)
    assert not mine.ask(START + TIMEOUT - 0.01, 2, True)
    assert mine.ask(START + TIMEOUT, 2, True)
    mine.answered(START + TIMEOUT, 3, Entries(3, (entry(3, "c"), entry(4, "d")), 1, 5), 2)
    assert mine.ask(START + TIMEOUT, 4, True) == (Envelope(learner(3), Fetch(5)),)


def test_an_unanswered_question_is_asked_of_the_next_peer_a_little_later() -> None:
    mine = catchup()
    mine.heard(2, 5)
    asked = []
    for step in range(4):
        (envelope,) = mine.ask(START + step, 2, True)
        asked.append(envelope.to.replica)
        mine.unanswered(START + step)
        assert not mine.ask(START + step, 2, True)
    assert asked == [2, 3, 2, 3]


def test_alone_there_is_nobody_to_ask() -> None:
    mine = CatchUp(1, (1,))
    mine.heard(1, 5)
    mine.want_snapshot(1)
    mine.unanswered(START)
    assert not mine.pulling
    assert not mine.ask(START, 0, True)


def test_while_a_snapshot_is_wanted_no_entries_are() -> None:
    mine = catchup()
    mine.heard(3, 50)
    mine.want_snapshot(2)
    assert mine.pulling
    assert mine.ask(START, 2, True) == (Envelope(learner(2), FetchSnapshot("", 0)),)


def test_news_from_others_does_not_change_the_source_of_a_snapshot() -> None:
    mine = catchup()
    mine.want_snapshot(2)
    mine.heard(3, 50)
    mine.want_snapshot(3)
    assert mine.source == 2


def test_a_peer_that_is_none_of_ours_is_not_asked() -> None:
    mine = catchup()
    mine.want_snapshot(77)
    assert mine.pulling
    assert mine.source in IDS


def test_the_last_page_ends_a_snapshot() -> None:
    mine = catchup()
    mine.want_snapshot(2)
    sink = mine.add_page(START, 2, SnapshotPage("2-1", 0, empty_page(), True), 0, MINE)
    assert sink is not None
    assert sink.complete
    assert not mine.pulling


@pytest.mark.parametrize(
    ("sender", "page"),
    [(3, SnapshotPage("2-1", 0, b"", True)), (2, SnapshotPage("2-1", 1, b"", True))],
)
def test_pages_of_another_peer_or_place_are_ignored(sender: int, page: SnapshotPage) -> None:
    mine = catchup()
    mine.want_snapshot(2)
    assert mine.add_page(START, sender, page, 0, MINE) is None
    assert (mine.pulling, mine.source) == (True, 2)


@pytest.mark.parametrize(
    "page", [SnapshotPage("2-1", 0, b"damaged", True), SnapshotPage("2-1", -1, b"", True)]
)
def test_a_damaged_or_ended_snapshot_begins_again_elsewhere(page: SnapshotPage) -> None:
    mine = catchup()
    mine.want_snapshot(2)
    assert mine.ask(START, 0, True)
    assert mine.add_page(START, 2, page, 0, MINE) is None
    assert mine.ask(START + 0.1, 0, True) == (Envelope(learner(3), FetchSnapshot("", 0)),)


def test_an_older_snapshot_is_given_up_with_its_first_page() -> None:
    mine = catchup()
    mine.heard(3, 50)
    mine.want_snapshot(2)
    assert mine.add_page(START, 2, SnapshotPage("2-1", 0, pages()[0], False), 1, MINE) is None
    assert not mine.pulling
    assert mine.ask(START, 1, True) == ()
    assert mine.ask(START + 0.1, 1, True) == (Envelope(learner(3), Fetch(2)),)


def test_a_page_nobody_waits_for_is_ignored() -> None:
    assert catchup().add_page(START, 2, SnapshotPage("2-1", 0, empty_page(), True), 0, MINE) is None


def begun() -> CatchUp:
    """One with the first of three pages, from peer 2."""
    mine = catchup()
    mine.want_snapshot(2)
    assert mine.add_page(START, 2, SnapshotPage("2-1", 0, pages()[0], False), 0, MINE) is None
    return mine


def pages() -> list[bytes]:
    storage = MemoryStorage(learner_tables(KeyValues.tables))
    state = Replicated(KeyValues)
    for number in range(3):
        state.apply(put(f"k{number}", "x" * (PAGE_BYTES * 2 // 3)))
    storage.write((*state.take_records(), *one_slot()))
    source = SnapshotSource(storage.snapshot(), KeyValues)
    return [source.page(number)[0] for number in range(3)]


def test_a_page_that_does_not_come_is_asked_for_again_for_a_while() -> None:
    mine = begun()
    now = START
    while now < START + GIVE_UP - 1:
        assert mine.ask(now, 0, True) == (Envelope(learner(2), FetchSnapshot("2-1", 1)),)
        mine.unanswered(now + 0.3)
        now += 0.4
    assert mine.add_page(now, 2, SnapshotPage("2-1", 1, pages()[1], False), 0, MINE) is None
    mine.unanswered(now + GIVE_UP - 0.1)
    assert mine.ask(now + GIVE_UP, 0, True) == (Envelope(learner(2), FetchSnapshot("2-1", 2)),)


def test_after_a_while_another_peer_is_asked_for_its_snapshot() -> None:
    mine = begun()
    mine.unanswered(START + GIVE_UP + 0.1)
    (question,) = mine.ask(START + GIVE_UP + 1, 0, True)
    assert question == Envelope(learner(3), FetchSnapshot("", 0))


def test_who_served_us_is_asked_on_whatever_others_say_is_chosen() -> None:
    """It keeps its log behind the snapshot that it gave; the others do not."""
    mine = catchup()
    mine.want_snapshot(2)
    assert mine.add_page(START, 2, SnapshotPage("2-1", 0, empty_page(), True), 0, MINE) is not None
    mine.heard(3, 50)
    assert mine.ask(START, 9, True) == (Envelope(learner(2), Fetch(10)),)
    mine.answered(START, 2, Entries(10, (entry(10, "a"),), 5, 40), 9)
    mine.heard(3, 60)
    assert mine.ask(START, 10, True) == (Envelope(learner(2), Fetch(11)),)
    mine.answered(START, 2, Entries(11, (entry(11, "a"),), 5, 60), 10)
    assert mine.ask(START, 60, False) == ()  # caught up: news decides again
    mine.heard(3, 70)
    assert mine.ask(START, 60, True) == (Envelope(learner(3), Fetch(61)),)


def test_who_gave_a_snapshot_is_asked_again_for_a_late_page_of_what_follows() -> None:
    """Another would have to give a whole snapshot once more."""
    mine = catchup()
    mine.want_snapshot(2)
    assert mine.add_page(START, 2, SnapshotPage("2-1", 0, empty_page(), True), 0, MINE) is not None
    mine.heard(3, 50)
    mine.unanswered(START + 1)
    assert mine.ask(START + 2, 9, True) == (Envelope(learner(2), Fetch(10)),)
    late = START + GIVE_UP - 1
    mine.answered(late, 2, Entries(10, (entry(10, "a"),), 5, 40), 9)
    mine.unanswered(late + GIVE_UP - 1)
    assert mine.ask(late + GIVE_UP, 10, True) == (Envelope(learner(2), Fetch(11)),)
    mine.unanswered(late + GIVE_UP)
    assert mine.ask(late + GIVE_UP + 1, 10, True) == (Envelope(learner(3), Fetch(11)),)


def test_who_gave_entries_and_is_gone_is_not_waited_for() -> None:
    mine = catchup()
    mine.heard(2, 50)
    (asked,) = mine.ask(START, 9, True)
    first = asked.to.replica
    mine.answered(START, first, Entries(10, (entry(10, "a"),), 5, 50), 9)
    mine.unanswered(START + 1)
    (again,) = mine.ask(START + 2, 10, True)
    assert again.to.replica == first, "it was late"
    mine.unanswered(START + 2, gone=True)
    (other,) = mine.ask(START + 3, 10, True)
    assert other.to.replica != first


def test_who_says_the_same_again_is_not_asked_again_before_the_others() -> None:
    """Found by the simulator: an informant that had lost its state was asked for ever."""
    mine = CatchUp(1, (1, 2, 3))
    asked = []
    for step in range(4):
        mine.heard(2, 6)
        (envelope,) = mine.ask(START + step, 0, True)
        asked.append(envelope.to.replica)
        mine.unanswered(START + step)
    assert asked == [2, 3, 2, 3]


def test_who_answered_a_wish_is_known_though_the_next_question_goes_to_another() -> None:
    wants = catchup()
    wants.wish(START, 3)
    wants.ask(START, 7, gap=True)
    wants.answered(START, 3, Entries(8, (), 1, 7), 7)
    assert (wants.giver, wants.wished) == (3, False)
    assert wants.source != 3


def test_a_wish_is_for_the_peer_that_was_named() -> None:
    wants = catchup()
    wants.wish(START, 3)
    wants.heard(2, 40)
    wants.unanswered(START + 1)
    assert wants.source == 3
    wants.unanswered(START + GIVE_UP)
    assert wants.source != 3
