"""All keys in code point order, in blocks, so that no single put or delete costs O(n).

Rule: one sorted list would move or sort a million keys under the interpreter's lock, and the
replica would miss its own heartbeats; a block never exceeds a bound.
It holds keys and nothing else; whether a key is new is for the caller to know.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import islice

__all__ = ["SortedKeys"]

_BLOCK = 512
"""Keys a block is filled to when built; it is split at twice as many."""


class SortedKeys:
    """A sorted set of str."""

    def __init__(self, ordered: Iterable[str] = ()) -> None:
        """Take keys that are in order and differ."""
        keys = iter(ordered)
        self._blocks: list[list[str]] = []
        while block := list(islice(keys, _BLOCK)):
            self._blocks.append(block)
        self._lasts = [block[-1] for block in self._blocks]

    def add(self, key: str) -> None:
        """Insert a key that is not in it."""
        if not self._blocks:
            self._blocks.append([key])
            self._lasts.append(key)
            return
        # A key beyond all others lengthens the last block.
        at = min(bisect_left(self._lasts, key), len(self._blocks) - 1)
        block = self._blocks[at]
        insort(block, key)
        self._lasts[at] = block[-1]
        if len(block) > 2 * _BLOCK:
            self._split(at)

    def _split(self, at: int) -> None:
        block = self._blocks[at]
        self._blocks[at : at + 1] = [block[:_BLOCK], block[_BLOCK:]]
        self._lasts[at : at + 1] = [block[_BLOCK - 1], block[-1]]

    def remove(self, key: str) -> None:
        """Remove a key that is in it."""
        at = bisect_left(self._lasts, key)
        block = self._blocks[at]
        del block[bisect_left(block, key)]
        if block:
            self._lasts[at] = block[-1]
        else:
            del self._blocks[at], self._lasts[at]

    def since(self, key: str) -> Iterator[str]:
        """Yield the keys from `key` on, in order; do not change the set meanwhile."""
        at = bisect_left(self._lasts, key)
        if at < len(self._blocks):
            block = self._blocks[at]
            yield from islice(block, bisect_left(block, key), None)
            yield from self._after_block(at)

    def after(self, key: str) -> Iterator[str]:
        """Yield the keys after `key`, in order; do not change the set meanwhile."""
        at = bisect_right(self._lasts, key)
        if at < len(self._blocks):
            block = self._blocks[at]
            yield from islice(block, bisect_right(block, key), None)
            yield from self._after_block(at)

    def _after_block(self, at: int) -> Iterator[str]:
        for block in islice(self._blocks, at + 1, None):
            yield from block
