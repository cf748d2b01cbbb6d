"""What every request meets on its way to the engine, whoever brings it: checks, refusals, codes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from kvrmi.operations.interface import Result
from server.intake import Intake

from .stubs import StubEngine, at_once


def asked(engine: StubEngine, name: str, *args: object, request: object = None) -> Result:
    """The one answer to a request."""
    answers: list[Result] = []
    Intake(engine, at_once).submit(name, args, request, answers.append)
    (answer,) = answers
    return answer


ILL_FORMED = (
    ("nonsense", (), None),
    ("voter", (1, 2, "d"), None),
    ("put", ("",), None),
    ("put", ("k", "v"), ["me"]),
    ("get", ("k",), [1, 1]),
)


@pytest.mark.parametrize(("name", "args", "request_id"), ILL_FORMED)
def test_what_is_not_well_formed_reaches_no_engine(
    name: str, args: tuple[object, ...], request_id: object
) -> None:
    engine = StubEngine()
    assert asked(engine, name, *args, request=request_id).code == "INVALID"
    assert engine.asked == []


def test_what_an_engine_cannot_do_is_unsupported_and_reaches_it_not() -> None:
    engine = StubEngine()
    answer = asked(engine, "scan")
    assert (answer.code, answer.value) == (
        "UNSUPPORTED",
        "engine stub has no scan; nothing was done",
    )
    assert asked(engine, "scan", "", None, 0).code == "INVALID", (
        "what is wrong in itself comes first"
    )
    assert engine.asked == []


def test_a_fault_of_ours_is_reported_with_caution() -> None:
    engine = StubEngine()
    engine.code = "BUG"
    assert asked(engine, "put", "k", "v").code == "UNKNOWN_OUTCOME"
    assert asked(engine, "get", "k").code == "UNAVAILABLE"


def test_what_takes_long_by_itself_is_begun_apart() -> None:
    engine = StubEngine()
    apart: list[Callable[[], None]] = []
    intake = Intake(engine, apart.append)
    answers: list[object] = []
    intake.submit("get_many", (["k"],), None, answers.append)
    intake.submit("get", ("k", "local"), None, answers.append)
    intake.status(answers.append)
    assert (len(apart), engine.asked, answers) == (3, [], [])
    intake.submit("put", ("k", "v"), None, answers.append)
    assert len(engine.asked) == 1, "what is short is not"
    for work in apart:
        work()
    assert len(answers) == 4


def test_a_status_that_fails_is_answered_with_the_error() -> None:
    engine = StubEngine()
    error = RuntimeError("bug")

    def fails() -> dict[str, object]:
        raise error

    engine.status = fails  # type: ignore[method-assign]
    answers: list[object] = []
    Intake(engine, at_once).status(answers.append)
    assert answers == [error]


def test_every_answer_is_counted_once_by_operation_and_code() -> None:
    engine = StubEngine()
    intake = Intake(engine, at_once)

    def ask(name: str, *args: object) -> None:
        intake.submit(name, args, None, lambda result: None)

    for _ in range(3):
        ask("put", "k", "v")
    ask("put", "", "v")
    ask("scan")
    ask("nonsense")
    ask("voter", 1, 2, "d")
    engine.code = "BUG"
    ask("get", "k")
    counted = intake.counted
    assert {name: requests["outcomes"] for name, requests in counted.items()} == {
        "get": {"UNAVAILABLE": 1},
        "put": {"OK": 3, "INVALID": 1},
        "scan": {"UNSUPPORTED": 1},
        "unknown": {"INVALID": 2},
    }
    for requests in counted.values():
        assert sum(requests["buckets"]) == sum(requests["outcomes"].values())


def test_answers_of_several_threads_are_all_counted() -> None:
    intake = Intake(StubEngine(), at_once)

    def ask() -> None:
        for _ in range(2000):
            intake.submit("get", ("k",), None, lambda result: None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert intake.counted["get"]["outcomes"] == {"OK": 8000}
