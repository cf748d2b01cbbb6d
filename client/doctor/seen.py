"""All that was seen of a cluster, as plain values; what could not be seen is absent.

Rule: it is complete before the first check looks at it. It asks nobody and judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kvrmi.cluster.config import Cluster
from kvrmi.cluster.status import ClusterStatus, ReplicaEntry

__all__ = ["Clock", "File", "Head", "Port", "Seen"]

_DOWN = ("down", "held")
"""States of a replica that has no process."""


class File(NamedTuple):
    """A file or folder in the data folder: its permission bits, its owner's id, its bytes."""

    mode: int
    owner: int
    size: int
    folder: bool


class Port(NamedTuple):
    """An address that the cluster file gives to somebody; `replica` 0: to all of the cluster."""

    replica: int
    name: str
    address: str


class Clock(NamedTuple):
    """A replica's clocks beside ours; what is `unsure` is the most by which a number may be off."""

    rate: float
    """By how much, as a fraction, the clock of its leases runs faster than ours."""
    rate_unsure: float
    ahead: float
    """Seconds that its time of day is ahead of ours."""
    ahead_unsure: float
    trips: tuple[float, ...]
    """Seconds of each question and answer."""


class Head(NamedTuple):
    """The hash that a replica's chain has at a slot."""

    replica: int
    slot: int
    hash: str


@dataclass(frozen=True)
class Seen:
    """One cluster, as it was within some seconds."""

    cluster: Cluster
    data: Path
    """The folder of the cluster file."""
    config: str
    """The cluster file, as the user would name it; empty: it is found without."""
    status: ClusterStatus
    later: ClusterStatus
    """The same, a second later."""
    files: Mapping[str, File] = field(default_factory=dict)
    """By their path in `data`; "." is that itself."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Paths that could not be looked at, with the reason."""
    secret: str | None = None
    """Why the secret cannot be used; None: it can."""
    doubting: frozenset[int] = frozenset()
    """Replicas that do not take the proof that was made with the secret."""
    locked: Mapping[int, bool] = field(default_factory=dict)
    """Whether a process holds a replica's folder, of those that are here."""
    free: tuple[int, int] | None = None
    """Bytes of the file system of `data`: free, in all."""
    inspected: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """What the folders of replicas that do not run hold, as kvrmi-server inspect reports it."""
    uninspected: Mapping[int, str] = field(default_factory=dict)
    """Those of which that is not known, with the reason."""
    open: frozenset[Port] = frozenset()
    """Where somebody takes connections."""
    closed: frozenset[Port] = frozenset()
    """Where nobody listens."""
    own: Mapping[int, ReplicaEntry] = field(default_factory=dict)
    """What each replica reports to who has the secret, its members included."""
    about: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """What each reports of its program and machine."""
    links: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """How each is connected to the others."""
    clocks: Mapping[int, Clock] = field(default_factory=dict)
    heads: Sequence[Head] = ()
    names: Mapping[str, str] | None = None
    """Addresses in the name server, by name; None: it did not answer."""
    coordinator: bool = False
    """Whether the cluster's coordinator answers."""
    mine: Mapping[str, Any] = field(default_factory=dict)
    """This program's own version, Python, packages and host."""

    def is_empty(self, replica: int) -> bool:
        """Whether a replica's folder is there and empty: no coordinator makes it anew."""
        folder = f"replica{replica}"
        there = folder in self.files and folder not in self.unreadable
        return there and not any(name.startswith(f"{folder}/") for name in self.files)

    @property
    def is_copy(self) -> bool:
        """Whether it is a copy of the cluster's files: nothing is here of replicas that run."""
        traces = ("replica", "coordinator.", "nameserver.")
        return bool(self.answering) and not any(name.startswith(traces) for name in self.files)

    @property
    def entries(self) -> Sequence[ReplicaEntry]:
        """Every replica's entry."""
        return self.status["replicas"]

    @property
    def answering(self) -> Sequence[ReplicaEntry]:
        """Those of replicas that answered."""
        return [entry for entry in self.entries if entry.get("roles") is not None]

    @property
    def stopped(self) -> frozenset[int]:
        """Replicas that have no process, as far as anybody knows."""
        silent = {e["id"] for e in self.entries if e.get("roles") is None}
        free = {one for one in silent if self.locked.get(one) is False}
        down = {e["id"] for e in self.entries if e["state"] in _DOWN}
        held = {one for one, locked in self.locked.items() if locked}
        return frozenset((free | down) - held)

    @property
    def runs(self) -> bool:
        """Whether any replica runs."""
        return len(self.stopped) < len(self.entries)

    @property
    def coordinated(self) -> bool:
        """Whether a coordinator keeps its replicas, so that all their folders are here."""
        return any(member.disk for member in self.cluster.members)
