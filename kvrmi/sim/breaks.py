"""What it costs a simulated process that a role raised: as in the server's, by the same rules.

Rule: an error that a fault arranged, or that a bad disk explains, is carried through; any other is
a mistake of ours and ends the run. It carries nothing out, and knows no role by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..roles.breaking import DISK, STORAGE, cause, ends_process, pause

__all__ = ["Breaks"]


class Breaks:
    """One process's, in all its starts."""

    def __init__(self, vital: Mapping[str, bool]) -> None:
        """Nothing is arranged; `vital` is whether a role that breaks ends its process."""
        self._vital = vital
        self._arranged: dict[str, Exception] = {}
        self._failures = 0

    def begin(self) -> None:
        """Forget what earlier roles did: the process starts."""
        self._failures = 0
        self._arranged.clear()

    def arrange(self, role: str, error: Exception) -> None:
        """Have a role raise as soon as it has handled a message: it is ahead of its disk then."""
        self._arranged[role] = error

    def strike(self, role: str) -> None:
        """Raise what was arranged for a role."""
        if role in self._arranged:
            raise self._arranged[role]

    def judge(self, role: str, error: Exception) -> float | None:
        """Return in how many seconds the role starts again, or None if its process ends.

        Raises `error` if nothing explains it.
        """
        arranged = self._arranged.pop(role, None) is error
        if not arranged and cause(error) not in (DISK, STORAGE):
            raise error
        if ends_process(error, vital=self._vital[role]):
            return None
        self._failures += 1
        return pause(self._failures)
