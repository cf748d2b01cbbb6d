"""What replicas count of their work, and the form in which their status reports it.

Rules: a count never falls while its process lives, and is never reset; counting costs some hundred
nanoseconds and keeps nothing but the number. It knows no protocol, no operation and no clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

__all__ = ["BOUNDS", "Counters", "Counts", "Histogram", "RequestsEntry", "Spent"]

BOUNDS = (
    0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
    1.0, 2.0, 5.0,
)  # fmt: skip
"""Upper bounds of a histogram's buckets in seconds, 20 us to 5 s; one more takes what is above."""


def _counted(help: str) -> int:
    number: int = field(default=0, metadata={"help": help})
    return number


@dataclass(slots=True)
class Counts:
    """What a protocol counts, as far as it has such a thing.

    Each is counted in the steps of one role, whose lock makes it exact; whoever reads it looks at
    one after the other.
    """

    batches: int = _counted("Batches chosen while this replica led, empty ones included.")
    batch_bytes: int = _counted("Bytes of these batches.")
    commands: int = _counted("Commands applied here, whichever replica took them.")
    elections: int = _counted("Ballots with which this replica stood for leader.")
    terms: int = _counted("Times that this replica became leader.")
    forwards: int = _counted("Requests that this replica passed on to the leader.")
    forwarded: int = _counted("Requests that other replicas passed on to this one.")
    refusals: int = _counted("Proposals that this replica's acceptor refused.")


class Spent(TypedDict):
    """How often something was done, by the bucket of its duration, and the seconds in all."""

    buckets: Sequence[int]
    seconds: float


class RequestsEntry(Spent):
    """One operation's requests; `outcomes` counts them by code, "OK" or an error's."""

    outcomes: Mapping[str, int]


class Counters(TypedDict):
    """All that one replica has counted since its process started, `uptime` seconds ago.

    `requests` are those of the clients that were connected here, by operation; `syncs` the writes
    that reached the disk, by role; `messages` the requests that left for other replicas, by lane;
    `counts` the fields of Counts. `cpu` is in seconds, `memory` in
    bytes or None where the system does not say.
    """

    uptime: float
    cpu: float
    memory: int | None
    bounds: Sequence[float]
    requests: Mapping[str, RequestsEntry]
    syncs: Mapping[str, Spent]
    messages: Mapping[str, int]
    counts: Mapping[str, int]


class Histogram:
    """Durations by bucket; whoever adds holds a lock of its own."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        """Begin with none."""
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one that took so long."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def report(self) -> Spent:
        """Copy what was counted."""
        return {"buckets": list(self.buckets), "seconds": self.seconds}
