"""What came of a run: figures from the moments of acknowledged writes, in words or as JSON.

Rules: a pause after a kill ends with the first write that was also called after it, so an answer
that was on its way does not count; what is wrong is listed, and an empty list alone means passed.
It measures nothing itself.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..history import Moment

__all__ = [
    "Pauses",
    "Report",
    "longest_pause",
    "pause_after",
    "pauses",
    "pauses_by_fault",
    "serving",
]

NOTICEABLE = 0.5
"""Seconds without an acknowledged write that count as unavailable."""


class Pauses(NamedTuple):
    """Seconds without an acknowledged write, over a number of faults."""

    faults: int
    median: float | None
    p99: float | None
    longest: float | None


class Report(NamedTuple):
    """All of it."""

    seed: int
    replicas: int
    seconds: float
    """From the first fault's turn to the last."""
    folder: str | None
    """Logs and data; None if they were removed."""
    history: str | None
    faults: Mapping[str, int]
    skipped: Mapping[str, int]
    kills: Mapping[str, int]
    outcomes: Mapping[str, int]
    longest_pause: float
    serving: float
    """Share of the time in which writes were acknowledged, from 0 to 1."""
    leader_kills: Pauses
    leader_kills_alone: Pauses
    """Those of leaders that were killed while nothing else was wrong."""
    by_fault: Mapping[str, Pauses]
    """The longest pause between each fault and the next one, for each kind of fault."""
    back_seconds: float | None
    """From the last fault to all replicas up; None if they did not come back."""
    verdict: str
    problems: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def fields(self) -> dict[str, Any]:
        """Give it as one JSON object."""
        figures = self._asdict() | {
            "leader_kills": self.leader_kills._asdict(),
            "leader_kills_alone": self.leader_kills_alone._asdict(),
            "by_fault": {name: pauses._asdict() for name, pauses in self.by_fault.items()},
            "problems": list(self.problems),
        }
        return {"passed": self.passed, **_finite(figures)}

    def words(self) -> list[str]:
        """Return it as lines for people."""
        return [
            f"Nemesis on {self.replicas} replicas for {self.seconds:.0f} s, seed {self.seed}",
            f"  faults      {_counts(self.faults)}",
            f"  not done    {_counts(self.skipped)}",
            f"  kill -9     {_counts(self.kills)}",
            f"  operations  {_counts(self.outcomes)}",
            f"  serving     {100 * self.serving:.1f} % of the time; "
            f"the longest pause in writes was {self.longest_pause:.2f} s",
            *self._killed(),
            *(f"    {name:<31}{_pauses(each)}" for name, each in sorted(self.by_fault.items())),
            f"  at the end  {self._back()}",
            f"  history     {self.verdict}",
            *(f"  WRONG       {problem}" for problem in self.problems),
            "PASSED" if self.passed else "FAILED",
            *([f"the history is in {self.history}"] if self.history else []),
            *([f"logs and data are in {self.folder}"] if self.folder else []),
        ]

    def _killed(self) -> list[str]:
        if not self.kills.get("replica"):
            return []
        return [
            f"  leader killed, all else well     {_pauses(self.leader_kills_alone)}",
            f"  leader killed, whatever else     {_pauses(self.leader_kills)}",
        ]

    def _back(self) -> str:
        if self.back_seconds is None:
            return "not all replicas came back"
        return f"all replicas up {self.back_seconds:.1f} s after the last fault"


def _finite(figures: dict[str, Any]) -> dict[str, Any]:
    """Put null where JSON has no number: a pause that never ended."""
    return {
        name: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and math.isinf(value)
        else value
        for name, value in figures.items()
    }


def pause_after(moments: Sequence[Moment], at: float) -> float:
    """Seconds from the last write before `at` to the first one called after; infinite if none."""
    before = max((one.returned for one in moments if one.returned <= at), default=at)
    after = min((one.returned for one in moments if one.call >= at), default=math.inf)
    return after - before


def pauses_by_fault(
    moments: Sequence[Moment], faults: Sequence[tuple[float, str]], end: float
) -> dict[str, Pauses]:
    """Find the longest pause from each fault, (when, name), to the next or the end; by name."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    moment = [*(at for at, _ in faults), end]
    for (_, name), (at, until) in zip(faults, itertools.pairwise(moment), strict=True):
        found[name].append(longest_pause(moments, at, until))
    return {name: pauses(each) for name, each in found.items()}


def pauses(each: Sequence[float]) -> Pauses:
    """Sum up pauses."""
    if not each:
        return Pauses(0, None, None, None)
    found = sorted(each)
    rank = max(math.ceil(0.99 * len(found)) - 1, 0)
    return Pauses(len(found), statistics.median(found), found[rank], found[-1])


def longest_pause(moments: Sequence[Moment], begin: float, end: float) -> float:
    """Seconds of the longest stretch from `begin` to `end` without an acknowledged write."""
    return max(_gaps(moments, begin, end))


def serving(moments: Sequence[Moment], begin: float, end: float) -> float:
    """Share of the time that lies in no stretch of more than half a second without a write."""
    silent = sum(gap for gap in _gaps(moments, begin, end) if gap > NOTICEABLE)
    return 1.0 - silent / (end - begin)


def _gaps(moments: Sequence[Moment], begin: float, end: float) -> list[float]:
    inside = sorted(one.returned for one in moments if begin < one.returned < end)
    return [
        later - earlier for earlier, later in zip([begin, *inside], [*inside, end], strict=True)
    ]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _pauses(pauses: Pauses) -> str:
    if pauses.median is None or pauses.p99 is None or pauses.longest is None:
        return "never"
    if pauses.faults == 1:
        return f"once, writes paused {pauses.longest:.2f} s"
    return (
        f"{pauses.faults} times, writes paused {pauses.median:.2f} s in the median, "
        f"p99 {pauses.p99:.2f} s, at most {pauses.longest:.2f} s"
    )
