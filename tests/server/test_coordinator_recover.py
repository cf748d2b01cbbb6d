"""`kvrmi-cluster recover`: a new cluster from what is left, and what it says before it makes it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from kvrmi.cluster.file import load
from kvrmi.operations.commands import Voter, encode_question
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.stable import State
from kvrmi.remote.identity import read_secret
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import pack_voters
from kvrmi.storage.sqlite import SqliteStorage
from server.__main__ import main as server
from server.coordinator import main
from server.folder import FolderRefused, open_folder
from server.offline.stopped import open_stopped

from .folders import CLUSTER, folder, traces

Captured = pytest.CaptureFixture[str]


def recover(new: Path, *copies: Path, yes: bool = True) -> int:
    words = [word for copy in copies for word in ("--from", str(copy))]
    return main(["recover", *words, "--data", str(new), *["--yes"] * yes])


def test_every_folder_of_the_new_cluster_holds_the_state_and_none_is_of_the_old_one(
    tmp_path: Path, capsys: Captured
) -> None:
    home = folder(tmp_path, 2, learned=7, accepted=[8, 9, 11], chosen=8, clean=False)
    before, new = traces(home), tmp_path / "new"
    assert recover(new, home) == 0
    assert traces(home) == before
    cluster = load(new / "cluster.toml")
    assert cluster.id != CLUSTER
    assert read_secret(new / "secret")
    for member in cluster.members:
        opened = open_folder(new / f"replica{member.id}", cluster.id, member.id, PAXOS)
        state = Replicated.load(opened.storages["learner.db"], KeyValues)
        row = opened.storages["acceptor.db"].read("acceptor", "state")
        assert (state.applied, state.log.first, state.revision, state.keys) == (9, 10, 9, 9)
        assert state.read(encode_question("get", ("k9",))).value == "v9"
        assert row is not None
        assert State.unpack(row) == State(truncated=9, chosen=9)
        assert (opened.identity.disk, opened.identity.founding) == (member.disk, True)
        opened.close()
    said = capsys.readouterr().out
    assert f"{home}: replica 2, slot 7 applied, accepted up to slot 11" in said
    assert "Together they give slot 9, revision 9: 9 keys" in said
    assert "not sure that they were chosen: slot 9" in said
    assert "no copy has a slot before them: slot 11" in said
    assert "Start the new cluster with: kvrmi-cluster --data" in said
    assert server(["inspect", str(new / "replica1")]) == 0
    assert "no slots kept" in capsys.readouterr().out


def test_a_copy_that_is_named_twice_is_one(tmp_path: Path, capsys: Captured) -> None:
    home = folder(tmp_path, 1, learned=1, accepted=[], chosen=1)
    link = tmp_path / "link"
    link.symlink_to(home)
    assert recover(tmp_path / "new", home, home, link) == 0
    said = capsys.readouterr().out
    assert said.count("replica 1, slot 1 applied") == 1
    assert "1 key, digest" in said


def test_ports_that_do_not_suffice_are_a_wrong_command_line(tmp_path: Path) -> None:
    home, new = folder(tmp_path, 1, learned=1, accepted=[], chosen=1), tmp_path / "new"
    words = ["--from", str(home), "--data", str(new), "--yes", "--base-port", "65530"]
    assert main(["recover", *words]) == 2
    assert not new.exists()


def test_a_retry_of_a_recovered_write_still_takes_effect_once(tmp_path: Path) -> None:
    home = folder(tmp_path, 1, learned=2, accepted=[3], chosen=3)
    assert recover(tmp_path / "new", home) == 0
    with open_stopped(tmp_path / "new" / "replica1") as made:
        assert made.learned is not None
        assert made.learned.sessions == 3


def test_copies_fill_each_others_gaps(tmp_path: Path) -> None:
    one = folder(tmp_path, 1, learned=3, accepted=[4, 6], chosen=5)
    other = folder(tmp_path, 2, learned=2, accepted=[3, 5], chosen=4)
    assert recover(tmp_path / "new", one, other) == 0
    with open_stopped(tmp_path / "new" / "replica1") as made:
        assert made.learned is not None
        assert made.learned.state.log.applied == 6


def test_voters_of_the_old_cluster_do_not_bind_the_new_one(tmp_path: Path) -> None:
    home = folder(tmp_path, 1, learned=2, accepted=[], chosen=2)
    storage = SqliteStorage(home / "learner.db", PAXOS.tables("learner.db"))
    storage.write([pack_voters((Voter(3, 2, "disk"),))])
    storage.close()
    assert recover(tmp_path / "new", home) == 0
    with open_stopped(tmp_path / "new" / "replica3") as made:
        assert made.learned is not None
        assert made.learned.state.voters == ()


def test_it_asks_and_makes_nothing_unless_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    home, new = folder(tmp_path, 1, learned=2, accepted=[], chosen=2), tmp_path / "new"
    assert recover(new, home, yes=False) == 1
    assert "give --yes if you mean it; nothing was made" in capsys.readouterr().err
    for answer, status in (("n", 1), ("", 1), ("y", 0)):
        monkeypatch.setattr("sys.stdin", Terminal(answer + "\n"))
        assert recover(new, home, yes=False) == status
        assert new.exists() == (status == 0)
    assert "What may be lost: every write that was acknowledged" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, capsys: Captured) -> None:
    home = folder(tmp_path, 1, learned=2, accepted=[], chosen=2)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").touch()
    assert recover(tmp_path / "new", home) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    assert recover(tmp_path / "empty", home) == 0


def test_copies_of_two_clusters_are_refused(tmp_path: Path, capsys: Captured) -> None:
    one = folder(tmp_path, 1, learned=2, accepted=[], chosen=2)
    other = folder(tmp_path, 2, learned=2, accepted=[], chosen=2, cluster="d" * 16)
    assert recover(tmp_path / "new", one, other) == 1
    assert "are of different clusters" in capsys.readouterr().err


def test_a_failure_on_the_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    home = folder(tmp_path, 1, learned=2, accepted=[], chosen=2)
    before = sorted(tmp_path.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "learner.db")

    monkeypatch.setattr("server.coordinator.recover.plant", full)
    assert recover(tmp_path / "new", home) == 1
    assert "learner.db: No space left on device; nothing was made" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_no_replica_of_the_old_cluster_is_one_of_the_new(tmp_path: Path) -> None:
    home = folder(tmp_path, 1, learned=2, accepted=[], chosen=2)
    assert recover(tmp_path / "new", home) == 0
    cluster = load(tmp_path / "new" / "cluster.toml")
    with pytest.raises(FolderRefused, match="belongs to replica 1 of cluster"):
        open_folder(home, cluster.id, 1, PAXOS)
