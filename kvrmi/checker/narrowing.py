"""What a history says of its operations beyond their own times; it leaves the search fewer orders.

A write whose value nobody else wrote took place before whoever saw that value was answered, and
whoever saw it did so after the write was called. Such a value comes once and goes once: what was
there instead before the last look at it was there before it came, and what was there instead after
it had come was there after it had gone. These bounds may be narrower than call and return; an
unknown write with an end is one that has happened. And values that nobody asked for are all alike:
which of them is there, no answer shows.
Rules: every linearization keeps within the bounds, and none is lost or won by taking such values
for one. It knows nothing of how a history is searched.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, NamedTuple, TypeAlias

from .history import OK, UNKNOWN, Operation
from .model import Value, denies, sightings, written
from .partition import parts

__all__ = ["Bounds", "alike", "bounds"]

_PASSES = 8
"""An unknown cas that turns out to have happened saw a value itself, and so on, so many times."""


Change: TypeAlias = "tuple[str, Value]"
Writers: TypeAlias = "dict[Change, int]"


class Bounds(NamedTuple):
    """Between which times an operation took place; without an end, it may never have."""

    begin: float
    end: float


_UNASKED: Any = object()
"""Stands for any value that nobody saw or expected."""


def bounds(operations: Sequence[Operation]) -> list[Bounds]:
    """Give the bounds of each operation; where one ends before it begins, no order is right."""
    begins = [operation.call for operation in operations]
    ends = [operation.returned for operation in operations]
    sole = _sole_writers(operations)
    _come_and_go(operations, sole, begins, ends)
    for _ in range(_PASSES):
        before = list(ends)
        for number, operation in enumerate(operations):
            for sight in _seen_by(operation, ends[number]):
                writer = sole.get(sight, number)
                if writer != number:
                    ends[writer] = min(ends[writer], ends[number])
                    begins[number] = max(begins[number], begins[writer])
        if ends == before:
            break
    return [Bounds(begin, end) for begin, end in zip(begins, ends, strict=True)]


def _come_and_go(
    operations: Sequence[Operation], sole: Writers, begins: list[float], ends: list[float]
) -> None:
    """Narrow the bounds of the writes and sightings of values that come and go once."""
    done: defaultdict[str, list[Operation]] = defaultdict(list)
    seen: defaultdict[Change, list[int]] = defaultdict(list)
    for number, operation in enumerate(operations):
        if operation.outcome == OK:
            for key, part in parts(operation):
                done[key].append(part)
            for sight in sightings(operation):
                seen[sight].append(number)
    lines = {key: _Line(answered) for key, answered in done.items()}
    for (key, value), numbers in seen.items():
        writer = sole.get((key, value))
        if writer is None:
            continue
        last = max(operations[number].call for number in numbers)
        begins[writer] = max(begins[writer], lines[key].other_before(last, value))
        there = min(ends[writer], *(operations[number].returned for number in numbers))
        gone = lines[key].other_after(there, value)
        for number in numbers:
            ends[number] = min(ends[number], gone)


class _Line:
    """What was done to one key, in the order of calls and in the order of returns."""

    def __init__(self, answered: Sequence[Operation]) -> None:
        self._by_call = sorted(answered, key=lambda op: op.call)
        self._by_return = sorted(answered, key=lambda op: op.returned)

    def other_before(self, time: float, value: Value) -> float:
        """Give the last call of what had returned by `time` and found or left something else."""
        best = -inf
        for place in reversed(
            range(bisect_left(self._by_return, time, key=lambda op: op.returned))
        ):
            operation = self._by_return[place]
            if operation.returned <= best:
                break
            if operation.call > best and denies(operation, value):
                best = operation.call
        return best

    def other_after(self, time: float, value: Value) -> float:
        """Give the first return of what was called after `time`, likewise."""
        best = inf
        for place in range(
            bisect_right(self._by_call, time, key=lambda op: op.call), len(self._by_call)
        ):
            operation = self._by_call[place]
            if operation.call >= best:
                break
            if operation.returned < best and denies(operation, value):
                best = operation.returned
        return best


def alike(operations: Sequence[Operation]) -> list[Operation]:
    """Give the operations with one value in place of all that nobody saw or expected."""
    asked: set[tuple[str, Value]] = set()
    for operation in operations:
        asked.update(sightings(operation))
        if operation.op == "cas":
            asked.add((operation.args[0], operation.args[1]))
    return [_with_asked(operation, asked) for operation in operations]


def _with_asked(operation: Operation, asked: set[tuple[str, Value]]) -> Operation:
    if operation.op not in ("put", "cas", "put_many"):
        return operation
    changes = tuple((k, v if (k, v) in asked else _UNASKED) for k, v in written(operation))
    if operation.op == "put_many":
        return operation._replace(args=(changes,))
    return operation._replace(args=(*operation.args[:-1], changes[0][1]))


def _sole_writers(operations: Sequence[Operation]) -> Writers:
    """Give for each value of a key that can come from one operation only its number."""
    writers: Counter[Change] = Counter()
    last: Writers = {}
    for number, operation in enumerate(operations):
        if operation.outcome == OK and operation.value is False:
            continue  # a cas that did not swap, a delete of nothing
        for change in written(operation):
            writers[change] += 1
            last[change] = number
    return {
        change: number
        for change, number in last.items()
        if writers[change] == 1 and change[1] is not None
    }


def _seen_by(operation: Operation, end: float) -> Iterator[tuple[str, Value]]:
    if operation.outcome == UNKNOWN:
        if operation.op == "cas" and end < operation.returned:
            yield operation.args[0], operation.args[1]
    else:
        yield from sightings(operation)
