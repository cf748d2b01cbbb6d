"""One contract, three storages: whatever holds for a disk holds for the memory twin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvrmi.storage.append import AppendStorage
from kvrmi.storage.interface import (
    Clear,
    Key,
    Put,
    PutAll,
    Record,
    Remove,
    Storage,
    StorageFailed,
    Tables,
    Trim,
)
from kvrmi.storage.memory import Disk, MemoryStorage
from kvrmi.storage.sqlite import SqliteStorage

TABLES: Tables = {"slots": int, "names": str}
Opener: TypeAlias = Callable[[], Storage]
ON_DISK: dict[str, Callable[[Path, Tables], Storage]] = {
    "sqlite": SqliteStorage,
    "append": AppendStorage,
}


@pytest.fixture(params=["memory", *ON_DISK])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Open the same contents again and again."""
    if request.param in ON_DISK:
        return lambda: ON_DISK[request.param](tmp_path / "some.db", TABLES)
    disk: Disk = {}
    return lambda: MemoryStorage(TABLES, disk)


@pytest.mark.parametrize("kind", [SqliteStorage, AppendStorage])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_files_that_go_while_they_are_open_are_missed(
    kind: type[SqliteStorage] | type[AppendStorage], how: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "some.db"
    path.parent.mkdir()
    storage = kind(path, TABLES)
    for number in range(3):
        storage.write([Put("names", "a", b"%d" % number * 900_000)])  # compacted, where it can be
        assert storage.astray() is None
    for file in path.parent.iterdir():
        if file.name.endswith("-shm"):
            continue
        kept = file.rename(tmp_path / file.name)
        if how == "replaced":
            file.write_bytes(kept.read_bytes())
            assert storage.astray() == f"{file} is another file now"
        else:
            assert storage.astray() == f"{file} is gone"
        file.unlink(missing_ok=True)
        kept.rename(file)
        assert storage.astray() is None
    storage.close()
    assert storage.astray() is None, "what is closed may be moved"


def contents(storage: Storage) -> dict[str, list[tuple[Key, bytes]]]:
    return {table: list(storage.scan(table)) for table in TABLES}


def test_new_storage_is_empty(opener: Opener) -> None:
    storage = opener()
    assert contents(storage) == {"slots": [], "names": []}
    assert storage.read("slots", 1) is None
    assert storage.read("names", "a") is None


def test_records_take_effect_in_their_order(opener: Opener) -> None:
    storage = opener()
    storage.write([Put("names", "a", b"1"), Clear("names"), Put("names", "b", b"2")])
    storage.write([Put("names", "b", b"3"), Remove("names", "b"), Put("names", "c", b"")])
    assert contents(storage)["names"] == [("c", b"")]


def test_many_pairs_are_put_in_their_place_among_the_other_records(opener: Opener) -> None:
    storage = opener()
    storage.write([Put("names", "old", b"1"), Put("slots", 1, b"1")])
    many = PutAll("names", [("a", b"2"), ("b", b"2"), ("c", b"2")])
    storage.write([Put("names", "a", b"1"), Clear("names"), many, Put("names", "b", b"3")])
    assert contents(storage) == {
        "names": [("a", b"2"), ("b", b"3"), ("c", b"2")],
        "slots": [(1, b"1")],
    }
    storage.write([PutAll("slots", [])])
    assert storage.read("slots", 1) == b"1"


def test_every_pair_is_given_once_in_some_order(opener: Opener) -> None:
    storage = opener()
    storage.write([Put("names", name, name.encode()) for name in "cabd"])
    storage.write([Remove("names", "b"), Put("names", "a", b"new")])
    given = list(storage.every("names"))
    assert sorted(given) == [("a", b"new"), ("c", b"c"), ("d", b"d")]
    snapshot = storage.snapshot()
    storage.write([Clear("names")])
    assert sorted(snapshot.every("names")) == sorted(given)
    assert list(storage.every("names")) == []
    snapshot.close()
    storage.close()


def test_trim_takes_the_bound_with_it(opener: Opener) -> None:
    storage = opener()
    storage.write([Put("slots", slot, bytes([slot])) for slot in range(1, 6)])
    storage.write([Trim("slots", 3)])
    assert contents(storage)["slots"] == [(4, b"\4"), (5, b"\5")]


def test_remove_of_what_is_absent_is_harmless(opener: Opener) -> None:
    storage = opener()
    storage.write([Remove("slots", 7), Remove("names", "x"), Trim("slots", 9), Clear("names")])
    assert contents(storage) == {"slots": [], "names": []}


def test_order_is_by_number_and_by_code_point(opener: Opener) -> None:
    storage = opener()
    names = ["", "\0", "a", "a\0", "ab", "\x7f", "é", "\uffff", "\U0001f600"]
    slots = [-(1 << 63), -1, 0, 9, 10, 1 << 40, (1 << 63) - 1]
    storage.write([Put("names", name, b"") for name in reversed(names)])
    storage.write([Put("slots", slot, b"") for slot in reversed(slots)])
    assert [key for key, _ in storage.scan("names")] == names
    assert [key for key, _ in storage.scan("slots")] == slots
    assert [key for key, _ in storage.scan("names", "ab")] == names[5:]
    assert [key for key, _ in storage.scan("names", "aa")] == names[4:]
    assert [key for key, _ in storage.scan("slots", 0)] == slots[3:]


@pytest.mark.parametrize(
    "unfit",
    [
        Put("nowhere", 1, b""),
        Put("slots", "1", b""),
        Put("slots", True, b""),
        Put("slots", 1 << 63, b""),
        Put("names", 1, b""),
        Put("names", "\ud800", b""),
        Put("names", "a", "text"),  # type: ignore[arg-type]
        PutAll("nowhere", [(1, b"")]),
        PutAll("slots", [(2, b""), ("3", b"")]),
        PutAll("names", [("a", b""), ("\ud800", b"")]),
        PutAll("names", [("a", b""), ("b", "text")]),  # type: ignore[list-item]
        Remove("names", 1),
        Trim("names", 1),
        Clear("nowhere"),
    ],
)
def test_unfit_record_changes_nothing(opener: Opener, unfit: Record) -> None:
    storage = opener()
    storage.write([Put("slots", 1, b"old")])
    with pytest.raises(ValueError, match=r"."):
        storage.write([Put("slots", 1, b"new"), unfit])
    assert contents(storage) == {"slots": [(1, b"old")], "names": []}
    storage.write([Put("slots", 2, b"")])


def test_empty_write_is_harmless(opener: Opener) -> None:
    opener().write([])


def test_values_of_a_kibibyte_take_little_more_on_the_disk_than_they_are(tmp_path: Path) -> None:
    """In an index page, of which one must hold four rows, each would have a page of its own."""
    path = tmp_path / "some.db"
    storage = SqliteStorage(path, TABLES)
    for value in (b"1", b"2"):
        many = [(f"key {number}", value * 1026) for number in range(2000)]
        storage.write([PutAll("names", many)])
    storage.close()
    assert path.stat().st_size < 1.6 * 2000 * 1026


def test_a_file_whose_tables_have_no_rowid_is_used_as_it_is(tmp_path: Path) -> None:
    """As they were made once."""
    path = tmp_path / "some.db"
    storage = SqliteStorage(path, TABLES)
    storage._connection.execute("DROP TABLE names")
    columns = "key BLOB PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL"
    storage._connection.execute(f"CREATE TABLE names ({columns}) WITHOUT ROWID")
    storage.write([Put("names", "a", b"1"), Put("names", "b", b"2")])
    storage.close()
    storage = SqliteStorage(path, TABLES)
    storage.write([Put("names", "a", b"3"), Remove("names", "b"), Put("names", "c", b"4")])
    assert list(storage.scan("names")) == [("a", b"3"), ("c", b"4")]
    storage.close()


def test_snapshot_does_not_move(opener: Opener) -> None:
    storage = opener()
    storage.write([Put("names", "a", b"1"), Put("slots", 1, b"1")])
    snapshot = storage.snapshot()
    storage.write([Put("names", "a", b"2"), Put("names", "b", b"2"), Clear("slots")])
    assert list(snapshot.scan("names")) == [("a", b"1")]
    assert snapshot.read("slots", 1) == b"1"
    assert snapshot.read("names", "b") is None
    assert list(snapshot.scan("names", "a")) == []
    snapshot.close()
    snapshot.close()
    assert storage.read("names", "a") == b"2"


def test_two_snapshots_are_independent(opener: Opener) -> None:
    storage = opener()
    first = storage.snapshot()
    storage.write([Put("slots", 1, b"x")])
    second = storage.snapshot()
    assert (list(first.scan("slots")), list(second.scan("slots"))) == ([], [(1, b"x")])
    first.close()
    assert list(second.scan("slots")) == [(1, b"x")]
    second.close()


def test_closed_storage_refuses(opener: Opener) -> None:
    storage = opener()
    storage.close()
    storage.close()
    for use in (
        lambda: storage.write([Put("slots", 1, b"")]),
        lambda: storage.read("slots", 1),
        lambda: storage.scan("slots"),
        storage.snapshot,
    ):
        with pytest.raises(StorageFailed):
            use()


def test_contents_outlive_the_object(opener: Opener) -> None:
    storage = opener()
    storage.write([Put("names", "a\0b", bytes(range(256))), Put("slots", 5, b"")])
    before = contents(storage)
    for _ in range(3):
        storage.close()
        storage = opener()
        assert contents(storage) == before
    storage.close()


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
slots = st.integers(0, 5)
records = st.one_of(
    st.builds(Put, st.just("slots"), slots, st.binary(max_size=3)),
    st.builds(Put, st.just("names"), names, st.binary(max_size=3)),
    st.builds(Remove, st.just("slots"), slots),
    st.builds(Remove, st.just("names"), names),
    st.builds(Trim, st.just("slots"), slots),
    st.builds(PutAll, st.just("names"), st.lists(st.tuples(names, st.binary(max_size=3)))),
    st.builds(Clear, st.sampled_from(["slots", "names"])),
)


@pytest.mark.parametrize("kind", ON_DISK)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(writes=st.lists(st.lists(records, max_size=6), max_size=6))
def test_all_storages_agree(tmp_path: Path, kind: str, writes: list[list[Record]]) -> None:
    storage = ON_DISK[kind](tmp_path / "some.db", TABLES)
    storage.write([Clear("slots"), Clear("names")])
    twin = MemoryStorage(TABLES)
    for write in writes:
        storage.write(write)
        twin.write(write)
        assert contents(storage) == contents(twin)
    storage.close()
    storage = ON_DISK[kind](tmp_path / "some.db", TABLES)
    assert contents(storage) == contents(twin)
    storage.close()
