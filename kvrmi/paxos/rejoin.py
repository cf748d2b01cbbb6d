"""How an acceptor that lost its disk becomes a voter again, without ever contradicting its past.

What the lost self promised and accepted is unknown. So the new one is silent; copies what enough
peers accepted to meet every quorum the old self was part of; and has the log declare the old self
void: a VOTER command with the next epoch. Only votes of the epoch in force at a slot count, so a
promise that the old self gave and the new one forgot is never used. "Vote again after seeing one
complete instance" (Paxos Made Live, 5.1) is not enough where a promise covers a range of slots.

It knows neither clock nor disk; the acceptor makes durable what it collects.
"""

from __future__ import annotations

from ..cluster.quorum import copies_needed
from ..operations.commands import FIRST_EPOCH, Voter
from ..operations.vocabulary import VOTER
from ..roles.contract import Address, Effects, Envelope
from .ballot import NO_BALLOT, Ballot
from .messages import Ask, Copied, Copy, Enter

__all__ = ["COPIED", "MUST_COPY", "Rejoin"]

MUST_COPY, COPIED = 1, 2
"""Stages an acceptor's state remembers across restarts; 0 is a voter."""

RETRY = 0.5
"""Seconds between attempts: every message here may be lost, and asking again is harmless."""


class Rejoin:
    """Collects copies from peers, then waits to be declared a voter."""

    def __init__(self, me: int, ids: tuple[int, ...], disk: str, *, copied: bool = False) -> None:
        """`disk` is the id of the new disk; `copied`: an earlier run made the copies durable."""
        self.me = me
        self.disk = disk
        self.copied = copied
        self.epoch = 0
        self.promised: Ballot = NO_BALLOT
        self.truncated = 0
        self.accepted: dict[int, tuple[Ballot, bytes]] = {}
        self._peers = tuple(i for i in ids if i != me)
        self._need = copies_needed(len(ids))
        self._done: set[int] = set()
        self._known = False
        self._elected_by = 0

    @property
    def complete(self) -> bool:
        """Enough peers were copied in full."""
        return len(self._done) >= self._need

    def add(self, peer: int, page: Copied) -> Copy | None:
        """Merge one page: per slot the highest ballot wins. Returns the request for the next."""
        self.promised = max(self.promised, page.promised)
        self.truncated = max(self.truncated, page.truncated)
        for slot, ballot, value in page.accepted:
            known = self.accepted.get(slot)
            if known is None or known[0] < ballot:
                self.accepted[slot] = (ballot, value)
        if page.more:
            return Copy(page.more)
        self._done.add(peer)
        return None

    def learned(self, slot: int, voters: tuple[Voter, ...]) -> None:
        """Take note of the voters as of `slot`."""
        if self._elected_by:
            return  # an older report, or a restarted learner's, takes nothing back
        founder = Voter(self.me, FIRST_EPOCH, "")
        mine = next((v for v in voters if v.replica == self.me), founder)
        self.epoch = mine.epoch
        self._known = True
        if mine.disk == self.disk:
            self._elected_by = slot

    def elected(self, durable: int) -> bool:
        """Return whether the log names our disk as the voter, and our learner's disk holds that.

        Else a crash could make all learners forget the epoch, and nobody would count our votes.
        """
        return self.copied and 0 < self._elected_by <= durable

    def wake(self, now: float) -> Effects:
        """Ask again for what is still missing."""
        if not self.copied:
            missing = [peer for peer in self._peers if peer not in self._done]
            copies = tuple(Envelope(Address(peer, "acceptor"), Copy(1)) for peer in missing)
            return Effects(messages=copies, wake_at=now + RETRY)
        messages = [Envelope(Address(self.me, "learner"), Ask())]
        if self._known and not self._elected_by:
            voter = Voter(self.me, self.epoch + 1, self.disk)
            messages.append(Envelope(Address(self.me, "front"), Enter(VOTER.opcode, voter)))
        return Effects(messages=tuple(messages), wake_at=now + RETRY)
