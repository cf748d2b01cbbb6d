"""What replicas did between two looks, made of the differences of what they count.

Rules: counts never fall while a process lives, so who has another process has no rates yet; time is
that of the replica, so a look that came late changes nothing. It asks nobody and reads no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import sub
from typing import NamedTuple

from kvrmi.cluster.counts import Counters, Spent

__all__ = ["Rates", "percentile", "rates"]

_OK = "OK"


class Rates(NamedTuple):
    """What a replica did between two looks.

    Per second: requests, those that wrote, those answered with an error. In seconds: how long
    requests took, and syncs (None: there were none). `cpu`: of one CPU, 1.0 is all of it.
    `sent`: requests to other replicas a second, by lane.
    """

    requests: float
    writes: float
    failed: float
    p50: float | None
    p99: float | None
    sync_p99: float | None
    cpu: float
    sent: Mapping[str, float]


def rates(earlier: Counters, later: Counters, writes: Collection[str]) -> Rates | None:
    """Compare two reports of one replica; None if there is nothing to compare.

    `writes` names the operations that change something.
    """
    seconds = later["uptime"] - earlier["uptime"]
    if seconds <= 0:
        return None
    done = _outcomes(earlier, later)
    took = _sum(_added(earlier["requests"], later["requests"]))
    synced = _sum(_added(earlier["syncs"], later["syncs"]))
    return Rates(
        requests=sum(n for _, _, n in done) / seconds,
        writes=sum(n for name, code, n in done if name in writes and code == _OK) / seconds,
        failed=sum(n for _, code, n in done if code != _OK) / seconds,
        p50=percentile(took, later["bounds"], 0.5),
        p99=percentile(took, later["bounds"], 0.99),
        sync_p99=percentile(synced, later["bounds"], 0.99),
        cpu=(later["cpu"] - earlier["cpu"]) / seconds,
        sent={
            lane: (count - earlier["messages"].get(lane, 0)) / seconds
            for lane, count in later["messages"].items()
        },
    )


def percentile(counts: Sequence[int], bounds: Sequence[float], part: float) -> float | None:
    """Estimate what `part` of the values in a histogram do not exceed; None if it is empty.

    Values are taken as spread evenly in their bucket; those above the last bound as that bound.
    """
    wanted = part * sum(counts)
    below = 0
    for number, count in enumerate(counts):
        if count and below + count >= wanted:
            low = bounds[number - 1] if number else 0.0
            high = bounds[min(number, len(bounds) - 1)]
            return low + (high - low) * (wanted - below) / count
        below += count
    return None


def _outcomes(earlier: Counters, later: Counters) -> list[tuple[str, str, int]]:
    """Operation, code, how many more there are."""
    before = earlier["requests"]
    return [
        (name, code, count - (before[name]["outcomes"].get(code, 0) if name in before else 0))
        for name, one in later["requests"].items()
        for code, count in one["outcomes"].items()
    ]


def _added(earlier: Mapping[str, Spent], later: Mapping[str, Spent]) -> Iterable[Sequence[int]]:
    """Give the buckets of each histogram, less what was in them before."""
    for name, one in later.items():
        before = earlier[name]["buckets"] if name in earlier else [0] * len(one["buckets"])
        yield list(map(sub, one["buckets"], before))


def _sum(histograms: Iterable[Sequence[int]]) -> list[int]:
    return [sum(buckets) for buckets in zip(*histograms, strict=True)]
