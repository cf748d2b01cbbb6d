"""The sum of the hashes of all rows at some moment, computed when it is asked for.

Rules: once made, what it is does not change, whoever computes it and when; any thread may. What
it is made of is kept until then, and no longer. It knows no table and no disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..operations.interface import Value
from .rows import row_hash

__all__ = ["RowSum"]

_SPACE = 1 << 256
_Changed: TypeAlias = tuple[Mapping[str, Value | None], Sequence[Value | None]]
"""What rows held, and then what they hold, in the same order; None: absent."""


class RowSum:
    """A number below 2**256, perhaps yet to be computed of another one and what changed since."""

    __slots__ = ("_changed", "_total")

    def __init__(self, total: int = 0) -> None:
        """Hold a sum that is known."""
        self._total = total % _SPACE
        self._changed: tuple[RowSum, _Changed] | None = None

    def changed(self, held: Mapping[str, Value | None], now: Sequence[Value | None]) -> RowSum:
        """Give the sum after rows changed: what each held, and holds; leave both alone."""
        then = RowSum()
        then._changed = self, (held, now)
        return then

    @property
    def total(self) -> int:
        """The number."""
        one, later = self, []
        while (uncounted := one._changed) is not None:
            later.append((one, uncounted[1]))
            one = uncounted[0]
        # Two threads that compute it at a time find the same.
        for following, changed in reversed(later):
            following._total = (one._total + _difference(*changed)) % _SPACE
            following._changed = None
            one = following
        return one._total


def _difference(held: Mapping[str, Value | None], now: Sequence[Value | None]) -> int:
    total = 0
    for (key, old), new in zip(held.items(), now, strict=True):
        if old is not None:
            total -= row_hash(key, old)
        if new is not None:
            total += row_hash(key, new)
    return total
