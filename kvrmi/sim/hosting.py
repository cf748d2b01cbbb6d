"""How the processes of a simulated world are hosted, and what each is configured with.

Rule: it is data: whoever hosts roles asks it. It names no role and no message.
"""

from __future__ import annotations

from typing import NamedTuple

from ..cluster.timing import Timing

__all__ = ["Configured", "Host"]


class Host(NamedTuple):
    """How a process treats its roles; a planted bug turns one of these off."""

    syncs_first: bool = True
    """Messages leave only after the records of their step are durable."""
    fences: bool = True
    """A call made to an earlier incarnation of a role is refused, not carried out by it."""
    notices_loss: bool = True
    """A disk that takes the place of a lost one is formatted as such."""


class Configured(NamedTuple):
    """What the file of one replica says that others' need not say."""

    keep: int = 10
    """Entries of its log that survive truncation."""
    timing: Timing | None = None
    """None: everybody's."""
