"""What a simulated process does with a role that raised: what the server's does, by the same rules.

Rule: an error that a fault arranged, or that a bad disk explains, is carried through; any other is
a mistake of ours and ends the run. It knows no role by name.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..roles.breaking import DISK, STORAGE, cause, ends_process, pause

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Breaks"]


class Breaks:
    """One process's, in all its starts."""

    def __init__(self, replica: Replica) -> None:
        """Nothing is arranged."""
        self._replica = replica
        self._vital = {kind.name: kind.vital for kind in replica.world.declared.kinds}
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

    def handle(self, role: str, error: Exception) -> None:
        """Take the role down, or the process. Raises `error` if nothing explains it."""
        arranged = self._arranged.pop(role, None) is error
        if not arranged and cause(error) not in (DISK, STORAGE):
            raise error
        one = self._replica
        if not ends_process(error, vital=self._vital[role]):
            self._failures += 1
            one.world.trace(one.me, role, f"broke: {error}")
            one.fail(role)
            one.world.after(pause(self._failures), partial(one.restart, role))
        elif cause(error) == DISK:
            one.refuse(str(error))
        else:
            one.end(str(error))
