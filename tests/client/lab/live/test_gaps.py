"""Gaps in the writes: by the replicas' revisions, and better by the clients' own answers."""

from __future__ import annotations

import pytest

from client.history import Moment
from client.lab.live.gaps import Gaps
from client.lab.live.load import Pauses


def steady(gaps: Gaps, begin: float, revision: int = 0) -> None:
    for step in range(5):
        gaps.saw(begin + step / 10, revision + 10 * (step + 1))


def test_a_pause_in_steady_writes_is_a_gap() -> None:
    gaps = Gaps()
    steady(gaps, 1.0)
    gaps.saw(1.9, 50)
    gaps.saw(2.4, 60)
    assert list(gaps.kept) == [(1.4, 2.4, False)]


def test_who_does_not_write_leaves_no_gap() -> None:
    gaps = Gaps()
    for at in (1.0, 5.0, 9.0, 13.0):
        gaps.saw(at, int(at))
    assert not gaps.kept


def test_another_cluster_is_no_gap() -> None:
    gaps = Gaps()
    steady(gaps, 1.0, 1000)
    gaps.saw(9.0, 1)
    steady(gaps, 9.1)
    assert not gaps.kept


def test_what_clients_measured_takes_the_place_of_what_looks_showed() -> None:
    gaps = Gaps()
    steady(gaps, 1.0)
    gaps.saw(2.4, 60)
    gaps.measured([(1.37, 2.31)])
    gaps.measured([(1.37, 2.31)])
    assert list(gaps.kept) == [(1.37, 2.31, True)]


def test_clients_measure_between_acknowledged_writes() -> None:
    pauses = Pauses()
    pauses.add([Moment(1.0, 1.01), Moment(1.0, 1.2)])
    pauses.add([Moment(1.3, 2.9), Moment(1.3, 1.4)])
    assert list(pauses.gaps) == [(1.4, 2.9)]
    assert pauses.p99(3.0) == pytest.approx(1.6)
    assert pauses.p99(9.0) is None
