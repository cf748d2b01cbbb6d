"""Reads of a simulated replica, as the server gives them to its front.

Rule: the lease is looked at and the state is read in one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..interface import Answer

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Reads"]


class Reads:
    """What one front may read, and when."""

    def __init__(self, replica: Replica) -> None:
        """Read the roles of `replica` as they are at that moment."""
        self._replica = replica

    def fresh(self, now: float, question: bytes) -> Answer | None:
        """Read what is applied if the leader's lease runs."""
        proposer = self._replica.proposer
        if proposer is None or not proposer.may_read(now):
            return None
        return self.answer(0, question)

    def answer(self, slot: int, question: bytes) -> Answer | None:
        """Read once `slot` is applied."""
        learner = self._replica.learner
        return learner.read(question) if learner and learner.applied >= slot else None
