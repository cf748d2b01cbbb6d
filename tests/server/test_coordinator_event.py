"""The scripted event: who is killed when, and that it can be called off."""

from __future__ import annotations

import threading

from kvrmi.cluster.status import ClusterStatus, Needs, ReplicaEntry
from server.coordinator.event import ScriptedEvent, play


class FakeCluster:
    """Remembers the orders it was given."""

    def __init__(self, leader: int | None = 2, entries: list[ReplicaEntry] | None = None) -> None:
        self.leader = leader
        self.entries = entries or []
        self.orders: list[tuple[str, int]] = []
        self.forced = False

    def status(self) -> ClusterStatus:
        return {"leader": self.leader, "replicas": self.entries}

    def kill(self, replica: int, force: bool = False) -> ReplicaEntry:
        self.orders.append(("kill", replica))
        self.forced = force
        return {}

    def start(self, replica: int) -> ReplicaEntry:
        self.orders.append(("start", replica))
        return {}


class Clock(threading.Event):
    """Lets no time pass; remembers what was waited for, and is set after so many waits."""

    def __init__(self, waits: int = 99) -> None:
        super().__init__()
        self.left = waits
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        self.left -= 1
        return self.left < 0


def run(event: ScriptedEvent, cluster: FakeCluster, clock: Clock) -> list[str]:
    lines: list[str] = []
    play(event, cluster, clock, lines.append)
    return lines


def test_the_leader_of_that_moment_goes_down_and_comes_back() -> None:
    cluster, clock = FakeCluster(leader=4), Clock()
    lines = run(ScriptedEvent(45.0, 20.0), cluster, clock)
    assert cluster.orders == [("kill", 4), ("start", 4)]
    assert not cluster.forced, "a majority is not given up for an event"
    assert clock.waited == [45.0, 20.0]
    assert len(lines) == 2


def test_a_named_victim() -> None:
    cluster = FakeCluster(leader=4)
    run(ScriptedEvent(1.0, 1.0, victim=1), cluster, Clock())
    assert cluster.orders == [("kill", 1), ("start", 1)]


def test_called_off_before_the_kill() -> None:
    cluster = FakeCluster()
    assert run(ScriptedEvent(1.0, 1.0), cluster, Clock(waits=0)) == []
    assert cluster.orders == []


def test_called_off_while_down() -> None:
    cluster = FakeCluster()
    run(ScriptedEvent(1.0, 1.0), cluster, Clock(waits=1))
    assert cluster.orders == [("kill", 2)]


def test_without_a_leader_nobody_is_killed() -> None:
    cluster = FakeCluster(leader=None)
    lines = run(ScriptedEvent(1.0, 1.0), cluster, Clock())
    assert cluster.orders == []
    assert "no leader" in lines[0]


def test_where_all_must_vote_and_nobody_leads_the_first_is_killed_all_the_same() -> None:
    every = Needs(votes=2, leader=False)
    up = [ReplicaEntry(id=one, state="up", needs=every) for one in (1, 2)]
    cluster = FakeCluster(leader=None, entries=up)
    run(ScriptedEvent(1.0, 1.0), cluster, Clock())
    assert cluster.orders == [("kill", 1), ("start", 1)]
    assert cluster.forced
