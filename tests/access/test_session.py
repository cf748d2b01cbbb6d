"""Request ids: what is open at a time, what Ctrl-C leaves behind, when another session begins."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

from kvrmi.access.request_ids import RequestId, RequestIds
from kvrmi.access.session import Session
from kvrmi.operations.interface import WINDOW


def numbered() -> RequestIds:
    number = itertools.count(1)
    return RequestIds(lambda: f"a.{next(number)}")


def test_the_first_is_alone_and_the_window_holds_back_the_rest() -> None:
    ids = numbered()
    first = ids.take()
    assert first == ("a.1", 1)
    assert ids.take() is None, "the first is answered before others are sent"
    ids.give_back(first, answered=True)
    assert [ids.take() for _ in range(WINDOW)] == [("a.1", n) for n in range(2, WINDOW + 2)]
    assert ids.take() is None


def test_an_expired_session_is_replaced_once() -> None:
    ids = numbered()
    ids.give_back(RequestId("a.1", 1), answered=True)
    slow, quick = ids.take(), ids.take()
    assert slow is not None
    assert quick is not None
    ids.expire(quick)
    ids.expire(slow)
    assert ids.take() == ("a.2", 1)
    ids.give_back(slow, answered=True)
    assert ids.take() is None, "an old session's answer does not open the new one"


def test_a_first_write_in_doubt_is_the_last_of_its_session() -> None:
    ids = numbered()
    first = ids.take()
    assert first is not None
    ids.give_back(first, answered=False)
    assert ids.take() == ("a.2", 1)


def test_window_holds_back_what_the_cluster_would_not_remember() -> None:
    ids = Session()
    with ThreadPoolExecutor(1) as other:
        first = other.submit(ids.begin, 0).result()
        assert first is not None
        assert ids.begin(0) is None, "the first must be answered before others are sent"
        other.submit(ids.end, first, answered=True).result()
        slow = other.submit(ids.begin, 0).result()
        assert slow is not None
    for _ in range(63):
        quick = ids.begin(0)
        assert quick is not None
        ids.end(quick, answered=True)
    assert ids.begin(0) is None, "64 beyond the slow one"
    ids.end(slow, answered=False)
    assert ids.begin(0) == RequestId(first.client, 66)


def test_what_ctrl_c_kept_from_being_given_back_holds_up_nothing() -> None:
    ids = Session("ana")
    first = ids.begin(0)
    second = ids.begin(0)
    assert first is not None
    assert second is not None
    assert second.sequence == 1
    assert second.client != first.client, "the cluster may not know the first session"
    ids.end(second, answered=True)
    for _ in range(200):
        assert ids.begin(0) is not None
    last = ids.begin(0)
    assert last is not None
    assert last.client == second.client, "one that has begun goes on"


def test_failed_first_write_begins_another_session() -> None:
    ids = Session()
    first = ids.begin(0)
    assert first is not None
    ids.end(first, answered=False)
    second = ids.begin(0)
    assert second is not None
    assert second.sequence == 1
    assert second.client != first.client
