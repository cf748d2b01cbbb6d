"""The general path: a depth-first search for a linearization (Wing and Gong 1993, Lowe 2017).

It goes through calls and returns in the order of time. An operation is put into the order only
when its return can wait no longer: it, or others that are open, one after another, until it is
there. What has been tried is not tried again: a place in time, the set of open operations that are
in the order already (a bit each), and the state of the store are all that matters for the rest.
Operations that have returned are in every order, so they need no bit: masks stay as short as the
number of clients, and at an instant when nothing is open a place and a state remain.
Two shortcuts lose nothing: what by its answer changes nothing (a read, a cas not swapped) is taken
as soon as its answer is right, as no order is spoilt by it; an unanswered operation that would
change nothing is not taken. A put of the value that is there is neither: it may be needed later.
Rule: it never says more than it knows; beyond the limits the verdict is undecided.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from .hints import hints
from .history import OK, UNKNOWN, Operation
from .model import WRITES, State, Store, keys_of
from .partition import Class
from .words import lines

__all__ = ["Found", "search"]

_CELLS = 60_000_000
"""What may be remembered: configurations times the size of each, about half a gigabyte."""
_OVERHEAD = 24
_LOOK = 256
"""Steps between two looks at the clock."""
_TOLD = 8
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
    state: State
    chain: Chain


def search(group: Class, late: Callable[[], bool]) -> Found:
    """Look for a linearization of a class; `late` returns when to give up."""
    return _Search(group).run(late)


class _Search:
    def __init__(self, group: Class) -> None:
        self._operations = sorted(group.operations, key=_called)
        self._store = Store(group.keys)
        self._hints = hints(self._operations)
        self._timeline()
        self._most = _CELLS // (_OVERHEAD + len(group.keys))
        self._furthest = _Place(-1, 0, self._store.empty, None)

    def _timeline(self) -> None:
        """Lay out the events, the bits, and who is open at which return."""
        operations = self._operations
        times = [(op.call, 0, number) for number, op in enumerate(operations)]
        times += [(op.returned, 1, n) for n, op in enumerate(operations) if op.outcome == OK]
        # At the same instant calls come first: such operations overlap.
        self._events = [(kind == 1, number) for _, kind, number in sorted(times)]
        self._bits = [0] * len(operations)
        self._open: list[tuple[int, ...]] = []
        self._unknown = [n for n, op in enumerate(operations) if op.outcome == UNKNOWN]
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
            if not free:
                free.append(1 << fresh)
                fresh += 1
            self._bits[number] = free.pop()
            if operations[number].outcome == OK:
                now_open[number] = None

    def run(self, late: Callable[[], bool]) -> Found:
        """Search depth first; every place on the stack still has choices to give."""
        seen: set[tuple[int, int, State]] = set()
        stack: list[Iterator[_Place]] = []
        place, steps = self._advance(_Place(0, 0, self._store.empty, None)), 0
        while place.event < len(self._events):
            key = place[:3]
            if key not in seen:
                seen.add(key)
                stack.append(self._choices(place))
                if place.event > self._furthest.event:
                    self._furthest = place
            steps += 1
            if len(seen) > self._most:
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
        event, mask, state, chain = place
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
        return _Place(event, mask, state, chain)

    def _idle(self, number: int, state: State) -> bool:
        """Return whether an operation, by its answer, changes nothing, and the answer is right."""
        operation = self._operations[number]
        if operation.outcome != OK or (operation.op in WRITES and operation.value is not False):
            return False
        return self._store.step(state, operation) is not None

    def _choices(self, place: _Place) -> Iterator[_Place]:
        """Give what can be put into the order next, the likeliest first."""
        for number in self._candidates(place):
            operation = self._operations[number]
            state = self._store.step(place.state, operation)
            if state is None or (state is place.state and operation.outcome == UNKNOWN):
                continue
            mask, chain = place.mask | self._bits[number], (number, place.chain)
            for other in self._open[place.event]:
                if not mask & self._bits[other] and self._idle(other, state):
                    mask |= self._bits[other]
                    chain = (other, chain)
            yield self._advance(_Place(place.event, mask, state, chain))

    def _candidates(self, place: _Place) -> list[int]:
        """Give the open operations that are not in the order yet.

        Those that touch a key of the one that has to return come first, then by hint.
        """
        returning = self._events[place.event][1]
        wanted = set(keys_of(self._operations[returning]))
        # Unknown operations stay open: those called by now are the first ones of the list.
        now = self._operations[returning].returned
        called = bisect_right(self._unknown, now, key=self._call)
        numbers = (*self._open[place.event], *self._unknown[:called])
        return sorted(
            (number for number in numbers if not place.mask & self._bits[number]),
            key=lambda n: (wanted.isdisjoint(keys_of(self._operations[n])), self._hints[n]),
        )

    def _call(self, number: int) -> float:
        return self._operations[number].call

    def _fail(self, linearizable: bool | None, why: str) -> Found:
        """Show the longest order that was found, its end, and what could not be put into it."""
        event, mask, state, chain = self._furthest
        stuck = self._operations[self._events[event][1]]
        order: list[int] = []
        while chain is not None:
            number, chain = chain
            order.append(number)
        told = [self._operations[number] for number in reversed(order[:_TOLD])]
        keys = keys_of(stuck)[:_TOLD]
        values = ", ".join(f"{key!r}: {self._store.value(state, key)!r}" for key in keys)
        explanation = [
            f"{why}the longest order found has {len(order)} of {len(self._operations)} operations, "
            "and ends with:",
            *lines(told),
            f"  then the store holds {values}, and this answer has no place:",
            *lines([stuck], ">"),
            *self._opened(event, mask),
        ]
        return Found(linearizable, explanation, stuck)

    def _opened(self, event: int, mask: int) -> list[str]:
        """Show what was open at an event, besides the operation that has to return there."""
        stuck = self._operations[self._events[event][1]]
        opened = [
            self._operations[n]
            for n in (*self._open[event], *self._unknown)
            if not mask & self._bits[n]
            and self._operations[n] is not stuck
            and self._call(n) <= stuck.returned
        ]
        return ["  open at the same time:", *lines(opened[:_TOLD], "?")] if opened else []


def _called(operation: Operation) -> float:
    return operation.call
