"""What a comparison found of one engine: plain values, as its JSON has them.

Rule: figures of one run only; it measures nothing and shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["BACK", "Cost", "Found", "Moment", "Rate", "Second"]


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

    def fields(self) -> dict[str, object]:
        """Return it as JSON has it."""
        lists = ("rates", "costs", "seconds", "moments")
        listed = {name: [one._asdict() for one in getattr(self, name)] for name in lists}
        return {"engine": self.engine, "replicas": self.replicas} | listed
