"""Hand-made histories, good and bad; larger ones; and what a verdict tells."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest

from kvrmi.checker.check import check
from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation

from .histories import ALL, PLAIN, worked

_names = itertools.count()


def did(op: str, *args: Any, at: tuple[float, float], reported: Any = None) -> Operation:
    return Operation(f"c{next(_names)}", op, args, *at, OK, reported)


def maybe(op: str, *args: Any, at: float) -> Operation:
    return Operation(f"c{next(_names)}", op, args, at, math.inf, UNKNOWN)


def failed(op: str, *args: Any, at: tuple[float, float]) -> Operation:
    return Operation(f"c{next(_names)}", op, args, *at, FAIL)


GOOD = {
    "nothing": [],
    "a read of nothing": [did("get", "k", at=(0, 1))],
    "either of two writes at the same time": [
        did("put", "k", "a", at=(0, 2)),
        did("put", "k", "b", at=(0, 2)),
        did("get", "k", at=(3, 4), reported="a"),
    ],
    "a call at the instant of a return overlaps it": [
        did("put", "k", "a", at=(0, 1)),
        did("get", "k", at=(1, 2), reported=None),
    ],
    "an unknown write that surfaces late": [
        maybe("put", "k", "a", at=0),
        did("get", "k", at=(1, 2), reported=None),
        did("get", "k", at=(10, 11), reported="a"),
    ],
    "an unknown write that never surfaces": [
        maybe("put", "k", "a", at=0),
        did("delete", "k", at=(1, 2), reported=False),
    ],
    "an unknown write that only a delete notices": [
        maybe("put", "k", "a", at=0),
        did("delete", "k", at=(1, 2), reported=True),
    ],
    "an unknown cas that took effect": [
        did("put", "k", "1", at=(0, 1)),
        maybe("cas", "k", "1", "2", at=2),
        did("cas", "k", "1", "3", at=(3, 4), reported=False),
        did("get", "k", at=(5, 6), reported="2"),
    ],
    "a chain of unknown ones": [
        maybe("cas", "k", None, "1", at=0),
        maybe("cas", "k", "1", "2", at=1),
        did("get", "k", at=(2, 3), reported="2"),
    ],
    "bytes are not text": [
        did("put", "k", b"a", at=(0, 1)),
        did("cas", "k", "a", "b", at=(2, 3), reported=False),
        did("get", "k", at=(4, 5), reported=b"a"),
    ],
    "a whole put_many": [
        did("put_many", (("a", "1"), ("b", "1"), ("a", "2")), at=(0, 1)),
        did("get_many", ("a", "b", "a"), at=(2, 3), reported=("2", "1", "2")),
    ],
    "many of nothing": [
        did("put_many", (), at=(0, 1)),
        did("get_many", (), at=(0, 1), reported=()),
    ],
    "a failed write that nobody saw": [
        failed("put", "k", "a", at=(0, 1)),
        did("get", "k", at=(2, 3), reported=None),
    ],
}

BAD = {
    "a stale read": [
        did("put", "k", "a", at=(0, 1)),
        did("put", "k", "b", at=(2, 3)),
        did("get", "k", at=(4, 5), reported="a"),
    ],
    "reads that go back": [
        did("put", "k", "a", at=(0, 1)),
        did("put", "k", "b", at=(2, 9)),
        did("get", "k", at=(3, 4), reported="b"),
        did("get", "k", at=(5, 6), reported="a"),
    ],
    "a lost update": [
        did("put", "k", "1", at=(0, 1)),
        did("cas", "k", "1", "2", at=(2, 3), reported=True),
        did("cas", "k", "1", "2", at=(2, 3), reported=True),
    ],
    "a lost acknowledged write": [
        did("put", "k", "a", at=(0, 1)),
        did("get", "k", at=(2, 3), reported=None),
    ],
    "a value that nobody wrote": [did("get", "k", at=(0, 1), reported="ghost")],
    "a read before the write was called": [
        did("get", "k", at=(0, 1), reported="a"),
        did("put", "k", "a", at=(2, 3)),
    ],
    "a write applied twice": [
        did("put", "k", "a", at=(0, 1)),
        did("put", "k", "b", at=(2, 3)),
        did("get", "k", at=(4, 5), reported="b"),
        did("get", "k", at=(6, 7), reported="a"),
    ],
    "an unknown write that surfaces twice": [
        maybe("put", "k", "a", at=0),
        did("delete", "k", at=(1, 2), reported=True),
        did("delete", "k", at=(3, 4), reported=True),
    ],
    "an unknown write seen before it was called": [
        did("contains", "k", at=(0, 1), reported=True),
        maybe("put", "k", "a", at=2),
    ],
    "an unknown cas that cannot have taken effect": [
        did("put", "k", "1", at=(0, 1)),
        maybe("cas", "k", "7", "2", at=2),
        did("get", "k", at=(3, 4), reported="2"),
    ],
    "a failed write that was seen": [
        failed("put", "k", "a", at=(0, 1)),
        did("get", "k", at=(2, 3), reported="a"),
    ],
    "a torn put_many": [
        did("put_many", (("a", "1"), ("b", "1")), at=(0, 9)),
        did("get_many", ("a", "b"), at=(1, 8), reported=("1", None)),
    ],
    "two reads that tear a put_many": [
        did("put_many", (("a", "1"), ("b", "1")), at=(0, 9)),
        did("get", "a", at=(1, 2), reported="1"),
        did("get", "b", at=(3, 4), reported=None),
    ],
    "a torn unknown put_many": [
        maybe("put_many", (("a", "1"), ("b", "1")), at=0),
        did("get_many", ("a", "b"), at=(1, 2), reported=("1", None)),
    ],
    "two snapshots in opposite orders": [
        did("put", "a", "1", at=(0, 9)),
        did("put", "b", "1", at=(0, 9)),
        did("get_many", ("a", "b"), at=(1, 8), reported=("1", None)),
        did("get_many", ("a", "b"), at=(1, 8), reported=(None, "1")),
    ],
}


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_good_histories(history: list[Operation]) -> None:
    assert check(history).verdict == "ok"


@pytest.mark.parametrize("history", BAD.values(), ids=BAD)
def test_bad_histories(history: list[Operation]) -> None:
    verdict = check(history)
    assert verdict.verdict == "violation"
    assert any(line.startswith(">") for line in verdict.explanation)


def test_a_violation_is_explained_with_what_was_around() -> None:
    history = [
        did("put", "k", "a", at=(0, 1)),
        did("cas", "k", "a", "b", at=(2, 3), reported=True),
        did("get", "k", at=(4, 6), reported="a"),
        did("put", "k", "c", at=(5, 7)),
    ]
    reported = "\n".join(check(history).explanation)
    assert "'k'" in reported
    assert "2 of 4 operations" in reported, "the longest order"
    assert "the store holds 'k': 'b'" in reported
    stuck = next(line for line in reported.splitlines() if line.startswith(">"))
    assert "get('k') -> 'a'" in stuck
    assert "?" in reported, "the put that was open is told, too"


def test_out_of_time_is_undecided() -> None:
    ticks = itertools.count()
    verdict = check(_hard(), 0.5, clock=lambda: float(next(ticks)))
    assert verdict.verdict == "undecided"
    assert "given up" in "\n".join(verdict.explanation)


def _hard() -> list[Operation]:
    """Many swaps at the same time, and nothing that leads to what was read."""
    swaps = [
        did("cas", "k", str(n), str(m), at=(1, 2), reported=True)
        for n in range(5)
        for m in range(5)
        if n != m
    ]
    return [did("put", "k", "0", at=(0, 0.5)), *swaps, did("get", "k", at=(3, 4), reported="4")]


def test_each_path_has_its_classes() -> None:
    history = [
        did("put", "plain", "a", at=(0, 1)),
        did("put", "mixed", "a", at=(0, 1)),
        did("delete", "mixed", at=(2, 3), reported=True),
        did("put_many", (("a", "1"), ("b", "1")), at=(0, 1))._replace(revision=1),
        did("get_many", ("a", "b"), at=(2, 3), reported=("1", "1"))._replace(revision=1),
    ]
    verdict = check(history)
    assert verdict.classes == {"zones": 1, "witness": 1, "search": 1}
    assert verdict.outcomes == {"ok": 5, "fail": 0, "unknown": 0}
    assert verdict.operations == 5


@pytest.mark.parametrize(
    ("ops", "revisions", "count", "path"),
    [
        (PLAIN, False, 20_000, "zones"),
        (ALL, True, 20_000, "witness"),
        (("get", "put", "cas", "delete"), False, 20_000, "search"),
        (ALL, False, 500, "search"),
    ],
)
def test_larger_histories(ops: tuple[str, ...], revisions: bool, count: int, path: str) -> None:
    draws = random.Random(count)
    history = worked(draws, count, clients=16, keys=100, ops=ops, unknown=0.01, revisions=revisions)
    verdict = check(history)
    assert verdict.verdict == "ok"
    assert verdict.classes[path] == sum(verdict.classes.values())


def test_a_torn_put_many_is_found_among_many_keys() -> None:
    """Each key alone is well; only the two together are not."""
    history = worked(random.Random(3), 5_000, clients=16, keys=100, ops=ALL, unknown=0.002)
    now = max(op.call if math.isinf(op.returned) else op.returned for op in history) + 1
    high = max(op.revision or 0 for op in history)
    history += [
        did("put_many", (("k1", "old"), ("k2", "old")), at=(now, now + 1))._replace(
            revision=high + 1
        ),
        did("put_many", (("k1", "new"), ("k2", "new")), at=(now + 2, now + 9))._replace(
            revision=high + 2
        ),
    ]
    whole = did("get_many", ("k1", "k2"), at=(now + 3, now + 4), reported=("new", "new"))
    whole = whole._replace(revision=high + 2)
    torn = whole._replace(value=("new", "old"))
    assert check([*history, whole], 20.0).verdict == "ok"
    verdict = check([*history, torn], 20.0)
    assert verdict.verdict == "violation"
    assert "key 'k1', 'k2' alone" in "\n".join(verdict.explanation)
