"""`kvrmi-server inspect`: everything a stopped folder holds, and not one byte of it changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kvrmi.paxos.declaration import PAXOS
from kvrmi.state.rows import ROWS, pack_row
from kvrmi.storage.interface import Put, StorageFailed
from kvrmi.storage.sqlite import SqliteStorage
from server import endings
from server.__main__ import main
from server.folder import format_folder
from server.offline.stopped import open_stopped
from server.pidlock import PidLock, holder

from .folders import CLUSTER, folder, traces


def inspect(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    status = main(["inspect", str(home), "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("clean", [True, False])
def test_all_of_a_folder_is_reported_and_nothing_in_it_changes(
    clean: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 2, learned=7, accepted=range(5, 11), chosen=9, clean=clean)
    before = traces(home)
    status, found = inspect(home, capsys)
    assert (status, traces(home)) == (0, before)
    assert (found["identity"]["cluster"], found["identity"]["replica"]) == (CLUSTER, 2)
    acceptor, learner = found["acceptor"], found["learner"]
    assert (acceptor["promised"], acceptor["epoch"], acceptor["clean"]) == ([3, 2], 1, clean)
    assert acceptor["accepted"] == {"count": 6, "first": 5, "last": 10}
    assert (learner["applied"], learner["revision"], learner["keys"]) == (7, 7, 7)
    assert (learner["sessions"], len(learner["digest"])) == (7, 64)
    assert [entry["slot"] for entry in learner["log"]["entries"]] == [3, 4, 5, 6, 7]
    assert all(entry["summary"].startswith("put ") for entry in learner["log"]["entries"])
    assert found["damage"] == []


def test_what_the_learners_disk_lacks_is_reported_with_how_sure_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=7, accepted=[8, 9, 10, 12], chosen=9)
    _, found = inspect(home, capsys)
    assert [entry["slot"] for entry in found["tail"]["chosen"]] == [8, 9]
    assert [entry["slot"] for entry in found["tail"]["possible"]] == [10]
    assert found["tail"]["unusable"] == [12]
    assert (found["learner"]["keys"], found["recovered"]["keys"]) == (7, 10)
    main(["inspect", str(home)])
    said = capsys.readouterr().out
    assert "slots 8 to 9, which were chosen" in said
    assert "slot 10, which may have been chosen" in said
    assert "slot 12: a slot before them is not in this folder" in said


def test_damage_to_one_file_does_not_hide_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=7, accepted=[8], chosen=8)
    (home / "acceptor.db").write_bytes(b"gone")
    status, found = inspect(home, capsys)
    assert (status, found["identity"], found["learner"]["keys"]) == (4, None, 7)
    assert "acceptor.db is damaged" in found["damage"][0]
    home = folder(tmp_path, 2, learned=7, accepted=[8], chosen=8)
    (home / "learner.db").unlink()
    status, found = inspect(home, capsys)
    assert (status, found["identity"]["replica"], found["learner"]) == (4, 2, None)
    assert found["damage"] == ["learner.db is missing"]


def test_rows_that_do_not_add_up_are_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = folder(tmp_path, 1, learned=7, accepted=[8], chosen=8)
    storage = SqliteStorage(home / "learner.db", PAXOS.tables("learner.db"))
    storage.write([Put(ROWS, "k1", pack_row("another"))])
    storage.close()
    status, found = inspect(home, capsys)
    assert (status, found["learner"]) == (4, None)
    assert "add up" in found["damage"][0]


def test_why_its_process_ended_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = folder(tmp_path, 1, learned=1, accepted=[], chosen=1)
    assert inspect(home, capsys)[1]["ended"] is None
    endings.leave(home, endings.ending("learner", StorageFailed("no space left")))
    assert inspect(home, capsys)[1]["ended"] == "the disk failed: no space left"


def test_a_folder_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = folder(tmp_path, 1, learned=1, accepted=[], chosen=1)
    lock = PidLock.take(home / "lock")
    assert lock is not None
    lock.sign(os.getpid())
    assert main(["inspect", str(home)]) == 1
    assert f"is in use by process {os.getpid()}" in capsys.readouterr().err
    lock.close()
    assert main(["inspect", str(home)]) == 0


def test_no_replica_starts_while_a_folder_is_read_and_the_reader_is_taken_for_none(
    tmp_path: Path,
) -> None:
    home = folder(tmp_path, 1, learned=1, accepted=[], chosen=1)
    lock = PidLock.take(home / "lock")
    assert lock is not None
    lock.close()
    with open_stopped(home), open_stopped(home):
        assert PidLock.take(home / "lock") is None
        assert holder(home / "lock") is None
    lock = PidLock.take(home / "lock")
    assert lock is not None
    lock.close()


def test_what_never_ran_is_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    format_folder(tmp_path / "replica1", PAXOS, CLUSTER, 1, recovering=False)
    assert main(["inspect", str(tmp_path / "replica1")]) == 0
    said = capsys.readouterr().out
    assert "has never run" in said
    assert "known from ballot" not in said


@pytest.mark.parametrize("name", ["", "none"])
def test_what_is_no_replicas_folder_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(tmp_path / name)]) == 1
    assert "is not the folder of a replica" in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", deny)
    for words in (["inspect", str(tmp_path)], ["export", str(tmp_path), str(tmp_path / "f")]):
        assert main(words) == 1
        assert f"{tmp_path} cannot be read: " in capsys.readouterr().err
