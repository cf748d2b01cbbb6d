"""Cursors of SCAN: numbers for clients, keys for the store.

Rule: only so many are kept, the ones that were asked for last; a cursor that is not known any more
is refused, never taken for another. It knows no connection: a client may go on over another one.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import count

__all__ = ["KEPT", "Cursors"]

KEPT = 1000


class Cursors:
    """Those of one gateway."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers = count(1)
        self._starts: OrderedDict[int, str] = OrderedDict()

    def after(self, key: str) -> int:
        """Make the cursor that goes on after a key."""
        number = next(self._numbers)
        self._starts[number] = key
        if len(self._starts) > KEPT:
            self._starts.popitem(last=False)
        return number

    def start(self, number: int) -> str | None:
        """Return the key after which to go on, "" for the beginning; None: it is not known."""
        if number == 0:
            return ""
        if number in self._starts:
            self._starts.move_to_end(number)
        return self._starts.get(number)
