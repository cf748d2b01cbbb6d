"""What a simulated replica is made of: the production roles, on an honest host.

Rule: a planted bug (bugs/) replaces one class or one answer here, from outside; production code
knows nothing of that.
"""

from __future__ import annotations

import copy

from ..cluster.config import Timing
from ..paxos import parts
from ..paxos.parts import Pages

__all__ = ["TIMING", "Pages", "Parts"]

TIMING = Timing()


class Parts(parts.Parts):
    """The roles of a replica, and how its host treats them."""

    timing: Timing = TIMING
    pages: Pages = Pages(learned=200)
    """Runs draw sizes so small that small states come in several."""
    syncs_first = True
    """Messages leave only after the records of their step are durable."""
    fences = True
    """A call made to an earlier incarnation of a role is refused, not carried out by it."""
    notices_loss = True
    """A disk that takes the place of a lost one is formatted as such."""

    def with_times(self, timing: Timing) -> Parts:
        """Make the same roles, with other times."""
        other = copy.copy(self)
        other.timing = timing
        return other

    def with_sizes(self, pages: Pages, session_limit: int) -> Parts:
        """Make the same roles, with pages of other sizes, and so many sessions remembered."""
        other = copy.copy(self)
        other.pages, other.session_limit = pages, session_limit
        return other
