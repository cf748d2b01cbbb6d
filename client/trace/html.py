"""A diagram as the lab's page in one file: it plays without a server and without a network.

Rule: who has no scripts gets the diagram in text, and what happened in words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..lab.saved import page
from . import drawing, jsonl
from .merged import Diagram
from .wording import said

__all__ = ["lines"]

_WIDTH = 100
"""Columns of the picture in text."""


def lines(diagram: Diagram) -> Iterator[str]:
    """Make the file, without its last end of line."""
    clock = time.strftime("%d %b %Y %H:%M:%S", time.localtime(diagram.rows[0].at))
    yield page(
        "\n".join(jsonl.lines(diagram)),
        title=f"kvrmi, {len(diagram.rows)} events from {clock}",
        story=list(_story(diagram)),
        still="\n".join(line.text for line in drawing.drawn(diagram, _WIDTH)),
    )


def _story(diagram: Diagram) -> Iterator[str]:
    first = diagram.rows[0].at
    for row in diagram.rows:
        perhaps = " (perhaps before the one above)" if row.unsure else ""
        yield f"{row.at - first:.4f} s: replica {row.replica} {said(row.event)}{perhaps}"
