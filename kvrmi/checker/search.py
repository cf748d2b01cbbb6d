"""The general path: a depth-first search for a linearization (Wing and Gong 1993, Lowe 2017).

It goes through calls and returns in the order of time. An operation is put into the order only
when its return can wait no longer: it, or others that are open, one after another, until it is
there. What has been tried is not tried again: a place in time, the set of open operations that are
in the order already (a bit each), and the state of the store are all that matters for the rest.
Operations that have returned are in every order, so they need no bit: masks stay as short as the
number of clients, and at an instant when nothing is open a place and a state remain.
Shortcuts that lose nothing:
- What by its answer changes nothing (a read, a cas not swapped) is taken as soon as its answer is
  right, as no order is spoilt by it; an unanswered operation that would change nothing is not
  taken. A put of the value that is there is neither: it may be needed later.
- Unknown writes never have to take place. So a place that was reached with some of them is no
  better than the same place reached with fewer; of several that do the same, the one called first
  is taken first; and one of a single key is taken only right before an operation that looks at
  this key, or together with others before one that looks at all their keys (a size, a scan), as
  it could otherwise be taken later or not at all.
- Times are narrowed, and values that nobody asked for are one, before anything is tried.
Rule: it never says more than it knows; beyond the limits the verdict is undecided.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple, TypeAlias

from ..operations.table import WRITES
from .hints import hints
from .history import OK, UNKNOWN, Operation
from .model import Model, State, Value, effect, keys_of
from .narrowing import Bounds, alike, bounds
from .partition import Class
from .show import lines

__all__ = ["Found", "search"]

_CELLS = 60_000_000
"""What may be remembered: configurations times the size of each, about half a gigabyte."""
_OVERHEAD = 24
_LOOK = 256
"""Steps between two looks at the clock."""
_SHORT = 4
"""Looks of a search that is only to explain."""
_SHOWN = 8
"""Operations of the order that an explanation shows."""

Chain: TypeAlias = "tuple[int, Chain] | None"
"""An order, last operation first, that shares its beginning with others."""


class Found(NamedTuple):
    """The outcome: True linearizable, False not, None undecided; and why, in lines."""

    linearizable: bool | None
    explanation: list[str]
    stuck: Operation | None = None
    """What the longest order could not be continued with."""


class _Place(NamedTuple):
    """Where a search stands: the next event, who is in the order already, what that led to."""

    event: int
    mask: int
    """Open operations that are in the order."""
    state: State
    wanted: frozenset[str]
    """Keys that unknown writes were just put in for: the next operation has to look at them."""
    used: int
    """Unknown writes that are in the order."""
    chain: Chain


def search(group: Class, late: Callable[[], bool]) -> Found:
    """Look for a linearization of a class; `late` returns when to give up."""
    operations = sorted(group.operations, key=_called)
    narrow = bounds(operations)
    impossible = [n for n, (begin, end) in enumerate(narrow) if begin > end]
    if not impossible:
        return _Search(group.keys, operations, narrow).run(late)
    # What is wrong is known. A short search may show better what is around it.
    reported = [Bounds(operation.call, operation.returned) for operation in operations]
    looks = iter(range(_SHORT))
    found = _Search(group.keys, operations, reported).run(lambda: next(looks, None) is None)
    if found.linearizable is False:
        return found
    begin, end = narrow[impossible[-1]]
    why = f"by what others saw, this was not before {begin:.6f}, and not after {end:.6f}:"
    return Found(False, [why, *lines([operations[impossible[-1]]], ">")])


class _Search:
    def __init__(
        self, keys: tuple[str, ...], operations: list[Operation], within: list[Bounds]
    ) -> None:
        self._shown = operations
        """As clients know them."""
        self._operations = alike(operations)
        self._bounds = within
        self._model = Model(keys)
        self._hints = hints(self._shown)
        self._timeline()
        self._twins = self._find_twins()
        self._most = _CELLS // (_OVERHEAD + len(keys))
        self._furthest = _Place(-1, 0, self._model.empty, frozenset(), 0, None)

    def _timeline(self) -> None:
        """Lay out the events, the bits, and who is open at which return."""
        times = [(begin, 0, number) for number, (begin, _) in enumerate(self._bounds)]
        times += [(end, 1, n) for n, (_, end) in enumerate(self._bounds) if end < inf]
        # At the same instant calls come first: such operations overlap.
        self._events = [(kind == 1, number) for _, kind, number in sorted(times)]
        self._bits = [0] * len(times)
        self._open: list[tuple[int, ...]] = []
        unknown = [n for n, (_, end) in enumerate(self._bounds) if end == inf]
        self._unknown = sorted(unknown, key=self._begin)
        free: list[int] = []
        fresh = 0
        now_open: dict[int, None] = {}
        for returns, number in self._events:
            if returns:
                self._open.append(tuple(now_open))
                del now_open[number]
                free.append(self._bits[number])
                continue
            self._open.append(())
            if self._bounds[number].end == inf:
                continue
            if not free:
                free.append(1 << fresh)
                fresh += 1
            self._bits[number] = free.pop()
            now_open[number] = None
        for place, number in enumerate(self._unknown):
            self._bits[number] = 1 << place

    def _find_twins(self) -> dict[int, int]:
        """Give for each unknown write the bit of the last one before it that does the same."""
        last: dict[tuple[str, object], int] = {}
        twins = {}
        for number in self._unknown:
            does = self._operations[number].op, self._operations[number].args
            twins[number] = last.get(does, 0)
            last[does] = self._bits[number]
        return twins

    def run(self, late: Callable[[], bool]) -> Found:
        """Search depth first; every place on the stack still has choices to give."""
        seen = _Seen()
        stack: list[Iterator[_Place]] = []
        place, steps = self._advance(self._furthest._replace(event=0)), 0
        while place.event < len(self._events):
            if seen.add(place):
                stack.append(self._choices(place))
                if place.event > self._furthest.event:
                    self._furthest = place
            steps += 1
            if seen.count > self._most:
                return self._fail(None, "too many possibilities to remember: ")
            if steps % _LOOK == 0 and late():
                return self._fail(None, "given up: ")
            following = self._next(stack)
            if following is None:
                return self._fail(False, "")
            place = following
        return Found(True, [])

    @staticmethod
    def _next(stack: list[Iterator[_Place]]) -> _Place | None:
        while stack:
            place = next(stack[-1], None)
            if place is not None:
                return place
            stack.pop()
        return None

    def _advance(self, place: _Place) -> _Place:
        """Go on to the first return of an operation that is not in the order yet."""
        event, mask, state, _, _, chain = place
        events, bits = self._events, self._bits
        while event < len(events):
            returns, number = events[event]
            bit = bits[number]
            if returns:
                if not mask & bit:
                    break
                mask ^= bit
            elif self._idle(number, state):
                mask |= bit
                chain = (number, chain)
            event += 1
        return place._replace(event=event, mask=mask, chain=chain)

    def _idle(self, number: int, state: State) -> bool:
        """Return whether an operation, by its answer, changes nothing, and the answer is right."""
        operation = self._operations[number]
        if operation.outcome != OK or (operation.op in WRITES and operation.value is not False):
            return False
        return self._model.step(state, operation) is not None

    def _choices(self, place: _Place) -> Iterator[_Place]:
        """Give what can be put into the order next, the likeliest first."""
        for number in self._candidates(place):
            operation = self._operations[number]
            state = self._model.step(place.state, operation)
            if state is None or (state is place.state and operation.outcome == UNKNOWN):
                continue
            mask, used, chain = place.mask, place.used, (number, place.chain)
            wanted: frozenset[str] = frozenset()
            if self._bounds[number].end < inf:
                mask |= self._bits[number]
            else:
                used |= self._bits[number]
                if operation.op != "put_many":
                    wanted = place.wanted | {operation.args[0]}
            for other in self._open[place.event]:
                if not mask & self._bits[other] and self._idle(other, state):
                    mask |= self._bits[other]
                    chain = (other, chain)
                    wanted -= set(keys_of(self._operations[other]))
            yield self._advance(_Place(place.event, mask, state, wanted, used, chain))

    def _candidates(self, place: _Place) -> list[int]:
        """Give the open operations that are not in the order yet and may come next.

        Those that touch a key of the one that has to return come first, then by hint.
        """
        returning = self._events[place.event][1]
        touched = set(keys_of(self._operations[returning]))
        numbers = [n for n in self._open[place.event] if not place.mask & self._bits[n]]
        # Unknown operations stay open: those called by now are the first ones of the list.
        called = bisect_right(self._unknown, self._bounds[returning].end, key=self._begin)
        numbers += [
            number
            for number in self._unknown[:called]
            if not place.used & self._bits[number]
            and place.used & self._twins[number] == self._twins[number]
        ]
        if place.wanted:
            numbers = [n for n in numbers if self._may_follow(n, place.wanted)]
        return sorted(
            numbers,
            key=lambda n: (touched.isdisjoint(keys_of(self._operations[n])), self._hints[n]),
        )

    def _may_follow(self, number: int, wanted: frozenset[str]) -> bool:
        """Return whether it looks at all `wanted` keys, or is one more that is put in."""
        operation = self._operations[number]
        if wanted.issubset(self._seen_by(operation)):
            return True
        added = self._bounds[number].end == inf and operation.op != "put_many"
        return added and operation.args[0] not in wanted - self._seen_by(operation)

    @staticmethod
    def _seen_by(operation: Operation) -> set[str]:
        """Give the keys on whose values depends what an operation answers or does."""
        if operation.op in ("put", "put_many"):
            return set()
        if operation.op == "delete" and operation.outcome == UNKNOWN:
            return set()
        return set(keys_of(operation))

    def _begin(self, number: int) -> float:
        return self._bounds[number].begin

    def _fail(self, linearizable: bool | None, why: str) -> Found:
        """Show the longest order that was found, its end, and what could not be put into it."""
        event, chain = self._furthest.event, self._furthest.chain
        stuck = self._shown[self._events[event][1]]
        order: list[int] = []
        while chain is not None:
            number, chain = chain
            order.append(number)
        values: dict[str, Value] = {}
        for number in reversed(order):
            values.update(effect(self._shown[number], values.get).changes)
        reported = [self._shown[number] for number in reversed(order[:_SHOWN])]
        held = ", ".join(f"{key!r}: {values.get(key)!r}" for key in keys_of(stuck)[:_SHOWN])
        explanation = [
            f"{why}the longest order found has {len(order)} of {len(self._shown)} operations, "
            "and ends with:",
            *lines(reported),
            f"  then the store holds {held}, and this answer has no place:",
            *lines([stuck], ">"),
            *self._opened(self._furthest),
        ]
        return Found(linearizable, explanation, stuck)

    def _opened(self, place: _Place) -> list[str]:
        """Show what was open at a place, besides the operation that has to return there."""
        stuck = self._events[place.event][1]
        numbers = [n for n in self._open[place.event] if not place.mask & self._bits[n]]
        numbers += [n for n in self._unknown if not place.used & self._bits[n]]
        opened = [
            self._shown[n]
            for n in numbers
            if n != stuck and self._begin(n) <= self._bounds[stuck].end
        ]
        return ["  open at the same time:", *lines(opened[:_SHOWN], "?")] if opened else []


class _Seen:
    """Places that were tried, each with the fewest unknown writes that it was reached with."""

    def __init__(self) -> None:
        self.count = 0
        self._used: dict[tuple[int, int, State, frozenset[str]], list[int]] = {}

    def add(self, place: _Place) -> bool:
        """Note a place; False if it was tried with the same unknown writes, or fewer."""
        known = self._used.setdefault(place[:4], [])
        if any(less & place.used == less for less in known):
            return False
        known.append(place.used)
        self.count += 1
        return True


def _called(operation: Operation) -> float:
    return operation.call
