"""A healthy cluster: what people rely on when nothing is broken."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvrmi.access.store import connect

from .cluster import ROOT, LiveCluster, given_by, wait_for

pytestmark = pytest.mark.live

STRANGER = """
import sys
import Pyro5.api

nameserver, count = sys.argv[1].rsplit(":", 1), int(sys.argv[2])
names = Pyro5.api.locate_ns(nameserver[0], int(nameserver[1]))
stores = [
    Pyro5.api.Proxy(names.lookup(f"kvrmi.replica{one}")) for one in range(1, count + 1)
]
first, last = stores[0], stores[-1]
revision = first.put("plain/key", "from Pyro5 alone")
assert last.get("plain/key") == "from Pyro5 alone"
assert last.put("plain/key", "changed") == revision + 1
assert [one.get("plain/key") for one in stores] == ["changed"] * count
assert first.put("plain/bytes", b"\\x00\\xff") == revision + 2
assert stores[1].contains("plain/bytes")
assert stores[1].delete("plain/key") is True
assert first.get("plain/key") is None
try:
    first.put("plain/key", None)
except (ValueError, TypeError) as error:
    assert str(error).startswith("INVALID"), error
else:
    raise AssertionError("None was taken")
assert "kvrmi" not in sys.modules
print("done")
"""


def test_it_is_ready_in_three_seconds(
    shared: LiveCluster, make_cluster: Callable[..., LiveCluster]
) -> None:
    """Or, on a machine that others keep busy, in twice the time of starting its programs alone.

    How busy it is changes from one second to the next, so there are two more tries.
    """

    def again() -> LiveCluster:
        cluster = make_cluster("--ephemeral")
        cluster.start()
        assert cluster.stop() == 0
        return cluster

    assert is_soon(shared) or is_soon(again()) or is_soon(again())


def is_soon(cluster: LiveCluster) -> bool:
    return cluster.ready_seconds < 3.0 or cluster.ready_seconds < 2 * seconds_of_starting()


def seconds_of_starting() -> float:
    """How long this machine takes just now to start the cluster's seven programs side by side."""
    began = time.monotonic()
    programs = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "server", "--version"],
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(7)
    ]
    assert [program.wait(60) for program in programs] == [0] * 7
    return time.monotonic() - began


def test_what_is_on_disk_is_for_its_owner_only(live: LiveCluster) -> None:
    """The cluster was started with an umask of 0; clients of others may read where it listens."""
    modes = {path: mode_of(path) for path in live.data.rglob("*") if path.name != "cluster.toml"}
    assert {path.name for path in modes} >= {"acceptor.db", "learner.db", "replica.log"}
    assert {path for path, mode in modes.items() if mode & 0o077} == set()


def mode_of(path: Path) -> int:
    """Give a file's mode, 0 for one that has gone: some are there for a moment only."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0


def test_the_ready_line(live: LiveCluster) -> None:
    tcp, udp = live.cluster.gateways
    assert live.ready_line == (
        f"ready replicas=5 engine=paxos nameserver={live.cluster.nameserver} config={live.config} "
        f"tcp=127.0.0.1:{tcp} udp=127.0.0.1:{udp} metrics=127.0.0.1:{live.cluster.metrics_port}\n"
    )


def test_a_plain_pyro_client_reads_at_one_replica_what_it_wrote_at_another(
    live: LiveCluster,
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(STRANGER), live.cluster.nameserver, "5"],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_the_status_of_the_cluster(live: LiveCluster) -> None:
    with live.orders() as orders:
        status = given_by(lambda: whole(orders.status()), "all are up, and who is next is known")
    assert status["engine"] == "paxos"
    assert status["quorum"] == 3
    assert status["leader"] in live.cluster.ids
    assert status["successor"] not in (None, status["leader"])
    assert [entry["id"] for entry in status["replicas"]] == [1, 2, 3, 4, 5]
    for entry in status["replicas"]:
        member = live.cluster.member(entry["id"])
        assert entry["address"] == f"{member.host}:{member.client}"
        assert entry["state"] == "up"
        assert set(entry["roles"]) == {"proposer", "acceptor", "learner"}


def whole(status: Any) -> Any:
    """Give back a status in which nothing is missing; a busy replica may be late with its part."""
    states = {entry["state"] for entry in status["replicas"]}
    return status if status["successor"] and status["leader"] and states == {"up"} else None


def test_a_client_with_a_name_is_seen_in_status_and_in_the_logs(live: LiveCluster) -> None:
    """Where it is connected, and with the decisions that are written out; until it leaves."""
    with connect(3, config=live.config, name="my-client-one") as store:
        store.put("named/key", "v")
        names = {3: ["my-client-one"]}
        wait_for(lambda: clients(store.status()) == names, "those of earlier tests have gone")
        entry = given_by(lambda: live.entries()[3], "its entry")
        assert clients(store.status()) == names, "looking at all makes nobody the client of all"
        (client,) = entry["clients"]
        assert client["address"].startswith("127.0.0.1:")
        assert client["since"].endswith("Z")
        wait_for(lambda: is_logged(live, store.put("named/key", "v")), "a line with the name")
    wait_for(lambda: (live.entries()[3] or {}).get("clients") == [], "it is listed no more")


def clients(status: Any) -> dict[int, list[str]]:
    """Give the names of the clients of each replica that has some."""
    listed = {entry["id"]: entry["clients"] or () for entry in status["replicas"]}
    return {id: [client["name"] for client in one] for id, one in listed.items() if one}


def is_logged(live: LiveCluster, revision: int) -> bool:
    """Whether a decision is in a log: a leader writes out five a second, of all clients."""
    commit = rf'commit .* revision={revision}: put "named/key" id=my-client-one:\w+\.\./\d+$'
    logs = [path.read_text() for path in live.data.glob("replica*/replica.log")]
    return any(re.search(commit, log, re.MULTILINE) for log in logs)
