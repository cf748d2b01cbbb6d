"""A replica's clocks beside this machine's, measured over somewhat more than a second.

Rule: a question and its answer take time, so the moment at which a clock was read is only known to
lie between the two; the quickest of several at each end says how unsure the result is. It judges
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .seen import Clock

__all__ = ["SECONDS", "measure"]

SECONDS = 1.2
"""Between the two looks at a clock."""
_TIMES = 10
"""Questions at each end."""


class _Reading(NamedTuple):
    """A replica's clocks, and ours in the middle of a round trip of so many seconds."""

    trip: float
    day: float
    clock: float
    our_day: float
    our_clock: float


def measure(ask: Callable[[], Any]) -> Clock:
    """Measure by `ask`, which returns the time of day and the clock. Raises what it raises."""
    before = [_read(ask) for _ in range(_TIMES)]
    time.sleep(SECONDS)
    after = [_read(ask) for _ in range(_TIMES)]
    first, last = min(before), min(after)
    passed = last.our_clock - first.our_clock
    return Clock(
        rate=(last.clock - first.clock) / passed - 1,
        rate_unsure=(first.trip + last.trip) / 2 / passed,
        ahead=last.day - last.our_day,
        ahead_unsure=last.trip / 2,
        trips=tuple(one.trip for one in (*before, *after)),
    )


def _read(ask: Callable[[], Any]) -> _Reading:
    began, day = time.monotonic(), time.time()
    theirs, clock = ask()
    trip = time.monotonic() - began
    return _Reading(trip, theirs, clock, day + trip / 2, began + trip / 2)
