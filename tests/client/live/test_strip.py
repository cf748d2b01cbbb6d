"""The strip: a pause is a hole in it, whoever died; what nobody saw is not made up."""

from __future__ import annotations

import pytest

from client.live.strip import Curve


def steady(curve: Curve, begin: float, end: float, revision: float, rate: float) -> int:
    """Looks of five replicas, four a second each, while there are so many writes a second."""
    for number in range(round((end - begin) * 20)):
        curve.add(begin + number / 20, round(revision + rate * number / 20))
    return round(revision + rate * (end - begin))


def test_steady_writes_are_level() -> None:
    curve = Curve()
    steady(curve, 100.0, 110.0, 0, 400)
    columns = curve.columns(12, 1.0)
    assert [column.begins for column in columns] == list(range(98, 110))
    assert [column.mean for column in columns[:2]] == [None, None], "nobody looked then"
    assert all(column.mean == pytest.approx(400, rel=0.01) for column in columns[2:])
    assert all(column.least == pytest.approx(400, rel=0.01) for column in columns[2:])
    assert curve.now() == pytest.approx(400, rel=0.01)


def test_half_a_second_without_a_write_is_seen_wherever_it_falls() -> None:
    for shift in range(10):
        curve, pause = Curve(), 103.0 + shift / 10
        revision = steady(curve, 100.0, pause, 0, 400)
        steady(curve, pause, pause + 0.55, revision, 0)
        steady(curve, pause + 0.55, 108.0, revision, 400)
        columns = curve.columns(8, 1.0)
        assert min(column.least for column in columns if column.mean is not None) < 20
        assert sum(column.least < 20 for column in columns if column.mean is not None) <= 2
        assert all(column.mean for column in columns), "a second is longer than the pause"


def test_who_lags_behind_takes_nothing_away() -> None:
    curve = Curve()
    for number in range(200):
        at = 100 + number / 20
        curve.add(at, number * 20)
        curve.add(at + 0.01, max(number - 40, 0) * 20)
    assert all(column.least > 390 for column in curve.columns(8, 1.0))


def test_while_nobody_answers_nothing_is_known() -> None:
    curve = Curve()
    steady(curve, 100.0, 103.0, 0, 100)
    steady(curve, 108.0, 111.0, 5000, 100)
    means = [column.mean for column in curve.columns(11, 1.0)]
    assert means[4:7] == [None, None, None]
    assert means[1] == pytest.approx(100, rel=0.02)
    assert means[-2] == pytest.approx(100, rel=0.02)


def test_it_forgets_what_is_long_ago() -> None:
    curve = Curve()
    for second in range(5000):
        curve.add(float(second), second)
    assert len(curve._times) < 700
    assert Curve().columns(3, 1.0) == []
