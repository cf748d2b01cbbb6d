"""A diagram as a mermaid sequence diagram, for pages that draw those: a README, an issue, notes.

Rule: mermaid has neither times nor crossing arrows, so the order of lines is all that it shows of
time. What its grammar would take for its own is written as entities.
"""

from __future__ import annotations

from collections.abc import Iterator

from .merged import Diagram, Row
from .messages import ARRIVED, UNKNOWN, Message
from .wording import TROUBLE, kind, said

__all__ = ["lines"]

_TOLD = TROUBLE | {"chosen", "commit", "healed", "leads", "leads open", "restarted", "started"}
"""Events that get a note; of others their messages say enough."""
_OWN = str.maketrans({"#": "#35;", ";": "#59;", "<": "#60;", ">": "#62;", "%": "#37;"})


def lines(diagram: Diagram) -> Iterator[str]:
    """Make all lines, without their ends."""
    yield "sequenceDiagram"
    for id in diagram.rings.ids:
        gone = " (no events)" if id in diagram.rings.silent else ""
        yield f"    participant r{id} as replica {id}{gone}"
    for row in diagram.rows:
        yield from _row(row)


def _row(row: Row) -> Iterator[str]:
    if row.came is not None and row.came.sender != row.replica:
        unsure = " (when it left is not known)" if row.came.sent is None else ""
        yield f"    r{row.came.sender}->>r{row.replica}: {_safe(kind(row.came) + unsure)}"
    if row.event["event"] in _TOLD:
        perhaps = " (perhaps before the line above)" if row.unsure else ""
        yield f"    Note over r{row.replica}: {_safe(said(row.event) + perhaps)}"
    yield from (_vanished(one) for one in row.left if one.fate not in (ARRIVED, UNKNOWN))


def _vanished(message: Message) -> str:
    return f"    r{message.sender}-xr{message.to}: {_safe(f'{kind(message)}, {message.why}')}"


def _safe(text: str) -> str:
    return text.translate(_OWN)
