"""The store's own order, tried first: answers carry revisions, which say how they were ordered.

A revision counts the commands carried out, so writes are ordered by it, and a read comes after the
write of its revision. An unknown write that was seen takes a revision that nobody claims, or else
goes in where an answer would be wrong without it. The result is only a proposal: it is replayed on
the model and compared with real time, and what passes both *is* a linearization. So this path can
say yes, whatever the revisions are; it never says no.
Rules: a proposal that fails is no finding; the search decides then. Time O(n log n), nearly.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .history import OK, UNKNOWN, Operation
from .model import Value, effect, keys_of
from .partition import Class, parts
from .placing import Revisions, place, rank

__all__ = ["Testimony", "testify", "vouches"]


_TIMEOUT = 4
_MORE_PATIENCE = 10_000
"""Steps after which a replay gives up: so many an operation, and so many more."""


class Testimony(NamedTuple):
    """Whether the order by revisions holds; if not, the furthest operation that did not fit."""

    holds: bool
    suspect: Operation | None = None


def vouches(group: Class, revisions: Revisions) -> bool:
    """Return whether the order by revisions is a linearization of a class."""
    return testify(group, revisions).holds


def testify(group: Class, revisions: Revisions) -> Testimony:
    """Replay a class in the order of its revisions."""
    answered = [operation for operation in group.operations if operation.outcome == OK]
    if any(operation.revision is None for operation in answered):
        return Testimony(False)
    unknown = [operation for operation in group.operations if operation.outcome == UNKNOWN]
    placed, doubtful = place(answered, unknown, revisions)
    ranked = [(rank(op, op.revision or 0), op) for op in answered] + placed
    ranked.sort(key=lambda pair: pair[0])
    return _Replay([operation for _, operation in ranked], doubtful).run()


class _Choice(NamedTuple):
    """A place in the order where unknown writes were put in, and what else might be there."""

    place: int
    key: str
    state: dict[str, Value]
    latest_call: float
    used: frozenset[Operation]
    others: Iterator[tuple[Operation, ...]]


class _Replay:
    """Carries out a proposed order, and mends it with unknown writes where an answer is wrong.

    A mend that leads to a wrong answer later is taken back, a limited number of times.
    """

    def __init__(self, order: Sequence[Operation], doubtful: Sequence[Operation]) -> None:
        self._order = order
        self._state: dict[str, Value] = {}
        self._latest_call = -math.inf
        self._used: frozenset[Operation] = frozenset()
        self._choices: list[_Choice] = []
        self._place = self._furthest = 0
        self._doubtful: defaultdict[str, list[Operation]] = defaultdict(list)
        # What was called last has probably happened last.
        for operation in sorted(doubtful, key=lambda op: -op.call):
            for key in keys_of(operation):
                self._doubtful[key].append(operation)

    def run(self) -> Testimony:
        """Return whether the order, mended, is a linearization."""
        timeout = _TIMEOUT * len(self._order) + _MORE_PATIENCE
        while self._place < len(self._order):
            timeout -= 1
            if self._take():
                continue
            self._furthest = max(self._furthest, self._place)
            if timeout < 0 or not (self._mend() or self._take_back()):
                return Testimony(False, self._order[self._furthest])
        return Testimony(True)

    def _take(self) -> bool:
        """Carry out the next operation, if its answer is right and it had not returned before."""
        operation = self._order[self._place]
        made = effect(operation, self._state.get)
        if operation.outcome == OK and made.answer != operation.value:
            return False
        if operation.returned < max(self._latest_call, operation.call):
            return False
        self._state.update(made.changes)
        self._latest_call = max(self._latest_call, operation.call)
        self._place += 1
        return True

    def _mend(self) -> bool:
        """Put in one or two unknown writes that make the answer right, at least for one key."""
        operation = self._order[self._place]
        for key, part in parts(operation):
            if part.outcome == OK and effect(part, self._state.get).answer != part.value:
                self._choices.append(
                    _Choice(
                        self._place,
                        key,
                        dict(self._state),
                        self._latest_call,
                        self._used,
                        self._remedies(part, key, self._state.get(key), self._used),
                    )
                )
                return self._choose()
        return False

    def _remedies(
        self, part: Operation, key: str, value: Value, used: frozenset[Operation]
    ) -> Iterator[tuple[Operation, ...]]:
        doubts = [d for d in self._doubtful[key] if d.call <= part.returned and d not in used]
        for number in (1, 2):
            for remedy in itertools.permutations(doubts, number):
                state = {key: value}
                for doubt in remedy:
                    state.update(effect(doubt, state.get).changes)
                if effect(part, state.get).answer == part.value:
                    yield remedy

    def _choose(self) -> bool:
        """Go to the last choice, and on with what it has not tried yet."""
        choice = self._choices[-1]
        remedy = next(choice.others, None)
        if remedy is None:
            self._choices.pop()
            return False
        self._place, self._latest_call = choice.place, choice.latest_call
        self._state, self._used = dict(choice.state), choice.used | set(remedy)
        for doubt in remedy:
            self._state.update(effect(doubt, self._state.get).changes)
            self._latest_call = max(self._latest_call, doubt.call)
        return True

    def _take_back(self) -> bool:
        """Choose again where it may help: the last choices for the same keys, if there are any."""
        keys = set(keys_of(self._order[self._place]))
        if any(choice.key in keys for choice in self._choices):
            while self._choices[-1].key not in keys:
                self._choices.pop()
        while self._choices:
            if self._choose():
                return True
        return False
