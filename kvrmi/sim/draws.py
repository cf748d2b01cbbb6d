"""Chance, from one seed: the same draws on any machine and with any Python.

Rule: only `random()` and `getrandbits()` of random.Random are used, whose results the language
promises to keep; its other methods have changed between versions. Streams with names of their own
do not disturb one another: one fault less leaves the draws of all others as they were.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Draws"]

T = TypeVar("T")


class Draws:
    """One stream of draws."""

    def __init__(self, *names: object) -> None:
        """Seed it with what it is for, such as a seed's number and "network"."""
        self._random = random.Random(" ".join(map(str, names)))
        self.number = self._random.random
        """Draws a float of [0, 1)."""

    def chance(self, probability: float) -> bool:
        """Return whether something of this probability happens."""
        return self.number() < probability

    def between(self, low: float, high: float) -> float:
        """Draw a number of [low, high)."""
        return low + (high - low) * self.number()

    def soon(self, mean: float) -> float:
        """Draw a waiting time of this mean, often shorter and sometimes much longer."""
        draw = self.number()
        return mean * 3 * draw * draw

    def below(self, count: int) -> int:
        """Draw an int of 0 .. count - 1."""
        return int(self.number() * count)

    def choice(self, items: Sequence[T]) -> T:
        """Draw one of them."""
        return items[int(self.number() * len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Draw so many different ones of them."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(count)]

    def bytes(self, count: int) -> bytes:
        """Draw so many bytes."""
        return self._random.getrandbits(8 * count).to_bytes(count, "big")

    def stream(self) -> random.Random:
        """Give the stream to code that wants a Random; it must keep to `random` and `uniform`."""
        return self._random
