"""Who votes, how many decide, and whose votes count: epochs in force, and each acceptor's writes.

Rules: a proposer asks here who the acceptors are and how many make a quorum, and nowhere else. A
vote counts only if it carries the epoch in force at the slot it is for: a slot is proposed when our
learner has applied all before it, so the epochs that our learner knows are those.
"""

from __future__ import annotations

from ..operations.commands import FIRST_EPOCH, Voter
from ..roles.contract import Address

__all__ = ["Electorate"]


class Electorate:
    """All acceptors, and epochs by replica as of what our learner has applied."""

    def __init__(self, me: int, ids: tuple[int, ...], quorum: int) -> None:
        """Everybody is in the first epoch; `quorum` votes decide."""
        self.peers = tuple(i for i in ids if i != me)
        """Replicas of all but ours."""
        # Ourselves last, always: peers work while our own acceptor writes.
        self.acceptors = {i: Address(i, "acceptor") for i in (*self.peers, me)}
        """In the order in which they are asked."""
        self.quorum = quorum
        self._epochs: dict[int, int] = {}
        self._writes: dict[int, tuple[int, int]] = {}
        """The two highest numbers that each acceptor answered with, the lower one first."""

    def update(self, voters: tuple[Voter, ...]) -> bool:
        """Take what the log says; True if it changed anything."""
        epochs = {voter.replica: voter.epoch for voter in voters}
        changed = epochs != self._epochs
        self._epochs = epochs
        return changed

    def counts(self, replica: int, epoch: int, writes: int) -> bool:
        """Return whether this vote counts, and remember the acceptor's writes.

        An acceptor with fewer writes than it once had runs on an old copy of its disk.
        """
        if epoch != self._epochs.get(replica, FIRST_EPOCH):
            return False
        known, highest = self._writes.get(replica, (0, 0))
        if writes >= known:
            self._writes[replica] = (min(writes, highest), max(writes, highest))
        return writes >= known

    def ahead(self, replica: int, epoch: int) -> bool:
        """Return whether the vote's epoch is newer than what our learner knows: we lag."""
        return epoch > self._epochs.get(replica, FIRST_EPOCH)

    def seen(self, replica: int) -> int:
        """Count the writes that this acceptor is known to have made, from two of its answers.

        One answer alone, damaged on its way, must not make it look like an old copy for ever.
        """
        return self._writes.get(replica, (0, 0))[0]
