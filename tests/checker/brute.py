"""The truth about small histories: every order is tried, with nothing clever about it.

It shares no code with the checker but the format.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation

__all__ = ["carry_out", "linearizable"]


def linearizable(history: Sequence[Operation]) -> bool:
    """Try every subset of the unknown operations in every order."""
    sure = [op for op in history if op.outcome == OK]
    unsure = [op for op in history if op.outcome == UNKNOWN]
    assert all(op.outcome in (OK, UNKNOWN, FAIL) for op in history)
    for number in range(len(unsure) + 1):
        for happened in itertools.combinations(unsure, number):
            if _some_order((*sure, *happened), {}):
                return True
    return False


def _some_order(rest: tuple[Operation, ...], store: dict[str, Any]) -> bool:
    if not rest:
        return True
    for place, first in enumerate(rest):
        others = rest[:place] + rest[place + 1 :]
        # A local read may be as old as it likes.
        if first.args[1:] != ("local",) and any(other.returned < first.call for other in others):
            continue
        after = dict(store)
        answer = carry_out(after, first.op, first.args)
        if (first.outcome == UNKNOWN or answer == first.value) and _some_order(others, after):
            return True
    return False


def carry_out(store: dict[str, Any], op: str, args: tuple[Any, ...]) -> Any:
    """Do to a dictionary what the operation does, and answer what it answers."""
    if op == "get_many":
        return tuple(store.get(key) for key in args[0])
    if op == "put_many":
        store.update(args[0])
        return None
    if op == "size":
        return len(store)
    if op == "scan":
        prefix, start, limit = args
        keys = sorted(key for key in store if key.startswith(prefix) and key > (start or ""))
        return tuple((key, store[key]) for key in keys[:limit])
    key = args[0]
    if op == "get":
        return store.get(key)
    if op == "contains":
        return key in store
    if op == "put":
        store[key] = args[1]
        return None
    if op == "delete":
        return store.pop(key, None) is not None
    assert op == "cas"
    if store.get(key) != args[1]:
        return False
    store[key] = args[2]
    return True
