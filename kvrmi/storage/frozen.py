"""The file of a process that is gone, read without a change to it or to its folder.

Rules: not one byte and not one name in the folder changes, so what lies in a write-ahead log is
read in a temporary copy; a file that was closed cleanly must match its seal, and every record its
checksum. Whoever opens it sees to it that nobody else writes meanwhile.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from .append import replayed
from .appendfile import is_appended, read_back
from .interface import Key, Readable, StorageFailed, Tables
from .sqlite import Reader
from .sqlitefile import (
    FROZEN,
    SQL_ERRORS,
    connect,
    failure,
    is_sealed,
    log_of,
    names,
    statements,
    verify,
)

__all__ = ["FrozenFile"]


class FrozenFile:
    """What the file at `path` holds, of either kind; a table that it lacks is empty.

    `clean`: it was closed cleanly. Else a last write that is not whole may have been dropped.
    """

    def __init__(self, path: Path, tables: Tables) -> None:
        """Check the file and open it; raises Corrupt, StorageFailed, and OSError for a copy."""
        with ExitStack() as undo:
            try:
                self.clean, self._file = _opened(path, tables, undo)
            except SQL_ERRORS as error:
                raise failure(error) from error
            except OSError as error:
                raise StorageFailed(f"{path} cannot be read: {error.strerror or error}") from error
            self._cleanup = undo.pop_all()

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None; raises Corrupt or StorageFailed."""
        return self._file.read(table, key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive; raises as `read`."""
        return self._file.scan(table, after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, in any order; raises as `read`."""
        return self._file.every(table)

    def close(self) -> None:
        """Let go of it, and of the copy; harmless twice."""
        self._cleanup.close()


def _opened(path: Path, tables: Tables, undo: ExitStack) -> tuple[bool, Readable]:
    """Open a file of whichever kind it is; and whether it was closed cleanly."""
    if is_appended(path):
        found = read_back(path)
        return found is not None and found.clean, replayed(found, tables).snapshot()
    clean = is_sealed(path)  # first: a sealed file that changed is not even opened
    return clean, _SqliteFile(path, tables, undo)


class _SqliteFile:
    """Reads a SQLite file, which may lack tables that there were none of when it was made."""

    def __init__(self, path: Path, tables: Tables, undo: ExitStack) -> None:
        known = {table: statements(table, kind) for table, kind in tables.items()}
        connection = connect(*_readable(path, undo))
        self._close = undo.enter_context(closing(connection)).close
        verify(connection, known)
        self._tables = known.keys() & names(connection)
        self._reader = Reader(connection, known)

    def read(self, table: str, key: Key) -> bytes | None:
        return self._reader.read(table, key) if table in self._tables else None

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        return self._reader.scan(table, after) if table in self._tables else iter(())

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        return self._reader.every(table) if table in self._tables else iter(())

    def close(self) -> None:
        self._close()


def _readable(path: Path, undo: ExitStack) -> tuple[Path, str]:
    """Give the file, if it is all there is, or else a copy with its log; and how to open that."""
    if not log_of(path).exists():
        return path, FROZEN
    folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="kvrmi-")))
    for file in (path, log_of(path)):
        shutil.copyfile(file, folder / file.name)
    return folder / path.name, "mode=rw"
