"""Draws a diagram in text: a column a replica, time down, a line an event, arrows from the sender.

Rules: what is certain is drawn solid; `~` marks an order that is not known, `?` a message whose
leaving no event shows, `:` a replica of which nothing is known then. A message without a sign of
arrival has a line of its own, since what is lost explains most. It asks nobody and prints nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kvrmi.columns import wrapped

from .merged import Diagram, Row
from .messages import ARRIVED, UNKNOWN, Message
from .wording import TROUBLE, said

__all__ = ["Line", "drawn"]

_GAP = 4
"""Columns from one replica to the next."""
_TIME = 11
_QUIET = 1.0
"""Seconds without an event that get a line."""
_NARROWEST = 24
"""Columns that words have, however narrow the terminal is."""
_SIGNS = {
    "chosen": "*", "failed": "x", "restarted": "+", "started": "+", "cut": "/", "healed": "=",
}  # fmt: skip


class Line(NamedTuple):
    """A line, and what of it deserves a colour: "", "trouble", "good" or "faint"."""

    text: str
    tone: str = ""


def drawn(diagram: Diagram, width: int) -> Iterator[Line]:
    """Draw it in lines of at most so many columns, where words leave that much room."""
    yield from _head(diagram, width)
    canvas = _Canvas(diagram, width)
    first = before = diagram.rows[0].at
    for row in diagram.rows:
        if row.at - before > _QUIET:
            yield canvas.quiet(row.at, row.at - before)
        before = row.at
        yield from canvas.event(row, row.at - first)
        for message in row.left:
            if message.fate not in (ARRIVED, UNKNOWN):
                yield from canvas.vanished(row, message)
    yield from _foot(diagram, width)


def _head(diagram: Diagram, width: int) -> Iterator[Line]:
    first = diagram.rows[0].at
    clock = time.strftime("%d %b %H:%M:%S", time.localtime(first)) + f"{first % 1:.3f}"[1:]
    yield Line(f"{len(diagram.rows)} events; 0 is {clock}", "good")
    for id, why in diagram.rings.silent.items():
        lacking = f"replica {id}'s own events are not here: {why}"
        yield from (Line(text, "trouble") for text in wrapped(lacking, width).splitlines())
    names = "".join(f"{id:<{_GAP}}" for id in diagram.rings.ids)
    yield Line(f"{'seconds':>{_TIME - 1}}  {names}".rstrip(), "good")


def _foot(diagram: Diagram, width: int) -> Iterator[Line]:
    signs = ["* chosen, leads", "x fails", "+ starts", "-->o arrives", "--x is lost"]
    if diagram.rings.silent or any(row.at < max(diagram.begins.values()) for row in diagram.rows):
        signs += [": nothing is known of it then"]
    if any(row.came and not row.came.sent for row in diagram.rows):
        signs += ["?-> when it left is not known"]
    if any(row.unsure for row in diagram.rows):
        signs += ["~ perhaps before the line above"]
    yield from (Line(text, "faint") for text in wrapped("; ".join(signs), width).splitlines())


class _Canvas:
    """Where things stand in a line."""

    def __init__(self, diagram: Diagram, width: int) -> None:
        self._at: Mapping[int, int] = {
            id: place * _GAP for place, id in enumerate(diagram.rings.ids)
        }
        self._begins = diagram.begins
        left = _TIME + len(self._at) * _GAP
        self._words = max(width - left - 2, _NARROWEST)

    def event(self, row: Row, seconds: float) -> Iterator[Line]:
        """Draw an event, with the message that it shows to have come."""
        cells = self._bars(row.at)
        if row.came is not None and row.came.sender != row.replica:
            self._arrow(cells, row.came.sender, row.replica, row.came.sent is not None)
        name = row.event["event"]
        mine = name == "leads" and row.event["peer"] == row.replica
        cells[self._at[row.replica]] = "*" if mine else _SIGNS.get(name, "o")
        tone = "trouble" if name in TROUBLE else "good" if mine or name == "chosen" else ""
        words = f"{row.replica} {said(row.event)}"
        mark = "~" if row.unsure else " "
        yield from self._lines(f"{mark}{seconds:{_TIME - 2}.4f} ", cells, words, tone, row.at)

    def vanished(self, row: Row, message: Message) -> Iterator[Line]:
        """Draw a message that did not arrive: it ends half way."""
        cells = self._bars(row.at)
        start, goal = self._at[message.sender], self._at[message.to]
        end = (start + goal) // 2 if abs(goal - start) > _GAP else (start + 2 * goal) // 3
        for place in range(min(start, end), max(start, end) + 1):
            cells[place] = "-"
        cells[start], cells[end] = "o", "x"
        words = f"{message.kind} to {message.to}: {message.why}"
        yield from self._lines(" " * _TIME, cells, words, "trouble", row.at)

    def quiet(self, at: float, seconds: float) -> Line:
        """Draw that nothing is recorded for so long."""
        cells = "".join(self._bars(at)).replace("|", ".")
        return Line(f"{' ' * _TIME} {cells} {seconds:.1f} s without an event", "faint")

    def _bars(self, at: float) -> list[str]:
        cells = [" "] * (len(self._at) * _GAP)
        for id, place in self._at.items():
            known = id in self._begins and at >= self._begins[id]
            cells[place] = "|" if known else ":"
        return cells

    def _arrow(self, cells: list[str], sender: int, to: int, sure: bool) -> None:
        start, goal = self._at[sender], self._at[to]
        step = 1 if goal > start else -1
        for place in range(start + step, goal, step):
            cells[place] = "-"
        cells[goal - step] = ">" if step > 0 else "<"
        if not sure:
            cells[start + step] = "?"

    def _lines(
        self, margin: str, cells: Sequence[str], words: str, tone: str, at: float
    ) -> Iterator[Line]:
        first, *rest = wrapped(words, self._words, rest="  ").splitlines() or [""]
        yield Line(f"{margin} {''.join(cells)} {first}".rstrip(), tone)
        bars = "".join(self._bars(at))
        for text in rest:
            yield Line(f"{' ' * _TIME} {bars} {text}", tone)
