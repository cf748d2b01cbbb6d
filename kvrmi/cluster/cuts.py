"""The fault table: which replicas cannot hear which, on purpose, or hear them late.

Rules: a cut has a direction, so has a delay; the tables are replaced, never changed, so that a
message on its way asks without a lock. It drops nothing itself and knows no message.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

__all__ = ["Cuts"]


class Cuts:
    """Directed cuts and delays between replica ids; any thread may use it."""

    def __init__(self) -> None:
        """Begin without a cut."""
        self._cuts: frozenset[tuple[int, int]] = frozenset()
        self._delays: Mapping[tuple[int, int], float] = {}
        self._writing = threading.Lock()

    def passes(self, sender: int, receiver: int) -> bool:
        """Whether a message from `sender` reaches `receiver`."""
        return (sender, receiver) not in self._cuts

    def delay(self, sender: int, receiver: int) -> float:
        """How many seconds late a message from `sender` reaches `receiver`."""
        return self._delays.get((sender, receiver), 0.0) if self._delays else 0.0

    def slow(self, sender: int, receiver: int, seconds: float) -> None:
        """Delay what `sender` sends to `receiver`; 0 ends that."""
        with self._writing:
            others = {
                pair: each for pair, each in self._delays.items() if pair != (sender, receiver)
            }
            self._delays = others | ({(sender, receiver): seconds} if seconds else {})

    def delays(self) -> list[tuple[int, int, float]]:
        """List what is delayed as (sender, receiver, seconds), sorted."""
        return sorted((*pair, seconds) for pair, seconds in self._delays.items())

    def cut(self, sender: int, receiver: int) -> bool:
        """Drop what `sender` sends to `receiver`. False: it was dropped already."""
        with self._writing:
            before = self._cuts
            self._cuts = before | {(sender, receiver)}
            return self._cuts != before

    def heal(self, sender: int | None = None, receiver: int | None = None) -> list[tuple[int, int]]:
        """End the cuts and delays from `sender` to `receiver`; None stands for any.

        Returns the cuts that ended.
        """

        def stays(pair: tuple[int, int]) -> bool:
            return sender not in (None, pair[0]) or receiver not in (None, pair[1])

        with self._writing:
            before = self._cuts
            self._cuts = frozenset(filter(stays, before))
            self._delays = {pair: each for pair, each in self._delays.items() if stays(pair)}
            return sorted(before - self._cuts)

    def pairs(self) -> list[tuple[int, int]]:
        """List what is cut as (sender, receiver), sorted."""
        return sorted(self._cuts)
