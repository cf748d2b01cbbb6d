"""Each audit finds its own kind of wrong, and nothing where all is well."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from kvrmi.checker.audits import (
    acknowledged_writes,
    audit,
    counters,
    overwritten,
    revisions,
    swapped_twice,
    values_from_nowhere,
)
from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation

from .histories import worked


def did(
    op: str, *args: Any, at: tuple[float, float], reported: Any = None, revision: int | None = None
) -> Operation:
    return Operation("ana", op, args, *at, OK, reported, revision)


def maybe(op: str, *args: Any, at: float) -> Operation:
    return Operation("bob", op, args, at, math.inf, UNKNOWN)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_found_in_what_worked(seed: int) -> None:
    assert audit(worked(random.Random(seed), 500, clients=5, keys=9, unknown=0.05)) == []


def test_a_value_that_nobody_wrote() -> None:
    put = did("put", "k", "v", at=(0, 1))
    other = did("put", "other", "w", at=(0, 1))
    assert not values_from_nowhere([put, did("get", "k", at=(2, 3), reported="v")])
    assert values_from_nowhere([put, other, did("get", "k", at=(2, 3), reported="w")])
    assert values_from_nowhere([put, did("get_many", ("k", "x"), at=(2, 3), reported=("v", "v"))])
    assert values_from_nowhere([put, did("cas", "k", "ghost", "v2", at=(2, 3), reported=True)])


def test_a_failed_write_that_was_seen() -> None:
    put = Operation("ana", "put", ("k", "v"), 0.0, 1.0, FAIL)
    assert values_from_nowhere([put, did("get", "k", at=(2, 3), reported="v")])


@pytest.mark.parametrize(
    "read",
    [
        did("get", "k", at=(2, 3)),
        did("get_many", ("x", "k"), at=(2, 3), reported=(None, None)),
        did("contains", "k", at=(2, 3), reported=False),
    ],
)
def test_a_lost_acknowledged_write(read: Operation) -> None:
    put = did("put", "k", "v", at=(0, 1))
    assert acknowledged_writes([put, read])
    assert acknowledged_writes([did("put_many", (("k", "v"),), at=(0, 1)), read])
    assert not acknowledged_writes([put, read._replace(call=1.0)]), "at the same time"
    assert not acknowledged_writes([put, maybe("delete", "k", at=0.0), read])
    assert not acknowledged_writes([maybe("put", "k", "v", at=0.0), read])


def test_an_acknowledged_write_that_is_there() -> None:
    put = did("put", "k", "v", at=(0, 1))
    there = did("contains", "k", at=(2, 3), reported=True)
    assert not acknowledged_writes([put, there, did("get", "k", at=(2, 3), reported="v")])


def counted(*outcomes: bool) -> list[Operation]:
    """Give steps one after another; those that are False are unknown."""
    steps = []
    for number, sure in enumerate(outcomes):
        args = ("counter/a", str(number) if number else None, str(number + 1))
        at = (number * 2.0, number * 2.0 + 1)
        steps.append(
            did("cas", *args, at=at, reported=True) if sure else maybe("cas", *args, at=at[0])
        )
    return steps


def test_counters() -> None:
    final = {n: did("get", "counter/a", at=(90, 91), reported=str(n)) for n in range(5)}
    steps = counted(True, True, True)
    assert [bool(counters([*steps, final[n]])) for n in range(5)] == [1, 1, 1, 0, 1]
    steps = counted(True, True, False)
    assert [bool(counters([*steps, final[n]])) for n in range(5)] == [1, 1, 0, 0, 1]
    assert counters([*steps, did("get", "counter/a", at=(90, 91), reported="junk")])
    assert counters([*steps, did("get_many", ("counter/a",), at=(90, 91), reported=(None,))])


def test_a_step_counted_twice() -> None:
    steps = counted(True, True)
    assert counters([*steps, steps[1]._replace(client="bob")])


def test_a_counter_changed_otherwise_is_none() -> None:
    put = did("put", "counter/a", "77", at=(5, 6))
    assert not counters([*counted(True), put, did("get", "counter/a", at=(8, 9), reported="77")])


def test_answers_that_go_back() -> None:
    first = did("get", "k", at=(0, 1), revision=7)
    assert revisions([first, did("get", "j", at=(2, 3), revision=6)])
    assert "its own" in revisions([first, did("get", "j", at=(2, 3), revision=6)])[0]
    other = did("get", "j", at=(2, 3), revision=6)._replace(client="bob")
    assert "another's" in revisions([first, other])[0]
    assert not revisions([first, did("get", "j", at=(2, 3), revision=7)])
    assert not revisions([first, did("get", "j", at=(1, 3), revision=6)]), "at the same time"


def test_a_write_is_above_what_was_seen() -> None:
    first = did("get", "k", at=(0, 1), revision=7)
    assert revisions([first, did("put", "j", "v", at=(2, 3), revision=7)])
    assert not revisions([first, did("put", "j", "v", at=(2, 3), revision=8)])


def test_two_writes_at_one_revision() -> None:
    writes = [did("put", key, "v", at=(0, 1), revision=3) for key in "ab"]
    assert revisions(writes)


def test_many_findings_are_counted() -> None:
    ghosts = [did("get", "k", at=(n, n + 0.5), reported="ghost") for n in range(15)]
    found = audit(ghosts)
    assert len(found) == 11
    assert found[-1] == "and 5 more like the last"


def test_two_swaps_of_what_was_written_once() -> None:
    put = did("put", "k", "v", at=(0, 1))
    one = did("cas", "k", "v", "a", at=(2, 9), reported=True)
    two = did("cas", "k", "v", "b", at=(2, 9), reported=True)
    assert swapped_twice([put, one, two])
    assert swapped_twice([maybe("put", "k", "v", at=0), one, two])
    assert not swapped_twice([put, one, two._replace(value=False)])
    assert not swapped_twice([put, maybe("put", "k", "v", at=0), one, two])
    assert not swapped_twice([put, maybe("cas", "k", "a", "v", at=3), one, two])
    absent = [did("cas", "k", None, name, at=(2, 9), reported=True) for name in "ab"]
    assert not swapped_twice([did("delete", "k", at=(2, 9), reported=True), *absent])


REPLACED = [
    did("put", "k", "w", at=(2, 3)),
    did("put_many", (("x", "v"), ("k", "w")), at=(2, 3)),
    did("delete", "k", at=(2, 3), reported=True),
    did("contains", "k", at=(2, 3), reported=False),
    did("cas", "k", "v", "w", at=(2, 3), reported=True),
    did("cas", "k", "v", "w", at=(2, 3), reported=False),
    did("cas", "k", "w", "z", at=(2, 3), reported=True),
    did("get", "k", at=(2, 3), reported="w"),
    did("get_many", ("k", "k"), at=(2, 3), reported=("w", "w")),
]
KEPT = [
    did("put", "x", "w", at=(2, 3)),
    did("get", "k", at=(2, 3), reported="v"),
    did("contains", "k", at=(2, 3), reported=True),
    did("cas", "k", "w", "z", at=(2, 3), reported=False),
    did("put", "k", "w", at=(0.5, 3)),
    did("put", "k", "w", at=(2, 4.5)),
    maybe("put", "k", "w", at=2),
]


@pytest.mark.parametrize("between", REPLACED)
@pytest.mark.parametrize("surely", [True, False])
def test_what_was_seen_after_it_was_replaced(between: Operation, surely: bool) -> None:
    """An unknown write is known to have happened once its value was seen."""
    put = did("put", "k", "v", at=(0, 1)) if surely else maybe("put", "k", "v", at=0)
    first = did("get", "k", at=(0.5, 1.5), reported="v")
    late = did("get_many", ("x", "k"), at=(4, 5), reported=(None, "v"))
    assert overwritten([late, between, put, first])
    assert bool(overwritten([put, between, late])) is surely
    again = maybe("put", "k", "v", at=0)
    assert not overwritten([put, again, first, between, late])
    assert not overwritten([put, first, between])


@pytest.mark.parametrize("between", KEPT)
def test_what_may_still_be_there(between: Operation) -> None:
    put = did("put", "k", "v", at=(0, 1))
    assert not overwritten([put, between, did("get", "k", at=(4, 5), reported="v")])
