"""Whether this replica may vote: only after it knows all replicas' disks, and that its own is one.

Rules: the ids come from the cluster file, or from all replicas while none of them has recorded any;
once recorded they stand. A replica whose disk the others do not know lost the one they knew, and
must rejoin instead. It asks nobody by itself and changes nothing on a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kvrmi.cluster.config import Cluster
from kvrmi.roles.invariants import DiskLost

from .folder import FolderRefused, Identity


class Reported(NamedTuple):
    """What a replica reports of itself: its disk, and the members it has recorded, if any."""

    disk: str
    members: dict[int, str]


class Admitted(NamedTuple):
    """The members to record, and whether our disk is a new one in the place of a known one."""

    members: dict[int, str]
    lost: bool


def from_file(cluster: Cluster, identity: Identity) -> Admitted | None:
    """Read what the cluster file admits; None when it names no disks.

    What was recorded before stands. Raises DiskLost when another disk than ours is named, and ours
    was not made to replace it; FolderRefused when the file lists other replicas than were recorded.
    """
    check_members(cluster, identity.replica, identity.members)
    members = identity.members or {member.id: member.disk for member in cluster.members}
    if not all(members.values()):
        return None
    if members[identity.replica] != identity.disk and not identity.recovering:
        raise DiskLost(
            f"the cluster recorded disk {members[identity.replica]} "
            f"for replica {identity.replica}, "
            f"this folder's disk is {identity.disk}"
        )
    return Admitted(members, lost=False)


def check_members(cluster: Cluster, replica: int, recorded: Mapping[int, str]) -> None:
    """Refuse, with FolderRefused, a file that lists others than a replica's disk has recorded.

    With another list a majority would be another number, and two of them need not meet.
    """
    if recorded and set(recorded) != set(cluster.ids):
        raise FolderRefused(
            f"the disk of replica {replica} was formatted for replicas "
            f"{_listed(recorded)}, the cluster file lists {_listed(cluster.ids)}: put the "
            "former file back; the members of a cluster cannot change"
        )


def from_replicas(
    identity: Identity, reported: Mapping[int, Reported], ids: tuple[int, ...]
) -> Admitted | None:
    """Judge by what the replicas say, this one included; None while that decides nothing.

    One that has recorded the members is believed, if they are ours; else all must have answered.
    """
    recorded = next((one.members for one in reported.values() if one.members), None)
    if recorded is not None:
        if set(recorded) != set(ids):
            return None
        return Admitted(recorded, lost=recorded[identity.replica] != identity.disk)
    if set(reported) != set(ids):
        return None
    return Admitted({replica: reported[replica].disk for replica in ids}, lost=False)


def reported_by(answer: object) -> Reported:
    """Read what a replica's admin object answered. Raises ValueError for anything odd."""
    if not isinstance(answer, dict) or type(answer.get("disk")) is not str:
        raise ValueError("not an identity")
    members = {int(replica): str(disk) for replica, disk in answer["members"]}
    return Reported(answer["disk"], members)


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ids)))
