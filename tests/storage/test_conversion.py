"""A SQLite file of an earlier version becomes an append-only one, wherever that is cut short."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvrmi.storage import appendfile
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.conversion import convert
from kvrmi.storage.interface import Corrupt, StorageFailed

from .test_damage import TABLES, flip, sealed, unsealed

__all__ = ["sealed", "unsealed"]

CALLS = ("open", "pwrite", "fsync", "replace", "unlink")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appendfile, "ROOM", 1000)
    monkeypatch.setattr(os, "fsync", lambda _: None)


class Died(BaseException):
    """The process is gone."""


def rows(path: Path) -> dict[str, list[tuple[object, bytes]]]:
    storage = AppendStorage(path, TABLES)
    found: dict[str, list[tuple[object, bytes]]] = {
        table: [*storage.scan(table)] for table in TABLES
    }
    storage.close()
    return found


@pytest.mark.parametrize("fixture", ["sealed", "unsealed"])
def test_all_rows_are_taken_over_and_nothing_else_is_left(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(fixture)
    assert convert(path, TABLES)
    assert sorted(path.parent.glob(path.name + "*")) == [path, Path(f"{path}.mark")]
    found = rows(path)
    assert len(found["slots"]) == 100
    assert found["slots"][5] == (5, b"changed" if fixture == "unsealed" else b"5" * 200)
    assert not convert(path, TABLES), "it is one already"


def test_damage_is_found_and_left_as_it_is(sealed: Path) -> None:
    flip(sealed, sealed.stat().st_size * 4)
    before = sealed.read_bytes()
    with pytest.raises(Corrupt):
        convert(sealed, TABLES)
    assert sealed.read_bytes() == before


def test_a_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        convert(tmp_path / "none.db", TABLES)
    assert not list(tmp_path.iterdir())


def dying(lives: int, patch: pytest.MonkeyPatch) -> None:
    left = itertools.count(lives, -1)

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(left) <= 0:
                raise Died
            return real(*args, **named)

        return call

    for name in CALLS:
        owner = Path if name in ("replace", "unlink") else os
        patch.setattr(owner, name, around(getattr(owner, name)))


def test_a_conversion_that_is_cut_short_anywhere_is_made_again(
    unsealed: Path, tmp_path: Path
) -> None:
    for lives in itertools.count():
        folder = tmp_path / f"after {lives}"
        folder.mkdir()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{unsealed}{suffix}", folder / f"some.db{suffix}")
        path = folder / "some.db"
        with pytest.MonkeyPatch.context() as patch:
            dying(lives, patch)
            try:
                convert(path, TABLES)
                died = False
            except Died:
                died = True
        convert(path, TABLES)
        assert rows(path)["slots"][5] == (5, b"changed"), lives
        if not died:
            assert lives > 10
            return
