"""Reading the database of a process that is gone: all of it, and without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvrmi.storage.append import AppendStorage
from kvrmi.storage.frozen import FrozenFile
from kvrmi.storage.interface import Corrupt, Key, Put, StorageFailed

from .test_damage import TABLES, contents, flip, sealed, unsealed

__all__ = ["sealed", "unsealed"]


@pytest.fixture
def appended(tmp_path: Path) -> Path:
    """Make an append-only file as a crash leaves it."""
    path = tmp_path / "some.db"
    storage = AppendStorage(path, TABLES)
    storage.write([Put("slots", 5, b"5"), Put("names", "a", b"1")])
    kept = {file: file.read_bytes() for file in tmp_path.iterdir()}
    storage.close()
    for file, data in kept.items():
        file.write_bytes(data)
    return path


def traces(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Everything in the folder: names, contents, times of change."""
    files = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}
    return {".": (b"", folder.stat().st_mtime_ns)} | files


def frozen(path: Path) -> tuple[bool, dict[str, list[tuple[Key, bytes]]]]:
    file = FrozenFile(path, TABLES)
    try:
        return file.clean, {table: list(file.scan(table)) for table in TABLES}
    finally:
        file.close()


@pytest.mark.parametrize("fixture", ["sealed", "unsealed"])
def test_all_is_read_and_nothing_changes(fixture: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(fixture)
    before = traces(path.parent)
    clean, found = frozen(path)
    assert traces(path.parent) == before
    assert clean == (fixture == "sealed")
    assert found == contents(path)


def test_what_a_crash_left_in_the_log_is_read(unsealed: Path) -> None:
    found = dict(frozen(unsealed)[1]["slots"])
    assert found[5] == b"changed"


def test_a_read_of_one_record(sealed: Path) -> None:
    file = FrozenFile(sealed, TABLES)
    assert file.read("slots", 7) == b"7" * 200
    assert file.read("names", "absent") is None
    file.close()
    file.close()


def test_a_table_that_is_not_there_is_empty(sealed: Path) -> None:
    file = FrozenFile(sealed, {**TABLES, "new": int})
    assert file.read("new", 1) is None
    assert list(file.scan("new")) == []
    file.close()


def test_an_append_only_file_is_read_and_nothing_changes(appended: Path) -> None:
    before = traces(appended.parent)
    assert frozen(appended) == (False, {"slots": [(5, b"5")], "names": [("a", b"1")]})
    assert traces(appended.parent) == before
    AppendStorage(appended, TABLES).close()
    assert frozen(appended)[0]


def test_damage_to_an_append_only_file_is_found(appended: Path) -> None:
    flip(appended, 8 * 60)
    with pytest.raises(Corrupt):
        frozen(appended)


@pytest.mark.parametrize("fixture", ["sealed", "unsealed"])
def test_damage_is_found(fixture: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(fixture)
    flip(path, 8 * path.read_bytes().index(b"99" * 200))
    before = traces(path.parent)
    with pytest.raises(Corrupt):
        frozen(path)
    assert traces(path.parent) == before


def test_a_seal_that_is_no_text_is_damage(sealed: Path) -> None:
    sealed.with_name(sealed.name + ".seal").write_bytes(b"\xff\xfe")
    with pytest.raises(Corrupt):
        frozen(sealed)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        frozen(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())
