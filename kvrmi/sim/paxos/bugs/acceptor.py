"""Bugs of acceptors: what they promise, accept, keep, and report to their learner.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ....operations.commands import FIRST_EPOCH
from ....paxos.acceptor import EPOCH_SHIFT, Acceptor
from ....paxos.ballot import Ballot
from ....paxos.informing import Informing
from ....paxos.messages import (
    Accept,
    Heard,
    Heartbeat,
    Prepare,
    Promise,
    Release,
)
from ....paxos.rejoin import Rejoin
from ....roles.contract import Address, Effects, Envelope, Message
from ...protocol import Host
from ..parts import Parts

__all__ = [
    "AcceptsBelowPromise",
    "ChosenUptoOfOlderBallot",
    "LeaseForgottenOnRestart",
    "LeaseToOutdated",
    "NaiveAmnesiaRule",
    "OwnProposerExempt",
    "PromiseNotSaved",
    "PromisePageLost",
    "ReleaseOfOlderBallot",
    "ReplyBeforeSync",
]


class ReplyBeforeSync(Parts):
    """Answers leave before the sync; their statement is not on the disk then."""

    host = Host(syncs_first=False)


class _PromiseNotSaved(Acceptor):
    def _on_prepare(self, now: float, sender: Address, m: Prepare) -> Effects:
        return replace(super()._on_prepare(now, sender, m), records=())


class PromiseNotSaved(Parts):
    """A promise is kept in memory only; it is not on the disk when it leaves."""

    acceptors = _PromiseNotSaved


class _AcceptsBelowPromise(Acceptor):
    def _on_accept(self, now: float, sender: Address, m: Accept) -> Effects:
        promised = min(m.ballot, self.state.promised)
        self.state = replace(self.state, promised=promised)
        return super()._on_accept(now, sender, m)


class AcceptsBelowPromise(Parts):
    """An Accept sets the promise to its own ballot, down as well as up."""

    acceptors = _AcceptsBelowPromise


class _PromisePageLost(Acceptor):
    def _on_prepare(self, now: float, sender: Address, m: Prepare) -> Effects:
        effects = super()._on_prepare(now, sender, m)
        return replace(effects, messages=tuple(map(_emptied, effects.messages)))


def _emptied(envelope: Envelope) -> Envelope:
    to, m = envelope.to, envelope.message
    return Envelope(to, replace(m, accepted=()) if isinstance(m, Promise) else m)


class PromisePageLost(Parts):
    """Promises report nothing accepted; a slot gets two values."""

    acceptors = _PromisePageLost


class _LeaseToOutdated(Acceptor):
    def _on_heartbeat(self, now: float, sender: Address, m: Heartbeat) -> Effects:
        if m.ballot < self.state.promised:
            heard = Heard(m.ballot, m.beat, self.state.epoch, self.state.writes, self._timing.lease)
            return Effects(messages=(Envelope(sender, heard),))
        return super()._on_heartbeat(now, sender, m)


class LeaseToOutdated(Parts):
    """A heartbeat of an outdated ballot is confirmed; a lease outlives its ballot."""

    acceptors = _LeaseToOutdated


class _LeaseForgottenOnRestart(Acceptor):
    @classmethod
    def load(cls, *args: Any, **how: Any) -> Acceptor:
        """Take it up as if it had never run before."""
        return super().load(*args, **{**how, "founding": True})


class LeaseForgottenOnRestart(Parts):
    """A restarted acceptor holds back nothing; others lead while its grant still runs."""

    acceptors = _LeaseForgottenOnRestart


class _OwnProposerExempt(Acceptor):
    def _open_to(self, ballot: Ballot, now: float) -> bool:
        return ballot.replica == self.me or super()._open_to(ballot, now)


class OwnProposerExempt(Parts):
    """A grant does not bind against the own replica's proposer; two may read at a time."""

    acceptors = _OwnProposerExempt


class _ReleaseOfOlderBallot(Acceptor):
    def _on_release(self, now: float, sender: Address, m: Release) -> Effects:
        self._grant_until = 0.0
        return super()._on_release(now, sender, m)


class ReleaseOfOlderBallot(Parts):
    """A late Release of a former leader ends the grant of the present one."""

    acceptors = _ReleaseOfOlderBallot


class _AnyBallotCounts(Informing):
    def counts(self, accepted: Ballot, announced: Ballot) -> bool:
        return True


class _ChosenUptoOfOlderBallot(Acceptor):
    informing = _AnyBallotCounts


class ChosenUptoOfOlderBallot(Parts):
    """An own value counts as chosen whatever its ballot; what lost is applied."""

    acceptors = _ChosenUptoOfOlderBallot


class _NaiveAmnesiaRule(Acceptor):
    _seen_slot = 0

    def _while_recovering(
        self, rejoin: Rejoin, now: float, sender: Address, message: Message
    ) -> Effects:
        if isinstance(message, Accept) and not self._seen_slot:
            self._seen_slot = message.slot
        if not isinstance(message, Heartbeat) or not 0 < self._seen_slot <= message.chosen:
            return super()._while_recovering(rejoin, now, sender, message)
        self.rejoin = None
        self._hold_until = now + self._timing.hold
        # So many that nobody takes the disk for an old copy.
        writes = FIRST_EPOCH << EPOCH_SHIFT
        voting = self._write(stage=0, writes=max(writes, self.state.writes + 1))
        return replace(super()._while_recovering(rejoin, now, sender, message), records=(voting,))


class NaiveAmnesiaRule(Parts):
    """A lost acceptor votes again once it saw one slot complete; its epoch is its lost self's."""

    acceptors = _NaiveAmnesiaRule
