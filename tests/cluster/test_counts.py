"""Counting: a duration falls into the one bucket whose bound it does not exceed."""

from __future__ import annotations

from dataclasses import fields

from kvrmi.cluster.counts import BOUNDS, Counts, Histogram


def test_a_duration_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1], BOUNDS[-1] * 2):
        histogram.add(seconds)
    report = histogram.report()
    assert len(report["buckets"]) == len(BOUNDS) + 1
    assert [at for at, count in enumerate(report["buckets"]) if count] == [
        0, 1, len(BOUNDS) - 1, len(BOUNDS),
    ]  # fmt: skip
    assert report["buckets"][0] == 2
    assert report["seconds"] == BOUNDS[0] * 2.01 + BOUNDS[-1] * 3


def test_a_report_is_a_copy() -> None:
    histogram = Histogram()
    report = histogram.report()
    histogram.add(1.0)
    assert sum(report["buckets"]) == 0


def test_every_count_is_explained_in_a_sentence() -> None:
    for one in fields(Counts):
        assert one.metadata["help"].endswith("."), one.name
