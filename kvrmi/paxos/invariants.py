"""What must never happen, raised in production too (`python -O` keeps a raise)."""

from __future__ import annotations

__all__ = ["InvariantBroken", "require"]


class InvariantBroken(Exception):
    """The protocol reached a state it must not; the process has to stop before it spreads."""


def require(holds: bool, what: str) -> None:
    """Raise InvariantBroken unless `holds`."""
    if not holds:
        raise InvariantBroken(what)
