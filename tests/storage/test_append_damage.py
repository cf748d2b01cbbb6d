"""An append-only file that was damaged: a torn last write is cut off, anything else is found."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kvrmi.storage import appendfile
from kvrmi.storage.append import AppendStorage, replayed
from kvrmi.storage.appendfile import examined, mark_of, read_back
from kvrmi.storage.interface import Corrupt, Put, StorageFailed, Tables
from kvrmi.storage.sqlite import SqliteStorage

TABLES: Tables = {"slots": int, "names": str}
WRITES = 4


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appendfile, "ROOM", 600)


class Crashed(NamedTuple):
    """A file and its mark as they were after each of the writes, and where each write ends."""

    path: Path
    files: list[bytes]
    marks: list[bytes]
    ends: list[int]

    def put(self, file: bytes, mark: bytes) -> list[int]:
        """Find the writes in such a file. Raises Corrupt."""
        rows = replayed(examined("some.db", file, mark), TABLES)
        return [int(key) for key, _ in rows.scan("slots")]


@pytest.fixture
def crashed(tmp_path: Path) -> Crashed:
    path = tmp_path / "some.db"
    storage = AppendStorage(path, TABLES)
    files, marks, ends = [], [], []
    for number in range(WRITES + 1):
        if number:
            storage.write([Put("slots", number, b"%d" % number * 9), Put("names", "a", b"x")])
        files.append(path.read_bytes())
        marks.append(mark_of(path).read_bytes())
        ends.append(storage._file._end)
    storage.close()
    return Crashed(path, files, marks, ends)


def flipped(data: bytes, first: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Flip one bit in each byte of a part of it."""
    for at in range(first, len(data) if end is None else end):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        yield bytes(changed)


def cut(data: bytes, first: int, end: int) -> Iterator[bytes]:
    """Every end of it, within a part: with nothing behind it, and with zeros as were there."""
    for size in range(first, end):
        yield data[:size]
        yield data[:size].ljust(len(data), b"\0")


def test_all_is_found_after_a_crash(crashed: Crashed) -> None:
    for number in range(WRITES + 1):
        expected = list(range(1, number + 1))
        assert crashed.put(crashed.files[number], crashed.marks[number]) == expected
        if number:  # it died, or lost its mark's newest cell, before the mark was moved
            assert crashed.put(crashed.files[number], crashed.marks[number - 1]) == expected


def test_a_torn_last_write_that_nobody_confirmed_is_cut_off_at_every_byte(
    crashed: Crashed,
) -> None:
    before, last = crashed.ends[-2], crashed.ends[-1]
    for torn in cut(crashed.files[-1], before, last):
        assert crashed.put(torn, crashed.marks[-2]) == [1, 2, 3]


def test_sectors_of_a_torn_write_may_be_there_in_any_order(crashed: Crashed) -> None:
    before, last = crashed.ends[-2], crashed.ends[-1]
    for begin in range(before, last - 1):
        torn = bytearray(crashed.files[-1])
        torn[begin : begin + 2] = b"\0\0"
        if bytes(torn) != crashed.files[-1]:
            assert crashed.put(bytes(torn), crashed.marks[-2]) == [1, 2, 3]


def test_a_confirmed_last_write_that_is_cut_or_flipped_is_damage(crashed: Crashed) -> None:
    file, mark = crashed.files[-1], crashed.marks[-1]
    for damaged in cut(file, 0, crashed.ends[-1]):
        if damaged != file:
            with pytest.raises(Corrupt):
                crashed.put(damaged, mark)
    for damaged in flipped(file, 0, crashed.ends[-1]):
        with pytest.raises(Corrupt):
            crashed.put(damaged, mark)


def test_damage_before_a_whole_write_is_found_also_where_the_mark_is_far_behind(
    crashed: Crashed,
) -> None:
    for damaged in flipped(crashed.files[-1], 0, crashed.ends[-2]):
        with pytest.raises(Corrupt):
            crashed.put(damaged, crashed.marks[0])


def test_what_cannot_be_told_the_last_write_damaged_with_its_mark_lost(crashed: Crashed) -> None:
    """The machine lost power before the mark reached the disk: peers remember what we had."""
    for damaged in flipped(crashed.files[-1], crashed.ends[-2], crashed.ends[-1]):
        assert crashed.put(damaged, crashed.marks[0]) == [1, 2, 3]


def test_where_nothing_is_stored_nothing_is_damaged(crashed: Crashed) -> None:
    for damaged in flipped(crashed.files[-1], crashed.ends[-1]):
        assert crashed.put(damaged, crashed.marks[-1]) == [1, 2, 3, 4]


def test_a_mark_with_one_cell_left_is_enough_and_none_is_damage(crashed: Crashed) -> None:
    file, mark = crashed.files[-1], crashed.marks[-1]
    for damaged in flipped(mark):
        assert crashed.put(file, damaged) == [1, 2, 3, 4]
    for lost in (b"", b"\0" * len(mark), mark[: appendfile._SECTOR - 1][:5]):
        with pytest.raises(Corrupt, match=r"mark of some\.db is missing"):
            crashed.put(file, lost)
    mark_of(crashed.path).unlink()
    with pytest.raises(Corrupt, match="mark"):
        AppendStorage(crashed.path, TABLES)


def test_a_mark_of_another_file_is_damage(crashed: Crashed, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    AppendStorage(other, TABLES).close()
    with pytest.raises(Corrupt, match="of another file"):
        crashed.put(crashed.files[-1], mark_of(other).read_bytes())


def test_a_copy_from_before_is_found_by_the_mark(crashed: Crashed) -> None:
    for number in range(WRITES):
        with pytest.raises(Corrupt, match="confirmed write 4"):
            crashed.put(crashed.files[number], crashed.marks[-1])


def test_a_missing_file_is_no_fresh_start_once_anything_was_written(crashed: Crashed) -> None:
    crashed.path.unlink()
    with pytest.raises(Corrupt, match="missing"):
        AppendStorage(crashed.path, TABLES)
    assert not crashed.path.exists()


def test_a_write_that_nobody_confirmed_is_in_the_mark_after_it_was_written_anew(
    crashed: Crashed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process dies before its sync, the next one while it opens; then the power is lost."""
    crashed.path.write_bytes(crashed.files[-1])
    mark_of(crashed.path).write_bytes(crashed.marks[-2])

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "it dies here")

    with monkeypatch.context() as patch:
        patch.setattr(appendfile.AppendFile, "_renew", fail)
        with pytest.raises(StorageFailed):
            AppendStorage(crashed.path, TABLES)
    mark = mark_of(crashed.path).read_bytes()
    assert mark != crashed.marks[-2], "a new mark was made"
    assert crashed.put(crashed.files[-2], mark) == [1, 2, 3]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    storage = AppendStorage(path, TABLES)
    for number in range(1, WRITES + 1):
        storage.write([Put("slots", number, b"%d" % number)])
    storage.close()
    return path


def test_any_change_to_a_closed_file_is_found(closed: Path) -> None:
    file, mark = closed.read_bytes(), mark_of(closed).read_bytes()
    changes = (*flipped(file), *(file[:size] for size in range(len(file))), file + b"\0")
    for changed in changes:
        with pytest.raises(Corrupt):
            examined("some.db", changed, mark)


def test_a_closed_file_is_clean_and_an_open_one_is_not(closed: Path) -> None:
    found = read_back(closed)
    assert found is not None
    assert found.clean
    storage = AppendStorage(closed, TABLES)
    found = read_back(closed)
    assert found is not None
    assert not found.clean
    storage.close()


def test_foreign_files_and_foreign_tables(closed: Path, tmp_path: Path) -> None:
    for junk in (b"", b"junk", b"junk" * 1000):
        other = tmp_path / "other.db"
        shutil.copyfile(mark_of(closed), mark_of(other))
        other.write_bytes(junk)
        with pytest.raises(Corrupt):
            AppendStorage(other, TABLES)
    with pytest.raises(Corrupt, match="nobody made"):
        AppendStorage(closed, {"others": int})


def test_a_new_table_joins_an_old_file(closed: Path) -> None:
    for _ in range(2):
        storage = AppendStorage(closed, {**TABLES, "more": str})
        storage.write([Put("more", "a", b"1")])
        assert (storage.read("more", "a"), storage.read("slots", 2)) == (b"1", b"2")
        storage.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_an_error_of_the_file_system_is_no_damage_and_no_missing_file(
    closed: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = closed.read_bytes()

    def fail(path: Path) -> bytes:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        with pytest.raises(StorageFailed, match=os.strerror(number)):
            AppendStorage(closed, TABLES)
    assert closed.read_bytes() == before
    AppendStorage(closed, TABLES).close()


def test_a_full_disk_at_the_opening_has_no_error_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kvrmi.storage.append.AppendFile", fail)
    monkeypatch.setattr("kvrmi.storage.sqlitefile._create", fail)
    for storage in (AppendStorage, SqliteStorage):
        with pytest.raises(StorageFailed) as caught:
            storage(tmp_path / storage.__name__, TABLES)
        assert str(caught.value) == "the file cannot be used: No space left on device"


Call = Callable[..., object]


def test_what_is_confirmed_was_synced_and_the_mark_is_moved_after_that(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = AppendStorage(closed, TABLES)
    calls: list[tuple[str, int]] = []

    def noted(name: str, real: Call) -> Call:
        def call(file: int, *args: object) -> object:
            calls.append((name, file))
            return real(file, *args)

        return call

    for name in ("pwrite", "fdatasync"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    storage.write([Put("slots", 9, b"9")])
    file, mark = storage._file._file, storage._file._mark
    assert calls == [("pwrite", file), ("fdatasync", file), ("pwrite", mark)]
    storage.close()


@pytest.mark.parametrize("name", ["pwrite", "fdatasync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_error_in_a_write_is_final(
    closed: Path, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = AppendStorage(closed, TABLES)

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(StorageFailed, match=os.strerror(number)):
            storage.write([Put("slots", 9, b"new")])
    for use in (
        lambda: storage.write([Put("slots", 9, b"again")]),
        lambda: storage.read("slots", 1),
        storage.snapshot,
    ):
        with pytest.raises(StorageFailed, match="a write failed"):
            use()
    storage.close()
    storage = AppendStorage(closed, TABLES)
    assert storage.read("slots", 9) in (None, b"new"), "it was not confirmed"
    assert storage.read("slots", 4) == b"4"
    storage.close()
