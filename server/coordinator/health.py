"""What the replicas report of themselves, asked through their admin objects, and what follows.

Rules: every question has a deadline and a connection of its own, so a hung replica costs one
deadline and nothing else; a replica that does not answer is described by what is known without it.
It starts and ends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster, Member
from kvrmi.remote.identity import Credentials
from kvrmi.remote.proxy import connect

from ..admission import Reported, reported_by

Entry: TypeAlias = Mapping[str, Any]
"""One replica's entry of the cluster's status, as it crosses the wire."""

TIMEOUT = 1.0
"""Seconds a status call may take before the replica counts as hung."""

UNREPORTED = (
    "role", "ballot", "applied", "chosen", "revision", "keys", "digest", "roles",
)  # fmt: skip


class Admins:
    """Calls to the admin objects of a cluster's replicas."""

    def __init__(self, cluster: Cluster, credentials: Credentials) -> None:
        """Connect to nothing yet."""
        self._cluster = cluster
        self._credentials = credentials

    def call(self, replica: int, method: str, *arguments: object, timeout: float) -> Any:
        """Call one method of `kvrmi.replicaN.admin`; raises what it raises, or Pyro's errors."""
        member = self._cluster.member(replica)
        proxy = connect(
            member.host,
            member.admin,
            naming.admin(replica),
            timeout=timeout,
            credentials=self._credentials,
        )
        with proxy:
            return getattr(proxy, method)(*arguments)

    def entry(self, replica: int, timeout: float = TIMEOUT) -> Entry | None:
        """Ask a replica for its entry; None if it does not answer."""
        try:
            answer = self.call(replica, "status", timeout=timeout)
        except Exception:  # whatever keeps it from answering, it did not answer
            return None
        return answer if isinstance(answer, dict) else None

    def identity(self, replica: int) -> Reported | None:
        """Ask a replica whose disk it has, and which members it knows; None if it does not say."""
        try:
            return reported_by(self.call(replica, "identity", timeout=TIMEOUT))
        except Exception:  # whatever keeps it from answering, it did not answer
            return None

    def entries(self, timeout: float = TIMEOUT) -> dict[int, Entry | None]:
        """Ask all replicas at the same time."""
        ids = self._cluster.ids
        with ThreadPoolExecutor(len(ids)) as pool:
            return dict(zip(ids, pool.map(lambda one: self.entry(one, timeout), ids), strict=True))


def describe(
    member: Member, pid: int | None, held: bool, reason: str | None, entry: Entry | None
) -> dict[str, Any]:
    """Make one replica's entry from what its process is and what it answered.

    held: left down on purpose; reason: why it has no process. "down" is one without a process; one
    with a process that does not answer hangs, is stopped, or is still starting.
    """
    if entry is not None and pid is not None:
        return dict(entry)
    reported: dict[str, Any] = dict.fromkeys(UNREPORTED)
    state = "not answering" if pid is not None else "held" if held else "down"
    why = reason if pid is None else "its process runs but does not answer"
    reported |= {"id": member.id, "state": state, "pid": pid, "reason": why}
    return reported | {"address": f"{member.host}:{member.client}"}


def is_up(entry: Entry) -> bool:
    """Return whether it answers and votes."""
    return bool(entry["state"] == "up")


def votes(entry: Entry) -> bool:
    """Return whether its acceptor runs, on a disk that is its own."""
    roles = entry.get("roles") or {}
    return is_up(entry) and (roles.get("acceptor") or {}).get("state") == "up"


def serves(entries: Mapping[int, Entry | None], quorum: int) -> bool:
    """Return whether a majority is up and has a leader."""
    reported = [entry for entry in entries.values() if entry is not None]
    return sum(is_up(entry) for entry in reported) >= quorum and leader_of(reported) is not None


def leader_of(entries: Sequence[Entry]) -> int | None:
    """Find the leader with the highest ballot; None if none reports that it leads."""
    leaders = [entry for entry in entries if entry.get("role") == "leader"]
    newest = max(leaders, key=lambda entry: tuple(entry["ballot"]), default=None)
    return None if newest is None else int(newest["id"])


def successor_of(entries: Sequence[Entry], leader: int | None) -> int | None:
    """Find who would lead next: the lowest id among the others whose three roles are up."""
    able = [int(one["id"]) for one in entries if is_up(one) and _roles_up(one)]
    return min((one for one in able if one != leader), default=None)


def source_for(entries: Sequence[Entry], replica: int) -> int | None:
    """Choose the peer to restore `replica` from: the furthest one, rather not the leader."""
    peers = [one for one in entries if is_up(one) and one["id"] != replica]
    best = max(peers, key=lambda one: (one["applied"] or 0, one["role"] != "leader"), default=None)
    return None if best is None else int(best["id"])


def loses_quorum(entries: Sequence[Entry], replica: int, quorum: int) -> bool:
    """Return whether there is a majority now and would be none without `replica`."""
    voting = {one["id"] for one in entries if is_up(one)}
    return len(voting) >= quorum > len(voting - {replica})


def _roles_up(entry: Entry) -> bool:
    return all(role["state"] == "up" for role in (entry["roles"] or {}).values())
