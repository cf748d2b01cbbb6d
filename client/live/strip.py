"""How many writes a second there were: the strip in which the pause of a fail-over is seen.

Rules: what is counted is the cluster's revision, which any replica knows, so the death of one loses
no count; each replica's look is a point of one curve, and what lies between two points is only
known if they are close. Times are arguments. It draws nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["QUARTER", "Column", "Curve"]

QUARTER = 0.25
"""Seconds: the shortest pause that is surely seen is twice as long."""
APART = 1.5
"""Seconds between two points from which nobody knows what was between them."""
KEPT = 300.0
"""Seconds that are kept."""


class Column(NamedTuple):
    """Some time: writes a second on the whole, None if not known, and in its slowest quarter."""

    begins: float
    mean: float | None = None
    least: float = 0.0


class Curve:
    """The revision of the cluster over time."""

    def __init__(self) -> None:
        """Begin without a point."""
        self._times: list[float] = []
        self._revisions: list[int] = []

    def add(self, at: float, revision: int) -> None:
        """Add what a replica has applied; one that lags behind others adds nothing."""
        if self._times and (at <= self._times[-1] or revision < self._revisions[-1]):
            return
        self._times.append(at)
        self._revisions.append(revision)
        if self._times[0] < at - 2 * KEPT:
            old = bisect_right(self._times, at - KEPT)
            del self._times[:old], self._revisions[:old]

    def now(self) -> float:
        """Give the writes a second of the last second that is known; 0.0 if none is."""
        if not self._times:
            return 0.0
        end = self._times[-1]
        return self._rate(end - 1.0, end) or 0.0

    def columns(self, count: int, seconds: float) -> list[Column]:
        """Give the last `count` columns of so many seconds; none before the first point.

        They begin at multiples of `seconds`, so that they move as a whole; of the last a part may
        be known. seconds: a multiple of QUARTER.
        """
        if not self._times:
            return []
        newest = (self._times[-1] - QUARTER) // seconds
        return [self._column((newest - back) * seconds, seconds) for back in reversed(range(count))]

    def _column(self, begins: float, seconds: float) -> Column:
        rates = [rate for rate in self._quarters(begins, seconds) if rate is not None]
        return Column(begins, sum(rates) / len(rates), min(rates)) if rates else Column(begins)

    def _quarters(self, begins: float, seconds: float) -> Iterator[float | None]:
        for number in range(round(seconds / QUARTER)):
            begin = begins + number * QUARTER
            yield self._rate(begin, begin + QUARTER)

    def _rate(self, begin: float, end: float) -> float | None:
        first, last = self._at(begin), self._at(end)
        return None if first is None or last is None else (last - first) / (end - begin)

    def _at(self, time: float) -> float | None:
        """Look the revision up, between two points in proportion; None where they are apart."""
        after = bisect_right(self._times, time)
        if after and self._times[after - 1] == time:
            return self._revisions[after - 1]
        if not 0 < after < len(self._times):
            return None
        begin, end = self._times[after - 1], self._times[after]
        if end - begin > APART:
            return None
        first, last = self._revisions[after - 1], self._revisions[after]
        return first + (last - first) * (time - begin) / (end - begin)
