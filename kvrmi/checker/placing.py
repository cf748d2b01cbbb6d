"""Guesses at which revisions the unknown writes took that others saw.

A write whose value nobody else wrote, and that was seen, has happened: at a revision that nobody
claims, after the last known change of a key before it shows the value, and where what is next done
to its keys agrees with it. Of several such the first is taken.
Rule: these are proposals; witness.py verifies them together with all the rest.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from ..operations.table import READS, WRITES
from .history import OK, Operation
from .model import Value, effect, sightings, written
from .partition import parts

__all__ = ["Rank", "Revisions", "place", "rank"]

Rank = tuple[int, bool, float]
Change = tuple[str, Value]


class Revisions:
    """What a whole history shows of revisions: which are claimed, and which were known by when."""

    def __init__(self, history: Iterable[Operation]) -> None:
        """Operations without a revision count for nothing."""
        reported = [op for op in history if op.outcome == OK and op.revision is not None]
        claimed = {op.revision for op in reported if op.op in WRITES}
        highest = max((op.revision for op in reported if op.revision is not None), default=0)
        # A history that claims few of its revisions (a store in use by others) has no useful gaps.
        sparse = highest > 8 * (len(reported) + 1)
        self._gaps = [] if sparse else [n for n in range(1, highest + 1) if n not in claimed]
        self._taken: set[int] = set()
        ends = sorted((op.returned, op.revision) for op in reported if op.revision is not None)
        self._times = [end for end, _ in ends]
        self._floors = list(itertools.accumulate((revision for _, revision in ends), max))

    def gaps(self, called: float, above: int, seen: int) -> Iterator[int]:
        """Give the revisions that nobody has, above `above` and whatever was known before."""
        before = bisect_left(self._times, called)
        above = max(above, self._floors[before - 1] if before else 0)
        for number in self._gaps[bisect_right(self._gaps, above) : bisect_right(self._gaps, seen)]:
            if number not in self._taken:
                yield number

    def take(self, revision: int) -> None:
        """Note that a revision has found its owner."""
        self._taken.add(revision)


def rank(operation: Operation, revision: int) -> Rank:
    """Give an operation's place in the order: a read comes after the write of its revision."""
    return revision, operation.op in READS, operation.call


def place(
    answered: Sequence[Operation], unknown: Iterable[Operation], revisions: Revisions
) -> tuple[list[tuple[Rank, Operation]], list[Operation]]:
    """Give the unknown writes that have certainly happened, placed and as if answered; the rest."""
    placer = _Placer(answered, unknown, revisions)
    placed: list[tuple[Rank, Operation]] = []
    waiting = list(unknown)
    while True:
        rest = []
        for operation in waiting:
            revision = placer.find(operation)
            if revision is None:
                rest.append(operation)
                continue
            revisions.take(revision)
            happened = operation._replace(outcome=OK, value=True if operation.op == "cas" else None)
            placer.add(happened, revision)
            placed.append((rank(happened, revision), happened))
        if len(rest) == len(waiting):
            return placed, rest
        waiting = rest


class _Placer:
    """What is known of each key, by revision."""

    def __init__(
        self, answered: Sequence[Operation], unknown: Iterable[Operation], revisions: Revisions
    ) -> None:
        self._revisions = revisions
        self._writers = Counter(change for op in (*answered, *unknown) for change in written(op))
        self._first: dict[Change, int] = {}
        self._done: defaultdict[str, list[tuple[Rank, Operation]]] = defaultdict(list)
        for operation in answered:
            self._note(operation, operation.revision or 0)
        for done in self._done.values():
            done.sort(key=_rank_of)

    def _note(self, operation: Operation, revision: int) -> None:
        for sight in sightings(operation):
            self._first[sight] = min(self._first.get(sight, revision), revision)
        for key, part in parts(operation):
            self._done[key].append((rank(part, revision), part))

    def add(self, happened: Operation, revision: int) -> None:
        """Take up an unknown write that was placed: others may be seen by it."""
        self._note(happened, revision)
        for key, _ in parts(happened):
            self._done[key].sort(key=_rank_of)

    def find(self, operation: Operation) -> int | None:
        """Give the revision at which an operation probably happened, if it was seen."""
        changes = written(operation)
        seen = [c for c in changes if self._writers[c] == 1 and c in self._first]
        if not seen:
            return None
        first = min(self._first[change] for change in seen)
        above = max(self._last_change(key, self._first[key, value]) for key, value in seen)
        gaps = self._revisions.gaps(operation.call, above, first)
        return next((gap for gap in gaps if self._agrees(operation, gap)), None)

    def _last_change(self, key: str, revision: int) -> int:
        """Give the revision of the last change of a key below a revision."""
        done = self._done[key]
        before = bisect_left(done, (revision, False, -inf), key=_rank_of)
        for number in reversed(range(before)):
            (changed, _, _), operation = done[number]
            if operation.op in WRITES and operation.value is not False:
                return changed
        return 0

    def _agrees(self, operation: Operation, gap: int) -> bool:
        """Return whether what is next done to each key fits what an operation left there."""
        for key, value in written(operation):
            done = self._done[key]
            following = bisect_right(done, (gap, False, operation.call), key=_rank_of)
            if following < len(done):
                after = done[following][1]
                if effect(after, {key: value}.get).answer != after.value:
                    return False
        return True


def _rank_of(ranked: tuple[Rank, Operation]) -> Rank:
    return ranked[0]
