"""What becomes of a role that breaks, or is stuck: rules of a host, without its threads and clocks.

Rules: each error that a role may raise has one cause, and cause and kind of the role decide alone
whether the process goes on. The server's process and the simulated one both ask here, so neither
is kinder to a broken role than the other. It knows no role by name.
"""

from __future__ import annotations

from ..storage.interface import Corrupt, StorageFailed
from .invariants import DiskLost, InvariantBroken

__all__ = [
    "AGAIN_SECONDS",
    "DISK",
    "FENCE_SECONDS",
    "INVARIANT",
    "PATIENCE_SECONDS",
    "RENEWALS",
    "ROLE",
    "STORAGE",
    "Renewals",
    "cause",
    "ends_process",
    "pause",
]  # fmt: skip

STORAGE, ROLE, DISK, INVARIANT = "storage", "role", "disk", "invariant"
"""Causes: a write failed; the role raised; its disk cannot be trusted; an invariant was broken."""

PATIENCE_SECONDS = 1.0
"""Who has not got a role by then, since it is busy or waits for its disk, takes it for away."""
FENCE_SECONDS = 0.2
"""A write of a former incarnation that lasts longer when its role is to start again, hangs."""
AGAIN_SECONDS = 1.0
"""A start that such a write has put off is tried again after this."""

_BACK_SECONDS = 0.2
_MOST_FAILURES = 25
"""Failures that still make the pause longer: five seconds at most."""


RENEWALS = 3
"""How often one process begins a damaged file anew before it takes the disk itself for broken."""


class Renewals:
    """Counts how often one process began anew a file that others can teach it again."""

    def __init__(self) -> None:
        """Begin with none."""
        self.done = 0

    def begin(self, file: str, why: Corrupt) -> None:
        """Count one more. Raises StorageFailed, with nothing counted, once there were too many."""
        if self.done == RENEWALS:
            raise StorageFailed(
                f"{file} was found damaged several times, the disk is probably broken: {why}"
            ) from why
        self.done += 1


def cause(error: BaseException) -> str:
    """Classify what a role raised."""
    match error:
        case InvariantBroken():
            return INVARIANT
        case DiskLost() | Corrupt():
            return DISK
        case StorageFailed():
            return STORAGE
    return ROLE


def ends_process(error: BaseException, *, vital: bool) -> bool:
    """Return whether the process must end; else the role alone is started again.

    `vital`: everything rests on the role. A restart repairs neither a broken invariant nor a disk
    that does not write.
    """
    return vital or cause(error) in (INVARIANT, STORAGE)


def pause(failures: int) -> float:
    """Seconds until a role that broke `failures` times in its process's life is started again."""
    return _BACK_SECONDS * min(failures, _MOST_FAILURES)
