"""The two rounds before leading: a pre-vote that promises nothing, then phase 1.

Both only count answers. Rule of phase 1: per slot the value of the highest accepted ballot among a
quorum's complete answers is adopted ("Paxos Made Simple", P2c); an answer in pages counts when its
last page is in. Whose votes count (epochs) is decided before an answer gets here.
"""

from __future__ import annotations

from .ballot import NO_BALLOT, Ballot
from .messages import PreVoted, Promise

__all__ = ["Phase1", "PreVoteRound"]


class PreVoteRound:
    """Asks whether a quorum, our own acceptor in it, would promise `ballot`."""

    def __init__(self, me: int, ballot: Ballot, quorum: int, deadline: float) -> None:
        """`deadline` ends the round; its owner decides what then."""
        self.ballot = ballot
        self.deadline = deadline
        self.followed: Ballot = NO_BALLOT
        """The newest ballot for which we were refused: whom others follow, if anybody."""
        self._me = me
        self._quorum = quorum
        self._granted: set[int] = set()
        self._refused: set[int] = set()

    def add(self, replica: int, m: PreVoted) -> None:
        """Count one answer."""
        (self._granted if m.granted else self._refused).add(replica)
        if not m.granted:
            self.followed = max(self.followed, m.promised)

    @property
    def won(self) -> bool:
        """A quorum would promise."""
        return self._me in self._granted and len(self._granted) >= self._quorum

    @property
    def failed(self) -> bool:
        """Our own acceptor, or too many others, would not."""
        return self._me in self._refused or len(self._refused) >= self._quorum


class Phase1:
    """Collects promises for `ballot` and what was accepted from `first` on."""

    def __init__(self, ballot: Ballot, first: int, quorum: int, deadline: float) -> None:
        """`first` is the lowest slot that our learner has not applied."""
        self.ballot = ballot
        self.first = first
        self.deadline = deadline
        self.truncated = 0
        self.informant = 0
        self._quorum = quorum
        self._complete: set[int] = set()
        self._accepted: dict[int, tuple[Ballot, bytes]] = {}

    def add(self, replica: int, m: Promise) -> int:
        """Take one page; returns the slot to ask this acceptor next, or 0."""
        if m.truncated > self.truncated:
            self.truncated, self.informant = m.truncated, replica
        for slot, ballot, value in m.accepted:
            known = self._accepted.get(slot)
            if known is None or known[0] < ballot:
                self._accepted[slot] = (ballot, value)
        if not m.more:
            self._complete.add(replica)
        return m.more

    @property
    def won(self) -> bool:
        """A quorum promised and reported everything."""
        return len(self._complete) >= self._quorum

    def open_values(self) -> dict[int, bytes]:
        """Give what must be proposed again, by slot: it may have been chosen."""
        return {slot: value for slot, (_, value) in self._accepted.items()}
