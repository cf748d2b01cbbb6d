"""Checks of a history that are cheap, and miss nothing of what they look for.

Each gives findings in words, none if all is well. They need no search, so they decide where the
check of linearizability may run out of time.
Rules: a finding is a proof that the store broke a promise, whatever the unknown operations did;
keys are taken to be absent at the beginning. They know nothing of one another.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ..operations.table import READS, WRITES
from .history import FAIL, OK, Operation
from .model import Value, denies, keys_of, sightings, written
from .partition import parts
from .reduce import no_pages, reduced
from .show import line

__all__ = [
    "COUNTERS",
    "acknowledged_writes",
    "audit",
    "counters",
    "overwritten",
    "revisions",
    "swapped_twice",
    "values_from_nowhere",
]

COUNTERS = "counter/"
"""Keys that begin so are counters: changed by cas(n -> n + 1) alone, absent standing for 0."""

_MOST = 10
"""Findings that each audit shows."""


def audit(history: Iterable[Operation]) -> list[str]:
    """Make all audits; each reports its first few findings and how many more there are."""
    asked = list(history)
    operations = reduced(asked)
    findings: list[str] = []
    for found in (no_pages(asked), *(check(operations) for check in _AUDITS)):
        findings += found[:_MOST]
        if len(found) > _MOST:
            findings.append(f"and {len(found) - _MOST} more like the last")
    return findings


def values_from_nowhere(history: Sequence[Operation]) -> list[str]:
    """Find values that were read and that nobody may have written.

    A failed write has certainly not taken effect, so its value must never be seen.
    """
    known = {
        change for op in history if op.outcome != FAIL and op.op in WRITES for change in written(op)
    }
    return [
        f"nobody wrote this value of {key!r}: {line(operation).strip()}"
        for operation in history
        for key, value in sightings(operation)
        if value is not None and (key, value) not in known
    ]


def acknowledged_writes(history: Sequence[Operation]) -> list[str]:
    """Find keys written once only, acknowledged, and yet not seen by a read that began later."""
    writes: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.op in WRITES and operation.outcome != FAIL:
            for key, _ in written(operation):
                writes[key].append(operation)
    lasting = {
        key: found[0]
        for key, found in writes.items()
        if len(found) == 1 and found[0].outcome == OK and found[0].op in ("put", "put_many")
    }
    return [
        f"lost, though acknowledged: {line(lasting[key]).strip()}; {line(operation).strip()}"
        for operation in history
        for key, right in _answers(operation, lasting)
        if not right and operation.call > lasting[key].returned
    ]


def _answers(operation: Operation, lasting: dict[str, Operation]) -> Iterator[tuple[str, bool]]:
    """Return for each lasting key that an operation read whether it showed the value written."""
    for key, value in sightings(operation):
        if key in lasting:
            yield key, dict(written(lasting[key]))[key] == value
    if operation.op == "contains" and operation.outcome == OK and operation.args[0] in lasting:
        yield operation.args[0], operation.value


def swapped_twice(history: Sequence[Operation]) -> list[str]:
    """Find values that were written once and that two swaps both took away."""
    once = _written_once(history)
    first: dict[tuple[str, Value], Operation] = {}
    findings = []
    for operation in history:
        if operation.op == "cas" and operation.outcome == OK and operation.value:
            sight = operation.args[:2]
            before = first.setdefault(sight, operation)
            if before is not operation and sight in once and operation.args[2] != sight[1]:
                both = f"{line(before).strip()}; {line(operation).strip()}"
                findings.append(f"two swaps of one value that was written once: {both}")
    return findings


def overwritten(history: Sequence[Operation]) -> list[str]:
    """Find values that were written once, surely replaced, and seen after that."""
    done: defaultdict[str, list[Operation]] = defaultdict(list)
    sights: defaultdict[tuple[str, Value], list[Operation]] = defaultdict(list)
    for operation in sorted(history, key=lambda op: op.call):
        if operation.outcome == OK:
            for key, part in parts(operation):
                done[key].append(part)
                for sight in sightings(part):
                    sights[sight].append(part)
    findings = []
    for (key, value), write in _written_once(history).items():
        seen = sights.get((key, value))
        if seen:
            there = min(write.returned, *(part.returned for part in seen))
            between = _replaced(done[key], value, there, seen[-1].call)
            if between is not None:
                all_three = "; ".join(line(op).strip() for op in (write, between, seen[-1]))
                findings.append(f"seen after it was replaced: {all_three}")
    return findings


def _replaced(
    done: Sequence[Operation], value: Value, after: float, before: float
) -> Operation | None:
    """Give an operation between two times in which a key surely did not hold a value."""
    for place in range(bisect_right(done, after, key=lambda op: op.call), len(done)):
        operation = done[place]
        if operation.call >= before:
            return None
        if operation.returned < before and denies(operation, value):
            return operation
    return None


def _written_once(history: Iterable[Operation]) -> dict[tuple[str, Value], Operation]:
    """Give for each value of a key that one operation only may have written that operation."""
    writes: defaultdict[tuple[str, Value], list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.outcome != FAIL and operation.op in WRITES and operation.value is not False:
            for change in written(operation):
                writes[change].append(operation)
    return {
        change: found[0]
        for change, found in writes.items()
        if len(found) == 1 and change[1] is not None
    }


def counters(history: Sequence[Operation]) -> list[str]:
    """Find counters that show fewer steps than were acknowledged, or more than were asked for.

    Only keys that begin with `COUNTERS` and are changed by cas(n -> n + 1) alone are looked at.
    """
    steps: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.op in WRITES and operation.outcome != FAIL:
            for key in keys_of(operation):
                if key.startswith(COUNTERS):
                    steps[key].append(operation)
    counted = {key: _Counter(ops) for key, ops in steps.items() if all(map(_is_step, ops))}
    findings = [finding for counter in counted.values() for finding in counter.twice()]
    for operation in history:
        for key, value in sightings(operation):
            if key in counted:
                findings += counted[key].misses(operation, value)
    return findings


class _Counter:
    """The steps of one counter."""

    def __init__(self, steps: Sequence[Operation]) -> None:
        done = [op for op in steps if op.outcome == OK and op.value]
        self._done = done
        self._acknowledged = sorted(op.returned for op in done)
        self._asked = sorted(op.call for op in steps if op.outcome != OK or op.value)

    def twice(self) -> Iterator[str]:
        """Find steps from the same number that were acknowledged more than once."""
        numbers = Counter(operation.args[1] for operation in self._done)
        for operation in self._done:
            if numbers[operation.args[1]] > 1:
                yield f"counted twice from the same number: {line(operation).strip()}"

    def misses(self, read: Operation, value: Value) -> Iterator[str]:
        """Compare what a read shows with the steps before it."""
        shown = _number(value)
        least = bisect_left(self._acknowledged, read.call)
        # Calls at the very instant of the return overlap it.
        most = bisect_right(self._asked, read.returned)
        if shown is None or not least <= shown <= most:
            yield (
                f"{least} steps were acknowledged before and {most} asked for, "
                f"but: {line(read).strip()}"
            )


def _is_step(operation: Operation) -> bool:
    if operation.op != "cas":
        return False
    before, after = _number(operation.args[1]), _number(operation.args[2])
    return before is not None and after is not None and after == before + 1


def _number(value: Value) -> int | None:
    if value is None:
        return 0
    try:
        return int(value)
    except ValueError:
        return None


def revisions(history: Sequence[Operation]) -> list[str]:
    """Find answers older than one that somebody had before they were asked for.

    An answer's revision is at least that of every answer complete before its call, and a write's
    is above it; so no client's answers go back either. And no two writes have the same.
    """
    reported = [op for op in history if op.outcome == OK and op.revision is not None]
    findings, highest = list(_doubly(reported)), -1
    newest: Operation | None = None
    returns = iter(sorted(reported, key=lambda op: op.returned))
    following = next(returns, None)
    for operation in sorted(reported, key=lambda op: op.call):
        while following is not None and following.returned < operation.call:
            if (following.revision or 0) > highest:
                highest, newest = following.revision or 0, following
            following = next(returns, None)
        least = highest + (operation.op not in READS)
        if newest is not None and (operation.revision or 0) < least:
            whose = "its own" if newest.client == operation.client else "another's"
            findings.append(
                f"older than {whose} answer before: {line(newest).strip()}; "
                f"{line(operation).strip()}"
            )
    return findings


def _doubly(reported: Iterable[Operation]) -> Iterator[str]:
    owners: dict[int | None, Operation] = {}
    for operation in reported:
        if operation.op in WRITES:
            owner = owners.setdefault(operation.revision, operation)
            if owner is not operation:
                both = f"{line(owner).strip()}; {line(operation).strip()}"
                yield f"two writes at one revision: {both}"


_AUDITS = (
    values_from_nowhere,
    acknowledged_writes,
    swapped_twice,
    overwritten,
    counters,
    revisions,
)
