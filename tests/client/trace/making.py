"""Event rings made by hand, for the tests of traces: a clock each, and its own machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from client.trace.rings import Event, Ring, Rings

__all__ = ["decision", "event", "ring", "rings"]

NOW = 100.0
"""When all are asked, by the true clock."""


def event(at: float, role: str, name: str, text: str = "", **fields: Any) -> dict[str, Any]:
    """One event as a replica reports it."""
    usual = {"slot": 0, "ballot": "", "peer": 0, "request": 0, "urgent": False}
    return {"time": at, "role": role, "event": name, "text": text or name, **usual, **fields}


def ring(
    replica: int,
    events: Sequence[Event],
    *,
    clock: float = 0.0,
    late: float = 0.0,
    host: str = "",
    begins: float = 0.0,
) -> Ring:
    """A ring of a replica whose clock is `clock` seconds ahead, and that answered in `late`."""
    shown = [{**one, "time": one["time"] + clock} for one in events]
    roles = dict.fromkeys(("acceptor", "learner", "proposer"), 1)
    now = NOW + clock
    return Ring(
        replica, host or f"h{replica}", shown, begins + clock, now, NOW - late, NOW + late, roles
    )


def rings(*each: Ring, silent: dict[int, str] | None = None, engine: str = "paxos") -> Rings:
    """What was read of a cluster."""
    silent = silent or {}
    ids = sorted([*(one.replica for one in each), *silent])
    return Rings(engine, ids, {one.replica: one for one in each}, silent, 0.0)


def decision(slot: int, at: float) -> tuple[list[Event], list[Event], list[Event]]:
    """A slot that replica 1 has accepted by 2 and 3: their events, by the true clock."""
    of: dict[str, Any] = {"slot": slot, "ballot": "1.1"}
    named = f'propose slot={slot} ballot=1.1 commands=1: put "k" id=ab../1'
    first: list[Event] = [
        event(at, "proposer", "propose", named, **of),
        event(at + 0.004, "proposer", "accepted", "accepted by=2 (1 of 2)", peer=2, **of),
        event(at + 0.006, "proposer", "accepted", "accepted by=3 (2 of 2)", peer=3, **of),
        event(at + 0.007, "proposer", "chosen", f"chosen slot={slot} acceptors=2,3", **of),
    ]
    second: list[Event] = [event(at + 0.002, "acceptor", "accept", peer=1, **of)]
    third: list[Event] = [event(at + 0.003, "acceptor", "accept", peer=1, **of)]
    return first, second, third
