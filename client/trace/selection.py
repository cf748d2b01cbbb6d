"""Which part of a diagram is asked for.

Rule: what went wrong meanwhile is always part of it: a slot without the failures around it explains
nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from .merged import Diagram
from .wording import TROUBLE

__all__ = ["LAST", "NotKept", "Wish", "selected"]

LAST = 60
"""Events that are shown where nothing else is asked for."""


class NotKept(Exception):
    """Nothing of what is asked for is kept; the text says what is."""


class Wish(NamedTuple):
    """What is asked for: one of these, or the last events."""

    slot: int | None = None
    last: int | None = None
    since: float | None = None
    """Seconds of the day's clock."""


def selected(diagram: Diagram, wish: Wish) -> Diagram:
    """Return the part that is asked for. Raises NotKept."""
    rows = diagram.rows
    if wish.slot is not None:
        return _slot(diagram, wish.slot)
    if wish.since is not None:
        since = wish.since
        first = next((number for number, row in enumerate(rows) if row.at >= since), None)
        if first is None:
            raise NotKept("no replica has an event since then; --last shows the last ones")
        return diagram._replace(rows=rows[first:], earlier=rows[:first])
    if not rows:
        raise NotKept("no replica has an event yet")
    first = max(len(rows) - (wish.last or LAST), 0)
    return diagram._replace(rows=rows[first:], earlier=rows[:first])


def _slot(diagram: Diagram, slot: int) -> Diagram:
    rows = diagram.rows
    of_slot = [number for number, row in enumerate(rows) if row.event["slot"] == slot]
    if not of_slot:
        raise NotKept(f"no replica keeps an event of slot {slot}: {_nearest(diagram, slot)}")
    meanwhile = range(of_slot[0], of_slot[-1])
    shown = {*of_slot, *(n for n in meanwhile if rows[n].event["event"] in TROUBLE)}
    return diagram._replace(
        rows=[rows[number] for number in sorted(shown)], earlier=rows[: of_slot[0]]
    )


def _nearest(diagram: Diagram, slot: int) -> str:
    kept = sorted({row.event["slot"] for row in diagram.rows} - {0})
    if not kept:
        return "none is kept yet"
    near = min(kept, key=lambda one: abs(one - slot))
    return (
        f"they keep {kept[0]} to {kept[-1]}, under load not every one; the nearest is {near}. "
        f"`LOG --from {slot}` shows what was chosen"
    )
