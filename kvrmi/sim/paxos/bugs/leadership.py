"""Bugs of a term: what a leader proposes, counts, announces and repeats.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ....paxos.campaign import Phase1
from ....paxos.leadership import NO_OP, Leadership
from ....paxos.lease import LeaderLease
from ....paxos.messages import Accept, Accepted, Promise
from ....paxos.pieces import PIECES
from ....roles.contract import Envelope, Message
from ..parts import Parts

__all__ = [
    "AcceptNotRepeated",
    "AnnouncedTooEarly",
    "ChosenBeforeQuorumOfDisks",
    "IndexOfLastHeartbeat",
    "IndexOfOldHeartbeat",
    "LearnerMixesBallots",
    "NoNoopInGaps",
    "ProposingBelowTruncation",
    "ReadBeforeOwnNoop",
]


class _NoNoOp(Leadership):
    def advance(self, now: float) -> tuple[Envelope, ...]:
        # One batch in flight leaves no gaps below what others accepted; the first slot after that
        # is the one that a leader has to fill.
        return tuple(map(_next_slot, super().advance(now)))


def _next_slot(envelope: Envelope) -> Envelope:
    m = envelope.message
    if not isinstance(m, Accept) or m.value != NO_OP:
        return envelope
    return Envelope(envelope.to, replace(m, slot=m.slot + 1))


class NoNoopInGaps(Parts):
    """A slot that no promise of phase 1 reports is skipped; nothing after it can be applied."""

    pieces = PIECES._replace(term=_NoNoOp)


class _NoFloor(Phase1):
    def add(self, replica: int, m: Promise) -> int:
        return super().add(replica, replace(m, truncated=0))


class ProposingBelowTruncation(Parts):
    """A leader that lags proposes no-ops in slots that acceptors have chosen and forgotten."""

    pieces = PIECES._replace(phase1=_NoFloor)


class _ReadsAtOnce(Leadership):
    def may_read(self, now: float) -> bool:
        opened, self.opened = self.opened, True
        may = super().may_read(now)
        self.opened = opened
        return may


class ReadBeforeOwnNoop(Parts):
    """A new leader answers reads before it knows all that was chosen; a read is stale."""

    pieces = PIECES._replace(term=_ReadsAtOnce)


class _OldProof(LeaderLease):
    @property
    def proof(self) -> int:
        return self.confirmed


class IndexOfOldHeartbeat(Parts):
    """Read-index takes a heartbeat from before the read for its confirmation."""

    pieces = PIECES._replace(lease=_OldProof)


class _LastProof(LeaderLease):
    @property
    def proof(self) -> int:
        return self.beat


class IndexOfLastHeartbeat(Parts):
    """Read-index takes the last heartbeat made before the read for its confirmation."""

    pieces = PIECES._replace(lease=_LastProof)


class _Counts(Leadership):
    """Counts acceptances that it was not sent."""

    def advance(self, now: float) -> tuple[Envelope, ...]:
        return self.counted(now, super().advance(now))

    def propose(self, now: float, commands: tuple[bytes, ...]) -> tuple[Envelope, ...]:
        return self.counted(now, super().propose(now, commands))

    def counted(self, now: float, messages: tuple[Envelope, ...]) -> tuple[Envelope, ...]:
        sent = (envelope.message for envelope in messages)
        accept = next((m for m in sent if isinstance(m, Accept)), None)
        if accept is None:
            return messages
        for replica in self.believed(accept.slot):
            messages += self.accepted(now, replica, Accepted(self.ballot, accept.slot, 0, 0))
        return messages

    def believed(self, slot: int) -> list[int]:
        """Give those that count as having accepted a slot."""
        return [self.ballot.replica]


class _Reports(Phase1):
    """Remembers who reported a value for a slot, of whatever ballot."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reported: dict[int, set[int]] = {}

    def add(self, replica: int, m: Promise) -> int:
        for slot, _, _ in m.accepted:
            self.reported.setdefault(slot, set()).add(replica)
        return super().add(replica, m)


class _MixesBallots(_Counts):
    def __init__(self, me: int, won: _Reports, *office: Any) -> None:
        self.reported = won.reported
        super().__init__(me, won, *office)

    def believed(self, slot: int) -> list[int]:
        return sorted(self.reported.get(slot, ()))


class LearnerMixesBallots(Parts):
    """Acceptances at older ballots count for the present one; no ballot has its quorum."""

    pieces = PIECES._replace(phase1=_Reports, term=_MixesBallots)


class ChosenBeforeQuorumOfDisks(Parts):
    """A leader counts its own acceptor before that has written; a quorum lacks a disk."""

    pieces = PIECES._replace(term=_Counts)


class _Announces(Leadership):
    def advance(self, now: float) -> tuple[Envelope, ...]:
        return tuple(map(_with_itself, super().advance(now)))

    def propose(self, now: float, commands: tuple[bytes, ...]) -> tuple[Envelope, ...]:
        return tuple(map(_with_itself, super().propose(now, commands)))


def _with_itself(envelope: Envelope) -> Envelope:
    m = envelope.message
    return Envelope(envelope.to, replace(m, chosen=m.slot)) if isinstance(m, Accept) else envelope


class AnnouncedTooEarly(Parts):
    """An Accept announces its own slot as chosen; what may yet lose is applied."""

    pieces = PIECES._replace(term=_Announces)


class _SendsOnce(Leadership):
    def tick(self, now: float) -> tuple[Envelope, ...]:
        first = self.advance(now)
        again = super().tick(now)
        return first + tuple(sent for sent in again if not isinstance(sent.message, Accept))

    def unanswered(self, now: float, replica: int, m: Message) -> tuple[Envelope, ...]:
        return ()


class AcceptNotRepeated(Parts):
    """A lost Accept is never sent again; nothing is acknowledged any more."""

    pieces = PIECES._replace(term=_SendsOnce)
