"""Checks of what replicas run on: versions, clocks, times, memory, what was dropped.

Rules: as in finding.py; what is within the error of its measurement is no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from statistics import median
from typing import Any

from .finding import Check, Finding, Severity, Skipped
from .running import log_of
from .seen import Clock, Seen

__all__ = ["COMPUTERS"]

_LATELY = 300.0
"""Seconds: a replica that runs for less was restarted in the last minutes."""
_KEPT = 10.0
"""Seconds of events that should be kept: a busy leader's ring holds those of some twenty."""
_DAY = 1.0
"""Seconds by which times of day may differ before logs are hard to compare."""
_ENOUGH = 100
"""Syncs from which on the slowest in a hundred means something."""
_MEMORY = 128 << 20
"""Bytes of a computer's memory that should be free."""


def _need_about(seen: Seen) -> None:
    if not seen.about:
        raise Skipped("no replica reports it")


def _versions(seen: Seen) -> Iterator[Finding]:
    _need_about(seen)
    yield from _differing(
        "kvrmi",
        {"this client": seen.mine["version"]} | _by_replica(seen, lambda one: one["version"]),
        "Replicas of two versions may not take each other's messages; that is meant for the time "
        "of an upgrade, and no longer.",
        "install one version everywhere, then restart the replicas one by one",
    )


def _packages(seen: Seen) -> Iterator[Finding]:
    _need_about(seen)
    for name, own in {"Python": seen.mine["python"], **seen.mine["packages"]}.items():
        theirs = _by_replica(
            seen,
            lambda one, n=name: one["packages"].get(n, one["python"]),
        )
        yield from _differing(
            name,
            {"this client": own} | theirs,
            "They work together as far as known; errors that only some replicas have may come "
            "from this.",
            "install the same in all environments: pip install . in the same folder of kvrmi",
        )


def _by_replica(seen: Seen, part: Any) -> dict[str, str]:
    return {f"replica {one}": part(about) for one, about in seen.about.items()}


def _differing(
    name: str, versions: Mapping[str, str], means: str, advice: str
) -> Iterator[Finding]:
    users: dict[str, list[str]] = {}
    for who, version in versions.items():
        users.setdefault(version, []).append(who)
    if len(users) > 1:
        listed = "; ".join(f"{version}: {', '.join(who)}" for version, who in users.items())
        yield Finding(f"versions of {name} differ ({listed})", means, advice)


def _restarts(seen: Seen) -> Iterator[Finding]:
    up = {
        entry["id"]: counters["uptime"]
        for entry in seen.answering
        if (counters := entry.get("counters"))
    }
    longest = max(up.values(), default=0)
    for one, uptime in up.items():
        if uptime < min(_LATELY, longest / 2):
            yield Finding(
                f"replica {one} was started {uptime:.0f} s ago, another one {longest:.0f} s ago",
                "It was restarted by an order or by hand, or its process had ended.",
                f"grep 'replica {one}' {seen.data / 'coordinator.log'} | tail"
                if seen.coordinated
                else f"tail -n 50 {log_of(seen, one)}",
            )


def _rates(seen: Seen) -> Iterator[Finding]:
    fastest, slowest = _extremes(seen, lambda clock: clock.rate)
    (a, fast), (b, slow) = fastest, slowest
    apart, unsure = fast.rate - slow.rate, fast.rate_unsure + slow.rate_unsure
    if apart - unsure > seen.cluster.timing.drift:
        yield Finding(
            f"the clock of replica {a} runs {apart:.1%} faster than that of replica {b} "
            f"(measured to {unsure:.1%})",
            f"Leases allow {seen.cluster.timing.drift:.1%} (timing.drift): beyond that a former "
            "leader may answer reads that are old.",
            "mend that machine's clock, or stop everything and give timing.drift a higher value",
        )


def _days(seen: Seen) -> Iterator[Finding]:
    (a, first), (b, last) = _extremes(seen, lambda clock: clock.ahead)
    apart, unsure = first.ahead - last.ahead, first.ahead_unsure + last.ahead_unsure
    if apart - unsure > _DAY:
        yield Finding(
            f"the time of day at replica {a} is {apart:.1f} s ahead of that at replica {b}",
            "Nothing is decided by it, but the lines of two logs cannot be put in order.",
            "timedatectl, on both hosts",
        )


def _extremes(seen: Seen, by: Any) -> tuple[tuple[int, Clock], tuple[int, Clock]]:
    if len(seen.clocks) < 2:
        raise Skipped("the clocks of two replicas are needed")
    ordered = sorted(seen.clocks.items(), key=lambda one: by(one[1]))
    return ordered[-1], ordered[0]


def _lease(seen: Seen) -> Iterator[Finding]:
    times = seen.cluster.timing
    for one, (sync, trip) in _waits(seen).items():
        if sync + trip > times.usable_lease / 2:
            yield Finding(
                f"replica {one}: 1 of 100 syncs takes {_ms(sync)} or more, a round trip "
                f"{_ms(trip)}; the lease is {_ms(times.lease)}",
                "A leader whose own write hangs for longer than its lease steps down, and others "
                "campaign after a silence little longer.",
                "put the data on a faster disk, or stop everything and multiply timing.lease, "
                "election_min and election_max alike",
            )


def _answers(seen: Seen) -> Iterator[Finding]:
    limit = seen.cluster.timing.answer
    for one, (sync, trip) in _waits(seen).items():
        if limit / 2 < sync + trip:
            yield Finding(
                f"replica {one}: a sync and a round trip take {_ms(sync + trip)} or more in 1 of "
                f"100 cases; a peer waits {_ms(limit)} for an answer (timing.answer)",
                "A peer's connection is closed and made anew after an answer that is later, and "
                "the batch waits for the next replica.",
                "put the data on a faster disk, or stop everything and raise timing.answer",
            )


def _waits(seen: Seen) -> dict[int, tuple[float, float]]:
    """Return by replica the time of its voter's slow syncs, and the usual round trip to it."""
    found = {}
    for entry in seen.answering:
        counters, one = entry.get("counters"), entry["id"]
        spent = counters and counters["syncs"].get(entry.get("voter") or "")
        if counters and spent and one in seen.clocks and sum(spent["buckets"]) >= _ENOUGH:
            sync = _hundredth(counters["bounds"], spent["buckets"])
            found[one] = (sync, median(seen.clocks[one].trips))
    if not found:
        raise Skipped(f"no replica has synced {_ENOUGH} times, or none could be asked")
    return found


def _hundredth(bounds: Iterable[float], buckets: Iterable[int]) -> float:
    """Return what 1 of 100 takes at least: the lower bound of its bucket."""
    counts = list(buckets)
    below = zip((0.0, *bounds), accumulate(counts), strict=True)
    return next(bound for bound, so_far in below if so_far >= 0.99 * sum(counts))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _events(seen: Seen) -> Iterator[Finding]:
    _need_about(seen)
    for one, about in seen.about.items():
        events, clock = about["events"], about["clock"]
        if events["count"] > events["kept"] and clock - events["oldest"] < _KEPT:
            yield Finding(
                f"replica {one} keeps the events of the last {clock - events['oldest']:.0f} s only",
                "It keeps a fixed number, and more happens than usual. Who asks for events more "
                "rarely than that misses some; its log has them all.",
                f"tail -n 200 {log_of(seen, one)}",
            )


def _log_lines(seen: Seen) -> Iterator[Finding]:
    _need_about(seen)
    for one, about in seen.about.items():
        if about["log_dropped"]:
            yield Finding(
                f"replica {one} left {about['log_dropped']} lines out of its log since its start",
                "The disk was full or too slow for it; the log does not show all that happened.",
                f"df -h {log_of(seen, one)}",
            )


def _memory(seen: Seen) -> Iterator[Finding]:
    computers: dict[str, tuple[int, int]] = {}
    for entry in seen.answering:
        about, counters = seen.about.get(entry["id"]), entry.get("counters")
        used = (counters and counters["memory"]) or 0
        if about and about["memory_free"] is not None:
            free, largest = computers.get(about["host"], (about["memory_free"], 0))
            computers[about["host"]] = (min(free, about["memory_free"]), max(largest, used))
    if not computers:
        raise Skipped("no replica reports it")
    for host, (free, largest) in computers.items():
        if free < max(_MEMORY, largest):
            yield Finding(
                f"{free >> 20} MiB of memory are free on {host}, where a replica takes "
                f"{largest >> 20} MiB",
                "All data are in memory; the system kills a process when none is left, and what "
                "is swapped out answers late.",
                "free -m, and make room, or move replicas to hosts of their own",
            )


COMPUTERS = (
    Check("versions", "of kvrmi, at the replicas and here", Severity.WARNING, _versions),
    Check("packages", "Python and packages, there and here", Severity.NOTE, _packages),
    Check("restarts", "who was started in the last minutes", Severity.WARNING, _restarts),
    Check("clock rates", "the clocks of leases, against each other", Severity.DANGER, _rates),
    Check("times of day", "how far they are apart", Severity.NOTE, _days),
    Check("lease", "against syncs and round trips", Severity.WARNING, _lease),
    Check("answers", "timing.answer against the same", Severity.WARNING, _answers),
    Check("events", "whether those of the last minutes are kept", Severity.NOTE, _events),
    Check("log lines", "whether all were written", Severity.WARNING, _log_lines),
    Check("memory", "what is free where replicas run", Severity.WARNING, _memory),
)
