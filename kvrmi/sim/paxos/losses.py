"""Which disks may be lost: only those that others can make up for.

Rule: it looks at disks, never at what roles make of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cluster.quorum import majority
from ...paxos.rejoin import MUST_COPY
from ...paxos.stable import State
from ...state.log import stored_end

if TYPE_CHECKING:
    from ..replica import Replica
    from ..world import World

__all__ = ["may_lose"]


def may_lose(world: World, replica: Replica, *, runs_on: bool = False) -> bool:
    """Return whether the others can make up for what this replica's disks hold.

    A majority must lack nothing; and what any acceptor has forgotten, because its own learner
    has it on disk, must be on the disk of another learner too. While the replica runs on, its
    acceptor goes on to forget all that this disk held.
    """
    size = len(world.ids)
    well = [
        other for other in world.replicas.values() if other is not replica and not _lacks(other)
    ]
    if len(well) < majority(size) or _lacks(replica):
        return False
    forgotten = max(_truncated(other) for other in world.replicas.values())
    if runs_on:
        forgotten = max(forgotten, stored_end(replica.disks["learner"])[0])
    return any(stored_end(other.disks["learner"])[0] >= forgotten for other in well)


def _lacks(replica: Replica) -> bool:
    """Return whether its disks lack what they once confirmed, until it has that from others."""
    if replica.refused or any(disk.damaged for disk in replica.disks.values()):
        return True
    state = _state(replica)
    return state.stage != 0 or stored_end(replica.disks["learner"])[0] < state.truncated


def _truncated(replica: Replica) -> int:
    return 0 if replica.disks["acceptor"].damaged else _state(replica).truncated


def _state(replica: Replica) -> State:
    row = replica.disks["acceptor"].row("acceptor", "state")
    return State.unpack(row) if row else State(stage=MUST_COPY if replica.recovering else 0)
