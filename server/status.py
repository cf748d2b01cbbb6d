"""What a replica reports of itself: its entry of the cluster's status.

Rule: values are asked of each role under its own lock, one after the other; null where a role that
is down would know. It changes nothing.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from kvrmi.config import Cluster
from kvrmi.naming import join_address
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.proposer import Proposer

from .rolehost import Fenced, RoleHost

if TYPE_CHECKING:
    from .replica import Replica

CLIENTS = 100
"""So many connections of clients with a name are listed; strangers must not make it long."""


def describe(replica: Replica) -> dict[str, object]:
    """Make this replica's entry, of plain values."""
    member = replica.member
    led: dict[str, object] = _ask(replica.proposer, _proposer) or dict.fromkeys(
        ("role", "ballot"), None
    )
    known: dict[str, object] = _ask(replica.learner, _learner) or dict.fromkeys(
        ("applied", "chosen", "revision", "keys", "digest", "restored", "restoring"), None
    )
    votes = _ask(replica.acceptor, _acceptor) or {"recovering": replica.identity.recovering}
    state = "recovering" if votes["recovering"] else "up"
    return {
        "id": replica.me,
        "state": state,
        "pid": os.getpid(),
        **led,
        **known,
        "address": join_address(member.host, member.client),
        "roles": {name: _role(host) for name, host in replica.roles.items()},
        "cuts": [list(pair) for pair in replica.faults.cuts()],
        "leader": replica.engine.leader or None,
        "engine": replica.cluster.engine,
        "notes": list(replica.notes),
        "connections": replica.clients.connections,
        "clients": _clients(replica),
        **_cluster(replica.cluster),
    }


def _cluster(cluster: Cluster) -> dict[str, object]:
    """Which cluster it is of: who has one address finds all members, and nobody mistakes it."""
    return {
        "cluster": cluster.name,
        "cluster_id": cluster.id,
        "coordinator": cluster.coordinator,
        "members": [[one.id, join_address(one.host, one.client)] for one in cluster.members],
    }


def _clients(replica: Replica) -> list[dict[str, object]]:
    """Who is connected under a name, and since when in UTC; the oldest first."""
    return [
        {"name": one.name, "address": one.address, "since": _utc(one.since)}
        for one in replica.clients.clients[:CLIENTS]
    ]


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _role(host: RoleHost[Any]) -> dict[str, object]:
    return {"state": host.state, "incarnation": host.incarnation}


def _ask(host: RoleHost[Any], question: Any) -> dict[str, object] | None:
    try:
        answer: dict[str, object] = host.ask(question)
        return answer
    except Fenced:
        return None


def _proposer(proposer: Proposer, now: float) -> dict[str, object]:
    ballot = list(proposer.ballot) if proposer.ballot.round else None
    return {"role": "leader" if proposer.leading else "follower", "ballot": ballot}


def _learner(learner: Learner, now: float) -> dict[str, object]:
    machine = learner.machine
    restored, progress = learner.restored, learner.progress
    return {
        "applied": learner.applied,
        "chosen": learner.target,
        "revision": machine.revision,
        "keys": machine.keys,
        "digest": machine.digest,
        "restored": None if restored is None else restored._asdict(),
        "restoring": None if progress is None else progress._asdict(),
    }


def _acceptor(acceptor: Acceptor, now: float) -> dict[str, object]:
    return {"recovering": acceptor.recovering}
