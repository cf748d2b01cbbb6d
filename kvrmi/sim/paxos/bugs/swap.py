"""Proposers whose campaigns, terms or leases are of other classes: how bugs there are planted.

Rule: nothing but that class differs from the production parts. It knows no bug.
"""

from __future__ import annotations

from ....paxos.campaign import Phase1
from ....paxos.leadership import Leadership
from ....paxos.lease import LeaderLease
from ....paxos.proposer import Proposer
from ....roles.contract import Envelope

__all__ = ["CampaignsOf", "TermsOf"]


class CampaignsOf(Proposer):
    """A proposer that counts promises in another way."""

    phase1: type[Phase1] = Phase1

    def _prepare(self, now: float) -> tuple[Envelope, ...]:
        messages = super()._prepare(now)
        made = self._phase1
        if made is not None:
            self._phase1 = self.phase1(made.ballot, made.first, self._quorum, made.deadline)
        return messages


class TermsOf(Proposer):
    """A proposer whose terms and leases are of other classes."""

    term: type[Leadership] = Leadership
    lease: type[LeaderLease] = LeaderLease

    def _take_office(self, now: float, won: Phase1) -> tuple[Envelope, ...]:
        self._phase1 = None
        self._hand_over.forget()
        lease = self.lease(self._quorum, self._timing)
        office = (self.applied, now, self._quorum, lease, self._electorate, self._timing)
        self._term = self.term(self.me, self._ids, won, *office)
        return self._term.tick(now)
