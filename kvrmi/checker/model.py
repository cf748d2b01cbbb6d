"""The store as one atomic object: what each operation answers, and what it changes.

Rule: this is the only place that knows what an operation means; every check asks here, after scan,
size and local reads were reduced (reduce.py).
It knows nothing of time, clients, or how states are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .history import OK, Operation

__all__ = [
    "READS",
    "WRITES",
    "Effect",
    "State",
    "Store",
    "Value",
    "denies",
    "effect",
    "keys_of",
    "sightings",
    "written",
]

Value = str | bytes | None
Look = Callable[[str], Value]
Changes = tuple[tuple[str, Value], ...]

READS = frozenset({"get", "contains", "get_many", "scan", "size"})
WRITES = frozenset({"put", "delete", "cas", "put_many"})

State = tuple[Value, ...]
"""The values of a store's keys, in their order."""


class Effect(NamedTuple):
    """What an operation answers, and the keys it sets (None: removes), the last one winning."""

    answer: Any
    changes: Changes = ()


def keys_of(operation: Operation) -> tuple[str, ...]:
    """Give the keys that an operation reads or writes; a size's are all there may be."""
    first = operation.args[0]
    if operation.op == "put_many":
        return tuple(key for key, _ in first)
    return first if operation.op in ("get_many", "size") else (first,)


def written(operation: Operation) -> Changes:
    """Give the changes that an operation makes if it is carried out and, a cas, succeeds."""
    args = operation.args
    if operation.op == "put_many":
        pairs: Changes = args[0]
        return tuple(dict(pairs).items())
    if operation.op in READS:
        return ()
    return ((args[0], None if operation.op == "delete" else args[-1]),)


def sightings(operation: Operation) -> Iterator[tuple[str, Value]]:
    """Give each key and value that an answer shows to have been there."""
    if operation.outcome != OK:
        return
    if operation.op == "get":
        yield operation.args[0], operation.value
    elif operation.op == "get_many":
        yield from zip(operation.args[0], operation.value, strict=True)
    elif operation.op == "cas" and operation.value:
        yield operation.args[0], operation.args[1]


def denies(operation: Operation, value: Value) -> bool:
    """Return whether a key held something else when an answered operation took place."""
    args, answer = operation.args, operation.value
    if operation.op == "get":
        return bool(answer != value)
    if operation.op == "put":
        return bool(args[1] != value)
    if operation.op == "contains":
        return not answer
    if operation.op == "cas":
        return bool(args[1] != value or args[2] != value) if answer else bool(args[1] == value)
    return True  # a delete


def effect(operation: Operation, look: Look) -> Effect:
    """Carry out an operation on a store whose values `look` returns."""
    return _EFFECTS[operation.op](operation, look)


def _put(operation: Operation, look: Look) -> Effect:
    return Effect(None, written(operation))


def _get(operation: Operation, look: Look) -> Effect:
    return Effect(look(operation.args[0]))


def _contains(operation: Operation, look: Look) -> Effect:
    return Effect(look(operation.args[0]) is not None)


def _get_many(operation: Operation, look: Look) -> Effect:
    return Effect(tuple(map(look, operation.args[0])))


def _size(operation: Operation, look: Look) -> Effect:
    return Effect(sum(look(key) is not None for key in operation.args[0]))


def _delete(operation: Operation, look: Look) -> Effect:
    if look(operation.args[0]) is None:
        return Effect(False)
    return Effect(True, written(operation))


def _cas(operation: Operation, look: Look) -> Effect:
    if look(operation.args[0]) != operation.args[1]:
        return Effect(False)
    return Effect(True, written(operation))


_EFFECTS: dict[str, Callable[[Operation, Look], Effect]] = {
    "put": _put,
    "get": _get,
    "delete": _delete,
    "contains": _contains,
    "cas": _cas,
    "put_many": _put,
    "get_many": _get_many,
    "size": _size,
}


class Store:
    """The same as steps from one hashable state to the next, for some keys only."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """`keys`: those that any operation names."""
        self._places = {key: place for place, key in enumerate(keys)}
        self.empty: State = (None,) * len(keys)

    def step(self, state: State, operation: Operation) -> State | None:
        """Give the state after an operation: the very same object if nothing changed.

        None: it would not have answered what the client got.
        """
        places = self._places
        answer, changes = effect(operation, lambda key: state[places[key]])
        if operation.outcome == OK and answer != operation.value:
            return None
        if all(state[places[key]] == value for key, value in changes):
            return state
        after = list(state)
        for key, value in changes:
            after[places[key]] = value
        return tuple(after)
