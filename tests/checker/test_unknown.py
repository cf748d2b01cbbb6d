"""Histories with many unknown writes come out, and nothing is lost on the way to that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kvrmi.checker.check import check
from kvrmi.checker.history import OK, UNKNOWN, Operation
from kvrmi.checker.narrowing import Bounds, alike, bounds

from .undecided import mutated, tally

MANY = 30


def did(op: str, *args: Any, at: tuple[float, float], reported: Any = None) -> Operation:
    return Operation("ana", op, args, *at, OK, reported)


def maybe(op: str, *args: Any, at: float) -> Operation:
    return Operation("bob", op, args, at, math.inf, UNKNOWN)


def test_who_saw_a_value_bounds_who_wrote_it() -> None:
    put, cas = maybe("put", "k", "a", at=0), maybe("cas", "k", "a", "b", at=3)
    read = did("get", "k", at=(2, 5), reported="b")
    assert bounds([read, cas, put]) == [Bounds(3, 5), Bounds(3, 5), Bounds(0, 5)]


@pytest.mark.parametrize(
    "others",
    [
        [maybe("put", "k", "a", at=3)],
        [did("cas", "k", "z", "a", at=(3, 4), reported=True)],
        [did("get", "j", at=(2, 3), reported="a")],
        [did("get", "k", at=(2, 3), reported="b")],
    ],
)
def test_who_may_not_have_written_what_was_seen_is_not_bound(others: list[Operation]) -> None:
    history = [maybe("put", "k", "a", at=0), *others]
    if len(others) == 1 and others[0].op != "get":
        history.append(did("get", "k", at=(5, 6), reported="a"))
    assert bounds(history)[0] == Bounds(0, math.inf)


def test_a_swap_that_failed_wrote_nothing() -> None:
    failed = did("cas", "k", "z", "a", at=(3, 4), reported=False)
    read = did("get", "k", at=(5, 6), reported="a")
    assert bounds([maybe("put", "k", "a", at=0), failed, read])[0] == Bounds(0, 6)


def test_values_that_nobody_asked_for_are_one() -> None:
    history = [
        did("put", "k", "a", at=(0, 1)),
        did("put_many", (("k", "b"), ("j", "c")), at=(0, 1)),
        maybe("cas", "k", "a", "d", at=1),
        did("get", "j", at=(2, 3), reported="c"),
    ]
    put, many, cas, read = alike(history)
    assert (put, read) == (history[0], history[3])
    (_, unasked), (_, asked) = many.args[0]
    assert (cas.args, asked) == (("k", "a", unasked), "c")
    assert unasked not in ("b", "d")


@pytest.mark.parametrize(
    ("op", "args", "answer"),
    [
        ("size", (), 1),
        ("scan", ("", None, 10), (("l", "z"),)),
        ("get_many", ("j", "k"), (None,) * 2),
    ],
)
def test_who_looks_at_many_keys_may_see_several_unknown_writes(
    op: str, args: tuple[Any, ...], answer: Any
) -> None:
    """Two deletes without an answer, neither of which alone explains what is seen."""
    given = (args,) if op == "get_many" else args
    history = [
        did("put_many", (("j", "x"), ("k", "y"), ("l", "z")), at=(0, 1)),
        maybe("delete", "j", at=2),
        maybe("delete", "k", at=2),
        did(op, *given, at=(3, 4), reported=answer),
        did("size", at=(5, 6), reported=1),
    ]
    assert check(history).verdict == "ok"


def unseen(op: str, *args: Any) -> list[Operation]:
    return [maybe(op, "k", *args, f"u{n}", at=n / MANY) for n in range(MANY)]


HOPELESS = {
    "puts that nobody saw": [
        *unseen("put"),
        did("contains", "k", at=(2, 3), reported=True),
        did("get", "k", at=(4, 5), reported="ghost"),
    ],
    "swaps that nobody saw": [
        did("put", "k", "a", at=(0, 1)),
        *unseen("cas", "a"),
        did("cas", "k", "a", "b", at=(2, 3), reported=False),
        did("cas", "k", "x", "b", at=(4, 5), reported=True),
    ],
    "deletes": [
        did("put", "k", "a", at=(0, 1)),
        *[maybe("delete", "k", at=n / MANY) for n in range(MANY)],
        did("delete", "k", at=(2, 3), reported=False),
        did("contains", "k", at=(4, 5), reported=True),
    ],
    "puts that all were seen": [
        *[maybe("put", "k", str(n), at=0) for n in range(MANY)],
        *[did("get", "k", at=(n, n + 0.5), reported=str(n)) for n in range(MANY)],
        did("cas", "k", "0", "x", at=(MANY, MANY + 1), reported=True),
    ],
}


@pytest.mark.parametrize("history", HOPELESS.values(), ids=HOPELESS)
def test_no_order_is_sought_among_billions_that_are_alike(history: list[Operation]) -> None:
    assert check(history, 5.0).verdict == "violation"


HARD = (37, 80, 87, 109, 139)
"""Seeds that took seconds, or were undecided, before unknown writes were treated by themselves."""


@pytest.mark.parametrize("seed", HARD)
def test_a_history_of_500_operations_and_many_unknown_ones_is_decided(seed: int) -> None:
    assert check(mutated(seed), 10.0).verdict in ("ok", "violation")


@pytest.mark.slow
def test_hardly_any_of_them_stays_undecided() -> None:
    """The figure is of a thousand: python -m tests.checker.undecided."""
    verdicts = [verdict for _, verdict, _ in tally(range(1000, 1060), 10.0)]
    assert verdicts.count("undecided") <= 1
    assert {"ok", "violation"} <= set(verdicts)
