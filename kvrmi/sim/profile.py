"""Which misfortunes a run is made of, and how many replicas it has.

Rule: a profile is a list of names of a protocol's faults, drawn with equal chance: one named twice
comes twice as often.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Profile"]

SIZES = (5, 3, 5, 5, 4, 5, 3, 5, 5, 3, 5, 4, 5, 5, 3, 5, 2, 5, 5, 1)
"""Replicas: mostly five; one or two where that makes sense."""


class Profile(NamedTuple):
    """A mix of faults; `keeps` are lengths of the log to draw from."""

    name: str
    about: str
    faults: tuple[str, ...]
    keeps: tuple[int, ...] = (3, 10, 1000)
    pauses: tuple[float, ...] = (0.1, 0.3, 0.8)
    """Mean seconds between faults, one of which is drawn."""

    least: int = 1
    """Fewest replicas with which it means anything."""

    def size(self, turn: int) -> int:
        """Return how many replicas there are when a protocol's profiles take their turn-th turn."""
        size = SIZES[turn % len(SIZES)]
        return size if size >= self.least else SIZES[0]
