"""What must hold of lost disks: whose votes are in force, and who has just become a voter again.

Rule: the chosen log alone says which epoch is in force at a slot. It looks at disks and never at
what roles make of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...operations.commands import FIRST_EPOCH, Voter, take_apart
from ...operations.vocabulary import VOTER
from ...paxos.acceptor import Acceptor
from ...state.log import unpack_batch
from ...state.stored import stored_voters

if TYPE_CHECKING:
    from ..replica import Replica

__all__ = ["Epochs", "knows_itself"]


class Epochs:
    """The epochs of voters, slot by slot, and who is about to vote again."""

    def __init__(self) -> None:
        """Everybody votes in the first epoch."""
        self._begun: list[tuple[int, Voter]] = []
        self._recovering: dict[int, int] = {}

    def chosen(self, slot: int, value: bytes) -> None:
        """Take note of the next slot's value."""
        for command in unpack_batch(value):
            opcode, _, args = take_apart(command)
            if opcode == VOTER.opcode:
                voter = Voter(*VOTER.decode(args))
                if voter.epoch == self.in_force(voter.replica, slot + 1) + 1:
                    self._begun.append((slot, voter))

    def in_force(self, replica: int, slot: int) -> int:
        """Return in which epoch the replica's votes for `slot` count."""
        epochs = (v.epoch for at, v in self._begun if at < slot and v.replica == replica)
        return max(epochs, default=FIRST_EPOCH)

    def rejoined(self, replica: Replica) -> bool:
        """Return whether this acceptor has just become a voter; to be asked after its steps."""
        acceptor = replica.role(Acceptor)
        if acceptor is None:
            return False
        if acceptor.recovering:
            self._recovering[replica.me] = replica.starts
            return False
        # In another start of the process its disks may since have been exchanged again.
        return self._recovering.pop(replica.me, 0) == replica.starts


def knows_itself(replica: Replica) -> bool:
    """Return whether its learner's disk holds the VOTER command that made it one."""
    return any(voter.disk == replica.disk_id for voter in stored_voters(replica.disks["learner"]))
