"""Cuts a history into classes of keys that can be judged one by one.

Rules: a history is linearizable if and only if each key's part is; an operation over several keys
joins these into one class. What cannot matter is left out here: failed operations, reads without
an answer, and unknown writes of which nobody can have seen anything.
It knows nothing of how a class is judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..operations.table import READS
from .history import FAIL, OK, UNKNOWN, Operation
from .model import keys_of, written

__all__ = ["Class", "partition", "parts", "project", "restrict"]


class Class(NamedTuple):
    """Operations that share no key with any other class."""

    keys: tuple[str, ...]
    operations: tuple[Operation, ...]


def partition(history: Iterable[Operation]) -> list[Class]:
    """Give the classes of a history, by first key."""
    kept = _without_unseen([op for op in history if _matters(op)])
    roots = _Roots()
    for operation in kept:
        roots.join(keys_of(operation))
    members: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in kept:
        keys = keys_of(operation)
        members[roots.find(keys[0]) if keys else ""].append(operation)
    return sorted(_class(operations) for operations in members.values())


def project(group: Class) -> Iterator[Class]:
    """Give each key of a class by itself, with what every operation did to it.

    If a class is linearizable, each of these is: its operations in the same order. Not so the
    other way round.
    """
    alone: dict[str, list[Operation]] = {key: [] for key in group.keys}
    for operation in group.operations:
        for key, part in parts(operation):
            alone[key].append(part)
    for key, operations in alone.items():
        yield Class((key,), tuple(_without_unseen(operations)))


def restrict(group: Class, keys: Collection[str]) -> Class:
    """Give a class as those of its keys alone saw it; as with `project`, it is linearizable too."""
    kept = []
    for operation in group.operations:
        args, value = operation.args, operation.value
        if operation.op == "put_many":
            args = (tuple(pair for pair in written(operation) if pair[0] in keys),)
        elif operation.op == "get_many":
            pairs = [(k, v) for k, v in zip(args[0], value, strict=True) if k in keys]
            args, value = (tuple(k for k, _ in pairs),), tuple(v for _, v in pairs)
        elif operation.op == "size" or args[0] not in keys:
            continue
        if args[0]:
            kept.append(operation._replace(args=args, value=value))
    return _class(_without_unseen(kept))


def parts(operation: Operation) -> Iterator[tuple[str, Operation]]:
    """Give for each key what an operation did to it alone."""
    if operation.op == "put_many":
        for key, value in written(operation):
            yield key, operation._replace(op="put", args=(key, value))
    elif operation.op == "get_many":
        answers = operation.value if operation.outcome == OK else ()
        for key, value in zip(operation.args[0], answers, strict=True):
            yield key, operation._replace(op="get", args=(key,), value=value)
    elif operation.op != "size":  # which says nothing of a single key
        yield operation.args[0], operation


def _matters(operation: Operation) -> bool:
    if operation.outcome == UNKNOWN:
        return operation.op not in READS
    return operation.outcome != FAIL


def _class(operations: list[Operation]) -> Class:
    keys = {key for operation in operations for key in keys_of(operation)}
    return Class(tuple(sorted(keys)), tuple(operations))


class _Roots:
    """Disjoint sets of keys."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, key: str) -> str:
        parent = self._parent.setdefault(key, key)
        while parent != (above := self._parent[parent]):
            self._parent[key] = parent = above
        return parent

    def join(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._parent[self.find(key)] = self.find(keys[0])


def _without_unseen(operations: list[Operation]) -> list[Operation]:
    """Drop each unknown write of which nothing can have been seen.

    Dropping allows nothing new: whoever finds an order without the write may put it last, as it
    never returned. It forbids nothing either: in an order that has it in the middle, take it out,
    and the state differs only until its keys are next written, by the key that holds its value.
    Whoever looks at such a key there sees it, so there are only operations that do not look, or
    that look and do not show it: `get` with another answer, `contains`, `delete` and `cas` with an
    answer that is impossible while the value is there, and these cannot stand there at all. What
    has no answer and took no effect there may be moved to the end as well; what has none and needs
    the value, an unknown cas, counts as one who looks.
    """
    seen: set[tuple[str, object]] = set()
    noticed: set[str] = set()
    for operation in operations:
        _note(operation, seen, noticed)

    def unseen(operation: Operation) -> bool:
        return operation.outcome == UNKNOWN and not any(
            change in seen or change[0] in noticed for change in written(operation)
        )

    return [operation for operation in operations if not unseen(operation)]


def _note(operation: Operation, seen: set[tuple[str, object]], noticed: set[str]) -> None:
    """Note what an operation saw: values, or merely that a key was not what it might have been."""
    args, value = operation.args, operation.value
    if operation.op == "get":
        seen.add((args[0], value))
    elif operation.op == "get_many":
        seen.update(zip(args[0], value, strict=True))
    elif operation.op == "cas":
        seen.add((args[0], args[1]))
        if operation.outcome == OK and not value:
            noticed.add(args[0])
    elif operation.op == "size":
        noticed.update(args[0])
    elif operation.op in ("contains", "delete") and operation.outcome == OK:
        noticed.add(args[0])
