"""The store as one atomic object: what each operation answers, and what it changes.

Rule: what an operation answers and does to a state is decided here alone, once scan, size and local
reads were reduced (reduce.py). Which keys it concerns, and what its revision says of them, other
files of this folder ask as well: who adds one to _MEANINGS looks at who names `cas`.
It knows nothing of time, clients, or how states are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .history import OK, Operation

__all__ = [
    "MODELLED",
    "Effect",
    "Model",
    "State",
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

State = tuple[Value, ...]
"""The values of a store's keys, in their order."""


class Effect(NamedTuple):
    """What an operation answers, and the keys it sets (None: removes), the last one winning."""

    answer: Any
    changes: Changes = ()


def keys_of(operation: Operation) -> tuple[str, ...]:
    """Give the keys that an operation reads or writes; a size's are all there may be."""
    return _MEANINGS[operation.op].keys(operation)


def written(operation: Operation) -> Changes:
    """Give the changes that an operation makes if it is carried out and, a cas, succeeds."""
    return _MEANINGS[operation.op].changes(operation)


def sightings(operation: Operation) -> Iterable[tuple[str, Value]]:
    """Give each key and value that an answer shows to have been there."""
    return _MEANINGS[operation.op].sightings(operation) if operation.outcome == OK else ()


def denies(operation: Operation, value: Value) -> bool:
    """Return whether a key held something else when an answered operation took place."""
    return _MEANINGS[operation.op].denies(operation, value)


def effect(operation: Operation, look: Look) -> Effect:
    """Carry out an operation on a store whose values `look` returns."""
    return _MEANINGS[operation.op].effect(operation, look)


# --- what each operation means --------------------------------------------------------------------


def _key(operation: Operation) -> tuple[str, ...]:
    return (operation.args[0],)


def _keys(operation: Operation) -> tuple[str, ...]:
    keys: tuple[str, ...] = operation.args[0]
    return keys


def _keys_of_pairs(operation: Operation) -> tuple[str, ...]:
    return tuple(key for key, _ in operation.args[0])


def _nothing(operation: Operation) -> tuple[()]:
    return ()


def _last(operation: Operation) -> Changes:
    return ((operation.args[0], operation.args[-1]),)


def _pairs(operation: Operation) -> Changes:
    return tuple(dict(operation.args[0]).items())


def _removed(operation: Operation) -> Changes:
    return ((operation.args[0], None),)


def _value_seen(operation: Operation) -> Changes:
    return ((operation.args[0], operation.value),)


def _values_seen(operation: Operation) -> Iterable[tuple[str, Value]]:
    return zip(operation.args[0], operation.value, strict=True)


def _expected_seen(operation: Operation) -> Changes:
    return (operation.args[:2],) if operation.value else ()


def _cas_denies(operation: Operation, value: Value) -> bool:
    _, expected, new = operation.args
    return bool(expected != value or new != value) if operation.value else bool(expected == value)


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


def _always(operation: Operation, value: Value) -> bool:
    return True


class _Meaning(NamedTuple):
    """One operation: see the functions above of the same names."""

    effect: Callable[[Operation, Look], Effect]
    keys: Callable[[Operation], tuple[str, ...]] = _key
    changes: Callable[[Operation], Changes] = _nothing
    sightings: Callable[[Operation], Iterable[tuple[str, Value]]] = _nothing
    denies: Callable[[Operation, Value], bool] = _always


_MEANINGS: dict[str, _Meaning] = {
    "put": _Meaning(_put, changes=_last, denies=lambda op, value: bool(op.args[1] != value)),
    "get": _Meaning(_get, sightings=_value_seen, denies=lambda op, value: bool(op.value != value)),
    "delete": _Meaning(_delete, changes=_removed),
    "contains": _Meaning(_contains, denies=lambda op, _: not op.value),
    "cas": _Meaning(_cas, changes=_last, sightings=_expected_seen, denies=_cas_denies),
    "put_many": _Meaning(_put, _keys_of_pairs, _pairs),
    "get_many": _Meaning(_get_many, _keys, sightings=_values_seen),
    "size": _Meaning(_size, _keys),
}
MODELLED = frozenset(_MEANINGS)
"""The operations that have a meaning here; others have to be reduced to these."""


class Model:
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
