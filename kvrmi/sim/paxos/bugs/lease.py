"""Bugs of leases: how long a leader believes that nobody else can lead, and whether that holds.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from msgspec.structs import replace

from ....cluster.timing import Timing
from ....paxos.acceptor import Acceptor
from ....paxos.leadership import Leadership
from ....paxos.lease import LeaderLease
from ....paxos.messages import CampaignNow, Heard, Heartbeat, Offered, Release
from ....paxos.pieces import PIECES
from ....paxos.proposer import Proposer
from ....paxos.stable import State
from ....roles.contract import Address, Effects, Envelope, Message
from ....storage.interface import Key, Readable
from ..parts import Parts

__all__ = [
    "HoldOfNewTimesOnly",
    "LeaseFromAnswerTime",
    "LeaseOfAnyHeartbeat",
    "LeaseOfAnyLength",
    "LeaseWithoutMargin",
    "ReleasedBallotStillUsed",
]


class _NoMargin(LeaderLease):
    def __init__(self, quorum: int, timing: Timing) -> None:
        super().__init__(quorum, dataclasses.replace(timing, drift=1e-6, margin=0.0))


class LeaseWithoutMargin(Parts):
    """A leader relies on the whole lease, though its clock may be the slower one."""

    pieces = PIECES._replace(lease=_NoMargin)


class _FromAnswer(Leadership):
    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        known = self.lease.confirmed
        messages = super().heard(now, replica, m)
        if self.lease.confirmed > known:
            self.lease.until = now + self.lease.timing.usable_lease
        return messages


class LeaseFromAnswerTime(Parts):
    """The lease is counted from the answers to a heartbeat, acceptors count from its receipt."""

    pieces = PIECES._replace(term=_FromAnswer)


class _LastBeat(LeaderLease):
    def heard(self, beat: int, replica: int) -> bool:
        return super().heard(self.beat, replica)


class LeaseOfAnyHeartbeat(Parts):
    """An answer counts for the last heartbeat sent, whichever it answers."""

    pieces = PIECES._replace(lease=_LastBeat)


class _GrantsAny(Acceptor):
    own = 0.0

    @classmethod
    def load(cls, me: int, disk: Readable, now: float, timing: Timing, **how: Any) -> Acceptor:
        """Take it up with a lease that it grants whatever is asked for."""
        acceptor = super().load(me, disk, now, timing, **how)
        vars(acceptor)["own"] = timing.lease
        return acceptor

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if isinstance(message, Heartbeat):
            message = replace(message, lease=self.own)
        return super().receive(now, sender, message)


class _CountsAny(Leadership):
    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        return super().heard(now, replica, replace(m, lease=self.lease.timing.lease))


class LeaseOfAnyLength(Parts):
    """A grant counts though its acceptor has other times than the leader; a lease outlives it."""

    acceptors = _GrantsAny
    pieces = PIECES._replace(term=_CountsAny)


class _NoHold:
    """A disk on which no longest hold is recorded."""

    def __init__(self, disk: Readable) -> None:
        self.disk = disk
        self.scan = disk.scan
        self.every = disk.every

    def read(self, table: str, key: Key) -> bytes | None:
        row = self.disk.read(table, key)
        return replace(State.unpack(row), hold=0.0).pack() if row and key == "state" else row


class _NewHold(Acceptor):
    @classmethod
    def load(cls, me: int, disk: Readable, now: float, timing: Timing, **how: Any) -> Acceptor:
        """Take it up as if its grants had always been of the times of now."""
        return super().load(me, _NoHold(disk), now, timing, **how)


class HoldOfNewTimesOnly(Parts):
    """A restart with a shorter lease forgets that a longer one was granted before."""

    acceptors = _NewHold


class _StillUsed(Proposer):
    def __init__(self, me: int, ids: tuple[int, ...], *rest: Any) -> None:
        super().__init__(me, ids, *rest)
        self.ids = ids

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        effects = super().receive(now, sender, message)
        if not isinstance(message, Offered) or not message.ready or not self.leading:
            return effects
        heirs = (Envelope(sender, CampaignNow(self.ballot)),)
        released = (Envelope(Address(i, "acceptor"), Release(self.ballot)) for i in self.ids)
        return replace(effects, messages=(*effects.messages, *released, *heirs))


class ReleasedBallotStillUsed(Parts):
    """A leader that released its ballot goes on with it until it is refused."""

    proposers = _StillUsed
