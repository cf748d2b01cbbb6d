"""The events of all replicas in one order: what caused something stands above it.

Rules: a replica's events keep their order, and a message comes after it left; where that leaves a
choice, the clocks decide. Two neighbours whose order neither causes nor clocks decide are marked.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .clocks import Clocks
from .messages import Message, Place, messages
from .rings import Event, Rings

__all__ = ["Diagram", "Row", "merged"]


class Row(NamedTuple):
    """An event, and the messages that it is evidence of."""

    at: float
    """Seconds of the day's clock, as well as they are known."""
    replica: int
    event: Event
    came: Message | None
    left: Sequence[Message]
    """What is known to have left with it."""
    unsure: bool
    """Whether it may as well have been before the row above."""


class Diagram(NamedTuple):
    """All rows, and what they are of."""

    rings: Rings
    rows: Sequence[Row]
    earlier: Sequence[Row]
    """Those before the part that is shown: what was so when it begins."""
    begins: Mapping[int, float]
    """Since when all events of a replica are here; absent: it did not answer."""


def merged(rings: Rings) -> Diagram:
    """Bring what the replicas keep into one order."""
    found = messages(rings)
    both = [(one.sent, one.came) for one in found if one.sent and one.came]
    clocks = Clocks(
        rings.rings,
        [(a[0], _time(rings, a), b[0], _time(rings, b)) for a, b in both if a and b],
    )
    times = {
        (id, index): event["time"] + clocks.offset(id) + rings.wall
        for id, ring in rings.rings.items()
        for index, event in enumerate(ring.events)
    }
    causes = _causes(rings, [(a, b) for a, b in both if a and b])
    order = _sorted(times, causes)
    unsure = _unsure(order, times, causes, clocks)
    begins = {id: ring.begins + clocks.offset(id) + rings.wall for id, ring in rings.rings.items()}
    return Diagram(rings, _rows(rings, order, times, found, unsure), (), begins)


def _time(rings: Rings, place: Place) -> float:
    at: float = rings.rings[place[0]].events[place[1]]["time"]
    return at


def _causes(rings: Rings, pairs: Sequence[tuple[Place, Place]]) -> dict[Place, list[Place]]:
    """List what comes before each event: its replica's last one, and what it received."""
    causes: defaultdict[Place, list[Place]] = defaultdict(list)
    for id, ring in rings.rings.items():
        for index in range(1, len(ring.events)):
            causes[id, index].append((id, index - 1))
    for sent, came in pairs:
        causes[came].append(sent)
    return causes


def _sorted(
    times: Mapping[Place, float], causes: Mapping[Place, Sequence[Place]]
) -> Sequence[Place]:
    """Sort by cause, then by time; in a circle of causes, which only a mistake makes, by time."""
    effects: defaultdict[Place, list[Place]] = defaultdict(list)
    open_causes = {place: len(causes.get(place, ())) for place in times}
    for place, before in causes.items():
        for cause in before:
            effects[cause].append(place)
    ready = [(times[place], place) for place, count in open_causes.items() if not count]
    heapq.heapify(ready)
    late = sorted(times, key=times.__getitem__, reverse=True)
    order: dict[Place, None] = {}
    while len(order) < len(times):
        place = heapq.heappop(ready)[1] if ready else late.pop()
        if place in order:
            continue
        order[place] = None
        for effect in effects[place]:
            open_causes[effect] -= 1
            if not open_causes[effect]:
                heapq.heappush(ready, (times[effect], effect))
    return list(order)


def _unsure(
    order: Sequence[Place],
    times: Mapping[Place, float],
    causes: Mapping[Place, Sequence[Place]],
    clocks: Clocks,
) -> set[Place]:
    """Find events whose order to the one above is not known; by vector clocks."""
    known: dict[Place, dict[int, int]] = {}
    found = set()
    last: Place | None = None
    for place in order:
        vector = {place[0]: place[1]}
        for cause in causes.get(place, ()):
            for id, index in known.get(cause, {}).items():
                vector[id] = max(vector.get(id, -1), index)
        known[place] = vector
        if last is not None and vector.get(last[0], -1) < last[1]:
            apart = abs(times[place] - times[last])
            if apart <= clocks.error(place[0], last[0]):
                found.add(place)
        last = place
    return found


def _rows(
    rings: Rings,
    order: Sequence[Place],
    times: Mapping[Place, float],
    found: Sequence[Message],
    unsure: set[Place],
) -> list[Row]:
    came = {one.came: one for one in found if one.came is not None}
    left: defaultdict[Place, list[Message]] = defaultdict(list)
    for one in found:
        if one.sent is not None:
            left[one.sent].append(one)
    return [
        Row(
            times[place],
            place[0],
            rings.rings[place[0]].events[place[1]],
            came.get(place),
            left.get(place, ()),
            place in unsure,
        )
        for place in order
    ]
