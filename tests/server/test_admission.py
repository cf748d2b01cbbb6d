"""Who may vote: disks known to all, and no disk that nobody knows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kvrmi.roles.invariants import DiskLost
from server.admission import Admitted, Reported, from_file, from_replicas, reported_by
from server.alone import cluster_of
from server.folder import FolderRefused, Identity

UNNAMED = cluster_of(1, "h:1111", ["h:1111", "h:2222", "h:3333"], Path("data"))
NAMED = dataclasses.replace(
    UNNAMED,
    members=tuple(dataclasses.replace(m, disk=f"d{m.id}") for m in UNNAMED.members),
)
ALL = {1: "d1", 2: "d2", 3: "d3"}


def mine(
    disk: str = "d1", *, recovering: bool = False, members: dict[int, str] | None = None
) -> Identity:
    return Identity("c", 1, disk, recovering, False, members or {})


def test_the_file_names_all_disks() -> None:
    assert from_file(NAMED, mine()) == Admitted(ALL, lost=False)


def test_a_disk_that_the_file_does_not_name_is_lost() -> None:
    with pytest.raises(DiskLost):
        from_file(NAMED, mine("other"))


def test_a_disk_made_to_recover_replaces_the_one_the_file_names() -> None:
    assert from_file(NAMED, mine("other", recovering=True)) == Admitted(ALL, lost=False)


def test_what_was_recorded_overrules_the_file() -> None:
    recorded = {**ALL, 1: "new"}
    assert from_file(NAMED, mine("new", members=recorded)) == Admitted(recorded, lost=False)


@pytest.mark.parametrize("recorded", [(1, 2, 3, 4, 5), (1, 2)])
def test_a_file_that_lists_other_members_than_were_recorded_is_refused(
    recorded: tuple[int, ...],
) -> None:
    members = {one: f"d{one}" for one in recorded}
    knows = ", ".join(map(str, recorded))
    with pytest.raises(FolderRefused, match=f"replicas {knows}, the cluster file lists 1, 2, 3:"):
        from_file(NAMED, mine(members=members))
    with pytest.raises(FolderRefused):
        from_file(UNNAMED, mine(members=members))


def test_others_that_recorded_other_members_decide_nothing() -> None:
    reported = {1: Reported("d1", {}), 2: Reported("d2", {**ALL, 4: "d4"}), 3: Reported("d3", {})}
    assert from_replicas(mine(), reported, (1, 2, 3)) is None


def test_without_named_disks_all_replicas_must_tell_theirs() -> None:
    assert from_file(UNNAMED, mine()) is None
    reported = {1: Reported("d1", {}), 2: Reported("d2", {})}
    assert from_replicas(mine(), reported, (1, 2, 3)) is None
    reported[3] = Reported("d3", {})
    assert from_replicas(mine(), reported, (1, 2, 3)) == Admitted(ALL, lost=False)


def test_one_that_has_recorded_the_members_is_believed() -> None:
    reported = {1: Reported("d1", {}), 2: Reported("d2", ALL)}
    assert from_replicas(mine(), reported, (1, 2, 3)) == Admitted(ALL, lost=False)
    reported[1] = Reported("fresh", {})
    assert from_replicas(mine("fresh"), reported, (1, 2, 3)) == Admitted(ALL, lost=True)


def test_an_answer_is_checked() -> None:
    assert reported_by({"disk": "d", "members": [[1, "d"]]}) == Reported("d", {1: "d"})
    for odd in (None, {}, {"disk": 1, "members": []}, {"disk": "d", "members": [[1]]}):
        with pytest.raises((ValueError, KeyError, TypeError)):
            reported_by(odd)
