"""Runs for the page: the same request makes the same lines; what makes no sense is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from client.lab.runs import NoSuchRun, Request, checked, menu, trace
from client.lab.scenarios.known import WON


def lines(request: Request) -> list[dict[str, Any]]:
    written: list[str] = []
    trace(request, written.append)
    return [json.loads(line) for line in written]


def test_a_scenario_has_a_title_and_an_end() -> None:
    made = lines(Request(scenario="basic_round"))
    assert made[0]["script"] == "basic_round"
    assert made[0]["about"] == menu()["paxos"]["scenarios"]["basic_round"] != ""
    assert made[-1] == {"kind": "end", "violation": ""}


def test_what_is_under_way_when_a_scenario_ends_has_a_fate_too() -> None:
    made = lines(Request(scenario="lost_accepts"))
    sent = {mail["id"] for line in made if line["kind"] == "left" for mail in line["mail"]}
    assert sent == {line["id"] for line in made if line["kind"] == "fate"}


def test_values_are_in_words() -> None:
    made = lines(Request(scenario="duelling_proposers"))
    (values,) = (line["words"] for line in made if line["kind"] == "values")
    assert set(values.values()) == {"no-op", "put k = v1"}


def test_the_same_request_makes_the_same_lines() -> None:
    asked = Request(bug="accepts-below-promise")
    assert lines(asked) == lines(asked)


@pytest.mark.parametrize(
    ("protocol", "bug", "seed", "violation"),
    [
        ("paxos", "release-of-older-ballot", 25, "a quorum has promised"),
        ("2pc", "forgets-its-no", 82, "changes its vote"),
    ],
)
def test_a_bug_is_shown_at_once(protocol: str, bug: str, seed: int, violation: str) -> None:
    made = lines(Request(protocol=protocol, bug=bug))
    assert (made[0]["protocol"], made[0]["plant"], made[0]["seed"]) == (protocol, bug, seed)
    assert violation in made[-1]["violation"]


def test_steps_and_faults_make_the_run_that_the_simulator_named() -> None:
    made = lines(Request(seed=17, steps=300, only=(1,)))
    assert made[-1]["faults"] == [1]
    assert made[-1]["steps"] == 300


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
        (Request(bug="fence-missing", profile="calm"), "has its own faults"),
        (Request(protocol="3pc"), "no protocol '3pc'; there are: paxos, 2pc"),
        (Request(protocol="2pc", scenario="basic_round"), "no scenario"),
    ],
)
def test_what_makes_no_sense_is_refused(request_: Request, why: str) -> None:
    with pytest.raises(NoSuchRun, match=why):
        checked(request_)


def test_an_act_makes_a_scenario_go_another_way_and_it_goes_on() -> None:
    made = lines(Request(scenario="basic_round", acts=("1.01 kill 1",)))
    assert any(line.get("text") == "by hand: kill 1" for line in made)
    assert any("it goes another way" in line.get("text", "") for line in made)


def test_a_scenario_of_ones_own_is_played() -> None:
    made = lines(Request(script="title: mine\nreplicas 3\nlet 1 campaign\nuntil 1 leads\n"))
    assert (made[0]["script"], made[-1]["violation"]) == ("mine", "")
    with pytest.raises(NoSuchRun, match="cannot be played"):
        checked(Request(script="nothing of the kind"))


FORK = "title: mine\nacts: 1.01 kill 1,\n  1.5 start 1\nreplicas 3\nrun 1\nexpect 1 leads\nrun 1\n"


def test_a_scenario_names_what_is_done_to_it_by_hand() -> None:
    plain = FORK.replace("acts: 1.01 kill 1,\n  1.5 start 1\n", "")
    acts = ("1.01 kill 1", "1.5 start 1")
    assert lines(Request(script=FORK))[1:] == lines(Request(script=plain, acts=acts))[1:]
    again = lines(Request(script=FORK, acts=("1.6 mend",)))
    assert [one["text"] for one in again if one.get("who") == "fault"] == [
        "by hand: kill 1",
        "by hand: start 1",
        "by hand: mend",
    ]


@pytest.mark.parametrize("bug", WON)
def test_an_attempt_as_a_scenario_breaks_at_the_same_step(bug: str) -> None:
    text = "\n".join((f"bug: {bug}", "replicas 5", "run 1", *WON[bug]))
    attempt = lines(Request(dare=5, bug=bug, moves=WON[bug]))
    played = lines(Request(script=text))
    opening = next(at for at, one in enumerate(played) if one.get("text") == "run 1")
    assert [*played[1:opening], *played[opening + 1 : -1]] == attempt[1:-1]
    assert (played[0]["plant"], played[0]["about"]) == (bug, attempt[0]["about"])
    assert attempt[-1]["violation"] in played[-1]["violation"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bug: no-such\nreplicas 3\nrun 1\n", "there is no bug 'no-such'; there are: "),
        ("acts: soon kill 1\nreplicas 3\nrun 1\n", "does not begin with its moment"),
        ("acts: " + "2 mend, " * 51 + "\nreplicas 3\nrun 1\n", "at most 50 acts"),
    ],
)
def test_a_scenario_that_names_what_is_not_there_is_refused(text: str, why: str) -> None:
    with pytest.raises(NoSuchRun, match=why):
        checked(Request(script=text))


@pytest.mark.parametrize("seconds", ["60", "7.", ".5"])
def test_a_line_of_ones_own_may_wait_a_minute(seconds: str) -> None:
    checked(Request(script=f"replicas 3\nrun {seconds}\n"))
    with pytest.raises(NoSuchRun, match="at most 60 seconds a line"):
        checked(Request(script="replicas 3\nrun 61\n"))


def test_an_act_on_a_replica_that_is_not_there_is_said() -> None:
    made = lines(Request(script="acts: 1.5 kill 9\nreplicas 3\nrun 1\n"))
    assert "there is no replica 9; there are: 1, 2, 3" in made[-1]["violation"]


def test_an_attempt_at_the_dare_ends_where_safety_broke() -> None:
    moves = WON["quorum-of-two"]
    made = lines(Request(dare=5, bug="quorum-of-two", moves=moves))
    assert made[-1]["violation"]
    assert [line["who"] for line in made if line["kind"] == "happened"][-1] == "verdict"
    held = lines(Request(dare=5, moves=(*moves, "quit")))
    assert (held[-1]["violation"], held[-1]["level"]) == ("", True)
    with pytest.raises(NoSuchRun, match="jump: no such step"):
        lines(Request(dare=5, moves=("jump",)))
