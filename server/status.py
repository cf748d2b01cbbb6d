"""What a replica reports of itself: its entry of the cluster's status.

Rule: values are asked of each role under its own lock, one after the other; null where a role that
is down would know. It changes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.cuts import Cuts
from kvrmi.cluster.members import Member
from kvrmi.cluster.metrics import Family, families
from kvrmi.cluster.naming import join_address
from kvrmi.cluster.status import ReplicaEntry

from .counters import Counting, counters
from .endpoint import Endpoint
from .engines.served import Served
from .folder import Identity
from .hosts import Hosts
from .rolehost import Fenced, RoleHost

T = TypeVar("T")

CLIENTS = 100
"""So many connections of clients with a name are listed; strangers must not make it long."""


class Described(Counting, Protocol):
    """A replica as its status needs it; replica.py has what each part is."""

    me: int
    cluster: Cluster
    member: Member
    roles: dict[str, RoleHost[Any]]
    cuts: Cuts
    engine: Served
    endpoints: list[Endpoint]

    @property
    def identity(self) -> Identity:
        """Whose disk it is."""
        ...

    @property
    def linked(self) -> bool:
        """Whether its engine has links between replicas."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What an operator should know."""
        ...

    def recovering(self, voter: Any) -> bool:
        """Whether the role that votes makes up for a lost disk."""
        ...


def describe(replica: Described) -> dict[str, object]:
    """Make this replica's entry, of plain values."""
    member = replica.member
    recovering = _ask(replica.hosts.voter, replica.recovering)
    if recovering is None:
        recovering = replica.identity.recovering
    return {
        "id": replica.me,
        "state": "recovering" if recovering else "up",
        "pid": os.getpid(),
        **_reported(replica.hosts),
        "address": join_address(member.host, member.client),
        "roles": _roles(replica),
        "voter": _voter(replica),
        "needs": _needs(replica),
        "cuts": [list(pair) for pair in replica.cuts.pairs()] if replica.linked else None,
        "delays": [list(one) for one in replica.cuts.delays()],
        "leader": replica.engine.leader or None,
        "engine": replica.cluster.engine,
        "notes": list(replica.notes),
        "connections": sum(endpoint.connections for endpoint in replica.endpoints),
        "clients": _clients(replica),
        "counters": counters(replica),
        **_cluster(replica.cluster),
    }


def metrics(replica: Described) -> list[Family]:
    """Make this replica's metrics, of its entry."""
    return families([cast(ReplicaEntry, describe(replica))])


def _voter(replica: Described) -> str | None:
    """Name the role by which it votes; None: it has no roles, and serves while it runs."""
    role = replica.hosts.declared.voter.role
    return role if role in replica.roles else None


def _needs(replica: Described) -> dict[str, object]:
    """Say what the cluster serves with: who asks need not know the protocol."""
    serving, members = replica.hosts.declared.serving, len(replica.cluster.ids)
    among = serving.among
    count = members if among is None else replica.hosts.voter.peek(among, members)
    needs: dict[str, object] = {"votes": serving.votes(count), "leader": serving.leader}
    least = serving.least(replica.cluster.settings)
    return needs if least is None else {**needs, "least": least}


def _cluster(cluster: Cluster) -> dict[str, object]:
    """Which cluster it is of: who has one address finds all members, and nobody mistakes it."""
    return {
        "cluster": cluster.name,
        "cluster_id": cluster.id,
        "coordinator": cluster.coordinator,
        "members": [[one.id, join_address(one.host, one.client)] for one in cluster.members],
    }


def _clients(replica: Described) -> list[dict[str, object]]:
    """Who is connected under a name, and since when in UTC; the oldest first."""
    named = [one for endpoint in replica.endpoints for one in endpoint.clients]
    return [
        {"name": one.name, "address": one.address, "since": _utc(one.since)}
        for one in sorted(named, key=lambda one: one.since)[:CLIENTS]
    ]


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _roles(replica: Described) -> dict[str, dict[str, object]]:
    hanging = {name: {"hangs": round(s, 1)} for name, s in replica.hosts.hanging.items()}
    return {
        name: {"state": host.state, "incarnation": host.incarnation, **hanging.get(name, {})}
        for name, host in replica.roles.items()
    }


def _reported(hosts: Hosts) -> dict[str, object]:
    """Return what the roles report of themselves; null where one that is down would know."""
    fields: dict[str, object] = {}
    for kind in hosts.declared.kinds:
        if kind.reports is not None:
            names, values = kind.reports
            nothing = (None,) * len(names)
            fields |= zip(names, _ask(hosts[kind.name], values) or nothing, strict=True)
    return fields


def _ask(host: RoleHost[Any], question: Callable[[Any], T]) -> T | None:
    try:
        return host.ask(lambda role, _: question(role))
    except Fenced:
        return None
