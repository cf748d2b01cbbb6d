"""How values look on a terminal, and how elsewhere.

Rules: on a terminal a value stands in a form that can be typed again, cut in the middle when long;
nothing in it can move the cursor. Elsewhere text is raw, and bytes in the same form, whole.
"""

from __future__ import annotations

from kvrmi.columns import width

from .grammar.literal import typed

__all__ = ["COLUMNS", "cut"]

COLUMNS = 500
"""A longer value is cut, unless all of it is asked for."""


def cut(value: str | bytes, columns: int = COLUMNS) -> str:
    """Write a value as it can be typed; one that is wider is cut in the middle, with its size."""
    if len(value) <= columns and width(whole := typed(value)) <= columns:
        return whole
    size = len(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
    note = f" ({size:,} bytes)"
    room = max(columns - width(note) - 4, 12)
    head = _part(value, room * 2 // 3, last=False)
    return f"{head} .. {_part(value, room - width(head), last=True)}{note}"


def _part(value: str | bytes, columns: int, last: bool) -> str:
    """Write as many of the first characters, or of the last, as fit; perhaps none."""
    taken = columns
    while taken:
        shown = typed(value[-taken:] if last else value[:taken])
        if width(shown) <= columns:
            return shown
        taken = min(taken - 1, taken * columns // width(shown))
    return ""
