"""A SQLite file of an earlier version becomes an append-only one of the same name.

Rule: at every moment one of the two is there, whole, under that name: the new file takes the place
of the old one by a rename, after it is synced and was read back.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from .append import AppendStorage
from .appendfile import mark_of
from .durable import sync_folder
from .interface import PutAll, StorageFailed, Tables
from .sqlite import SqliteStorage
from .sqlitefile import drop_seal, is_sealed

__all__ = ["convert"]


def convert(path: Path, tables: Tables) -> bool:
    """Convert the file at `path` if it is SQLite's; whether it was.

    Raises Corrupt when it is damaged, and StorageFailed; then it is as it was.
    """
    try:
        if not _is_sqlite(path):
            return False
        with closing(SqliteStorage(path, tables)) as old:
            rows = [PutAll(table, list(old.scan(table))) for table in tables]
        if not is_sealed(path):
            raise StorageFailed(f"{path} could not be closed, and was not converted")
        _replace(path, tables, rows)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be converted: {error.strerror or error}") from error
    return True


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _replace(path: Path, tables: Tables, rows: list[PutAll]) -> None:
    new = path.with_name(path.name + ".converted")
    for left in (new, mark_of(new)):  # by one that was cut short
        left.unlink(missing_ok=True)
    with closing(AppendStorage(new, tables)) as storage:
        storage.write(rows)
    drop_seal(path)  # without it the old file is still good: it is checked record by record
    mark_of(new).replace(mark_of(path))
    sync_folder(path.parent)
    new.replace(path)
    sync_folder(path.parent)
