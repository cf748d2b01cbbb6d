"""The scripted event: one replica is killed, and some time later started again.

Rules: times are counted from the begin, the way back from the kill; it waits on one event and
gives up at once when that is set. It must not know whether a demo or somebody's own clients watch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kvrmi.cluster.status import ClusterStatus, ReplicaEntry, in_charge, needs_of


class Cluster(Protocol):
    """What the event needs of the cluster."""

    def status(self) -> ClusterStatus:
        """Describe the whole cluster."""
        ...

    def kill(self, replica: int, force: bool = False) -> ReplicaEntry:
        """Kill a replica and leave it down."""
        ...

    def start(self, replica: int) -> ReplicaEntry:
        """Start it again."""
        ...


class ScriptedEvent(NamedTuple):
    """When and whom; seconds, None: the leader of that moment."""

    down_after: float
    back_after: float
    victim: int | None = None


def choose(event: ScriptedEvent, cluster: Cluster) -> int | None:
    """Name the victim as of now; None if nobody was named and nobody is in charge."""
    return event.victim if event.victim is not None else in_charge(cluster.status())


def end(cluster: Cluster, victim: int) -> None:
    """Kill the victim: also where all must vote, as what comes of that is to be seen.

    A majority is not given up for an event. Raises what the order raises.
    """
    entries = cluster.status()["replicas"]
    cluster.kill(victim, force=not needs_of(entries, len(entries))["leader"])


def play(
    event: ScriptedEvent, cluster: Cluster, stopping: threading.Event, say: Callable[[str], None]
) -> None:
    """Kill and bring back; returns early when `stopping` is set. Raises what an order raises."""
    if stopping.wait(event.down_after):
        return
    victim = choose(event, cluster)
    if victim is None:
        say("event: there is no leader to kill, or nobody is up; nothing was done")
        return
    end(cluster, victim)
    say(f"event: replica {victim} was killed, it is back in {event.back_after:g} s")
    if stopping.wait(event.back_after):
        return
    cluster.start(victim)
    say(f"event: replica {victim} was started again")
