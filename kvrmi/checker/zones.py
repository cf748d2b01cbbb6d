"""The fast path: one key, only gets and puts, no value written twice (Gibbons and Korach, 1997).

The write of a value and the reads of it stand together in every linearization, so each value has a
zone, between the first return and the last call among them. Forward (a return lies before a call):
the value was there all that time. Backward: it was there at some instant of it. A history is
linearizable if and only if no read returned before its write was called, no two forward zones
overlap, and no backward zone lies inside a forward one. Time O(n log n).
It knows nothing of other operations; `fits` returns whether it may be asked.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from .history import Operation
from .model import Value
from .partition import Class
from .show import lines

__all__ = ["fits", "judge"]


class _Zone(NamedTuple):
    """One value: `low` and `high` are its first return and its last call, smaller one first."""

    low: float
    high: float
    first: Operation | None
    """What returned first, and what was called last; None: the key was absent at the beginning."""
    last: Operation | None


def fits(group: Class) -> bool:
    """Return whether this path can judge a class."""
    puts = [operation.args[1] for operation in group.operations if operation.op == "put"]
    return (
        len(group.keys) == 1
        and len(set(puts)) == len(puts)
        and all(operation.op in ("get", "put") for operation in group.operations)
    )


def judge(group: Class) -> list[str]:
    """Say what is wrong with a class that fits; nothing if it is linearizable."""
    clusters: dict[Value, list[Operation]] = {None: []}
    for operation in group.operations:
        if operation.op == "put":
            clusters[operation.args[1]] = [operation]
    for operation in group.operations:
        if operation.op == "get":
            if operation.value not in clusters:
                return ["nobody wrote what was read:", *lines([operation], ">")]
            clusters[operation.value].append(operation)
    return _too_early(clusters) or _overlap(clusters)


def _too_early(clusters: dict[Value, list[Operation]]) -> list[str]:
    for value, operations in clusters.items():
        if value is not None:
            write, first = operations[0], min(operations, key=_returned)
            if first.returned < write.call:
                return ["read before it was written:", *lines([first, write], ">")]
    return []


def _overlap(clusters: dict[Value, list[Operation]]) -> list[str]:
    forward, backward = [], []
    for value, operations in clusters.items():
        if value is None:
            # Absence was written before time began.
            if operations:
                last = max(operations, key=_called)
                forward.append(_Zone(-math.inf, last.call, None, last))
            continue
        first, last = min(operations, key=_returned), max(operations, key=_called)
        if first.returned < last.call:
            forward.append(_Zone(first.returned, last.call, first, last))
        else:
            backward.append(_Zone(last.call, first.returned, first, last))
    forward.sort(key=_low)
    for one, other in pairwise(forward):
        if other.low < one.high:
            return ["two values at the same time:", *_report(one), *_report(other)]
    return _inside(forward, backward)


def _inside(forward: list[_Zone], backward: list[_Zone]) -> list[str]:
    lows = [zone.low for zone in forward]
    for zone in backward:
        # Forward zones are disjoint by now, so only the last that begins earlier can reach so far.
        place = bisect_left(lows, zone.low) - 1
        if place >= 0 and zone.high < forward[place].high:
            why = "a value came and went while another was there:"
            return [why, *_report(forward[place]), *_report(zone)]
    return []


def _report(zone: _Zone) -> list[str]:
    ends: Iterable[Operation] = (op for op in (zone.first, zone.last) if op is not None)
    reported = lines(dict.fromkeys(ends), ">")
    return (
        reported if zone.first is not None else ["> the key was absent at the beginning", *reported]
    )


def _low(zone: _Zone) -> float:
    return zone.low


def _returned(operation: Operation) -> float:
    return operation.returned


def _called(operation: Operation) -> float:
    return operation.call
