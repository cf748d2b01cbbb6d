"""The file of a process that is gone, read without a change to it or to its folder.

Rules: not one byte and not one name in the folder changes, so what lies in a write-ahead log is
read in a temporary copy; a file that was closed cleanly must match its seal, and every record its
checksum. Whoever opens it sees to it that nobody else writes meanwhile.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from .interface import Key, StorageFailed, Tables
from .sqlite import Reader
from .sqlitefile import SQL_ERRORS, connect, failure, is_sealed, log_of, names, statements, verify

__all__ = ["FrozenView"]


class FrozenView:
    """A View of the file at `path`; a table that it lacks is empty.

    `clean`: it was closed cleanly. Else SQLite may have dropped a last write that is not whole.
    """

    def __init__(self, path: Path, tables: Tables) -> None:
        """Check the file and open it; raises Corrupt, StorageFailed, and OSError for a copy."""
        known = {table: statements(table, kind) for table, kind in tables.items()}
        with ExitStack() as undo:
            try:
                self.clean = is_sealed(path)
                self._connection = connect(*_readable(path, undo))
                undo.callback(self._connection.close)
                verify(self._connection, known)
                there = names(self._connection)
            except SQL_ERRORS as error:
                raise failure(error) from error
            except OSError as error:
                raise StorageFailed(f"{path} cannot be read: {error.strerror or error}") from error
            self._tables = known.keys() & there
            self._reader = Reader(self._connection, known)
            self._cleanup = undo.pop_all()

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None; raises Corrupt or StorageFailed."""
        return self._reader.read(table, key) if table in self._tables else None

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive; raises as `read`."""
        return self._reader.scan(table, after) if table in self._tables else iter(())

    def close(self) -> None:
        """Let go of it, and of the copy; harmless twice."""
        self._cleanup.close()


def _readable(path: Path, undo: ExitStack) -> tuple[Path, str]:
    """Give the file, if it is all there is, or else a copy with its log; and how to open that."""
    if not log_of(path).exists():
        return path, "mode=ro&immutable=1"
    folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="kvrmi-")))
    for file in (path, log_of(path)):
        shutil.copyfile(file, folder / file.name)
    return folder / path.name, "mode=rw"
