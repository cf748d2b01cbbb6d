"""The coordinator and the name server: their death stops nothing, their return takes over."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Mapping

import Pyro5.api
import Pyro5.errors
import pytest

from kvrmi.access.store import connect
from kvrmi.cluster import naming
from kvrmi.cluster.file import dump
from kvrmi.cluster.members import Member
from kvrmi.cluster.naming import ports_from
from kvrmi.remote.proxy import connect as connect_proxy
from server.pidlock import holder
from server.ports import free_block

from .cluster import TIMEOUT, LiveCluster, launch, wait_for

pytestmark = pytest.mark.live

MakeCluster = Callable[..., LiveCluster]
ROUNDS = 3
SOON = 2.5
"""Seconds until all names are there again, in one of the rounds: the machine may be busy."""


def registered(live: LiveCluster) -> set[str]:
    host, port = live.cluster.nameserver.rsplit(":", 1)
    try:
        with Pyro5.api.locate_ns(host, int(port)) as names:
            return set(names.list(prefix="kvrmi."))
    except Pyro5.errors.PyroError:
        return set()


def test_the_name_server_dies_and_is_filled_again(live: LiveCluster) -> None:
    wanted = {naming.kvstore(replica) for replica in live.cluster.ids} | {naming.COORDINATOR}
    wait_for(lambda: wanted <= registered(live), "all names registered")

    def seconds() -> float:
        """Kill it, write without it, wait for its return; how long the names took after that."""
        with connect(config=str(live.config)) as store:
            pid = holder(live.data / "nameserver.lock")
            assert pid
            os.kill(pid, signal.SIGKILL)
            store.put("names/key", "written without names")
            wait_for(lambda: holder(live.data / "nameserver.lock") not in (None, pid), "its return")
            took = wait_for(lambda: wanted <= registered(live), "all names again")
            assert store.get("names/key") == "written without names"
        return took

    assert any(seconds() < SOON for _ in range(ROUNDS))
    live.settle()


def test_the_coordinator_dies_and_the_next_one_adopts(live: LiveCluster) -> None:
    before = pids_of(live)
    nameserver = holder(live.data / "nameserver.lock")
    held = live.followers()[-1]
    with live.orders() as orders:
        orders.kill(held)
    assert live.coordinator is not None
    live.coordinator.kill()
    live.coordinator.communicate()
    with connect(config=str(live.config)) as store:
        store.put("adopted/key", "written without a coordinator")
    other = next(one for one in live.followers() if one != held)
    killed = before[other]
    live.start()
    after = {replica: entry and entry["pid"] for replica, entry in live.entries().items()}
    assert after == before | {held: None}
    assert holder(live.data / "nameserver.lock") == nameserver
    with live.orders() as orders:
        assert orders.status()["replicas"][held - 1]["state"] == "held"
        orders.start(held)
    live.settle()
    live.signal(other, signal.SIGKILL)
    wait_for(lambda: (live.entries()[other] or {}).get("pid") not in (None, killed), "its return")
    live.settle()


def test_another_cluster_id_than_those_have_who_run_is_refused_at_once(live: LiveCluster) -> None:
    pids = pids_of(live)
    assert live.coordinator is not None
    live.coordinator.kill()
    live.coordinator.communicate()
    former = live.config.read_text()
    live.config.write_text(former.replace(live.cluster.id, "0011223344556677"))
    try:
        coordinator = launch("--data", str(live.data))
        _, problem = coordinator.communicate(timeout=TIMEOUT)
    finally:
        live.config.write_text(former)
        live.start()
    assert coordinator.returncode == 1
    assert "runs with another cluster id or secret" in problem
    assert {one: entry and entry["pid"] for one, entry in live.entries().items()} == pids


def test_a_coordinator_killed_while_it_starts_leaves_nobody_behind(
    make_cluster: MakeCluster,
) -> None:
    """What it had started is adopted by the next one; nothing runs twice, and all of it ends."""
    rng = random.Random(9)
    cluster = make_cluster("--ephemeral")
    cluster.start()
    assert cluster.stop() == 0
    for _ in range(ROUNDS):
        first = launch("--data", str(cluster.data))
        wait_for(cluster.pids, "its first child")
        time.sleep(rng.uniform(0.0, 0.6))
        first.kill()
        first.communicate()
        orphans = cluster.pids()
        cluster.start()
        running = [entry["pid"] for entry in cluster.entries().values() if entry]
        assert len(running) == 5
        names = holder(cluster.data / "nameserver.lock")
        assert sorted(cluster.pids()) == sorted([*running, names])
        assert set(orphans) <= set(cluster.pids()), "what it had started was adopted"
        assert cluster.stop() == 0
        assert cluster.pids() == []


def test_a_file_with_other_members_than_running_replicas_know(live: LiveCluster) -> None:
    """The coordinator is refused, and leaves alone what runs."""
    assert live.coordinator is not None
    live.coordinator.kill()
    live.coordinator.communicate()
    written, members = live.config.read_text(), live.cluster.members
    port = free_block("127.0.0.1", 5, random.Random())
    sixth = Member(6, members[0].host, ports_from(port, live.cluster.roles), "d6")
    live.config.write_text(dump(dataclasses.replace(live.cluster, members=(*members, sixth))))
    before = live.pids()
    try:
        _, errors = launch("--data", str(live.data)).communicate(timeout=TIMEOUT)
    finally:
        live.config.write_text(written)
    assert "was formatted for replicas 1, 2, 3, 4, 5, the cluster file lists 1, 2, 3, 4, 5, 6" in (
        errors
    )
    assert live.pids() == before
    assert not (live.data / "replica6").exists()
    live.start()


def assert_untouched(live: LiveCluster, pids: Mapping[int, int]) -> None:
    """See that all run as before; a busy machine may be without a leader for a moment."""
    live.settle()
    assert pids_of(live) == pids


def pids_of(live: LiveCluster) -> dict[int, int]:
    return {replica: entry["pid"] for replica, entry in live.entries().items()}


def test_orders_need_the_secret(live: LiveCluster) -> None:
    pids = pids_of(live)
    host, port = live.cluster.coordinator.rsplit(":", 1)
    with connect_proxy(host, int(port), naming.COORDINATOR, timeout=10.0) as anybody:
        wait_for(lambda: anybody.status()["leader"] is not None, "a leader is known")
        with pytest.raises(ValueError, match=r"^INVALID: .*secret"):
            anybody.kill(1)
    assert_untouched(live, pids)


def test_orders_are_checked(live: LiveCluster) -> None:
    pids = pids_of(live)
    with live.orders() as orders:
        with pytest.raises(ValueError, match=r"^INVALID: "):
            orders.kill(9)
        with pytest.raises(ValueError, match=r"^INVALID: "):
            orders.start("1")
        with pytest.raises(ValueError, match=r"^INVALID: "):
            orders.restore(1, 1)
    assert_untouched(live, pids)


def test_restart_and_restore(live: LiveCluster) -> None:
    victim, peer = live.followers()[:2]
    pid = live.entries()[victim]["pid"]
    with live.orders(timeout=TIMEOUT) as orders:
        orders.restart(victim)
        live.settle()
        assert live.entries()[victim]["pid"] != pid
        # Another one is taken, and named, where a link is not there again yet.
        wait_for(lambda: orders.restore(victim, peer)["peer"] == peer, "a restore from that peer")


def test_the_same_command_twice_is_no_change(live: LiveCluster) -> None:
    pids = pids_of(live)
    second = launch("--data", str(live.data), "--ephemeral", "--host", "127.0.0.1")
    output, errors = second.communicate(timeout=TIMEOUT)
    assert (second.returncode, output) == (0, live.ready_line)
    assert errors.count("\n") == 1
    assert "already runs" in errors
    assert pids_of(live) == pids


@pytest.mark.parametrize("flags", [("--replicas", "3"), ("--base-port", "12345"), ("--demo",)])
def test_another_command_for_a_running_cluster_is_refused(
    live: LiveCluster, flags: tuple[str, ...]
) -> None:
    second = launch("--data", str(live.data), *flags)
    output, errors = second.communicate(timeout=TIMEOUT)
    assert (second.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    assert "already runs" in errors


def test_a_cluster_is_continued(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("--ephemeral", "--replicas", "3")
    cluster.start()
    with connect(config=str(cluster.config)) as store:
        store.put("kept", "value")
    assert cluster.stop() == 0
    assert cluster.pids() == []
    cluster.start()
    with connect(config=str(cluster.config)) as store:
        assert store.get("kept") == "value"
    assert cluster.stop() == 0


def test_a_busy_port_is_named_and_nothing_is_started(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    port = free_block("127.0.0.1", 27, random.Random())
    with socket.create_server(("127.0.0.1", port)):
        refused = launch("--data", str(cluster.data), "--base-port", str(port))
        printed, errors = refused.communicate(timeout=TIMEOUT)
    assert refused.returncode == 1
    assert printed == ""
    assert errors.count("\n") == 1
    assert str(port) in errors
    assert "--base-port" in errors
    assert not cluster.config.exists()
    assert cluster.pids() == []


def test_the_demo_passes(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    demo = launch(
        *("--ephemeral", "--demo", "--data", str(cluster.data), "--seed", "1"),
        *("--down-after", "3", "--back-after", "2"),
    )
    printed, errors = demo.communicate(timeout=2 * TIMEOUT)
    assert errors == ""
    assert demo.returncode == 0, printed
    assert "PASSED" in printed
    assert "\x1b" not in printed
    assert cluster.pids() == []
