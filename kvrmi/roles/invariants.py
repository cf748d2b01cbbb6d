"""What must never happen, raised in production too: `python -O` keeps a raise.

Rule: both end the process, whichever role raises them; nothing that it holds is relied on any more.
"""

from __future__ import annotations

__all__ = ["DiskLost", "InvariantBroken", "require"]


class InvariantBroken(Exception):
    """The protocol reached a state it must not; the process has to stop before it spreads."""


class DiskLost(Exception):
    """The disk is not the one that the role had last: an old copy was put back."""


def require(holds: bool, what: str) -> None:
    """Raise InvariantBroken unless `holds`."""
    if not holds:
        raise InvariantBroken(what)
