"""Bugs of campaigns: what is asked of a quorum of promises, and what is made of them.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ....cluster.quorum import majority
from ....operations.commands import Voter
from ....paxos.ballot import Ballot
from ....paxos.campaign import Phase1
from ....paxos.electorate import Electorate
from ....paxos.messages import PreVoted, Promise
from ....paxos.pieces import PIECES
from ....paxos.proposer import Proposer
from ....roles.contract import Address, Effects, Message
from ....roles.declaration import Setting, Stored
from ..parts import Parts

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


class _NothingOpen(Phase1):
    def open_values(self) -> dict[int, bytes]:
        return {}


class AdoptionSkipped(Parts):
    """A new leader proposes no-ops where others may have had a value chosen."""

    pieces = PIECES._replace(phase1=_NothingOpen)


class _LowestFirst(Phase1):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lowest: dict[int, tuple[Ballot, bytes]] = {}

    def add(self, replica: int, m: Promise) -> int:
        for slot, ballot, value in m.accepted:
            known = self.lowest.get(slot)
            if known is None or ballot < known[0]:
                self.lowest[slot] = (ballot, value)
        return super().add(replica, m)

    def open_values(self) -> dict[int, bytes]:
        return {slot: value for slot, (_, value) in self.lowest.items()}


class LowestBallotAdopted(Parts):
    """Of a slot's accepted values the oldest is adopted; a slot gets two values."""

    pieces = PIECES._replace(phase1=_LowestFirst)


class _FirstPageOnly(Phase1):
    def add(self, replica: int, m: Promise) -> int:
        return super().add(replica, replace(m, more=0))


class PromisesSecondPageDropped(Parts):
    """A promise counts when its first page is in; what the second reports is not adopted."""

    pieces = PIECES._replace(phase1=_FirstPageOnly)


class QuorumOfTwo(Parts):
    """Two replicas decide, however many there are."""

    pieces = PIECES._replace(quorum=lambda replicas: min(2, majority(replicas)))


class _Keeps(Phase1):
    """Goes on from an attempt before it that was given up."""

    def __init__(self, before: _Keeps | None, *args: Any) -> None:
        super().__init__(*args)
        self.needs = args[2]
        self.before = None if before is None or before.won else before
        self.done: set[int] = set()

    def add(self, replica: int, m: Promise) -> int:
        more = super().add(replica, m)
        if not more:
            self.done.add(replica)
        return more

    @property
    def given(self) -> set[int]:
        """Who promised, then or now."""
        return self.done | (self.before.given if self.before else set())

    @property
    def won(self) -> bool:
        return self.ballot.replica in self.done and len(self.given) >= self.needs

    def open_values(self) -> dict[int, bytes]:
        return {**(self.before.open_values() if self.before else {}), **super().open_values()}


class PromisesOfAnyBallot(Parts):
    """Promises that an abandoned attempt was given count for the next, at a higher ballot."""

    def proposer(self, setting: Setting, storage: Stored | None, now: float) -> Proposer:
        """Take up a proposer whose attempts know of one another."""
        attempts: list[_Keeps] = []

        def attempt(*args: Any) -> Phase1:
            attempts.append(_Keeps(attempts[-1] if attempts else None, *args))
            return attempts[-1]

        pieces = PIECES._replace(phase1=attempt)
        return Proposer(setting.me, setting.ids, now, setting.rng, setting.timing, pieces)


class _BallotReused(Proposer):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if isinstance(message, PreVoted) and message.promised.replica == self.me:
            known = message.promised
            message = replace(
                message,
                granted=message.granted or message.ballot == known,
                promised=Ballot(known.round - 1, self.me),
            )
        return super().receive(now, sender, message)


class BallotReusedAfterRestart(Parts):
    """A proposer goes on at the ballot that its own acceptor last promised it."""

    proposers = _BallotReused


class _NeverChanged(Electorate):
    def update(self, voters: tuple[Voter, ...]) -> bool:
        super().update(voters)
        return False


class Phase1NotRepeatedAfterVoter(Parts):
    """A leader goes on with promises that a lost disk gave and forgot."""

    pieces = PIECES._replace(electorate=_NeverChanged)


class _ForLeaders(Electorate):
    leading = False

    def update(self, voters: tuple[Voter, ...]) -> bool:
        return super().update(voters) and self.leading


class _Survives(Proposer):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        if isinstance(self.electorate, _ForLeaders):
            self.electorate.leading = self.leading
        return super().receive(now, sender, message)


class Phase1SurvivesVoter(Parts):
    """A phase 1 that is open goes on when a lost disk's new voter is learned of."""

    proposers = _Survives
    pieces = PIECES._replace(electorate=_ForLeaders)


class _NewerToo(Electorate):
    def counts(self, replica: int, epoch: int, writes: int) -> bool:
        return super().counts(replica, epoch, writes) or self.ahead(replica, epoch)


class NewerEpochCounted(Parts):
    """Votes of a newer epoch count for a proposer that has not learned of it; another's do not."""

    pieces = PIECES._replace(electorate=_NewerToo)


class _AnyEpoch(_NeverChanged):
    def counts(self, replica: int, epoch: int, writes: int) -> bool:
        super().counts(replica, epoch, writes)
        return True


class VotesOfOldEpochCounted(Parts):
    """Epochs are not looked at: what a lost disk promised or accepted counts for ever."""

    pieces = PIECES._replace(electorate=_AnyEpoch)
