"""A cluster's status, put together from what each of its replicas reports.

Rules: every replica is asked at the same time and has a second to answer, so one that hangs delays
nobody; whoever answers names the other members, so that one address suffices to see them all.
It asks replicas only, and repeats what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from ..cluster.naming import kvstore, split_address
from .candidates import Peer
from .connections import Replica, look
from .failover import Replicas
from .findings import Look, Unsent
from .lookup import Endpoint

__all__ = ["NOBODY", "NO_QUORUM", "SERVING", "Entry", "overview"]

Entry: TypeAlias = dict[str, Any]
"""What is known of one replica."""

SERVING = "serving"
NO_QUORUM = "no quorum"
NOBODY = "nobody answers"
"""Values of `health`: a leader and a majority of acceptors are up, less than that, no replica."""

_TIMEOUT = 1.0
"""Seconds a replica has to report its status."""
_OF_CLUSTER = ("cluster", "cluster_id", "coordinator", "members")
"""What a replica reports of its cluster, and the same in all entries."""
_UNKNOWN: Entry = dict.fromkeys(
    (
        "pid", "role", "ballot", "applied", "chosen", "revision", "keys", "digest", "roles", "cuts",
        "connections", "clients",
    )
)  # fmt: skip


def overview(replicas: Replicas) -> dict[str, Any]:
    """Return the cluster's status; see Store.status."""
    found = _ask(replicas.all)
    about: Mapping[str, Any] = next((one for one in found if one.get("members")), {})
    entries = _complete(found, about["members"]) if about else found
    directory = replicas.directory
    leader = _leader(entries)
    quorum = len(entries) // 2 + 1
    return {
        "cluster": directory.cluster or about.get("cluster"),
        "cluster_id": about.get("cluster_id"),
        "engine": directory.engine or _first(entries, "engine"),
        "coordinator": about.get("coordinator"),
        "health": _health(entries, leader, quorum),
        "leader": leader,
        "successor": _successor(entries),
        "quorum": quorum,
        "replicas": [_without(entry, _OF_CLUSTER) for entry in entries],
    }


def _complete(found: Iterable[Entry], members: Sequence[Sequence[Any]]) -> list[Entry]:
    """Make the entries of all members, asking those that were not known yet."""
    entries = {entry["id"]: entry for entry in found}
    others = [
        Replica(Peer(endpoint))
        for endpoint in _endpoints(members)
        if endpoint.replica not in entries
    ]
    entries |= {entry["id"]: entry for entry in _ask(others)}
    for other in others:
        other.close()
    return [entries[replica] for replica, _ in members]


def _endpoints(members: Iterable[Sequence[Any]]) -> Iterator[Endpoint]:
    for replica, address in members:
        yield Endpoint(replica, *split_address(address), kvstore(replica))


def _ask(replicas: Sequence[Replica]) -> list[Entry]:
    return [_entry(*each) for each in zip(replicas, look(replicas, _TIMEOUT), strict=True)]


def _entry(replica: Replica, seen: Look) -> Entry:
    """Describe one replica; nulls where it does not answer."""
    refused = isinstance(seen, Unsent) and seen.refused
    endpoint = replica.endpoint
    here = {
        "id": endpoint.replica,
        "state": "down" if refused else "not answering",
        **_UNKNOWN,
        "address": endpoint.address,
    }
    return here | (seen if isinstance(seen, dict) else {})


def _health(entries: Iterable[Entry], leader: int | None, quorum: int) -> str:
    votes = sum(_votes(entry) for entry in entries)
    if leader is not None and votes >= quorum:
        return SERVING
    return NO_QUORUM if any(entry["pid"] is not None for entry in entries) else NOBODY


def _votes(entry: Entry) -> bool:
    acceptor = (entry["roles"] or {}).get("acceptor", {})
    return bool(entry["state"] == "up" and acceptor.get("state", "up") == "up")


def _without(entry: Entry, names: Iterable[str]) -> Entry:
    return {name: value for name, value in entry.items() if name not in names}


def _first(entries: Iterable[Entry], field: str) -> Any:
    return next((entry[field] for entry in entries if entry.get(field) is not None), None)


def _leader(entries: Iterable[Entry]) -> int | None:
    """Whoever says so itself, at the highest ballot: a deposed one may not know it yet."""
    leading = [entry for entry in entries if entry["role"] == "leader"]
    highest = max(leading, key=lambda entry: entry["ballot"] or [0, 0], default=None)
    return None if highest is None else cast(int, highest["id"])


def _successor(entries: Iterable[Entry]) -> int | None:
    """Whoever is next in priority: the lowest id that follows with all its roles up."""
    able = (
        entry["id"]
        for entry in entries
        if entry["state"] == "up"
        and entry["role"] == "follower"
        and all(role["state"] == "up" for role in (entry["roles"] or {}).values())
    )
    return min(able, default=None)
