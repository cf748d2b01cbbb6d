"""Guesses at the order of operations; they make a search quick and cannot make it wrong.

Where all answers have revisions, these are the order. Else a write stands where its value was last
seen: of two writes at the same time the one that others saw later was probably the last. An
unknown write that nobody saw stands where it was called, so that it is not tried last for ever.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence

from ..operations.table import READS
from .history import OK, Operation
from .model import sightings, written

__all__ = ["hints"]


def hints(operations: Sequence[Operation]) -> list[float]:
    """Give each operation a number; lower ones probably come first."""
    if all(op.revision is not None for op in operations if op.outcome == OK):
        last = _last_seen(operations, by_revision=True)
        known = _Known(operations)
        return [_revision(operation, last, known) for operation in operations]
    last = _last_seen(operations, by_revision=False)
    return [_time(operation, last) for operation in operations]


_Seen = dict[tuple[str, object], float]


def _last_seen(operations: Sequence[Operation], *, by_revision: bool) -> _Seen:
    last: _Seen = {}
    for operation in operations:
        when = operation.revision if by_revision else operation.call
        for sight in sightings(operation):
            last[sight] = max(last.get(sight, -math.inf), -math.inf if when is None else when)
    return last


class _Known:
    """The highest revision that any client had been answered by a time."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        answers = sorted((op.returned, op.revision or 0) for op in operations if op.outcome == OK)
        self._times = [time for time, _ in answers]
        self._highest = list(itertools.accumulate((revision for _, revision in answers), max))

    def by(self, time: float) -> int:
        """Give it; 0 at first."""
        answers = bisect_left(self._times, time)
        return self._highest[answers - 1] if answers else 0


def _revision(operation: Operation, last: _Seen, known: _Known) -> float:
    if operation.revision is not None:
        # A read comes after the write that led to its revision.
        return operation.revision + (0.5 if operation.op in READS else 0)
    seen = [last[change] for change in written(operation) if change in last]
    return min(seen, default=known.by(operation.call))


def _time(operation: Operation, last: _Seen) -> float:
    seen = [last[change] for change in written(operation) if change in last]
    if operation.outcome == OK:
        return max([operation.call, *seen])
    return min(seen, default=operation.call)
