"""What a comparison found of one engine: plain values, as its JSON has them.

Rule: figures of one run only; it measures nothing and shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kvrmi.cluster.status import ClusterStatus, needs_of

__all__ = ["BACK", "Cost", "Found", "Moment", "Rate", "Second", "note_of"]


BACK = "back"
"""What is said when the servers that died run again."""


class Rate(NamedTuple):
    """Calls a second of one operation at so many clients; latencies in milliseconds."""

    op: str
    clients: int
    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


class Cost(NamedTuple):
    """What one acknowledged write costs: messages between servers, writes that reached a disk."""

    clients: int
    messages: float
    syncs: float


class Second(NamedTuple):
    """What clients saw in one second, counted when the answer came."""

    reads: int
    writes: int
    errors: int


class Moment(NamedTuple):
    """Something that was done to the servers, `at` seconds after the first Second began."""

    at: float
    text: str


class Found(NamedTuple):
    """All that was found of one engine."""

    engine: str
    replicas: int
    rates: Sequence[Rate]
    costs: Sequence[Cost]
    seconds: Sequence[Second]
    moments: Sequence[Moment]
    note: str = ""
    """How many servers it takes to serve, and so what their deaths must do to clients."""

    def fields(self) -> dict[str, object]:
        """Return it as JSON has it."""
        lists = ("rates", "costs", "seconds", "moments")
        listed = {name: [one._asdict() for one in getattr(self, name)] for name in lists}
        return {"engine": self.engine, "replicas": self.replicas, "note": self.note} | listed


def note_of(status: ClusterStatus) -> str:
    """Say what it takes to serve: what deaths show follows from it, and is meant so."""
    count = len(status["replicas"])
    votes = needs_of(status["replicas"], count)["votes"]
    if count == 1:
        return "one server: while it is down nobody is answered"
    if votes == count:
        return (
            f"all {count} must vote: while one is down every write is refused, as two-phase commit "
            "is made; reads go on"
        )
    if votes == 1:
        return f"{count} servers, of which any one serves"
    return f"{votes} of {count} must be up: with fewer nobody is answered"
