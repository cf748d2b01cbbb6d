"""Fail-over as a person sees it: one line an event, none for what did not change."""

from __future__ import annotations

import queue

import pytest

from client.shell.notes import AGAIN, BURST, TIMEOUT, Notes, Progress
from kvrmi.access.events import Answered, Asked, Event, Failed


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def notes(clock: Clock, lines: list[str]) -> Notes:
    notes = Notes(lines.append, clock)
    feed(notes, asked(1), answered(1, 1))
    return notes


def asked(replica: int) -> Event:
    return Asked(replica, f"h:{replica}")


def refused(replica: int) -> Event:
    return Failed(replica, f"h:{replica}", "cannot connect: Connection refused", sent=False)


def lost(replica: int) -> Event:
    return Failed(replica, f"h:{replica}", "connection lost: it was closed", sent=True)


def unfit(replica: int) -> Event:
    reason = "no majority answered; nothing was done"
    return Failed(replica, f"h:{replica}", reason, sent=True, code="NO_QUORUM")


def answered(replica: int, leader: int | None) -> Event:
    return Answered(replica, f"h:{replica}", leader)


def feed(notes: Notes, *events: Event) -> None:
    for event in events:
        notes(event)


def test_nothing_is_said_while_nothing_changes(notes: Notes, lines: list[str]) -> None:
    feed(notes, asked(1), answered(1, 1), asked(2), answered(2, 1), asked(2), answered(2, None))
    assert lines == []
    assert (notes.replica, notes.leader) == (2, 1)


def test_a_fail_over_is_one_line(notes: Notes, lines: list[str]) -> None:
    feed(notes, refused(1), asked(2), answered(2, 2))
    assert lines == [
        "replica 1 does not answer (connection refused); replica 2 answers now and leads"
    ]


def test_whoever_answers_may_follow_another(notes: Notes, lines: list[str]) -> None:
    feed(notes, asked(1), lost(1), asked(2), answered(2, 3))
    feed(notes, asked(3), answered(3, 3))
    assert lines == [
        "replica 1 does not answer (it was closed); replica 2 answers now and follows leader 3"
    ]


def test_the_same_trouble_is_folded_and_other_trouble_is_not(
    notes: Notes, lines: list[str]
) -> None:
    feed(notes, refused(1), refused(2), asked(3), unfit(3), asked(4), answered(4, None))
    assert lines == [
        "replica 1 and replica 2 do not answer (connection refused); "
        "replica 3 cannot answer (no majority answered); replica 4 answers now"
    ]


def test_a_burst_is_reported_once(notes: Notes, lines: list[str], clock: Clock) -> None:
    """A preferred replica that is down is tried every two seconds."""
    for _ in range(10):
        feed(notes, refused(2), asked(1), answered(1, 1))
        clock.now += 2.0
    assert len(lines) == 1
    clock.now += AGAIN
    feed(notes, refused(2), asked(1), answered(1, 1))
    assert len(lines) == 2


def test_many_who_meet_it_at_once_report_it_once(
    notes: Notes, lines: list[str], clock: Clock
) -> None:
    """Each has an operation of its own; one saw it close the connection, another its port."""
    commands = [Progress() for _ in range(4)]
    for trouble, command in zip((lost, refused, lost, refused), commands, strict=True):
        notes.take(trouble(1), command)
    for command in commands:
        notes.take(answered(2, 2), command)
    assert len(lines) == 1
    clock.now += BURST + 0.1
    feed(notes, asked(1), lost(1), answered(2, 2))
    feed(notes, refused(1), answered(2, 2))
    assert len(lines) == 2, "other trouble, later"


def test_what_was_reported_as_gone_is_reported_as_back(notes: Notes, lines: list[str]) -> None:
    feed(notes, refused(2), asked(1), answered(1, 1))
    lines.clear()
    feed(notes, asked(2), answered(2, 1), asked(2), answered(2, 1))
    assert lines == ["replica 2 answers again and follows leader 1"]


def test_another_leader_is_one_line(notes: Notes, lines: list[str]) -> None:
    feed(notes, asked(1), answered(1, 3), asked(3), answered(3, 3))
    assert lines == ["replica 3 leads now, replica 1 did before"]


def test_a_long_wait_says_what_for_and_how_it_ended(
    notes: Notes, lines: list[str], clock: Clock
) -> None:
    feed(notes, refused(1), refused(2))
    assert lines == []
    clock.now += TIMEOUT + 0.1
    feed(notes, refused(1), refused(2), refused(1))
    assert lines == ["replica 1 and replica 2 do not answer (connection refused); still trying"]
    feed(notes, asked(2), answered(2, 2))
    assert lines[1:] == [
        "replica 1 does not answer (connection refused); replica 2 answers again and leads"
    ]


def test_a_replica_of_which_only_the_address_is_known(lines: list[str], clock: Clock) -> None:
    notes = Notes(lines.append, clock)
    feed(notes, Failed(0, "h:1", "cannot connect: no route", sent=False), answered(2, 2))
    assert lines == ["h:1 does not answer (no route); replica 2 answers now and leads"]


def test_what_may_have_been_sent_is_known_until_the_next_command(notes: Notes) -> None:
    notes.begin()
    assert not notes.running.sent
    feed(notes, refused(1))
    assert not notes.running.sent
    feed(notes, asked(2), lost(2), asked(3))
    assert list(notes.running.sent) == ["replica 2", "replica 3"]
    feed(notes, answered(3, 3))
    assert list(notes.running.sent) == ["replica 2", "replica 3"], (
        "it was answered, but is not shown yet"
    )
    notes.begin()
    assert not notes.running.sent


def test_after_a_second_it_is_shown_who_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.shell.notes.TIMEOUT", 0.01)
    lines: queue.Queue[str] = queue.Queue()
    notes = Notes(lines.put, person=True)
    feed(notes, asked(1))
    assert lines.get(timeout=30) == "waiting for replica 1; Ctrl-C ends it"
    feed(notes, answered(1, 1))
    assert lines.empty(), "an answer that was slow is no news"


def test_nobody_waits_after_an_answer_or_the_end_of_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("client.shell.notes.TIMEOUT", 30.0)
    notes = Notes(print, person=True)
    for ended_by_an_answer in (True, False):
        feed(notes, asked(1))
        timer = notes._timer
        assert timer is not None
        if ended_by_an_answer:
            feed(notes, answered(1, 1))
        else:
            notes.end()
        timer.join(20)
        assert not timer.is_alive()
