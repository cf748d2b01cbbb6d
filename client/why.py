"""WHY: which decision gave a key its value, and why that will not be undone.

Rule: it says what a replica has on record, and what it does not know any more is called so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kvrmi.access.admins import Admins
from kvrmi.cluster.quorum import majority

from .blocks import Report
from .grammar.literal import typed

__all__ = ["why"]

_NOT_FOUND = 1


def why(admins: Admins, replica: int, key: str) -> Report:
    """Ask a replica for the decision that gave `key` its value."""
    found = admins.replica(replica, "why", key)
    fields = {"op": "why", "key": key, "replica": replica, **found}
    return Report([*_lines(key, replica, len(admins.ids), found)], fields, _status(found))


def _status(found: Mapping[str, Any]) -> int:
    return 0 if found["there"] else _NOT_FOUND


def _lines(key: str, replica: int, count: int, found: Mapping[str, Any]) -> list[str]:
    block, value = found["decision"], found["value"]
    held = typed(value) if found["there"] else "not there"
    seen = f"replica {replica} has applied revision {found['revision']}"
    if block is None:
        return [f"{typed(key)} is {held}", _unknown(found["since"]), seen]
    return [
        f"{typed(key)} is {held} since revision {block['revision']}",
        _decided(block),
        f"asked for by {_who(block['id'])}",
        _linked(block),
        seen,
        _safe(block, count),
    ]


def _unknown(since: int) -> str:
    if not since:
        return "it never was anything else"
    return f"unchanged since revision {since}; what was decided before is no longer on record"


def _decided(block: Mapping[str, Any]) -> str:
    if block["ballot"] is None:
        return f"slot {block['slot']}, which one process decided"
    ballot = ".".join(map(str, block["ballot"]))
    by = ", ".join(map(str, block["acceptors"])) or "a majority, not on record which"
    proposer = f"proposed by replica {block['ballot'][1]}"
    return f"slot {block['slot']}, ballot {ballot}: {proposer}, accepted by {by}"


def _who(id: Sequence[Any]) -> str:
    """Name who asked: a client with a name has it before a colon."""
    if len(id) != 2:
        return f"a client of replica {id[0]}, without a session"
    name, colon, _ = str(id[0]).rpartition(":")
    named = f"{typed(name)}, " if colon else ""
    return f"{named}request {id[1]} of client {typed(str(id[0]))}"


def _linked(block: Mapping[str, Any]) -> str:
    own = block["hash"] or "no longer on record"
    return f"hash {own}, after {block['previous']}"


def _safe(block: Mapping[str, Any], count: int) -> str:
    if block["ballot"] is None:
        return "It stays so: it was on the disk before it was answered. Nobody has a copy."
    quorum = majority(count)
    return (
        f"It stays so: {quorum} of {count} acceptors had slot {block['slot']} on disk before it "
        f"was applied. Whoever leads later asks {quorum} as well, at least one of which had it, "
        "and proposes the same again; so nothing else is ever decided in that slot."
    )
