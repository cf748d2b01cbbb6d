"""For how long no write succeeded: the gap that a fail-over costs, measured.

Rules: a gap counts only after writes that came steadily, and where clients asked: the page's own
measure it by their answers, to the millisecond. Without them it is read off the replicas'
revisions, as exactly as looks follow each other, and counts if nobody led meanwhile or somebody
else began to: else nobody may have written. Times are arguments, of one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

__all__ = ["Gaps"]

LEAST = 0.5
"""Seconds without a write that count as a gap."""
STEADY = 3
"""Rises of the revision within STEADY_SECONDS before a gap: else nobody was writing."""
STEADY_SECONDS = 1.5
KEPT = 30


class Gaps:
    """The last gaps, each with its begin, its end and whether clients measured it."""

    def __init__(self) -> None:
        """Begin without one."""
        self.kept: deque[Sequence[object]] = deque(maxlen=KEPT)
        self._revision = 0
        self._rises: deque[float] = deque(maxlen=STEADY)
        self._measured_to = self._disturbed = self._worked = float("-inf")

    def saw(self, at: float, revision: int) -> None:
        """Take what a replica had applied at a time."""
        if revision <= self._revision:
            if revision < self._revision // 2:  # another cluster, or an emptied one
                self._revision, self._rises = revision, deque(maxlen=STEADY)
            return
        begin = self._rises[-1] if self._rises else at
        seen = self._measured_to < begin and self._worked < begin <= self._disturbed
        if at - begin >= LEAST and self._steady and seen:
            self.kept.append((begin, at, False))
        self._revision = revision
        self._rises.append(at)

    def disturbed(self, at: float) -> None:
        """Note that the cluster did not serve at a time, or that another began to lead."""
        self._disturbed = at

    def worked(self, at: float) -> None:
        """Note that the page has clients at a time: they measure, and may end at any moment."""
        self._worked = at

    def measured(self, gaps: Iterable[Sequence[float]]) -> None:
        """Take gaps that clients have measured, which are better than those that looks show."""
        for begin, end in gaps:
            if begin <= self._measured_to:
                continue
            self._measured_to = end
            others = [
                one for one in self.kept if one[2] or not begin - 1 < float(str(one[0])) < end
            ]
            self.kept.clear()
            self.kept.extend([*others, (begin, end, True)])

    @property
    def _steady(self) -> bool:
        return len(self._rises) == STEADY and self._rises[-1] - self._rises[0] <= STEADY_SECONDS
