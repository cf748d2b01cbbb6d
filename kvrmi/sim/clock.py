"""A replica's own clock: off by any offset, and in rate by up to the world's drift.

Rule: it never goes back, and its rate may change at any moment.
"""

from __future__ import annotations

from .draws import Draws

__all__ = ["Clock"]


class Clock:
    """Shows seconds of its own for the world's."""

    def __init__(self, draws: Draws, drift: float) -> None:
        """Draw its rate and what it shows in the beginning."""
        self.rate = draws.between(1 - drift, 1 + drift)
        self._offset = draws.between(0, 1000)

    def shows(self, now: float) -> float:
        """Return what it shows at a moment of the world's time."""
        return self._offset + now * self.rate

    def until(self, at: float, now: float) -> float:
        """Give the world's seconds until it shows `at`, if its rate stays; 0 if it does already."""
        return max(0.0, (at - self._offset) / self.rate - now)

    def tune(self, rate: float, now: float) -> None:
        """Let it go faster or slower from now on."""
        self._offset += now * (self.rate - rate)
        self.rate = rate
