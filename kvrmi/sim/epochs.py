"""What must hold of lost disks: whose votes are in force, and what a rejoined acceptor must know.

Rules: the chosen log alone says which epoch is in force at a slot; whatever is chosen stays with
so many voters that no quorum misses it. It looks at disks and never at what roles make of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..commands import decode_command
from ..log import unpack_batch
from ..machine import FIRST_EPOCH, Voter
from ..paxos.acceptor import State
from ..paxos.ballot import NO_BALLOT, Ballot
from ..rows import stored_voters

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Epochs", "knows_itself", "lacking"]


class Epochs:
    """The epochs of voters, slot by slot, and who is about to vote again."""

    def __init__(self) -> None:
        """Everybody votes in the first epoch."""
        self._begun: list[tuple[int, Voter]] = []
        self._recovering: dict[int, int] = {}

    def chosen(self, slot: int, value: bytes) -> None:
        """Take note of the next slot's value."""
        for command in unpack_batch(value):
            name, _, args = decode_command(command)
            if name == "voter":
                voter = Voter(*args)
                if voter.epoch == self.in_force(voter.replica, slot + 1) + 1:
                    self._begun.append((slot, voter))

    def in_force(self, replica: int, slot: int) -> int:
        """Tell in which epoch the replica's votes for `slot` count."""
        epochs = (v.epoch for at, v in self._begun if at < slot and v.replica == replica)
        return max(epochs, default=FIRST_EPOCH)

    def rejoined(self, replica: Replica) -> bool:
        """Tell whether this acceptor has just become a voter; to be asked after its steps."""
        acceptor = replica.acceptor
        if acceptor is None:
            return False
        if acceptor.recovering:
            self._recovering[replica.me] = replica.starts
            return False
        # In another start of the process its disks may since have been exchanged again.
        return self._recovering.pop(replica.me, 0) == replica.starts


def knows_itself(replica: Replica) -> bool:
    """Tell whether its learner's disk holds the VOTER command that made it one."""
    return any(voter.disk == replica.disk_id for voter in stored_voters(replica.state))


def _accepted_at(replica: Replica, slot: int) -> Ballot:
    """Tell at which ballot the replica's disk holds a value for `slot`, or NO_BALLOT."""
    row = replica.votes.row("accepted", slot)
    if row is None:
        return NO_BALLOT
    return Ballot(int.from_bytes(row[1:9], "big"), int.from_bytes(row[9:13], "big"))


def lacking(voters: Iterable[Replica], slot: int, ballot: Ballot) -> list[int]:
    """List voters whose answer to a Prepare would not tell what was chosen at that ballot."""
    return [v.me for v in voters if _accepted_at(v, slot) < ballot and not _forgot(v, slot)]


def _forgot(replica: Replica, slot: int) -> bool:
    row = replica.votes.row("acceptor", "state")
    return row is not None and State.unpack(row).truncated >= slot
