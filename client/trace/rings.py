"""Reads the event rings of all replicas of a cluster, each with what its clock showed meanwhile.

Rules: all are asked at the same time, with a deadline each; who does not answer is named with the
reason. It reads and changes nothing, and does not know what events mean.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from kvrmi.access.admins import Admins
from kvrmi.cluster.naming import split_address
from kvrmi.cluster.status import ClusterStatus, ReplicaEntry, absence

from ..doctor.asking import ask

__all__ = ["Event", "Ring", "Rings", "read"]

PAGE = 500
"""Events in one answer at most."""
PATIENCE = 10.0
"""Seconds for all answers."""

Event = Mapping[str, Any]
"""One event as a replica reports it: time (of its clock), role, event, slot, ballot, peer, .."""


class Ring(NamedTuple):
    """The events that a replica keeps, oldest first; times are seconds of its own clock."""

    replica: int
    host: str
    events: Sequence[Event]
    begins: float
    """Since when all events are here."""
    now: float
    asked: float
    """Our clock before we asked for `now`."""
    answered: float
    """Our clock when we had it."""
    roles: Mapping[str, int]
    """Incarnation of each of its roles, as it is now."""


class Rings(NamedTuple):
    """Those of all replicas that answered, and why the others did not."""

    engine: str
    ids: Sequence[int]
    rings: Mapping[int, Ring]
    silent: Mapping[int, str]
    wall: float
    """To be added to our clock for seconds of the day's clock."""


def read(status: ClusterStatus, admins: Admins) -> Rings:
    """Ask all replicas that there are."""
    entries = {entry["id"]: entry for entry in status["replicas"]}
    asked = ask(
        {("ring", id): partial(_ring, admins, one) for id, one in entries.items()}, PATIENCE
    )
    missing = asked.lacking("ring")
    silent = {id: absence(entries[id]) or why for id, why in missing.items()}
    wall = time.time() - time.monotonic()
    return Rings(status["engine"] or "", sorted(entries), asked.of("ring"), silent, wall)


def _ring(admins: Admins, entry: ReplicaEntry) -> Ring:
    id, host = entry["id"], split_address(entry["address"])[0]
    with admins.opened(id) as admin:
        events, complete = _events(admin)
        asked = time.monotonic()
        now = admin("events", 0, 1)["now"]
        answered = time.monotonic()
    counters = entry.get("counters")
    if counters and complete:
        events.insert(0, _started(now - counters["uptime"], entry["pid"]))
    begins = events[0]["time"] if events else now
    roles = {name: one["incarnation"] for name, one in (entry.get("roles") or {}).items()}
    return Ring(id, host, events, begins, now, asked, answered, roles)


def _started(at: float, pid: int | None) -> Event:
    """Make the event of a process's start, which no role reports."""
    return {
        "time": at,
        "role": "process",
        "event": "started",
        "slot": 0,
        "ballot": "",
        "peer": 0,
        "request": 0,
        "text": f"pid {pid}",
        "urgent": False,
    }


def _events(admin: Callable[..., Any]) -> tuple[list[Event], bool]:
    """Read all pages; whether they are all events that there ever were."""
    found: list[Event] = []
    cursor, complete = 0, True
    while True:
        answer = admin("events", cursor, PAGE)
        if answer["missed"]:
            found, complete = [], False  # events went while we read: what is left has no hole
        found += answer["events"]
        cursor = answer["next"]
        if len(answer["events"]) < PAGE:
            return found, complete
