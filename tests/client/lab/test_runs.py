"""Runs for the page: the same request makes the same lines; what makes no sense is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from client.lab.runs import NoSuchRun, Request, checked, menu, trace


def lines(request: Request) -> list[dict[str, Any]]:
    written: list[str] = []
    trace(request, written.append)
    return [json.loads(line) for line in written]


def test_a_scenario_has_a_title_and_an_end() -> None:
    made = lines(Request(scenario="basic_round"))
    assert made[0]["script"] == "basic_round"
    assert made[0]["about"] == menu()["scenarios"]["basic_round"] != ""
    assert made[-1] == {"kind": "end", "violation": ""}


def test_what_is_under_way_when_a_scenario_ends_has_a_fate_too() -> None:
    made = lines(Request(scenario="lost_accepts"))
    sent = {mail["id"] for line in made if line["kind"] == "left" for mail in line["mail"]}
    assert sent == {line["id"] for line in made if line["kind"] == "fate"}


def test_values_are_in_words() -> None:
    made = lines(Request(scenario="duelling_proposers"))
    (values,) = (line["words"] for line in made if line["kind"] == "values")
    assert sorted(values.values()) == ["no-op", 'put "k"']


def test_the_same_request_makes_the_same_lines() -> None:
    asked = Request(bug="accepts-below-promise")
    assert lines(asked) == lines(asked)


def test_a_bug_is_shown_by_the_first_seed_that_shows_it() -> None:
    made = lines(Request(bug="accepts-below-promise"))
    assert made[0]["plant"] == "accepts-below-promise"
    assert "having promised" in made[-1]["violation"]


def test_steps_and_faults_make_the_run_that_the_simulator_named() -> None:
    made = lines(Request(seed=17, steps=300, only=(1,)))
    assert made[-1]["faults"] == [1]
    assert made[-1]["steps"] == 300


def test_a_search_can_be_given_up() -> None:
    asked = Request(bug="release-of-older-ballot")
    with pytest.raises(NoSuchRun, match="given up"):
        trace(asked, print, lambda: True)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request(scenario="no_such"), "no scenario 'no_such'; there are: adopt"),
        (Request(bug="no-such"), "no bug 'no-such'"),
        (Request(profile="stormy"), "no profile 'stormy'"),
        (Request(seed=-1), "no seed"),
        (Request(seed=1 << 53), "no seed"),
        (Request(scenario="basic_round", seed=1), "takes no seed"),
        (Request(seed=1, steps=0), "no number of steps"),
        (Request(bug="fence-missing", profile="calm"), "without a seed"),
    ],
)
def test_what_makes_no_sense_is_refused(request_: Request, why: str) -> None:
    with pytest.raises(NoSuchRun, match=why):
        checked(request_)
