"""Which view follows from what participants report, and from who is gone."""

from __future__ import annotations

import pytest
from msgspec import to_builtins

from kvrmi.twophase.viewing import Report, following, understood
from kvrmi.twophase.views import FOUNDING, Member, founding, joined, left

FIRST = founding((1, 2, 3))
WHOLE = Report(FIRST, FOUNDING, "")


def test_who_is_gone_is_left_out_and_who_answers_stays() -> None:
    view = following(FIRST, {1: WHOLE, 2: WHOLE}, {3})
    assert (view.number, view.ids) == (2, (1, 2))
    assert view.since(FOUNDING) == (1, 2)


def test_where_nothing_is_to_change_the_view_is_the_same() -> None:
    assert following(FIRST, {1: WHOLE, 2: WHOLE, 3: WHOLE}, ()) is FIRST
    assert following(FIRST, {1: WHOLE}, ()) is FIRST, "silence alone is no absence"


def test_the_last_one_with_the_whole_store_never_leaves() -> None:
    assert following(FIRST, {}, {1, 2, 3}) is FIRST
    second = left(joined(FIRST, 2), 3)
    returning = Report(second, FOUNDING, "")
    assert following(second, {2: returning}, {1}) is second, "2 has not fetched it yet"
    fetched = Report(second, second.number, "")
    assert following(second, {2: fetched}, {1}).ids == (2,)


def test_one_that_is_gone_keeps_nothing_even_if_it_still_reports() -> None:
    assert following(FIRST, {1: WHOLE}, {1, 2, 3}) is FIRST


def test_who_comes_back_is_a_member_anew() -> None:
    second = left(FIRST, 3)
    third = following(second, {1: WHOLE, 2: WHOLE, 3: WHOLE}, ())
    assert third.member(3) == Member(3, 3)
    assert third.since(FOUNDING) == (1, 2)


def test_who_lost_its_disk_is_a_member_anew_on_the_new_one_if_another_has_the_store() -> None:
    lost = Report(FIRST, -1, "new")
    assert following(FIRST, {1: WHOLE, 3: lost}, ()).member(3) == Member(3, 2, "new")
    assert following(FIRST, {3: lost}, ()) is FIRST
    again = following(FIRST, {1: WHOLE, 3: lost}, ())
    assert following(again, {1: WHOLE, 3: lost}, ()) is again, "it fetches the store now"


@pytest.mark.parametrize("report", [None, {}, [], [1], [[1, [[1, 1, ""]]], "x", ""]])
def test_what_is_no_report_is_none(report: object) -> None:
    assert understood(report) is None


def test_a_report_survives_the_way_between_processes() -> None:
    assert understood(to_builtins(WHOLE)) == WHOLE
