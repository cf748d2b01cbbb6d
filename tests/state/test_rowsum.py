"""The sum of rows that is computed later is the one of the moment at which it was made."""

from __future__ import annotations

import threading

from kvrmi.state.rows import row_hash
from kvrmi.state.rowsum import RowSum

MANY = 5_000
"""More than calls may be nested."""


def test_each_sum_is_that_of_its_moment_in_whatever_order_they_are_asked() -> None:
    one, two = row_hash("a", "1"), row_hash("a", b"2")
    first = RowSum().changed({"a": None}, ["1"])
    second = first.changed({"a": "1", "b": None}, [b"2", None])
    third = second.changed({"a": b"2"}, [None])
    assert (third.total, second.total, first.total) == (0, two, one)
    assert RowSum(one + (1 << 256)).total == one


def test_many_changes_may_wait_and_any_thread_may_count_them() -> None:
    expected, last = 0, RowSum()
    for n in range(MANY):
        last = last.changed({str(n): None}, ["x"])
        expected += row_hash(str(n), "x")
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(last.total)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected % (1 << 256)] * 4


def test_what_was_counted_is_let_go() -> None:
    rows: dict[str, str | bytes | None] = {"a": None}
    later = RowSum().changed(rows, ["1"])
    assert later.total
    assert later._changed is None
