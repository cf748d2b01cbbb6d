"""Entries of replicas as a status has them, for the live view's tests."""

from __future__ import annotations

from typing import Any, cast

from kvrmi.cluster.counts import BOUNDS
from kvrmi.cluster.status import ReplicaEntry, unanswered

__all__ = ["counters", "down", "entry"]


def counters(uptime: float = 0.0, puts: int = 0, gets: int = 0, **outcomes: int) -> Any:
    """What a replica has counted: each request took between one and two milliseconds."""
    requests = {"put": {"OK": puts, **outcomes}, "get": {"OK": gets}}
    return {
        "uptime": uptime,
        "cpu": uptime / 10,
        "memory": 40_000_000,
        "bounds": BOUNDS,
        "requests": {
            name: {"buckets": took(sum(codes.values())), "seconds": 0.0, "outcomes": codes}
            for name, codes in requests.items()
        },
        "syncs": {"acceptor": {"buckets": took(puts), "seconds": 0.0}},
        "messages": {"accept": puts},
        "counts": {},
    }


def took(count: int) -> list[int]:
    return [count if bound == 0.002 else 0 for bound in (*BOUNDS, None)]


def entry(id: int, **fields: Any) -> ReplicaEntry:
    """A replica that is up and follows replica 1."""
    roles = {
        name: {"state": "up", "incarnation": 1} for name in ("proposer", "acceptor", "learner")
    }
    usual = {
        "id": id,
        "state": "up",
        "pid": 100 + id,
        "role": "leader" if id == 1 else "follower",
        "ballot": (2, 1),
        "applied": 10,
        "chosen": 10,
        "revision": 10,
        "keys": 3,
        "roles": roles,
        "voter": "acceptor",
        "needs": {"votes": 3, "leader": True},
        "cuts": [],
        "leader": 1,
        "connections": 2,
        "counters": counters(),
        "cluster_id": "c1",
    }
    return cast(ReplicaEntry, usual | fields)


def down(id: int, state: str = "down") -> ReplicaEntry:
    """One that does not answer."""
    return unanswered(id, f"127.0.0.1:{id}111", state)
