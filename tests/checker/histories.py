"""Histories made up by chance, from a store that works or from none at all."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation

from .brute import carry_out

__all__ = ["ALL", "PLAIN", "WIDE", "spoil", "worked"]

PLAIN = ("get", "get", "put")
ALL = ("get", "get", "put", "delete", "contains", "cas", "cas", "put_many", "get_many")
WIDE = (*ALL, "scan", "scan", "size", "local", "local")


def worked(
    draws: random.Random,
    count: int,
    *,
    clients: int = 3,
    keys: int = 2,
    ops: Sequence[str] = ALL,
    unknown: float = 0.15,
    values: int = 0,
    revisions: bool = True,
) -> list[Operation]:
    """Make a history of a store that works: things happen one by one, inside their intervals.

    values: how many different ones are written; 0: each is new.
    """
    store: dict[str, Any] = {}
    free = dict.fromkeys(range(clients), 0.0)
    names = dict.fromkeys(range(clients), 0)
    history: list[Operation] = []
    revision, now = 0, 0.0
    states = [(dict(store), 0)]
    for number in range(count):
        now += draws.random()
        client = min(free, key=lambda c: (free[c], draws.random()))
        now = max(now, free[client])
        call = max(free[client], now - draws.choice((0, 1, 2, clients)) * draws.random())
        end = now + draws.choice((0, 1, 2, clients)) * draws.random()
        op = draws.choice(ops)
        args = _args(draws, store, op, keys, values, number)
        outcome = draws.choice((UNKNOWN, FAIL)) if draws.random() < unknown else OK
        happens = outcome == OK or (outcome == UNKNOWN and draws.random() < 0.6)
        then, at = draws.choice(states) if op == "local" else (store, 0)
        op = "get" if op == "local" else op
        answer = carry_out(then, op, args) if happens else None
        revision += happens and op not in ("get", "contains", "get_many", "scan", "size")
        states.append((dict(store), revision))
        ok = outcome == OK
        name = f"c{client}.{names[client]}"
        end_reported = math.inf if outcome == UNKNOWN else end
        seen_at = at if then is not store else revision
        reported = (answer, seen_at if revisions else None) if ok else (None, None)
        history.append(Operation(name, op, args, call, end_reported, outcome, *reported))
        names[client] += outcome == UNKNOWN
        free[client] = end
    draws.shuffle(history)
    return history


def _args(
    draws: random.Random, store: dict[str, Any], op: str, keys: int, values: int, number: int
) -> tuple[Any, ...]:
    def value() -> str:
        return f"v{draws.randrange(values) if values else number}"

    names = [f"k{n}" for n in range(keys)]
    key = draws.choice(names)
    some = draws.sample(names, min(2, keys))
    if op == "get_many":
        return (tuple(some),)
    if op == "scan":
        return draws.choice(("", "k", key)), draws.choice((None, key)), draws.choice((1, 2, 10))
    if op == "size":
        return ()
    if op == "local":
        return key, "local"
    if op == "put_many":
        return (tuple((name, f"{value()}{name}" if not values else value()) for name in some),)
    if op == "put":
        return key, value()
    if op == "cas":
        expected = store.get(key) if draws.random() < 0.6 else draws.choice((None, "v0", "v1"))
        return key, expected, value()
    return (key,)


def spoil(draws: random.Random, history: Sequence[Operation]) -> list[Operation]:
    """Change one answer, or one revision."""
    spoilt = list(history)
    places = [place for place, op in enumerate(spoilt) if op.outcome == OK]
    if not places:
        return spoilt
    place = draws.choice(places)
    one = spoilt[place]
    seen = [None, "v0", "v1", *(op.args[1] for op in history if op.op == "put")]
    if one.op in ("put", "put_many"):
        changed = one._replace(revision=draws.randrange(len(history)))
    elif one.op == "get":
        changed = one._replace(value=draws.choice(seen))
    elif one.op == "get_many":
        changed = one._replace(value=tuple(draws.choice((v, *seen)) for v in one.value))
    elif one.op == "scan":
        changed = one._replace(value=draws.choice((one.value[1:], (("k0", "v0"), *one.value))))
    elif one.op == "size":
        changed = one._replace(value=max(0, one.value + draws.choice((-1, 1))))
    else:
        changed = one._replace(value=not one.value)
    spoilt[place] = changed
    return spoilt
