"""Bugs of campaigns: what is asked of a quorum of promises, and what is made of them.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from msgspec.structs import replace

from ....operations.commands import Voter
from ....paxos.ballot import NO_BALLOT, Ballot
from ....paxos.campaign import Phase1
from ....paxos.electorate import Electorate
from ....paxos.messages import Applied, PreVoted, Promise
from ....paxos.proposer import Proposer
from ....roles.contract import Address, Effects, Envelope, Message
from ....roles.declaration import Setting, Stored
from ..parts import Parts
from .swap import CampaignsOf

__all__ = [
    "AdoptionSkipped",
    "BallotReusedAfterRestart",
    "LowestBallotAdopted",
    "NewerEpochCounted",
    "Phase1NotRepeatedAfterVoter",
    "Phase1SurvivesVoter",
    "PromisesOfAnyBallot",
    "PromisesSecondPageDropped",
    "QuorumOfTwo",
    "VotesOfOldEpochCounted",
]


class _AdoptionSkipped(Proposer):
    def _take_office(self, now: float, won: Phase1) -> tuple[Envelope, ...]:
        won._accepted.clear()
        return super()._take_office(now, won)


class AdoptionSkipped(Parts):
    """A new leader proposes no-ops where others may have had a value chosen."""

    proposers = _AdoptionSkipped


class _LowestFirst(Phase1):
    def add(self, replica: int, m: Promise) -> int:
        known = dict(self._accepted)
        more = super().add(replica, m)
        for slot, (ballot, value) in known.items():
            if ballot < self._accepted[slot][0]:
                self._accepted[slot] = (ballot, value)
        return more


class _LowestBallotAdopted(CampaignsOf):
    phase1 = _LowestFirst


class LowestBallotAdopted(Parts):
    """Of a slot's accepted values the oldest is adopted; a slot gets two values."""

    proposers = _LowestBallotAdopted


class _FirstPageOnly(Phase1):
    def add(self, replica: int, m: Promise) -> int:
        return super().add(replica, replace(m, more=0))


class _PromisesSecondPageDropped(CampaignsOf):
    phase1 = _FirstPageOnly


class PromisesSecondPageDropped(Parts):
    """A promise counts when its first page is in; what the second reports is not adopted."""

    proposers = _PromisesSecondPageDropped


class QuorumOfTwo(Parts):
    """Two replicas decide, however many there are."""

    def proposer(self, setting: Setting, storage: Stored | None, now: float) -> Proposer:
        """Take up a proposer that needs two votes at most."""
        proposer = super().proposer(setting, storage, now)
        proposer._quorum = min(2, proposer._quorum)
        return proposer


class _PromisesOfAnyBallot(Proposer):
    _kept: Phase1 | None = None

    def _abandon(self, now: float) -> None:
        self._kept = self._phase1
        super()._abandon(now)

    def _prepare(self, now: float) -> tuple[Envelope, ...]:
        messages = super()._prepare(now)
        if self._phase1 is not None and self._kept is not None:
            self._phase1._complete |= self._kept._complete - {self.me}
            self._phase1._accepted.update(self._kept._accepted)
        return messages


class PromisesOfAnyBallot(Parts):
    """Promises that an abandoned attempt was given count for the next, at a higher ballot."""

    proposers = _PromisesOfAnyBallot


class _BallotReused(Proposer):
    _mine: Ballot = NO_BALLOT

    def _on_pre_voted(self, now: float, sender: Address, m: PreVoted) -> tuple[Envelope, ...]:
        if sender.replica == self.me:
            self._mine = m.promised
        return super()._on_pre_voted(now, sender, m)

    def _prepare(self, now: float) -> tuple[Envelope, ...]:
        if self._mine.replica == self.me and self._mine.round == self._round:
            self._round -= 1
        return super()._prepare(now)


class BallotReusedAfterRestart(Parts):
    """A proposer goes on at the ballot that its own acceptor last promised it."""

    proposers = _BallotReused


class _NeverChanged(Electorate):
    def update(self, voters: tuple[Voter, ...]) -> bool:
        super().update(voters)
        return False


class Phase1NotRepeatedAfterVoter(Parts):
    """A leader goes on with promises that a lost disk gave and forgot."""

    def proposer(self, setting: Setting, storage: Stored | None, now: float) -> Proposer:
        """Take up a proposer that does not learn of new epochs."""
        proposer = super().proposer(setting, storage, now)
        proposer._electorate = _NeverChanged()
        return proposer


class _Survives(Proposer):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        open_one = self._phase1 if isinstance(message, Applied) and self._term is None else None
        effects = super().receive(now, sender, message)
        if open_one is not None and self._phase1 is None and message.slot > 0:
            self._phase1 = open_one
        return effects


class Phase1SurvivesVoter(Parts):
    """A phase 1 that is open goes on when a lost disk's new voter is learned of."""

    proposers = _Survives


class _NewerToo(Electorate):
    def counts(self, replica: int, epoch: int, writes: int) -> bool:
        return super().counts(replica, epoch, writes) or self.ahead(replica, epoch)


class NewerEpochCounted(Parts):
    """Votes of a newer epoch count for a proposer that has not learned of it; another's do not."""

    def proposer(self, setting: Setting, storage: Stored | None, now: float) -> Proposer:
        """Take up a proposer that trusts new disks."""
        proposer = super().proposer(setting, storage, now)
        proposer._electorate = _NewerToo()
        return proposer


class _AnyEpoch(_NeverChanged):
    def counts(self, replica: int, epoch: int, writes: int) -> bool:
        super().counts(replica, epoch, writes)
        return True


class VotesOfOldEpochCounted(Parts):
    """Epochs are not looked at: what a lost disk promised or accepted counts for ever."""

    def proposer(self, setting: Setting, storage: Stored | None, now: float) -> Proposer:
        """Take up a proposer that trusts every vote."""
        proposer = super().proposer(setting, storage, now)
        proposer._electorate = _AnyEpoch()
        return proposer
