"""Ballots: totally ordered, never shared by two replicas, never used twice by one.

A ballot carries the round and the replica that owns it, and nothing else: neither epoch nor
incarnation, so that comparing two ballots never depends on who was restarted when.
"""

from __future__ import annotations

from typing import NamedTuple

from ..storage.interface import Number

__all__ = ["NO_BALLOT", "Ballot"]


class Ballot(NamedTuple):
    """One attempt to lead: ordered by round, then by replica id."""

    round: Number
    replica: Number

    def __str__(self) -> str:
        """Write it as people say it: round 7 of replica 2 is 7.2."""
        return f"{self.round}.{self.replica}"


NO_BALLOT = Ballot(0, 0)
"""Lower than every ballot a replica can make."""
