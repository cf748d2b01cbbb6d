"""What stands at the cursor of a block, made out once for all who draw it.

Rule: it takes time in proportion to the block, and drawing asks for it again and again, so the last
ones are kept. It asks nobody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..grammar.lexer import Line, read
from ..grammar.place import Place, place
from . import blocks

__all__ = ["Cursor", "at_cursor"]


class Cursor(NamedTuple):
    """The command before the cursor, the last of its block: its text, its words, its place."""

    text: str
    line: Line
    place: Place
    commands: int
    """How many there are in the block, this one included."""


@lru_cache(maxsize=2)
def at_cursor(block: str) -> Cursor:
    """Make out what stands at the end of a block, the text before the cursor. Never raises."""
    text = blocks.last(block)
    count = sum(1 for _ in blocks.commands(block))
    return Cursor(text, read(text), place(text, len(text)), count)
