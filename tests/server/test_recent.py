"""The last events of a replica: numbered, bounded, read from a cursor."""

from __future__ import annotations

import pytest

from kvrmi.roles.events import Event
from server.journal import Recent


def event(number: int) -> Event:
    return Event(float(number), "acceptor", "accept", number, "7.2", 2, 0, f"slot={number}", False)


def slots(found: tuple[int, int, list[Event]]) -> tuple[int, int, list[int]]:
    return (*found[:2], [one.slot for one in found[2]])


@pytest.fixture
def recent() -> Recent:
    made = Recent(kept=4)
    for number in range(1, 7):
        made.add(event(number))
    return made


def test_the_oldest_go_and_a_reader_hears_how_many_it_missed(recent: Recent) -> None:
    assert slots(recent.since(0, 10)) == (6, 2, [3, 4, 5, 6])
    assert slots(recent.since(1, 10)) == (6, 1, [3, 4, 5, 6])
    assert slots(recent.since(4, 10)) == (6, 0, [5, 6])


def test_it_reports_how_many_there_were_and_since_when(recent: Recent) -> None:
    assert recent.report() == {"count": 6, "kept": 4, "oldest": 3.0}
    assert Recent().report() == {"count": 0, "kept": 0, "oldest": None}


def test_a_reader_goes_on_where_it_was(recent: Recent) -> None:
    assert slots(recent.since(2, 3)) == (5, 0, [3, 4, 5])
    assert slots(recent.since(5, 3)) == (6, 0, [6])
    assert slots(recent.since(6, 3)) == (6, 0, [])


def test_a_cursor_of_another_start_of_the_process_begins_at_the_end(recent: Recent) -> None:
    assert slots(recent.since(100, 3)) == (6, 0, [])
    assert slots(Recent().since(100, 3)) == (0, 0, [])
