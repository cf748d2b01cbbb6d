"""A healthy cluster of three as doctor sees it, for tests that change one thing in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from client.doctor.seen import Clock, File, Head, Port, Seen
from kvrmi.cluster import naming
from kvrmi.cluster.config import Cluster
from kvrmi.cluster.members import members
from kvrmi.cluster.timing import Timing

ROLES = ("proposer", "acceptor", "learner")
IDS = (1, 2, 3)
DATA = Path("/data")
BOUNDS = (0.001, 0.1, 1.0)
MINE = {"version": "1.0.0", "python": "3.11.2", "packages": {"Pyro5": "5.17"}, "host": "here"}


def cluster(count: int = 3) -> Cluster:
    listed = members(count, "127.0.0.1", None, ROLES)
    return Cluster(
        name="kvrmi",
        id="c1",
        engine="paxos",
        nameserver="127.0.0.1:9090",
        coordinator="127.0.0.1:9091",
        members=tuple(dataclasses.replace(one, disk=f"disk{one.id}") for one in listed),
        timing=Timing(),
        folder=DATA,
    )


def entry(replica: int, **changes: Any) -> dict[str, Any]:
    member = cluster().member(replica)
    counters = {
        "uptime": 9000.0,
        "memory": 30 << 20,
        "bounds": BOUNDS,
        "syncs": {"acceptor": {"buckets": [200, 0, 0, 0], "seconds": 0.1}},
    }
    return {
        "id": replica,
        "state": "up",
        "applied": 7,
        "digest": "d7",
        "address": naming.join_address(member.host, member.client),
        "roles": {name: {"state": "up", "incarnation": 1} for name in ROLES},
        "voter": "acceptor",
        "cuts": [],
        "notes": [],
        "counters": counters,
    } | changes


def silent(replica: int, state: str, **changes: Any) -> dict[str, Any]:
    return {"id": replica, "state": state, "roles": None, "pid": None} | changes


def status(*entries: dict[str, Any], health: str = "serving") -> Any:
    known = {one["id"]: one for one in entries}
    return {
        "health": health,
        "leader": 1,
        "quorum": 2,
        "replicas": [known.get(one) or entry(one) for one in IDS],
    }


def about(**changes: Any) -> dict[str, Any]:
    return {
        **MINE,
        "disk": {"free": 50 << 30, "size": 100 << 30},
        "files": {"acceptor.db": 1000},
        "memory_free": 4 << 30,
        "log_dropped": 0,
        "clock": 9000.0,
        "events": {"count": 10, "kept": 10, "oldest": 8999.0},
    } | changes


def clock(**changes: Any) -> Clock:
    return Clock(0.0, 0.001, 0.0, 0.001, (0.001,) * 4)._replace(**changes)


def inspected(replica: int, **changes: Any) -> dict[str, Any]:
    return {
        "damage": [],
        "ended": None,
        "identity": {"cluster": "c1", "replica": replica, "recovering": False},
        "learner": None,
    } | changes


def ports(replica: int) -> frozenset[Port]:
    member = cluster().member(replica)
    return frozenset(
        Port(replica, name, naming.join_address(member.host, port))
        for name, port in member.ports.items()
    )


def healthy(**changes: Any) -> Seen:
    """Three replicas that serve, and nothing is wrong."""
    folder, file = File(0o700, 1000, 4096, True), File(0o600, 1000, 4096, False)
    files = {".": folder, "secret": file, "cluster.toml": file._replace(mode=0o644)}
    for one in IDS:
        files |= {f"replica{one}": folder, f"replica{one}/acceptor.db": file}
    values: dict[str, Any] = {
        "cluster": cluster(),
        "data": DATA,
        "config": "",
        "status": status(),
        "later": status(),
        "files": files,
        "locked": dict.fromkeys(IDS, True),
        "free": (50 << 30, 100 << 30),
        "open": frozenset.union(*map(ports, IDS)),
        "own": {
            one: {"cluster_id": "c1", "members": [[i, entry(i)["address"]] for i in IDS]}
            for one in IDS
        },
        "about": {one: about() for one in IDS},
        "links": {1: [link(2)]},
        "clocks": {one: clock() for one in IDS},
        "heads": [Head(one, 7, "h7") for one in IDS],
        "names": {
            naming.kvstore(one): f"PYRO:{naming.kvstore(one)}@{entry(one)['address']}"
            for one in IDS
        },
        "coordinator": True,
        "mine": MINE,
    }
    return Seen(**(values | changes))


def link(replica: int, **changes: Any) -> dict[str, Any]:
    address = entry(replica)["address"]
    found = {"replica": replica, "address": address, "state": "connected", "why": None, "cuts": []}
    return found | changes
