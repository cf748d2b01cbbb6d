"""Scans, sizes and local reads in histories: what can be, and what cannot."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest

from kvrmi.checker.audits import audit
from kvrmi.checker.check import check
from kvrmi.checker.history import OK, Operation, read, write_header, write_line
from kvrmi.checker.reduce import reduced

from .histories import WIDE, worked

PUT_A = Operation("w", "put", ("a", "1"), 1.0, 2.0, OK, None, 1)
PUT_B = Operation("w", "put", ("b", "2"), 3.0, 4.0, OK, None, 2)


def did(op: str, args: tuple[Any, ...], value: object, revision: int, at: float) -> Operation:
    return Operation("r", op, args, at, at + 0.5, OK, value, revision)


def verdict(*operations: Operation) -> str:
    judged = check(operations).verdict
    return "violation" if audit(operations) else judged


@pytest.mark.parametrize(
    ("args", "page"),
    [
        (("", None, 10), (("a", "1"), ("b", "2"))),
        (("", None, 1), (("a", "1"),)),
        (("", "a", 10), (("b", "2"),)),
        (("b", None, 10), (("b", "2"),)),
        (("c", None, 10), ()),
    ],
)
def test_pages_that_are_right(args: tuple[Any, ...], page: tuple[Any, ...]) -> None:
    assert verdict(PUT_A, PUT_B, did("scan", args, page, 2, 5.0)) == "ok"


@pytest.mark.parametrize(
    ("args", "page"),
    [
        (("", None, 10), (("b", "2"),)),
        (("", None, 10), (("a", "1"),)),
        (("", None, 10), (("a", "1"), ("b", "1"))),
        (("", None, 10), (("b", "2"), ("a", "1"))),
        (("", None, 1), (("a", "1"), ("b", "2"))),
        (("", "a", 10), (("a", "1"), ("b", "2"))),
        (("b", None, 10), (("a", "1"), ("b", "2"))),
        (("", None, 10), (("a", "1"), ("b", "2"), ("c", "3"))),
        (("", None, 10), ()),
    ],
)
def test_pages_that_are_wrong(args: tuple[Any, ...], page: tuple[Any, ...]) -> None:
    assert verdict(PUT_A, PUT_B, did("scan", args, page, 2, 5.0)) == "violation"


@pytest.mark.parametrize(("size", "right"), [(0, False), (1, False), (2, True), (3, False)])
def test_a_size_counts_all_keys(size: int, right: bool) -> None:
    assert verdict(PUT_A, PUT_B, did("size", (), size, 2, 5.0)) == ("ok" if right else "violation")


def test_a_local_read_may_be_old_and_never_new() -> None:
    local = did("get", ("a", "local"), None, 0, 5.0)
    assert verdict(PUT_A, PUT_B, local) == "ok"
    assert verdict(PUT_A, PUT_B, local._replace(args=("a",))) == "violation"
    early = Operation("r", "get", ("b", "local"), 0.5, 2.5, OK, "2", 2)
    assert verdict(PUT_A, PUT_B, early) == "violation"


def test_nobody_who_asks_later_sees_less_than_a_local_read_showed() -> None:
    write = PUT_B._replace(returned=10.0)
    local = did("get", ("b", "local"), "2", 2, 5.0)
    later = did("get", ("b",), None, 1, 6.0)
    assert verdict(PUT_A, write, later) == "ok"
    assert verdict(PUT_A, write, local, later) == "violation"


def test_a_large_history_of_all_of_them() -> None:
    history = worked(random.Random(1), 2_000, clients=8, keys=20, ops=WIDE, unknown=0.002)
    assert verdict(*history) == "ok"


def test_they_are_written_and_read_again() -> None:
    history = [
        did("scan", ("", None, 10), (("a", "1"), ("b", b"\x00")), 2, 5.0),
        did("size", (), 2, 2, 6.0),
        did("get", ("a", "local"), None, 0, 7.0),
    ]
    stream = io.StringIO()
    write_header(stream)
    for operation in history:
        write_line(stream, operation)
    assert list(read(stream.getvalue().splitlines())) == history


class Compared(str):
    """A key that counts how often it is compared."""

    times = 0

    def __lt__(self, other: str) -> bool:
        Compared.times += 1
        return str.__lt__(self, other)


def test_the_keys_of_a_long_history_are_sorted_once() -> None:
    """A quarter of an hour of the nemesis has ten thousand keys in a quarter million operations."""
    count = 500
    puts = [
        Operation("w", "put", (Compared(f"k{n:04}"), "v"), 2.0 * n, 2.0 * n + 1, OK, None, n + 1)
        for n in range(count)
    ]
    scan = did("scan", ("", "k9", 10), (), count, 2.0 * count)
    assert len(reduced([*puts, scan])) == count + 1
    assert Compared.times < 20 * count, "once in all, not once for each operation"
