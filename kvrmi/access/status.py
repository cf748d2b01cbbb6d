"""A cluster's status, put together from what each of its replicas reports.

Rules: every replica is asked at the same time and has a second to answer, so one that hangs delays
nobody; whoever answers names the other members, so that one address suffices to see them all.
It asks replicas only, and repeats what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from ..cluster.naming import kvstore, split_address
from ..cluster.status import (
    ClusterStatus,
    ReplicaEntry,
    health_of,
    leader_of,
    needs_of,
    successor_of,
    unanswered,
)
from ..errors import ConnectionFailed
from .candidates import Candidate
from .connections import Connections, look
from .failover import Replicas
from .findings import Look, Unsent
from .lookup import Endpoint

__all__ = ["overview"]

_TIMEOUT = 1.0
"""Seconds a replica has to report its status."""
_OF_CLUSTER = ("cluster", "cluster_id", "coordinator", "members")
"""What a replica reports of its cluster, and the same in all entries."""


def overview(replicas: Replicas) -> ClusterStatus:
    """Return the cluster's status; see Store.status. Raises ConnectionFailed as there."""
    found = _ask(replicas.all)
    about: Mapping[str, Any] = next((one for one in found if one.get("members")), {})
    if not about and any(not entry["id"] for entry in found):
        addresses = ", ".join(entry["address"] for entry in found)
        raise ConnectionFailed(f"no replica answers at {addresses}")
    entries = _complete(found, about["members"]) if about else found
    directory = replicas.directory
    return {
        "cluster": directory.cluster or about.get("cluster"),
        "cluster_id": about.get("cluster_id"),
        "engine": directory.engine
        or next((one["engine"] for one in entries if "engine" in one), None),
        "coordinator": about.get("coordinator"),
        "health": health_of(entries, len(entries)),
        "leader": leader_of(entries),
        "successor": successor_of(entries),
        "quorum": needs_of(entries, len(entries))["votes"],
        "replicas": [_without(entry, _OF_CLUSTER) for entry in entries],
    }


def _complete(
    found: Iterable[ReplicaEntry], members: Sequence[Sequence[Any]]
) -> list[ReplicaEntry]:
    """Make the entries of all members, asking those that were not known yet."""
    entries = {entry["id"]: entry for entry in found}
    others = [
        Connections(Candidate(endpoint))
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


def _ask(replicas: Sequence[Connections]) -> list[ReplicaEntry]:
    return [_entry(*each) for each in zip(replicas, look(replicas, _TIMEOUT), strict=True)]


def _entry(replica: Connections, seen: Look) -> ReplicaEntry:
    """Describe one replica; nulls where it does not answer."""
    refused = isinstance(seen, Unsent) and seen.refused
    endpoint = replica.endpoint
    state = "down" if refused else "not answering"
    unknown = unanswered(endpoint.replica, endpoint.address, state)
    return unknown | cast(ReplicaEntry, seen) if isinstance(seen, dict) else unknown


def _without(entry: ReplicaEntry, names: Iterable[str]) -> ReplicaEntry:
    kept = {name: value for name, value in entry.items() if name not in names}
    return cast(ReplicaEntry, kept)
