"""The store's own order, tried first: answers carry revisions, which say how they were ordered.

A revision counts the commands carried out, so writes are ordered by it, and a read comes after the
write of its revision. An unknown write that was seen takes a revision that nobody claims, or else
goes in where an answer would be wrong without it. The result is only a proposal: it is replayed on
the model and compared with real time, and what passes both *is* a linearization. So this path can
say yes, whatever revisions are told; it never says no.
Rules: a proposal that fails is no finding; the search decides then. Time O(n log n), nearly.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from .hints import sightings
from .history import OK, UNKNOWN, Operation
from .model import WRITES, Effect, effect, keys_of, written
from .partition import Class

__all__ = ["Revisions", "vouches"]

Value = str | bytes | None


class Revisions:
    """What a whole history tells of revisions: which are claimed, and which were told by when."""

    def __init__(self, history: Iterable[Operation]) -> None:
        """Operations without a revision tell nothing."""
        told = [op for op in history if op.outcome == OK and op.revision is not None]
        claimed = {op.revision for op in told if op.op in WRITES}
        highest = max((op.revision for op in told if op.revision is not None), default=0)
        # A history that claims few of its revisions (a store in use by others) has no useful gaps.
        sparse = highest > 8 * (len(told) + 1)
        self._gaps = [] if sparse else [n for n in range(1, highest + 1) if n not in claimed]
        self._taken: set[int] = set()
        ends = sorted((op.returned, op.revision) for op in told if op.revision is not None)
        self._times = [end for end, _ in ends]
        self._floors = list(itertools.accumulate((revision for _, revision in ends), max))

    def gap(self, called: float, seen: int) -> int | None:
        """Take the last revision up to `seen` that nobody claims and `called` does not forbid."""
        before = bisect_left(self._times, called)
        floor = self._floors[before - 1] if before else 0
        place = bisect_right(self._gaps, seen) - 1
        while place >= 0 and self._gaps[place] > floor:
            if self._gaps[place] not in self._taken:
                self._taken.add(self._gaps[place])
                return self._gaps[place]
            place -= 1
        return None


def vouches(group: Class, revisions: Revisions) -> bool:
    """Tell whether the order by revisions is a linearization of a class."""
    answered = [operation for operation in group.operations if operation.outcome == OK]
    if any(operation.revision is None for operation in answered):
        return False
    unknown = [operation for operation in group.operations if operation.outcome == UNKNOWN]
    order = [(_rank(op, op.revision or 0), op) for op in answered]
    placed, doubtful = _place(answered, unknown, revisions)
    order += placed
    order.sort(key=lambda ranked: ranked[0])
    return _Replay(doubtful).run([operation for _, operation in order])


def _rank(operation: Operation, revision: int) -> tuple[int, bool, float]:
    return revision, operation.op not in WRITES, operation.call


def _place(
    answered: Iterable[Operation], unknown: Iterable[Operation], revisions: Revisions
) -> tuple[list[tuple[tuple[int, bool, float], Operation]], list[Operation]]:
    """Give unknown writes that were seen a revision, as late as may be; and those without one."""
    first: dict[tuple[str, object], int] = {}
    for operation in answered:
        for sight in sightings(operation):
            first[sight] = min(first.get(sight, operation.revision or 0), operation.revision or 0)
    placed, doubtful = [], []
    for operation in unknown:
        seen = min((first[change] for change in written(operation) if change in first), default=0)
        revision = revisions.gap(operation.call, seen)
        if revision is None:
            doubtful.append(operation)
        else:
            placed.append((_rank(operation, revision), operation))
    return placed, doubtful


class _Replay:
    """Carries out a proposed order, and mends it with unknown writes where an answer is wrong."""

    def __init__(self, doubtful: Sequence[Operation]) -> None:
        self._state: dict[str, Value] = {}
        self._latest_call = -math.inf
        self._doubtful: defaultdict[str, dict[Operation, None]] = defaultdict(dict)
        for operation in doubtful:
            for key in keys_of(operation):
                self._doubtful[key][operation] = None

    def run(self, order: Iterable[Operation]) -> bool:
        """Tell whether the order holds."""
        return all(map(self._take, order))

    def _take(self, operation: Operation) -> bool:
        right = self._try(operation)
        if right is None:
            self._mend(operation)
            right = self._try(operation)
            if right is None:
                return False
        return self._carry_out(operation, right)

    def _try(self, operation: Operation) -> Effect | None:
        """Give the effect of an operation, if it explains what the client was told."""
        made = effect(operation, self._state.get)
        return made if operation.outcome == UNKNOWN or made.answer == operation.value else None

    def _carry_out(self, operation: Operation, made: Effect) -> bool:
        """Change the state; false if the operation had returned before one ordered earlier."""
        self._state.update(made.changes)
        self._latest_call = max(self._latest_call, operation.call)
        return operation.returned >= self._latest_call

    def _mend(self, operation: Operation) -> None:
        """Put in one or two unknown writes, if with them the answer is right."""
        parts = [operation]
        if operation.op == "get_many":
            pairs = zip(operation.args[0], operation.value, strict=True)
            parts = [operation._replace(op="get", args=(key,), value=v) for key, v in pairs]
        for part in parts:
            if self._try(part) is None:
                for doubt in self._remedy(part):
                    self._carry_out(doubt, effect(doubt, self._state.get))
                    for key in keys_of(doubt):
                        self._doubtful[key].pop(doubt, None)

    def _remedy(self, operation: Operation) -> tuple[Operation, ...]:
        key = keys_of(operation)[0]
        doubts = [doubt for doubt in self._doubtful[key] if doubt.call <= operation.returned]
        before = self._state
        for number in (1, 2):
            for remedy in itertools.permutations(doubts, number):
                self._state = {key: before.get(key)}
                for doubt in remedy:
                    self._state.update(effect(doubt, self._state.get).changes)
                right = self._try(operation) is not None
                self._state = before
                if right:
                    return remedy
        return ()
