"""Runs side by side: each pair shows what it says, and the same goes wrong in both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from client.lab.pairs import PAIRS, pair
from client.lab.runs import NoSuchRun, Request, trace

Lines = list[dict[str, Any]]


def lines(request: Request) -> Lines:
    written: list[str] = []
    trace(request, written.append)
    return [json.loads(line) for line in written]


def faults(made: Lines, until: float = 1e6) -> list[str]:
    return [line["text"] for line in made if line.get("who") == "fault" and line["at"] < until]


def revisions(made: Lines, since: float, until: float) -> set[int]:
    """Those that learners or participants reach in between."""
    return {
        line["fields"]["revision"]
        for line in made
        if line["kind"] == "state" and "revision" in line["fields"] and since < line["at"] < until
    }


def test_two_phase_commit_waits_for_the_one_who_stopped_and_paxos_does_not() -> None:
    one, other = lines(PAIRS["blocking"].one), lines(PAIRS["blocking"].other)
    assert faults(one)[:2] == faults(other)[:2] == ["by hand: stop 1", "by hand: resume 1"]
    assert not one[-1]["violation"]
    assert not other[-1]["violation"]
    assert not revisions(one, 1.7, 5.6)
    assert len(revisions(other, 1.7, 5.6)) > 3
    asked = [
        line for line in one if line["kind"] == "left" and line["mail"][0]["type"] == "Inquire"
    ]
    assert {line["who"] for line in asked if line["at"] < 5.6} == {
        "r2.participant",
        "r3.participant",
    }


@pytest.mark.parametrize("name", ["amnesia", "margin"])
def test_one_rule_makes_the_difference(name: str) -> None:
    one, other = lines(PAIRS[name].one), lines(PAIRS[name].other)
    assert one[-1]["violation"]
    assert not other[-1]["violation"]
    broke = one[-1]["seconds"]
    assert faults(one, broke) == faults(other, broke) != []


def test_a_pair_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    with pytest.raises(NoSuchRun, match="no pair 'nothing'; there are: blocking, amnesia, margin"):
        pair("nothing")
