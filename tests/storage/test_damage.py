"""A damaged file is found out: at opening or at reading, never by wrong contents."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from kvrmi.storage.interface import Corrupt, Key, Put, StorageFailed, Tables
from kvrmi.storage.sqlite import SqliteStorage, erase

TABLES: Tables = {"slots": int, "names": str}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """Make a storage of several pages a table, closed cleanly."""
    path = tmp_path / "some.db"
    storage = SqliteStorage(path, TABLES)
    storage.write([Put("slots", n, b"%d" % n * 200) for n in range(100)])
    storage.write([Put("names", f"n{n}", b"%d" % n * 200) for n in range(100)])
    storage.close()
    return path


@pytest.fixture
def unsealed(sealed: Path) -> Path:
    """Make the same after a crash: its last words are in the write-ahead log."""
    storage = SqliteStorage(sealed, TABLES)
    storage.write([Put("slots", 5, b"changed"), Put("names", "last", b"added" * 1000)])
    copy = sealed.with_name("copy.db")
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{sealed}{suffix}", f"{copy}{suffix}")
    storage.close()
    return copy


def contents(path: Path) -> dict[str, list[tuple[Key, bytes]]]:
    storage = SqliteStorage(path, TABLES)
    try:
        return {table: list(storage.scan(table)) for table in TABLES}
    finally:
        storage.close()


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bit_in_a_sealed_file(sealed: Path, seed: int) -> None:
    flip(sealed, random.Random(seed).randrange(sealed.stat().st_size * 8))
    with pytest.raises(Corrupt):
        SqliteStorage(sealed, TABLES)


def test_a_schema_that_is_no_text(unsealed: Path) -> None:
    """SQLite quotes it in its message, which then is no text either."""
    unsealed.with_name("copy.db-wal").unlink()  # it may hold the page anew
    data = bytearray(unsealed.read_bytes())
    data[data.index(b"CREATE TABLE") + 4] = 0xD6
    unsealed.write_bytes(data)
    with pytest.raises(Corrupt, match="damaged: its schema"):
        SqliteStorage(unsealed, TABLES)


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bit_in_an_unsealed_file(unsealed: Path, seed: int) -> None:
    """Found, unless it lies where nothing is stored: then the contents are what they were."""
    spare = unsealed.with_name("spare.db")
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{unsealed}{suffix}", f"{spare}{suffix}")
    whole = contents(spare)
    assert whole["slots"][5] == (5, b"changed")
    flip(unsealed, random.Random(seed).randrange(unsealed.stat().st_size * 8))
    with suppress(Corrupt):
        assert contents(unsealed) == whole


@pytest.mark.parametrize("kept", [0, 1, 100, 4096, 5000, 8192, -4096, -1])
def test_truncated_file(sealed: Path, unsealed: Path, kept: int) -> None:
    for path in (sealed, unsealed):
        path.write_bytes(path.read_bytes()[:kept])
    unsealed.with_name("copy.db-wal").unlink()
    for path in (sealed, unsealed):
        with pytest.raises(Corrupt):
            contents(path)


def test_renamed_column_is_damage(unsealed: Path) -> None:
    unsealed.with_name("copy.db-wal").unlink()
    unsealed.write_bytes(unsealed.read_bytes().replace(b"value BLOB", b"valuf BLOB"))
    with pytest.raises(Corrupt):
        contents(unsealed)


def damage_record(path: Path) -> None:
    """Change a record of a file that was not closed cleanly, as its checksum alone shows."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE slots SET value = x'00' WHERE key = 7")


USES: dict[str, Callable[[SqliteStorage], object]] = {
    "check": SqliteStorage.check,
    "read": lambda storage: storage.read("names", "n1"),
    "scan": lambda storage: list(storage.scan("names")),
    "snapshot": SqliteStorage.snapshot,
    "write": lambda storage: storage.write([Put("names", "new", b"")]),
}


@pytest.mark.parametrize("use", USES)
def test_after_an_unclean_stop_a_damaged_record_is_found_by_the_first_use(
    unsealed: Path, use: str
) -> None:
    """One of another table too, and before anything is written: nothing rests on such a file."""
    damage_record(unsealed)
    storage = SqliteStorage(unsealed, TABLES)
    assert len(list(storage.every("names"))) == 101, "one pass over what is whole is no other use"
    for _ in range(2):
        with pytest.raises(Corrupt, match="'slots' does not match"):
            USES[use](storage)
    with pytest.raises(Corrupt):
        list(storage.every("slots"))
    storage.close()


def test_what_nobody_has_checked_is_not_sealed(unsealed: Path) -> None:
    damage_record(unsealed)
    for _ in range(2):
        storage = SqliteStorage(unsealed, TABLES)
        list(storage.every("names"))
        storage.close()
        assert not unsealed.with_name("copy.db.seal").exists()
    with pytest.raises(Corrupt):
        contents(unsealed)


def test_a_pass_over_all_records_is_their_check(unsealed: Path) -> None:
    storage = SqliteStorage(unsealed, TABLES)
    for table in TABLES:
        assert sorted(storage.every(table)) == sorted(storage.scan(table))
    storage.close()
    assert unsealed.with_name("copy.db.seal").exists()


def test_the_copy_that_was_synced_is_what_is_used(
    unsealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel shows of the old file need not be on the disk, its log neither."""
    synced = []
    fsync = os.fsync

    def spied(file: int) -> None:
        fsync(file)
        synced.append((os.fstat(file).st_ino, os.fstat(file).st_size))

    monkeypatch.setattr(os, "fsync", spied)
    storage = SqliteStorage(unsealed, TABLES)
    monkeypatch.undo()
    assert (unsealed.stat().st_ino, unsealed.stat().st_size) in synced
    storage.close()
    with closing(sqlite3.connect(unsealed)) as connection:
        (value,) = connection.execute("SELECT value FROM names WHERE key = x'6c617374'").fetchone()
    assert value == b"added" * 1000


def test_foreign_file_and_foreign_tables(tmp_path: Path, unsealed: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is no database\n" * 1000)
    with pytest.raises(Corrupt):
        SqliteStorage(text, TABLES)
    with pytest.raises(Corrupt):
        SqliteStorage(unsealed, {"others": int})


def test_damaged_record_is_found_while_the_storage_is_open(sealed: Path) -> None:
    storage = SqliteStorage(sealed, TABLES)
    # Behind the storage's back, as a failing disk would.
    storage._connection.execute("UPDATE slots SET value = x'00' WHERE key = 7")
    assert storage.read("slots", 6) == b"6" * 200
    with pytest.raises(Corrupt):
        storage.read("slots", 7)
    snapshot = storage.snapshot()
    with pytest.raises(Corrupt):
        list(snapshot.scan("slots"))
    snapshot.close()
    storage.close()


def test_record_moved_to_another_key_is_found(sealed: Path) -> None:
    storage = SqliteStorage(sealed, TABLES)
    storage._connection.execute("UPDATE slots SET key = 1000 WHERE key = 7")
    with pytest.raises(Corrupt):
        storage.read("slots", 1000)
    storage.close()


def test_new_table_joins_an_old_file(sealed: Path) -> None:
    tables = {**TABLES, "more": str}
    for _ in range(2):
        storage = SqliteStorage(sealed, tables)
        storage.write([Put("more", "a", b"1")])
        assert (storage.read("more", "a"), storage.read("slots", 2)) == (b"1", b"2" * 200)
        storage.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_an_error_of_the_file_system_is_no_damage_and_no_missing_file(
    unsealed: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither erased nor made anew, also where `exists` takes the error for an answer."""
    before = unsealed.read_bytes()
    real = os.stat

    def fail(path: int | str | Path, **options: Any) -> os.stat_result:
        if path == unsealed:
            raise OSError(number, os.strerror(number))
        return real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", fail)
        patch.setattr(Path, "exists", lambda path, **_: path != unsealed)
        with pytest.raises(StorageFailed, match=os.strerror(number)):
            SqliteStorage(unsealed, TABLES)
    assert unsealed.read_bytes() == before
    SqliteStorage(unsealed, TABLES).close()


def test_erase_leaves_nothing(unsealed: Path, tmp_path: Path) -> None:
    erase(unsealed)
    erase(unsealed)
    assert not list(tmp_path.glob("copy.db*"))
