"""Folders: formatted once, owned by one replica of one cluster, used by one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.stable import State
from kvrmi.storage.interface import Put
from kvrmi.storage.sqlite import SqliteStorage
from server.folder import IDENTITY, Folder, FolderRefused, Identity, format_folder, open_folder

CLUSTER = "c1"


def opened(folder: Path, cluster: str = CLUSTER, replica: int = 1) -> Folder:
    return open_folder(folder, cluster, replica, PAXOS)


def test_a_formatted_folder_opens_and_knows_whose_it_is(tmp_path: Path) -> None:
    disk = format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    folder = opened(tmp_path / "r")
    identity = folder.identity
    assert (identity.cluster, identity.replica, identity.disk) == (CLUSTER, 1, disk)
    assert identity.founding
    assert not identity.recovering
    folder.close()


def test_a_change_of_identity_survives(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=True)
    folder = opened(tmp_path / "r")
    assert folder.identity.recovering
    assert not folder.identity.founding
    folder.change(founding=False, members={1: "a", 2: "b"})
    folder.close()
    folder = opened(tmp_path / "r")
    assert folder.identity.members == {1: "a", 2: "b"}
    folder.close()


def test_what_goes_while_it_is_in_use_is_missed(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    folder = opened(tmp_path / "r")
    assert folder.astray() is None
    for name in ("lock", "acceptor.db", "acceptor.db.mark", "learner.db"):
        kept = (tmp_path / "r" / name).rename(tmp_path / name)
        assert folder.astray() == f"{tmp_path / 'r' / name} is gone"
        kept.rename(tmp_path / "r" / name)
        assert folder.astray() is None
    (tmp_path / "r").rename(tmp_path / "kept")
    assert "is gone" in (folder.astray() or "")
    (tmp_path / "r").mkdir()  # a bare mount point, say
    assert "is gone" in (folder.astray() or "")
    (tmp_path / "r").rmdir()
    (tmp_path / "kept").rename(tmp_path / "r")
    assert folder.astray() is None
    folder.close()


def test_no_folder_is_made_within_a_replicas_own(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    there = sorted((tmp_path / "r").iterdir())
    with pytest.raises(FolderRefused, match="is a replica's own folder; nothing was done"):
        format_folder(tmp_path / "r" / "replica1", PAXOS, CLUSTER, 1, recovering=False)
    assert sorted((tmp_path / "r").iterdir()) == there


def test_it_is_formatted_only_once(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    with pytest.raises(FolderRefused, match=r"formatted already; .* Start without --format"):
        format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)


@pytest.mark.parametrize(("cluster", "replica"), [("c2", 1), (CLUSTER, 2)])
def test_a_foreign_folder_is_refused(tmp_path: Path, cluster: str, replica: int) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    with pytest.raises(FolderRefused, match="belongs to replica 1 of cluster c1"):
        opened(tmp_path / "r", cluster, replica)
    opened(tmp_path / "r").close()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderRefused, match="not formatted"):
        opened(tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    folder = opened(tmp_path / "r")
    with pytest.raises(FolderRefused, match="in use by process"):
        opened(tmp_path / "r")
    folder.close()
    opened(tmp_path / "r").close()


def test_a_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    assert (tmp_path / "r").stat().st_mode & 0o077 == 0
    (tmp_path / "r").chmod(0o755)
    opened(tmp_path / "r").close()
    assert (tmp_path / "r").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("left", ["lock", "learner.db"])
def test_what_a_replica_left_is_not_formatted_over(tmp_path: Path, left: str) -> None:
    (tmp_path / left).touch()
    with pytest.raises(FolderRefused, match=r"has no acceptor\.db"):
        format_folder(tmp_path, PAXOS, CLUSTER, 1, recovering=False)


def test_a_lost_learner_starts_empty_and_the_votes_stay(tmp_path: Path) -> None:
    format_folder(tmp_path / "r", PAXOS, CLUSTER, 1, recovering=False)
    folder = opened(tmp_path / "r")
    folder.storages["acceptor.db"].write([Put("accepted", 1, b"x")])
    folder.storages["learner.db"].write([Put("rows", "k", b"v")])
    folder.close()
    (tmp_path / "r" / "learner.db").write_bytes(b"junk" * 2000)
    folder = opened(tmp_path / "r")
    assert folder.storages["acceptor.db"].read("accepted", 1) == b"x"
    assert folder.storages["learner.db"].read("rows", "k") is None
    folder.close()


def test_a_folder_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    """Its acceptor.db is SQLite's; what it promised holds."""
    folder = tmp_path / "replica1"
    disk = format_folder(folder, PAXOS, "c", 1, recovering=False)
    identity = Identity("c", 1, disk, False, False, {1: disk})
    for file in folder.iterdir():
        file.unlink()
    storage = SqliteStorage(folder / "acceptor.db", {**PAXOS.tables("acceptor.db"), **IDENTITY})
    promised = State(promised=Ballot(7, 2), writes=5)
    storage.write([
        Put("identity", "identity", identity.pack()), Put("acceptor", "state", promised.pack()),
    ])  # fmt: skip
    storage.close()
    for _ in range(2):
        found = opened(folder, "c")
        assert found.identity == identity
        assert found.storages["acceptor.db"].read("acceptor", "state") == promised.pack()
        found.close()
