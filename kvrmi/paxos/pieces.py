"""What a proposer is put together from, so that another class may take the place of one.

Rule: only Proposer makes these; whoever swaps one keeps to what its methods promise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..cluster.quorum import majority
from .ballot import Ballot
from .campaign import Phase1
from .electorate import Electorate
from .leadership import Leadership
from .lease import LeaderLease

__all__ = ["PIECES", "Pieces"]


class Pieces(NamedTuple):
    """The classes of a campaign and a term, and how many votes make a quorum."""

    quorum: Callable[[int], int] = majority
    electorate: type[Electorate] = Electorate
    phase1: Callable[[Ballot, int, int, float], Phase1] = Phase1
    lease: type[LeaderLease] = LeaderLease
    term: type[Leadership] = Leadership


PIECES = Pieces()
"""Those of production."""
