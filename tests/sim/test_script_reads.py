"""What a script's reads may return: never what was overwritten before by an acknowledged write."""

from __future__ import annotations

from kvrmi.operations.interface import Answer
from kvrmi.sim.script_reads import Reads


def ok(value: object) -> Answer:
    return Answer("OK", value, 1)


def put(reads: Reads, value: str, *, again: bool = False) -> None:
    reads.asked("put", ("k", value), again=again)
    assert reads.answered("put", ("k", value), ok(1)) == ""


def test_what_was_overwritten_is_stale() -> None:
    reads = Reads()
    put(reads, "old")
    put(reads, "new")
    assert reads.answered("get", ("k",), ok("new")) == ""
    assert "returned old; acknowledged before it was new" in reads.answered(
        "get", ("k",), ok("old")
    )


def test_a_write_without_an_answer_may_take_effect_at_any_time() -> None:
    reads = Reads()
    put(reads, "old")
    reads.asked("put", ("k", "new"), again=False)
    unknown = Answer("UNKNOWN_OUTCOME", "", 0)
    assert reads.answered("put", ("k", "new"), unknown) == ""
    assert reads.answered("get", ("k",), ok("old")) == ""
    assert reads.answered("get", ("k",), ok("new")) == ""


def test_a_retry_or_a_cas_may_change_nothing() -> None:
    reads = Reads()
    put(reads, "first", again=True)
    put(reads, "second")
    put(reads, "first", again=True)
    assert reads.answered("get", ("k",), ok("second")) == ""
    reads.asked("cas", ("other", "a", "b"), again=False)
    reads.asked("put", ("other", "c"), again=False)
    assert reads.answered("put", ("other", "c"), ok(1)) == ""
    assert reads.answered("get", ("other",), ok("b")) == ""
