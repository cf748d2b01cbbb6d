"""Bugs of a term: what a leader proposes, counts, announces and repeats.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from ....paxos.campaign import Phase1
from ....paxos.leadership import Leadership, _Proposal
from ....paxos.messages import Accept, Promise
from ....roles.contract import Envelope, Message
from ..parts import Parts
from .swap import CampaignsOf, TermsOf

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
    def _propose(self, now: float, slot: int, value: bytes) -> tuple[Envelope, ...]:
        # One batch in flight leaves no gaps below what others accepted; the first slot after that
        # is the one that a leader has to fill.
        gap = slot == self._noop_slot and not self.opened
        return super()._propose(now, slot + gap, value)


class _NoNoopInGaps(TermsOf):
    term = _NoNoOp


class NoNoopInGaps(Parts):
    """A slot that no promise of phase 1 reports is skipped; nothing after it can be applied."""

    proposers = _NoNoopInGaps


class _NoFloor(Leadership):
    def advance(self, now: float) -> tuple[Envelope, ...]:
        self._floor = 0
        return super().advance(now)


class _ProposingBelowTruncation(TermsOf):
    term = _NoFloor


class ProposingBelowTruncation(Parts):
    """A leader that lags proposes no-ops in slots that acceptors have chosen and forgotten."""

    proposers = _ProposingBelowTruncation


class _ReadsAtOnce(Leadership):
    def may_read(self, now: float) -> bool:
        return not self.over and self._lease.usable(now)

    def _confirmations(self) -> tuple[Envelope, ...]:
        opened, noop, self.opened, self._noop_slot = self.opened, self._noop_slot, True, 0
        messages = super()._confirmations()
        self.opened, self._noop_slot = opened, noop
        return messages


class _ReadBeforeOwnNoop(TermsOf):
    term = _ReadsAtOnce


class ReadBeforeOwnNoop(Parts):
    """A new leader answers reads before it knows all that was chosen; a read is stale."""

    proposers = _ReadBeforeOwnNoop


class _OldHeartbeat(Leadership):
    def confirm(self, now: float, number: int) -> tuple[Envelope, ...]:
        self._confirming.append((number, self._lease.confirmed, self._decided))
        return self._confirmations()


class _IndexOfOldHeartbeat(TermsOf):
    term = _OldHeartbeat


class IndexOfOldHeartbeat(Parts):
    """Read-index takes a heartbeat from before the read for its confirmation."""

    proposers = _IndexOfOldHeartbeat


class _LastHeartbeat(Leadership):
    def confirm(self, now: float, number: int) -> tuple[Envelope, ...]:
        self._confirming.append((number, self._lease.beat, self._decided))
        return self._beat(now)


class _IndexOfLastHeartbeat(TermsOf):
    term = _LastHeartbeat


class IndexOfLastHeartbeat(Parts):
    """Read-index takes the last heartbeat made before the read for its confirmation."""

    proposers = _IndexOfLastHeartbeat


class _Reports(Phase1):
    """Remembers who reported a value for a slot, of whatever ballot."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reported: dict[int, set[int]] = {}

    def add(self, replica: int, m: Promise) -> int:
        for slot, _, _ in m.accepted:
            self.reported.setdefault(slot, set()).add(replica)
        return super().add(replica, m)


class _MixesBallots(Leadership):
    reported: Mapping[int, set[int]] = MappingProxyType({})

    def _propose(self, now: float, slot: int, value: bytes) -> tuple[Envelope, ...]:
        messages = super()._propose(now, slot, value)
        have = self.reported.get(slot, set())
        if self._inflight is not None:
            self._inflight.accepted |= set(sorted(have)[: self._quorum - 1])
        return messages


class _LearnerMixesBallots(CampaignsOf, TermsOf):
    phase1 = _Reports

    def _take_office(self, now: float, won: Phase1) -> tuple[Envelope, ...]:
        kind: Any = type("Term", (_MixesBallots,), {"reported": vars(won)["reported"]})
        self.term = kind
        return super()._take_office(now, won)


class LearnerMixesBallots(Parts):
    """Acceptances at older ballots count for the present one; no ballot has its quorum."""

    proposers = _LearnerMixesBallots


class _CountsItself(Leadership):
    def _propose(self, now: float, slot: int, value: bytes) -> tuple[Envelope, ...]:
        messages = super()._propose(now, slot, value)
        if self._inflight is not None and self._quorum > 1:
            self._inflight.accepted.add(self._me)
        return messages


class _ChosenBeforeQuorumOfDisks(TermsOf):
    term = _CountsItself


class ChosenBeforeQuorumOfDisks(Parts):
    """A leader counts its own acceptor before that has written; a quorum lacks a disk."""

    proposers = _ChosenBeforeQuorumOfDisks


class _Announces(Leadership):
    def _propose(self, now: float, slot: int, value: bytes) -> tuple[Envelope, ...]:
        messages = super()._propose(now, slot, value)
        return tuple(map(_with_itself, messages))


def _with_itself(envelope: Envelope) -> Envelope:
    to, m = envelope.to, envelope.message
    return Envelope(to, replace(m, chosen=m.slot) if isinstance(m, Accept) else m)


class _AnnouncedTooEarly(TermsOf):
    term = _Announces


class AnnouncedTooEarly(Parts):
    """An Accept announces its own slot as chosen; what may yet lose is applied."""

    proposers = _AnnouncedTooEarly


class _SendsOnce(Leadership):
    def _again(self, proposal: _Proposal, now: float) -> tuple[Envelope, ...]:
        proposal.again_at = now + 1.0
        return ()

    def unanswered(self, now: float, replica: int, m: Message) -> tuple[Envelope, ...]:
        return ()


class _AcceptNotRepeated(TermsOf):
    term = _SendsOnce


class AcceptNotRepeated(Parts):
    """A lost Accept is never sent again; nothing is acknowledged any more."""

    proposers = _AcceptNotRepeated
