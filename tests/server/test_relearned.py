"""learner.db, damaged: put aside and begun anew a few times, said once, nothing else touched."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kvrmi.roles.breaking import RENEWALS
from kvrmi.storage.interface import Corrupt, Put, Readable, StorageFailed, Tables
from kvrmi.storage.sqlite import SqliteStorage
from server import relearned
from server.relearned import COPIES, Relearned

TABLES: Tables = {"rows": str}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one row, closed cleanly."""
    file = tmp_path / "learner.db"
    storage = SqliteStorage(file, TABLES)
    storage.write([Put("rows", "k", b"v")])
    storage.close()
    return file


def rows(disk: Readable) -> list[bytes]:
    return [value for _, value in disk.scan("rows")]


def unless_any(disk: Readable) -> list[bytes]:
    """Whole records that do not add up, as the machine finds them."""
    if found := rows(disk):
        raise Corrupt("the rows do not add up to the stored digest")
    return found


def copies(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.glob("*.damaged-*") if one.name[-1].isdigit())


def test_a_whole_file_is_used_as_it_is(path: Path) -> None:
    storage = Relearned(path, TABLES)
    assert storage.load(rows) == [b"v"]
    assert storage.notes == ()
    storage.close()
    assert copies(path) == []


@pytest.mark.parametrize("damage", ["junk", "cut", "empty"])
def test_a_file_that_cannot_be_opened_is_put_aside(path: Path, damage: str) -> None:
    data = {"junk": b"junk" * 2000, "cut": path.read_bytes()[:5000], "empty": b""}[damage]
    path.write_bytes(data)
    storage = Relearned(path, TABLES)
    assert storage.load(rows) == []
    storage.write([Put("rows", "k", b"new")])
    storage.close()
    assert (path.parent / "learner.db.damaged-1").read_bytes() == data
    assert rows(SqliteStorage(path, TABLES)) == [b"new"]


def test_rows_that_do_not_add_up_are_put_aside_with_all_that_belongs_to_them(path: Path) -> None:
    storage = Relearned(path, TABLES)
    assert storage.load(unless_any) == []
    storage.close()
    aside = path.with_name("learner.db.damaged-1")
    assert rows(SqliteStorage(aside, TABLES)) == [b"v"]


def test_a_bad_record_met_at_a_restart_of_the_role(path: Path) -> None:
    """The process lives on, and so do snapshots of the old file."""
    storage = Relearned(path, TABLES)
    # Behind the storage's back, as a failing disk would.
    storage._usable()._connection.execute("UPDATE rows SET value = x'00'")
    old = storage.snapshot()
    assert storage.load(rows) == []
    with pytest.raises(Corrupt):
        rows(old)
    old.close()
    storage.write([Put("rows", "k", b"again")])
    assert storage.load(rows) == [b"again"]
    storage.close()


def test_a_bad_record_that_nobody_loads_is_met_at_the_start_too(path: Path) -> None:
    """After an unclean stop all is looked at once: later the role could not be begun anew."""
    tables = {**TABLES, "more": int}
    storage = SqliteStorage(path, tables)
    storage.write([Put("more", 1, b"one")])
    crashed = path.with_name("crashed.db")
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", f"{crashed}{suffix}")
    storage.close()
    with closing(sqlite3.connect(crashed)) as connection, connection:
        connection.execute("UPDATE more SET value = x'00'")
    relearned = Relearned(crashed, tables)
    assert relearned.load(lambda it: list(it.every("rows"))) == []
    (note,) = relearned.notes
    assert "'more' does not match" in note
    relearned.close()


def test_it_is_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"junk")
    with caplog.at_level(logging.WARNING):
        storage = Relearned(path, TABLES)
        for _ in range(3):
            storage.load(rows)
    (note,) = storage.notes
    assert "put aside as learner.db.damaged-1" in note
    assert [record.getMessage() for record in caplog.records] == [note]
    storage.close()


def test_a_name_that_is_taken_is_never_reused(path: Path) -> None:
    for times in range(1, COPIES + 3):
        path.write_bytes(b"junk %d" % times)
        Relearned(path, TABLES).close()
    newest = range(COPIES + 2, 2, -1)
    assert copies(path) == sorted(f"learner.db.damaged-{number}" for number in newest)
    assert path.with_name("learner.db.damaged-5").read_bytes() == b"junk 5"


def test_a_disk_that_goes_on_damaging_it_ends_the_process(path: Path) -> None:
    def never_whole(disk: Readable) -> None:
        raise Corrupt("a record does not match its checksum")

    storage = Relearned(path, TABLES)
    with pytest.raises(StorageFailed, match="several times"):
        storage.load(never_whole)
    assert len(storage.notes) == RENEWALS
    with pytest.raises(StorageFailed):
        storage.write([])


def test_a_file_that_cannot_be_put_aside_ends_the_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, name: str) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(relearned, "put_aside", refuse)
    path.write_bytes(b"junk")
    with pytest.raises(StorageFailed, match=r"no new one can be made: read-only"):
        Relearned(path, TABLES)
    assert path.read_bytes() == b"junk"
