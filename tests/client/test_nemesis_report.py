"""The figures of a nemesis: pauses are measured the strict way, and problems alone decide."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from client.history import Moment
from client.nemesis.limits import shortfalls
from client.nemesis.report import (
    Report,
    longest_pause,
    pause_after,
    pauses,
    pauses_by_fault,
    serving,
)

WRITES = [Moment(0.9, 1.0), Moment(1.8, 2.0), Moment(1.9, 2.1), Moment(2.9, 3.5), Moment(3.5, 3.6)]


def test_an_answer_on_its_way_does_not_end_a_pause() -> None:
    # Killed at 2.05: the write of 1.9 was answered just after, that of 2.9 was called later.
    assert pause_after(WRITES, 2.05) == pytest.approx(1.5)


def test_no_write_afterwards() -> None:
    assert pause_after(WRITES, 5.0) == math.inf


def test_nothing_before() -> None:
    assert pause_after(WRITES, 0.5) == pytest.approx(0.5)


def test_pauses() -> None:
    found = pauses([99.5, *[1.0] * 98, 2.0])
    assert found == (100, 1.0, 2.0, 99.5)
    assert pauses([]).median is None


def test_p99_of_few_is_the_longest() -> None:
    assert pauses([1.0, 1.5]) == (2, 1.25, 1.5, 1.5)


def test_without_a_fault_there_are_no_pauses() -> None:
    assert pauses_by_fault(WRITES, [], 4.0) == {}


def test_pauses_by_fault() -> None:
    found = pauses_by_fault(WRITES, [(0.0, "kill"), (1.5, "cut"), (2.5, "kill")], 4.0)
    assert found == {
        "kill": pytest.approx((2, 1.0, 1.0, 1.0)),
        "cut": pytest.approx((1, 0.5, 0.5, 0.5)),
    }


def test_longest_pause_counts_beginning_and_end() -> None:
    assert longest_pause(WRITES, 0.0, 3.7) == pytest.approx(1.4)
    assert longest_pause(WRITES, -5.0, 3.7) == pytest.approx(6.0)
    assert longest_pause(WRITES, 0.0, 9.6) == pytest.approx(6.0)
    assert longest_pause([], 0.0, 9.0) == 9.0


def test_serving() -> None:
    # Silent: 0 to 1, 1 to 2 and 2.1 to 3.5; the rest is too short to count.
    assert serving(WRITES, 0.0, 4.0) == pytest.approx(1 - 3.4 / 4)
    assert serving([], 0.0, 4.0) == 0.0


def report(*problems: str, back: float | None = 0.5) -> Report:
    return Report(
        seed=7,
        replicas=5,
        seconds=60.0,
        folder="folder",
        history="folder/history.jsonl",
        faults={"kill": 9},
        skipped={"wipe": 1},
        kills={"replica": 11, "coordinator": 1},
        outcomes={"ok": 1000, "unknown": 2},
        longest_pause=1.25,
        serving=0.934,
        leader_kills=pauses([1.0, 1.5]),
        leader_kills_alone=pauses([]),
        by_fault={"cut deaf": pauses([0.75])},
        back_seconds=back,
        verdict="ok",
        problems=problems,
    )


def test_words() -> None:
    text = "\n".join(report().words())
    for part in (
        "seed 7",
        "11 replica, 1 coordinator",
        "93.4 %",
        "1.25 s",
        "1000 ok, 2 unknown",
        "0.75 s",
    ):
        assert part in text
    assert "all else well     never" in text
    assert "PASSED" in text
    assert "FAILED" not in text
    assert text.endswith("the history is in folder/history.jsonl\nlogs and data are in folder")
    removed = report()._replace(folder=None, history=None)
    assert removed.words()[-1] == "PASSED"


def test_a_problem_fails() -> None:
    bad = report("the history is judged violation", back=None)
    text = "\n".join(bad.words())
    assert not bad.passed
    assert "WRONG       the history is judged violation" in text
    assert "not all replicas came back" in text
    assert "FAILED" in text


def test_json() -> None:
    reported = json.loads(json.dumps(report("x").fields()))
    assert reported["passed"] is False
    assert reported["problems"] == ["x"]
    assert reported["leader_kills"]["faults"] == 2
    assert reported["leader_kills"]["median"] == pytest.approx(1.25)
    assert reported["kills"] == {"replica": 11, "coordinator": 1}


LONG = report()._replace(
    seconds=600.0,
    kills={"replica": 120},
    leader_kills=pauses([0.6, 0.7, 1.9]),
    by_fault={"cut deaf, leader": pauses([2.9]), "cut star, any": pauses([4.9])},
)


def test_a_run_that_reached_everything() -> None:
    assert shortfalls(LONG) == []


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"kills": {"replica": 99}}, "99 kills in 600 s, less than 10 a minute"),
        ({"leader_kills": pauses([])}, "no leader was killed"),
        ({"leader_kills": pauses([1.2])}, "writes paused 1.20 s after a leader's SIGKILL, median"),
        (
            {"leader_kills": pauses([0.5, 0.5, 2.5])},
            "writes paused 2.50 s after a leader's SIGKILL",
        ),
        (
            {"by_fault": {"cut mute, any": pauses([3.5])}},
            "writes paused 3.50 s after cut mute, any",
        ),
        ({"by_fault": {"cut chain, any": pauses([5.5])}}, "writes paused 5.50 s after cut chain"),
        ({"outcomes": {"fail": 3}}, "nothing was answered"),
        ({"kills": {"coordinator": 200}}, "no replica was killed"),
        ({"leader_kills": pauses([0.1, math.inf])}, "no write was acknowledged after a leader"),
    ],
)
def test_what_was_not_reached_is_told(change: dict[str, Any], reported: str) -> None:
    assert any(line.startswith(reported) for line in shortfalls(LONG._replace(**change)))


def test_a_short_run_has_too_few_of_each_for_limits_of_time() -> None:
    short = LONG._replace(seconds=60.0, kills={"replica": 1}, leader_kills=pauses([9.0]))
    assert shortfalls(short) == []


def test_a_pause_without_end_is_null_in_json() -> None:
    endless = LONG._replace(leader_kills=pauses([math.inf]))
    assert json.loads(json.dumps(endless.fields()))["leader_kills"]["longest"] is None
