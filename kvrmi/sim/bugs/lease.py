"""Bugs of leases: how long a leader believes that nobody else can lead, and whether that holds.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from ...config import Timing
from ...paxos.acceptor import Acceptor
from ...paxos.leadership import Leadership
from ...paxos.lease import LeaderLease
from ...paxos.messages import Heard, Heartbeat
from ...paxos.rejoin import Rejoin
from ...roles.contract import Address, Effects, Envelope
from ...storage.interface import View
from ..disk import SimDisk
from .swap import OtherAcceptor, OtherProposer, TermsOf

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


class _GrantsAny(Acceptor):
    def _on_heartbeat(self, now: float, sender: Address, m: Heartbeat) -> Effects:
        return super()._on_heartbeat(now, sender, m._replace(lease=self._timing.lease))


class _CountsAny(Leadership):
    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        return super().heard(now, replica, m._replace(lease=self._timing.lease))


class _LeaseOfAnyLength(TermsOf):
    term = _CountsAny


class LeaseOfAnyLength(OtherProposer):
    """A grant counts though its acceptor has other times than the leader; a lease outlives it."""

    kind = _LeaseOfAnyLength

    def acceptor(
        self, me: int, disk: SimDisk, now: float, *, founding: bool, rejoin: Rejoin | None
    ) -> Acceptor:
        """Take up an acceptor that grants whatever it is asked for, for as long as it likes."""
        return _GrantsAny.load(me, disk, now, self.timing, founding=founding, rejoin=rejoin)


class _NewHold(Acceptor):
    @classmethod
    def load(
        cls,
        me: int,
        disk: View,
        now: float,
        timing: Timing,
        *,
        founding: bool = False,
        rejoin: Rejoin | None = None,
    ) -> Acceptor:
        """Take it up as if its grants had always been of the times of now."""
        acceptor = super().load(me, disk, now, timing, founding=founding, rejoin=rejoin)
        acceptor._hold_until = 0.0 if founding else now + timing.hold
        return acceptor


class HoldOfNewTimesOnly(OtherAcceptor):
    """A restart with a shorter lease forgets that a longer one was granted before."""

    kind = _NewHold


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
