"""What the replicas report of themselves, asked through their admin objects.

Rules: every question has a deadline and a connection of its own, so a hung replica costs one
deadline and nothing else; only who asks each second keeps one, since making it costs the replica
more than the answer. A replica that does not answer is described by what is known without it.
It starts and ends nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from kvrmi.access.admins import call
from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import Member
from kvrmi.cluster.status import ReplicaEntry, unanswered
from kvrmi.remote.identity import Credentials, Refused
from kvrmi.remote.proxy import Proxy, connect

from ..admission import Reported, reported_by

TIMEOUT = 1.0
"""Seconds a status call may take before the replica counts as hung."""


class Admins:
    """Calls to the admin objects of a cluster's replicas."""

    def __init__(self, cluster: Cluster, credentials: Credentials) -> None:
        """Connect to nothing yet."""
        self._cluster = cluster
        self._credentials = credentials
        self._kept: dict[int, Proxy] = {}

    def call(self, replica: int, method: str, *arguments: object, timeout: float) -> Any:
        """Order a replica by one method of `kvrmi.replicaN.admin`. Raises a KVError that names it.

        timeout: of the answer; one that takes no connection is given up after two seconds.
        """
        member = self._cluster.member(replica)
        where = (member.host, member.admin, naming.admin(replica))
        who = f"replica {replica}"
        return call(where, method, arguments, timeout, self._credentials, who)

    def _proxy(self, replica: int, timeout: float) -> Proxy:
        member = self._cluster.member(replica)
        return connect(
            member.host,
            member.admin,
            naming.admin(replica),
            timeout=timeout,
            credentials=self._credentials,
        )

    def entry(self, replica: int, timeout: float = TIMEOUT) -> ReplicaEntry | None:
        """Ask a replica for its entry; None if it does not answer."""
        try:
            with self._proxy(replica, timeout) as proxy:
                return _entry(proxy.status())
        except Exception:  # whatever keeps it from answering, it did not answer
            return None

    def examine(self, replica: int) -> ReplicaEntry | None:
        """Ask as `entry` does, over a connection that is kept; one thread a replica at a time."""
        if replica not in self._kept:
            self._kept[replica] = self._proxy(replica, TIMEOUT)
        proxy = self._kept[replica]
        try:
            proxy._pyroClaimOwnership()
            if not proxy._stands:
                proxy._pyroRelease()  # the replica was restarted
            return _entry(proxy.status())
        except Exception:
            return None

    def identity(self, replica: int) -> Reported | None:
        """Ask a replica whose disk it has, and which members it knows; None if it does not say.

        Raises identity.Refused if it does not take our proof.
        """
        try:
            with self._proxy(replica, TIMEOUT) as proxy:
                return reported_by(proxy.identity())
        except Exception as error:  # whatever keeps it from answering, it did not answer
            if isinstance(error.__cause__, Refused):
                raise error.__cause__ from error
            return None

    def entries(self, timeout: float = TIMEOUT) -> dict[int, ReplicaEntry | None]:
        """Ask all replicas at the same time."""
        ids = self._cluster.ids
        with ThreadPoolExecutor(len(ids)) as pool:
            return dict(zip(ids, pool.map(lambda one: self.entry(one, timeout), ids), strict=True))

    def reported(self) -> list[ReplicaEntry]:
        """Ask all replicas; the entries of those that answer."""
        return [entry for entry in self.entries().values() if entry is not None]


def _entry(answer: object) -> ReplicaEntry | None:
    return cast(ReplicaEntry, answer) if isinstance(answer, dict) else None


def describe(
    member: Member,
    pid: int | None,
    held: bool,
    reason: str | None,
    entry: ReplicaEntry | None,
    *,
    starting: bool = False,
) -> ReplicaEntry:
    """Make one replica's entry from what its process is and what it answered.

    held: left down on purpose; reason: why it has, or had, no process; starting: its process was
    launched a short while ago. "down" is one without a process; one that has answered before, or
    should have by now, and does not is stopped or hangs.
    """
    if entry is not None and pid is not None:
        return entry
    if pid is None:
        state, why = "held" if held else "down", reason
    elif starting:
        state, why = "starting", f"it was down before: {reason}" if reason else None
    else:
        state, why = "not answering", "its process runs but does not answer"
    unknown = unanswered(member.id, f"{member.host}:{member.client}", state)
    return unknown | {"pid": pid, "reason": why}
