"""How much of the past each replica keeps.

Rule: it is a replica's own matter: replicas that keep more or less agree with each other.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Retention"]


class Retention(NamedTuple):
    """What is kept at least: the last `revisions`, or so many `bytes` of what was replaced.

    0 revisions: nothing.
    """

    revisions: int = 100_000
    bytes: int = 64 << 20
