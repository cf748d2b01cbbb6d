"""Bugs of leases on the leader's side: how long it believes that nobody else can lead.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from ...paxos.effects import Envelope
from ...paxos.leadership import Leadership
from ...paxos.lease import LeaderLease
from ...paxos.messages import Heard
from .swap import OtherProposer, TermsOf

__all__ = [
    "LeaseFromAnswerTime",
    "LeaseOfAnyHeartbeat",
    "LeaseWithoutMargin",
    "ReleasedBallotStillUsed",
]


class _NoMargin(LeaderLease):
    def heard(self, beat: int, replica: int) -> bool:
        sent = self._open[beat][0] if beat in self._open else 0.0
        counted = super().heard(beat, replica)
        if counted:
            self.until = max(self.until, sent + self._timing.lease)
        return counted


class _LeaseWithoutMargin(TermsOf):
    lease = _NoMargin


class LeaseWithoutMargin(OtherProposer):
    """A leader relies on the whole lease, though its clock may be the slower one."""

    kind = _LeaseWithoutMargin


class _FromAnswer(Leadership):
    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        known = self._lease.confirmed
        messages = super().heard(now, replica, m)
        if self._lease.confirmed > known:
            self._lease.until = now + self._timing.usable_lease
        return messages


class _LeaseFromAnswerTime(TermsOf):
    term = _FromAnswer


class LeaseFromAnswerTime(OtherProposer):
    """The lease is counted from the answers to a heartbeat, acceptors count from its receipt."""

    kind = _LeaseFromAnswerTime


class _LastBeat(LeaderLease):
    def heard(self, beat: int, replica: int) -> bool:
        return super().heard(self.beat, replica)


class _LeaseOfAnyHeartbeat(TermsOf):
    lease = _LastBeat


class LeaseOfAnyHeartbeat(OtherProposer):
    """An answer counts for the last heartbeat sent, whichever it answers."""

    kind = _LeaseOfAnyHeartbeat


class _StillUsed(TermsOf):
    def _leave_office(self, now: float, term: Leadership) -> None:
        handing = term.handing_to and term.over.startswith("handed over")
        term.over = "" if handing else term.over
        if not handing:
            super()._leave_office(now, term)
        term.handing_to = 0


class ReleasedBallotStillUsed(OtherProposer):
    """A leader that released its ballot goes on with it until it is refused."""

    kind = _StillUsed
