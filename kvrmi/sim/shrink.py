"""Makes a failing run smaller: as few faults and events as still show the same violation.

Rule: every candidate is run; nothing is believed that was not seen to fail. Faults are left out in
ever smaller pieces (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input").
"""

from __future__ import annotations

import re
from typing import Any

from .protocol import Explored
from .run import Ended, run

__all__ = ["kind", "shrink"]

BUDGET = 150
"""Runs that may be spent on one history."""


def kind(violation: str) -> str:
    """Reduce a violation to what is alike in other runs: its words before any particulars."""
    reported = violation.partition(": ")[2]
    return re.sub(r"\d+(\.\d+)*", "N", re.split(r": |, |\(|b'", reported)[0])


def shrink(protocol: Explored, failing: Ended, parts: Any | None = None) -> Ended:
    """Give the smallest failing run found within the budget; `failing` itself at worst."""
    search = _Search(protocol, failing, parts)
    search.fewer_events()
    search.fewer_faults()
    search.fewer_events()
    return search.best


class _Search:
    def __init__(self, protocol: Explored, failing: Ended, parts: Any | None) -> None:
        self._protocol = protocol
        self.best = failing
        self._kind = kind(failing.violation)
        self._parts = parts
        self._left = BUDGET

    def fewer_events(self) -> None:
        """End the faults earlier and earlier."""
        self._try(min(self.best.steps, self.best.events), self.best.only)
        cut = self.best.steps // 2
        while cut >= 50:
            if not self._try(self.best.steps - cut, self.best.only):
                cut //= 2
            cut = min(cut, self.best.steps // 2)

    def fewer_faults(self) -> None:
        """Leave out halves, then quarters, and so on."""
        size = len(self.best.faults)
        while size := size // 2 if size > 1 else 0:
            self._pass(size)

    def _pass(self, size: int) -> None:
        at = 0
        while at < len(self.best.faults) and self._left:
            faults = self.best.faults
            if not self._try(self.best.steps, faults[:at] + faults[at + size :]):
                at += size

    def _try(self, steps: int, only: tuple[int, ...] | None) -> bool:
        if self._left == 0:
            return False
        self._left -= 1
        known = self.best
        found = run(
            self._protocol,
            known.seed,
            profile=known.profile,
            steps=steps,
            parts=self._parts,
            only=only,
        )
        if not found.violation or kind(found.violation) != self._kind:
            return False
        self.best = found
        return True
