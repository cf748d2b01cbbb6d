"""Bugs of leases: how long a leader believes that nobody else can lead, and whether that holds.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ....cluster.config import Timing
from ....paxos.acceptor import Acceptor
from ....paxos.leadership import Leadership
from ....paxos.lease import LeaderLease
from ....paxos.messages import Heard, Heartbeat
from ....roles.contract import Address, Effects, Envelope
from ....storage.interface import View
from ..parts import Parts
from .swap import TermsOf

__all__ = [
    "HoldOfNewTimesOnly",
    "LeaseFromAnswerTime",
    "LeaseOfAnyHeartbeat",
    "LeaseOfAnyLength",
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


class LeaseWithoutMargin(Parts):
    """A leader relies on the whole lease, though its clock may be the slower one."""

    proposers = _LeaseWithoutMargin


class _FromAnswer(Leadership):
    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        known = self._lease.confirmed
        messages = super().heard(now, replica, m)
        if self._lease.confirmed > known:
            self._lease.until = now + self._timing.usable_lease
        return messages


class _LeaseFromAnswerTime(TermsOf):
    term = _FromAnswer


class LeaseFromAnswerTime(Parts):
    """The lease is counted from the answers to a heartbeat, acceptors count from its receipt."""

    proposers = _LeaseFromAnswerTime


class _LastBeat(LeaderLease):
    def heard(self, beat: int, replica: int) -> bool:
        return super().heard(self.beat, replica)


class _LeaseOfAnyHeartbeat(TermsOf):
    lease = _LastBeat


class LeaseOfAnyHeartbeat(Parts):
    """An answer counts for the last heartbeat sent, whichever it answers."""

    proposers = _LeaseOfAnyHeartbeat


class _GrantsAny(Acceptor):
    def _on_heartbeat(self, now: float, sender: Address, m: Heartbeat) -> Effects:
        return super()._on_heartbeat(now, sender, replace(m, lease=self._timing.lease))


class _CountsAny(Leadership):
    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        return super().heard(now, replica, replace(m, lease=self._timing.lease))


class _LeaseOfAnyLength(TermsOf):
    term = _CountsAny


class LeaseOfAnyLength(Parts):
    """A grant counts though its acceptor has other times than the leader; a lease outlives it."""

    acceptors = _GrantsAny
    proposers = _LeaseOfAnyLength


class _NewHold(Acceptor):
    @classmethod
    def load(
        cls, me: int, disk: View, now: float, timing: Timing, *args: Any, **how: Any
    ) -> Acceptor:
        """Take it up as if its grants had always been of the times of now."""
        acceptor = super().load(me, disk, now, timing, *args, **how)
        acceptor._hold_until = 0.0 if how["founding"] else now + timing.hold
        return acceptor


class HoldOfNewTimesOnly(Parts):
    """A restart with a shorter lease forgets that a longer one was granted before."""

    acceptors = _NewHold


class _StillUsed(TermsOf):
    def _leave_office(self, now: float, term: Leadership) -> None:
        handing = term.handing_to and term.over.startswith("handed over")
        term.over = "" if handing else term.over
        if not handing:
            super()._leave_office(now, term)
        term.handing_to = 0


class ReleasedBallotStillUsed(Parts):
    """A leader that released its ballot goes on with it until it is refused."""

    proposers = _StillUsed
