"""What a role of our own replica owes us an answer to: one that does not give it hangs on its disk.

Rule: it measures from a question that was asked, not from the last answer: a process that was
paused has asked nothing. It knows no role and sends nothing.
"""

from __future__ import annotations

from math import inf

__all__ = ["Unanswered"]


class Unanswered:
    """Questions to one role, as one: any answer shows that it does not hang."""

    def __init__(self, patience: float) -> None:
        """Nothing is owed; after `patience` seconds without an answer the role is silent."""
        self.since = inf
        """When the oldest question was asked that nothing was answered after."""
        self._patience = patience

    def asked(self, at: float) -> None:
        """Take note of a question."""
        self.since = min(self.since, at)

    def answered(self) -> None:
        """Take note of an answer, or that the role was taken up or down."""
        self.since = inf

    def silent(self, now: float) -> bool:
        """Return whether the role has owed an answer for too long."""
        return now - self.since >= self._patience
