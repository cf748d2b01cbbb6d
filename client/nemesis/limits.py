"""What a run must reach to pass, beside a history without fault.

Rule: the figures of time bind from five minutes on, where there are enough of each fault; that
something was failed and that writes went on binds always. It judges a report and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .plan import WHOLE, Mix
from .report import Pauses, Report

__all__ = ["shortfalls"]

LONG = 300.0
"""Seconds from which on a run has to reach everything."""
KILLS = 10.0
"""Processes killed in a minute, at least."""
MEDIAN, P99 = 1.0, 2.0
"""Seconds without a write after a leader's SIGKILL, at most."""
ONE_WAY, PARTIAL = 3.0, 5.0
"""Seconds without a write after a cut, at most."""
PAUSES = {
    "cut deaf": ONE_WAY,
    "cut mute": ONE_WAY,
    "cut pair": PARTIAL,
    "cut chain": PARTIAL,
    "cut star": PARTIAL,
    "cut split": PARTIAL,
    "cut isolated": PARTIAL,
}


def shortfalls(report: Report, mix: Mix = WHOLE) -> list[str]:
    """List what was not reached; a mix of one's own has to reach what always binds."""
    found = list(_always(report, mix))
    if report.seconds >= LONG and mix == WHOLE:
        found += _in_the_long_run(report)
    return found


def _always(report: Report, mix: Mix) -> Iterator[str]:
    if not report.outcomes.get("ok"):
        yield "nothing was answered"
    if mix == WHOLE and not report.kills.get("replica"):
        yield "no replica was killed: give it more time"
    if not any(report.faults.values()):
        yield "nothing was failed: give it more time"
    if math.isinf(report.leader_kills.longest or 0.0):
        yield "no write was acknowledged after a leader was killed"


def _in_the_long_run(report: Report) -> Iterator[str]:
    kills = sum(report.kills.values())
    if kills < KILLS * report.seconds / 60:
        yield f"{kills} kills in {report.seconds:.0f} s, less than {KILLS:.0f} a minute"
    after = report.leader_kills
    if after.median is None:
        yield "no leader was killed"
    else:
        yield from _over("a leader's SIGKILL, median", after.median, MEDIAN)
        yield from _over("a leader's SIGKILL, p99", after.p99, P99)
    for name, limit in PAUSES.items():
        for aim, pauses in report.by_fault.items():
            if aim.startswith(f"{name},"):
                yield from _over(aim, _longest(pauses), limit)


def _longest(pauses: Pauses) -> float:
    return pauses.longest or 0.0


def _over(what: str, seconds: float | None, limit: float) -> Iterator[str]:
    if seconds is not None and seconds > limit:
        yield f"writes paused {seconds:.2f} s after {what}: more than {limit:.1f} s"
