"""Gaps in the writes: by the replicas' revisions, and better by the clients' own answers."""

from __future__ import annotations

import pytest

from client.lab.live.gaps import Gaps
from client.lab.live.load import Pauses, Try


def steady(gaps: Gaps, begin: float, revision: int = 0) -> None:
    for step in range(5):
        gaps.saw(begin + step / 10, revision + 10 * (step + 1))


def test_a_pause_in_steady_writes_is_a_gap() -> None:
    gaps = Gaps()
    steady(gaps, 1.0)
    gaps.saw(1.9, 50)
    gaps.disturbed(2.0)
    gaps.saw(2.4, 60)
    assert list(gaps.kept) == [(1.4, 2.4, False)]


def test_a_pause_while_one_leads_all_the_time_may_be_that_nobody_writes() -> None:
    gaps = Gaps()
    gaps.disturbed(0.5)
    steady(gaps, 1.0)
    gaps.saw(2.4, 60)
    assert not gaps.kept


def test_a_pause_after_the_pages_clients_is_for_them_to_measure() -> None:
    gaps = Gaps()
    steady(gaps, 1.0)
    gaps.worked(1.5)  # then the slider was moved to 0
    gaps.disturbed(2.0)
    gaps.saw(9.0, 60)
    assert not gaps.kept


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
    pauses.add([Try(1.0, 1.01), Try(1.0, 1.2)])
    pauses.add([Try(1.3, 2.9), Try(1.3, 1.4)])
    assert list(pauses.gaps) == [(1.4, 2.9)]
    assert pauses.p99(3.0) == pytest.approx(1.6)
    assert pauses.p99(9.0) is None


def test_no_gap_is_seen_where_clients_only_read_or_are_too_few_to_write_all_the_time() -> None:
    pauses = Pauses()
    pauses.add([Try(1.0, 1.01), *(Try(at / 50, at / 50 + 0.01, False) for at in range(50, 100))])
    pauses.add([Try(2.0, 2.01)])
    assert not pauses.gaps


def test_a_wait_that_failed_shows_that_clients_asked() -> None:
    pauses = Pauses()
    pauses.add([Try(1.0, 1.01), Try(1.02, 1.5, False), Try(1.51, 1.9, False)])
    pauses.add([Try(1.95, 2.0)])
    assert list(pauses.gaps) == [(1.01, 2.0)]


def test_writes_that_have_stopped_are_reported_before_they_go_on() -> None:
    pauses = Pauses()
    assert pauses.stopped(9.0) is None, "none was acknowledged yet"
    pauses.add([Try(1.0, 1.01)])
    assert pauses.stopped(2.0) is None
    assert pauses.stopped(3.0) == 1.01
    pauses.changed(3.0)
    assert pauses.stopped(4.0) is None, "clients begin or end"
    assert pauses.stopped(9.0) == 1.01
    pauses.add([Try(1.5, 9.1)])
    assert pauses.stopped(9.2) is None


def test_clients_that_begin_or_end_delay_the_others_and_that_is_no_gap() -> None:
    pauses = Pauses()
    pauses.add([Try(1.0, 1.01)])
    pauses.changed(1.1)
    pauses.add([Try(1.05, 1.7)])
    assert not pauses.gaps
    pauses.add([Try(1.7, 1.71), Try(1.71, 2.4)])
    assert list(pauses.gaps) == [(1.71, 2.4)], "only one in which they begin or end"
    pauses.changed(2.5)
    pauses.add([Try(2.41, 9.0)])
    assert list(pauses.gaps)[1:] == [(2.4, 9.0)], "nor one as long as that"
