"""Rates are differences of counters, by the replica's own clock."""

from __future__ import annotations

import pytest

from client.live.rates import percentile, rates
from kvrmi.cluster.counts import BOUNDS, Histogram

from .entries import counters

WRITES = {"put"}


def test_rates_are_of_the_time_between_two_looks() -> None:
    found = rates(
        counters(10, puts=100, gets=5), counters(12, puts=130, gets=15, NO_QUORUM=4), WRITES
    )
    assert found is not None
    assert (found.requests, found.writes, found.failed) == (22.0, 15.0, 2.0)
    assert found.cpu == pytest.approx(0.1)
    assert found.p50 is not None
    assert found.p99 is not None
    assert 0.001 < found.p50 < found.p99 < 0.002


def test_what_was_never_asked_before_counts_in_full() -> None:
    before = counters(1)
    before["requests"] = {}
    found = rates(before, counters(2, puts=7), WRITES)
    assert found is not None
    assert found.writes == 7


def test_a_process_that_was_started_anew_has_no_rates_yet() -> None:
    assert rates(counters(100, puts=5), counters(1, puts=1), WRITES) is None
    assert rates(counters(1), counters(1), WRITES) is None


def test_without_requests_there_is_no_latency() -> None:
    found = rates(counters(1, puts=3), counters(2, puts=3), WRITES)
    assert found is not None
    assert (found.requests, found.p50, found.sync_p99) == (0.0, None, None)


@pytest.mark.parametrize("part", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_a_percentile_lies_in_the_bucket_of_the_value(part: float) -> None:
    values = [0.0001 * number for number in range(1, 2000)]
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = values[min(int(part * len(values)), len(values) - 1)]
    found = percentile(histogram.buckets, BOUNDS, part)
    assert found is not None
    above = next(bound for bound in BOUNDS if exact <= bound)
    assert above / 2.6 <= found <= above


def test_above_the_last_bound_nothing_more_is_known() -> None:
    histogram = Histogram()
    histogram.add(100.0)
    assert percentile(histogram.buckets, BOUNDS, 0.5) == BOUNDS[-1]
    assert percentile([], BOUNDS, 0.5) is None
