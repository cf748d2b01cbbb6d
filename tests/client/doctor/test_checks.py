"""Every check finds its own fault in a cluster that is healthy otherwise, and nothing else does."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from client.doctor.finding import Severity, examine, status_of
from client.doctor.program import CHECKS, lines
from client.doctor.running import log_of
from client.doctor.seen import File, Head, Port, Seen

from .seeing import (
    IDS,
    about,
    clock,
    cluster,
    entry,
    healthy,
    inspected,
    link,
    ports,
    silent,
    status,
)


def test_an_empty_folder_is_removed_before_its_replica_is_started() -> None:
    files = {k: v for k, v in healthy().files.items() if not k.startswith("replica2/")}
    seen = healthy(files=files, **both(entry(2, state="down", roles={})))
    advice = {r.check.name: [f.type for f in r.findings] for r in examine(CHECKS, seen)}
    assert "remove the empty folder: then the coordinator makes" in advice["missing files"][0]
    assert "remove that empty folder; then " in advice["replicas"][0]


def found(seen: Seen) -> dict[str, list[str]]:
    """What was found, by check."""
    results = examine(CHECKS, seen)
    return {r.check.name: [f.what for f in r.findings] for r in results if r.findings}


def both(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Both looks at the status."""
    return {"status": status(*entries, **more), "later": status(*entries, **more)}


def downed(replica: int, state: str, **changes: Any) -> dict[str, Any]:
    """One replica that has no process, whose folder was inspected."""
    return {
        **both(silent(replica, state)),
        "locked": {one: one != replica for one in IDS},
        "open": frozenset.union(*(ports(one) for one in IDS if one != replica)),
        "inspected": {replica: inspected(replica, **changes)},
    }


def synced(*buckets: int) -> dict[str, Any]:
    return {**entry(1)["counters"], "syncs": {"acceptor": {"buckets": buckets, "seconds": 1.0}}}


def roles(replica: int, **role: Any) -> dict[str, Any]:
    there = entry(replica)["roles"]
    return entry(replica, roles=there | {"learner": {"state": "up", "incarnation": 1} | role})


FOLDER = File(0o700, 1000, 4096, True)
FILE = File(0o600, 1000, 4096, False)

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "serving": (both(health="no quorum"), "the cluster does not serve: 3 of 3 replicas are up"),
    "running": (
        {
            **both(*(silent(one, "down") for one in IDS), health="nobody answers"),
            "locked": dict.fromkeys(IDS, False),
            "open": frozenset(),
            "about": {},
            "own": {},
            "clocks": {},
            "links": {},
            "heads": [],
        },
        "no replica runs",
    ),
    "replicas": (
        both(silent(2, "not answering", reason="its process runs but does not answer")),
        "replica 2 is not answering: its process runs but does not answer",
    ),
    "held": (downed(3, "held"), "replica 3 is held: down on purpose"),
    "roles": (both(roles(2, state="down")), "the learner of replica 2 is down"),
    "role restarts": (
        both(roles(2, incarnation=3)),
        "the learner of replica 2 was restarted 2 times since the process started",
    ),
    "cuts": (both(entry(1, cuts=[[1, 3], [3, 1], [1, 2]])), "links are cut: 1-3, 1>2"),
    "connections": (
        {"links": {1: [link(2, state="connecting")]}},
        "replica 1 cannot connect to replica 2",
    ),
    "lag": (
        {"later": status(entry(2, applied=6, digest="d6"))},
        "replica 2 has applied slot 6, and slot 7 was applied elsewhere a second earlier",
    ),
    "contents": (
        both(entry(2, digest="other")),
        "the contents at slot 7 differ: replica 1, 3 d7; replica 2 other",
    ),
    "chain": (
        {"heads": [Head(1, 7, "a" * 64), Head(2, 7, "b" * 64), Head(3, 6, "c" * 64)]},
        f"the chains' hashes at slot 7 differ: replica 1 {'a' * 8}; replica 2 {'b' * 8}",
    ),
    "members": (
        {"own": {2: {"cluster_id": "c1", "members": [[1, "127.0.0.1:1"]]}}},
        "replica 2 runs with other members or addresses than the cluster file has",
    ),
    "notes": (both(entry(1, notes=["learner.db began anew"])), "replica 1 notes: learner.db"),
    "ports taken": (
        downed(3, "held") | {"open": healthy().open},
        "somebody else listens on 127.0.0.1:3333, the client port of replica 3",
    ),
    "ports free": (
        {"closed": frozenset({Port(2, "acceptor", "127.0.0.1:2224")})},
        "nobody listens on 127.0.0.1:2224, the acceptor port of replica 2",
    ),
    "name server": (
        {"names": {**(healthy().names or {}), "kvrmi.replica2": "PYRO:kvrmi.replica2@there:1"}},
        "kvrmi.replica2 is registered as PYRO:kvrmi.replica2@there:1 in the name server",
    ),
    "coordinator": (
        {"coordinator": False},
        "the coordinator does not answer at 127.0.0.1:9091",
    ),
    "even number": ({"cluster": cluster(4)}, "the cluster has 4 replicas, an even number"),
    "missing files": (
        {"files": {k: v for k, v in healthy().files.items() if k != "replica2/acceptor.db"}},
        "replica2 holds no records",
    ),
    "unreadable files": (
        {"unreadable": {"replica2": "Permission denied"}},
        "replica2 cannot be looked at: Permission denied",
    ),
    "owner": (
        {"files": {**healthy().files, "replica2": FOLDER._replace(owner=0)}},
        "replica2 belongs to another user than /data",
    ),
    "modes": (
        {"files": {**healthy().files, "replica2": FOLDER._replace(mode=0o755)}},
        "replica2 is open to other users",
    ),
    "secret": ({"secret": "orders need the secret"}, "orders need the secret"),
    "damaged votes": (
        downed(2, "down", damage=["acceptor.db is damaged: no"]),
        "replica 2: acceptor.db is damaged: no",
    ),
    "damaged rows": (
        downed(2, "down", damage=["learner.db is damaged: no"]),
        "replica 2: learner.db is damaged: no",
    ),
    "foreign folder": (
        downed(2, "down", identity={"cluster": "c9", "replica": 2, "recovering": False}),
        "replica2 is the folder of replica 2 of cluster c9",
    ),
    "not inspected": ({"uninspected": {2: "in use"}}, "replica2 could not be inspected: in use"),
    "ended": (downed(2, "down", ended="the disk failed"), "replica 2 ended by itself: the disk"),
    "recovering": (both(entry(2, state="recovering")), "replica 2 makes up for a lost disk"),
    "left over": (
        {"files": {**healthy().files, "replica2.lost1": FOLDER}},
        "replica2.lost1 was kept from a disk that was lost or damaged",
    ),
    "disk space": ({"free": (200 << 20, 100 << 30)}, "200 MiB are free on the disk of /data"),
    "disk full": ({"free": (1 << 20, 100 << 30)}, "1 MiB are free on the disk of /data"),
    "write-ahead log": (
        {"files": {**healthy().files, "replica1/learner.db-wal": FILE._replace(size=1 << 30)}},
        "replica1/learner.db-wal has 1.0 GiB",
    ),
    "versions": (
        {"about": {1: about(), 2: about(version="1.1.0")}},
        "versions of kvrmi differ (1.0.0: this client, replica 1; 1.1.0: replica 2)",
    ),
    "packages": (
        {"about": {1: about(), 2: about(packages={"Pyro5": "5.16"})}},
        "versions of Pyro5 differ (5.17: this client, replica 1; 5.16: replica 2)",
    ),
    "restarts": (
        both(entry(2, counters=entry(2)["counters"] | {"uptime": 20.0})),
        "replica 2 was started 20 s ago, another one 9000 s ago",
    ),
    "clock rates": (
        {"clocks": {1: clock(), 2: clock(rate=-0.03)}},
        "the clock of replica 1 runs 3.0% faster than that of replica 2 (measured to 0.2%)",
    ),
    "times of day": (
        {"clocks": {1: clock(), 2: clock(ahead=7.0)}},
        "the time of day at replica 2 is 7.0 s ahead of that at replica 1",
    ),
    "lease": (
        both(entry(1, counters=synced(0, 0, 0, 100))),
        "replica 1: 1 of 100 syncs takes 1e+03 ms or more, a round trip 1 ms; the lease is 500 ms",
    ),
    "answers": (
        both(entry(1, counters=synced(150, 0, 2, 0)))
        | {"clocks": {1: clock(trips=(0.05,)), 2: clock()}},
        "replica 1: a sync and a round trip take 150 ms or more in 1 of 100 cases",
    ),
    "events": (
        {"about": {1: about(events={"count": 99, "kept": 9, "oldest": 8995.0})}},
        "replica 1 keeps the events of the last 5 s only",
    ),
    "log lines": (
        {"about": {1: about(log_dropped=3)}},
        "replica 1 left 3 lines out of its log since its start",
    ),
    "memory": (
        {"about": {1: about(memory_free=10 << 20)}},
        "10 MiB of memory are free on here, where a replica takes 30 MiB",
    ),
}
BESIDES = {
    "replicas": {"damaged votes", "damaged rows", "ended", "foreign folder"},
    "answers": {"lease"},
    "held": {"ports taken"},
    "members": {"even number"},
    "missing files": {"even number"},
}
"""Checks that a fault made for others concerns too."""


def test_nothing_is_wrong_with_a_healthy_cluster() -> None:
    results = examine(CHECKS, healthy())
    assert found(healthy()) == {}
    assert [result.check.name for result in results if result.skipped] == []
    assert status_of(results) == 0


def test_every_check_has_a_fault() -> None:
    assert set(FAULTS) == {check.name for check in CHECKS}
    assert len(CHECKS) == len(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_check(name: str) -> None:
    changes, text = FAULTS[name]
    findings = found(healthy(**changes))
    assert findings[name][0].startswith(text), findings
    besides = {one for one in findings if one != name and name not in BESIDES.get(one, ())}
    assert not besides, findings


def test_the_worst_finding_makes_the_exit_status() -> None:
    by_severity = {check.severity: check.name for check in CHECKS}
    statuses = {
        severity: status_of(examine(CHECKS, healthy(**FAULTS[name][0])))
        for severity, name in by_severity.items()
    }
    assert statuses == {
        Severity.NOTE: 0, Severity.WARNING: 1, Severity.OUTAGE: 3, Severity.DANGER: 4
    }  # fmt: skip


def test_what_is_within_the_error_of_measuring_is_no_finding() -> None:
    fast = clock(rate=0.03, rate_unsure=0.02)
    assert found(healthy(clocks={1: clock(), 2: fast})) == {}
    late = clock(ahead=1.5, ahead_unsure=1.0)
    assert found(healthy(clocks={1: clock(), 2: late})) == {}


def test_what_comes_from_a_replica_moves_no_cursor() -> None:
    seen = healthy(**both(entry(1, notes=["\x1b[2Jgone"])))
    shown = "\n".join(line.plain for line in lines(seen, examine(CHECKS, seen), 80, False))
    assert r"replica 1 notes: \x1b[2Jgone" in shown
    assert f"1 warning; {len(CHECKS)} checks" in shown


def test_a_replica_of_another_version_ends_no_other_check() -> None:
    changes = both(entry(1, counters={"uptime": 1.0}, cuts=[[1, 2]]))
    results = examine(CHECKS, healthy(**changes, about={1: {"version": "9.0"}}))
    skipped = {result.check.name for result in results if result.skipped}
    assert {"packages", "memory", "lease", "log lines"} <= skipped
    assert {"cuts", "versions"} <= {result.check.name for result in results if result.findings}


def test_few_syncs_mean_nothing() -> None:
    slow = synced(0, 0, 0, 99)
    assert "lease" not in found(healthy(**both(*(entry(one, counters=slow) for one in IDS))))


def test_one_that_is_not_found_by_a_client_is_not_taken_for_a_stranger() -> None:
    hangs = both(silent(2, "not answering"))
    assert set(found(healthy(**hangs))) == {"replicas"}, "its folder is locked, so it runs"
    stranger = hangs | {"locked": {1: True, 2: False, 3: True}}
    assert "ports taken" in found(healthy(**stranger))


def test_an_acceptor_that_waits_for_the_others_is_not_restarted() -> None:
    roles = entry(2)["roles"] | {"acceptor": {"state": "down", "incarnation": 0}}
    results = examine(CHECKS, healthy(**both(entry(2, roles=roles))))
    (finding,) = next(r.findings for r in results if r.check.name == "roles")
    assert finding.what == "the acceptor of replica 2 waits to begin"
    assert finding.type.startswith("wait, and start those that are not up")
    assert "RESTART" not in finding.type


def test_what_is_of_another_host_is_said_to_be_there() -> None:
    members = tuple(dataclasses.replace(one, disk="") for one in cluster().members)
    there = dataclasses.replace(cluster(), members=members)
    files = {name: file for name, file in healthy().files.items() if "replica2" not in name}
    seen = healthy(cluster=there, files=files, **both(silent(2, "down")))
    (advice,) = advised(seen, "replicas")
    assert advice.startswith("start it by hand on host 127.0.0.1: ")
    assert advice.endswith("server 2 --config data/cluster.toml")
    assert log_of(seen, 2) == "data/replica2/replica.log on host 127.0.0.1"
    assert log_of(seen, 1) == "/data/replica1/replica.log"


def test_a_secret_of_somebody_else_is_not_changed() -> None:
    seen = healthy(secret="orders need the secret: /data/secret: Permission denied")
    (advice,) = advised(seen, "secret")
    assert advice == "nothing is wrong with the file: run this as its owner"


def advised(seen: Seen, check: str) -> list[str]:
    """What a check has the user type."""
    return [f.type for r in examine(CHECKS, seen) if r.check.name == check for f in r.findings]
