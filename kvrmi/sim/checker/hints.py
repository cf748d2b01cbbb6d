"""Guesses at the order of operations; they make a search quick and cannot make it wrong.

Where all answers have revisions, these are the order. Else a write stands where its value was last
seen: of two writes at the same time the one that others saw later was probably the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .history import OK, Operation
from .model import READS, sightings, written

__all__ = ["hints"]


def hints(operations: Sequence[Operation]) -> list[float]:
    """Give each operation a number; lower ones probably come first."""
    if all(op.revision is not None for op in operations if op.outcome == OK):
        last = _last_seen(operations, by_revision=True)
        return [_revision(operation, last) for operation in operations]
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


def _revision(operation: Operation, last: _Seen) -> float:
    if operation.revision is not None:
        # A read comes after the write that led to its revision.
        return operation.revision + (0.5 if operation.op in READS else 0)
    return min((last.get(change, math.inf) for change in written(operation)), default=math.inf)


def _time(operation: Operation, last: _Seen) -> float:
    seen = [last[change] for change in written(operation) if change in last]
    if operation.outcome == OK:
        return max([operation.call, *seen])
    return min(seen, default=math.inf)
