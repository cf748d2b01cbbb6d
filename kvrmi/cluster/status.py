"""A cluster's status: one entry a replica, and what follows from all of them.

Rules: a replica makes its own entry; what all entries together say (who leads, who would be next,
whether the cluster serves, whom to restore from) is decided here, once for coordinator and clients.
It asks nobody; null stands for what a replica that does not answer would know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, TypedDict, cast

from .counts import Counters

__all__ = [
    "NOBODY", "NO_QUORUM", "SERVING", "ClientEntry", "ClusterStatus", "Entries", "ReplicaEntry",
    "RoleEntry", "has_quorum", "health_of", "is_up", "leader_of", "loses_quorum", "source_for",
    "successor_of", "unanswered", "votes",
]  # fmt: skip

SERVING = "serving"
NO_QUORUM = "no quorum"
NOBODY = "nobody answers"
"""Values of `health`: a leader and a majority of acceptors are up, less than that, no replica."""


class RoleEntry(TypedDict):
    """One role: "up", "down" or "restarting"; how often it was started in this process."""

    state: str
    incarnation: int


class ClientEntry(TypedDict):
    """A connection whose client has a name; `since` is UTC."""

    name: str
    address: str
    since: str


class ReplicaEntry(TypedDict, total=False):
    """One replica. `state`: up, recovering, held, down, not answering; `reason` says why.

    `leader`, `engine`, `notes` and what follows come from replicas that answer; the last four say
    which cluster it is of.
    """

    id: int
    state: str
    pid: int | None
    reason: str | None
    role: str | None
    ballot: Sequence[int] | None
    applied: int | None
    chosen: int | None
    revision: int | None
    keys: int | None
    digest: str | None
    address: str
    roles: Mapping[str, RoleEntry] | None
    cuts: Sequence[Sequence[int]] | None
    connections: int | None
    clients: Sequence[ClientEntry] | None
    counters: Counters | None
    leader: int | None
    engine: str
    notes: Sequence[str]
    cluster: str
    cluster_id: str
    coordinator: str
    members: Sequence[Sequence[object]]


class ClusterStatus(TypedDict, total=False):
    """The whole cluster; the coordinator's has no `coordinator` and no `health`."""

    cluster: str | None
    cluster_id: str | None
    engine: str | None
    coordinator: str | None
    health: str
    leader: int | None
    successor: int | None
    quorum: int
    replicas: list[ReplicaEntry]


Entries: TypeAlias = Sequence[ReplicaEntry]

_UNKNOWN = (
    "pid", "role", "ballot", "applied", "chosen", "revision", "keys", "digest", "roles", "cuts",
    "connections", "clients", "counters",
)  # fmt: skip


def unanswered(replica: int, address: str, state: str) -> ReplicaEntry:
    """Make the entry of a replica that does not answer."""
    unknown = cast(ReplicaEntry, dict.fromkeys(_UNKNOWN))
    return unknown | ReplicaEntry(id=replica, state=state, address=address)


def is_up(entry: ReplicaEntry) -> bool:
    """Return whether it answers, on a disk that is its own."""
    return entry["state"] == "up"


def votes(entry: ReplicaEntry) -> bool:
    """Return whether its acceptor is known to run, on a disk that is its own."""
    acceptor = (entry.get("roles") or {}).get("acceptor")
    return is_up(entry) and acceptor is not None and acceptor["state"] == "up"


def leader_of(entries: Entries) -> int | None:
    """Find the leader with the highest ballot: a deposed one may not know it yet."""
    leading = [entry for entry in entries if entry.get("role") == "leader"]
    newest = max(leading, key=lambda entry: tuple(entry.get("ballot") or ()), default=None)
    return None if newest is None else newest["id"]


def successor_of(entries: Entries) -> int | None:
    """Find who would lead next: the lowest id among the others whose roles are all up."""
    leader = leader_of(entries)
    able = (one["id"] for one in entries if is_up(one) and _roles_up(one) and one["id"] != leader)
    return min(able, default=None)


def health_of(entries: Entries, quorum: int) -> str:
    """Return one of SERVING, NO_QUORUM, NOBODY."""
    if leader_of(entries) is not None and sum(map(votes, entries)) >= quorum:
        return SERVING
    return NO_QUORUM if any(entry.get("pid") is not None for entry in entries) else NOBODY


def source_for(entries: Entries, replica: int) -> int | None:
    """Choose the peer to restore `replica` from: the furthest one, rather not the leader."""
    peers = [one for one in entries if is_up(one) and one["id"] != replica]
    best = max(
        peers,
        key=lambda one: (one.get("applied") or 0, one.get("role") != "leader"),
        default=None,
    )
    return None if best is None else best["id"]


def loses_quorum(entries: Entries, replica: int, quorum: int) -> bool:
    """Return whether there is a majority now and would be none without `replica`."""
    voting = {one["id"] for one in entries if is_up(one)}
    return len(voting) >= quorum > len(voting - {replica})


def has_quorum(entries: Entries, quorum: int, cuts: Iterable[tuple[int, int]] = ()) -> bool:
    """Return whether a replica with all roles up and a majority of voters reach each other.

    `cuts`: links from one id to another that are cut besides those in the entries.
    """
    cut = {(one, other) for entry in entries for one, other in entry.get("cuts") or ()} | {*cuts}
    voters = [entry["id"] for entry in entries if votes(entry)]
    able = [entry["id"] for entry in entries if is_up(entry) and _roles_up(entry)]

    def reached(leader: int) -> int:
        return sum(not cut & {(leader, one), (one, leader)} for one in voters)

    return any(reached(leader) >= quorum for leader in able)


def _roles_up(entry: ReplicaEntry) -> bool:
    return all(role["state"] == "up" for role in (entry.get("roles") or {}).values())
