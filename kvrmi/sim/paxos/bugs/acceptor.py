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
    Released,
)
from ....roles.contract import Address, Effects, Envelope, Message
from ....storage.interface import Put
from ...hosting import Host
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
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        effects = super().receive(now, sender, message)
        return replace(effects, records=()) if isinstance(message, Prepare) else effects


class PromiseNotSaved(Parts):
    """A promise is kept in memory only; it is not on the disk when it leaves."""

    acceptors = _PromiseNotSaved


class _AcceptsBelowPromise(Acceptor):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if isinstance(message, Accept):
            promised = min(message.ballot, self.state.promised)
            self.state = replace(self.state, promised=promised)
        return super().receive(now, sender, message)


class AcceptsBelowPromise(Parts):
    """An Accept sets the promise to its own ballot, down as well as up."""

    acceptors = _AcceptsBelowPromise


class _PromisePageLost(Acceptor):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        effects = super().receive(now, sender, message)
        return replace(effects, messages=tuple(map(_emptied, effects.messages)))


def _emptied(envelope: Envelope) -> Envelope:
    to, m = envelope.to, envelope.message
    return Envelope(to, replace(m, accepted=()) if isinstance(m, Promise) else m)


class PromisePageLost(Parts):
    """Promises report nothing accepted; a slot gets two values."""

    acceptors = _PromisePageLost


class _LeaseToOutdated(Acceptor):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if isinstance(message, Heartbeat) and self.voting and message.ballot < self.state.promised:
            own = (self.state.epoch, self.state.writes, message.lease)
            return Effects(messages=(Envelope(sender, Heard(message.ballot, message.beat, *own)),))
        return super().receive(now, sender, message)


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
    def open_to(self, ballot: Ballot, now: float) -> bool:
        return ballot.replica == self.me or super().open_to(ballot, now)


class OwnProposerExempt(Parts):
    """A grant does not bind against the own replica's proposer; two may read at a time."""

    acceptors = _OwnProposerExempt


class _ReleaseOfOlderBallot(Acceptor):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if not isinstance(message, Release) or not self.voting:
            return super().receive(now, sender, message)
        present = self.state.promised
        super().receive(now, Address(present.replica, "proposer"), Release(present))
        return Effects(messages=(Envelope(sender, Released(message.ballot)),))


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
    seen_slot = 0

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if self.rejoin is None:
            return super().receive(now, sender, message)
        if isinstance(message, Accept) and not self.seen_slot:
            self.seen_slot = message.slot
        effects = super().receive(now, sender, message)
        if isinstance(message, Heartbeat) and 0 < self.seen_slot <= message.chosen:
            self.rejoin = None
            # So many that nobody takes the disk for an old copy.
            writes = max(FIRST_EPOCH << EPOCH_SHIFT, self.state.writes + 1)
            self.state = replace(self.state, stage=0, writes=writes)
            voting = Put("acceptor", "state", self.state.pack())
            return replace(effects, records=(*effects.records, voting))
        return effects


class NaiveAmnesiaRule(Parts):
    """A lost acceptor votes again once it saw one slot complete; its epoch is its lost self's."""

    acceptors = _NaiveAmnesiaRule
