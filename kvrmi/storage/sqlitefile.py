"""The file behind a SQLite storage: its tables, and the care it needs before and after use.

A seal (`NAME.seal`) beside the file means that it was closed cleanly, and holds its size and
checksum. Rules: the seal is gone, durably, before the file is opened for use; a file without one
is copied and the copy synced, because after a crash the kernel may show what the disk never got;
its pages are verified then, its records by the storage; a file appears under its name only when it
is complete and synced.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from zlib import crc32

from .durable import sync_folder
from .interface import Corrupt, Key, StorageFailed

__all__ = [
    "FROZEN",
    "SQL_ERRORS",
    "Statements",
    "connect",
    "drop_seal",
    "erase",
    "failure",
    "is_sealed",
    "log_of",
    "names",
    "prepare",
    "put_aside",
    "seal",
    "statements",
    "use",
    "verify",
]

_FORMAT = 1
_PAGE = 16 << 10
"""Bytes of a page: SQLite makes four system calls for each that changed."""
_BUSY_SECONDS = 1.0
_CHECKING_CACHE = "PRAGMA cache_size = -65536"
"""Of KiB, while a file is gone through by its indexes, whose order need not be that of its rows."""
_CACHE = "PRAGMA cache_size = -512"
"""The kernel has the pages as well, and the owner what is in them; the default is four times it."""
FROZEN = "mode=ro&immutable=1"
_CHUNK = 1 << 20
_SYNC_EVERY_COMMIT = 2
"""What SQLite calls synchronous = FULL."""
_PARTS = ("", "-wal", "-shm", "-journal", ".seal", ".new")
"""What may lie beside a file and belong to it."""
# Our statements are right: an error in one means that the file's schema is not what it was.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


class Statements(NamedTuple):
    """A table's SQL, and how its keys and checksums look in the file."""

    table: str
    kind: type[int] | type[str]
    seed: int
    create: str
    put: str
    read: str
    scan: str
    scan_after: str
    every: str
    remove: str
    trim: str
    clear: str

    def name(self, key: Key) -> int | bytes:
        """Turn a key into what is stored; raises ValueError if it does not fit."""
        if type(key) is not self.kind:
            raise ValueError(f"a key of {self.table!r} must be {self.kind.__name__}")
        if isinstance(key, str):
            return key.encode()
        if not -(1 << 63) <= key < 1 << 63:
            raise ValueError(f"a key of {self.table!r} must have at most 64 bits")
        return key

    def sum(self, name: int | bytes, value: bytes) -> int:
        """Compute CRC-32 over table, key and value."""
        raw = name.to_bytes(8, "big", signed=True) if isinstance(name, int) else name
        return crc32(value, crc32(raw, self.seed))

    def row(self, key: Key, value: bytes) -> tuple[int | bytes, bytes, int]:
        """Make what is stored for a pair; raises ValueError if it does not fit."""
        name = self.name(key)
        if type(value) is not bytes:
            raise ValueError(f"a value in {self.table!r} must be bytes")
        return name, value, self.sum(name, value)

    def whole(self, rows: Iterable[tuple[Any, Any, Any]]) -> Iterator[tuple[Key, bytes]]:
        """Give the pairs of stored rows, each once it matches its checksum; raises Corrupt."""
        seed, is_number = self.seed, self.kind is int
        for name, value, check in rows:
            try:  # one loop and no calls: a replica starts when all its rows have been through it
                raw = name.to_bytes(8, "big", signed=True) if is_number else name
                is_whole = crc32(value, crc32(raw, seed)) == check
            except (AttributeError, TypeError):
                is_whole = False
            if not is_whole:
                raise Corrupt(f"a record of table {self.table!r} does not match its checksum")
            yield name if is_number else name.decode(), value


def statements(table: str, kind: type[int] | type[str]) -> Statements:
    """Make the SQL of one table; str keys are stored as UTF-8, whose order is by code point."""
    key = "INTEGER" if kind is int else "BLOB"
    columns = f"(key {key} PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL)"
    return Statements(
        table=table,
        kind=kind,
        seed=crc32(table.encode() + b"\0"),
        create=f'CREATE TABLE IF NOT EXISTS "{table}" {columns}',
        put=f'INSERT INTO "{table}" VALUES (?, ?, ?) '
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, crc = excluded.crc",
        read=f'SELECT key, value, crc FROM "{table}" WHERE key = ?',
        scan=f'SELECT key, value, crc FROM "{table}" ORDER BY key',
        scan_after=f'SELECT key, value, crc FROM "{table}" WHERE key > ? ORDER BY key',
        every=f'SELECT key, value, crc FROM "{table}"',
        remove=f'DELETE FROM "{table}" WHERE key = ?',
        trim=f'DELETE FROM "{table}" WHERE key <= ?',
        clear=f'DELETE FROM "{table}"',
    )


def connect(path: Path, how: str = "mode=rw") -> sqlite3.Connection:
    """Open an existing file, in autocommit mode; raises Corrupt or StorageFailed.

    `how` is a parameter of SQLite's: FROZEN touches nothing, and sees no write-ahead log.
    """
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?{how}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_SECONDS,
        )
    except SQL_ERRORS as error:
        raise failure(error) from error
    # Nothing is stored as text; damage that makes it look so must not fail to decode.
    connection.text_factory = bytes
    return connection


def use(path: Path, tables: Mapping[str, Statements]) -> sqlite3.Connection:
    """Open a prepared file for writing: every table there, every commit synced.

    Raises Corrupt or StorageFailed.
    """
    connection = connect(path)
    try:
        _check_format(connection)
        connection.execute(_CACHE)
        for sql in tables.values():
            connection.execute(sql.create)
        _sync_commits(connection)
    except SQL_ERRORS as error:
        connection.close()
        raise failure(error) from error
    except (Corrupt, StorageFailed):
        connection.close()
        raise
    return connection


def _sync_commits(connection: sqlite3.Connection) -> None:
    """Have every commit appended to a log and synced; SQLite may decline, and does so silently."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    (synced,) = connection.execute("PRAGMA synchronous").fetchone()
    if (mode, synced) != (b"wal", _SYNC_EVERY_COMMIT):
        raise StorageFailed(
            f"this file system gives no synced write-ahead log (journal mode {mode.decode()}, "
            f"synchronous {synced}); use a local one"
        )


SQL_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a call of SQLite raises: the second where its message quotes a damaged schema."""


def failure(error: Exception) -> Corrupt | StorageFailed:
    """Distinguish a damaged file from one that cannot be used; `error` is of SQL_ERRORS."""
    if isinstance(error, UnicodeDecodeError):
        return Corrupt("the file is damaged: its schema cannot be read")
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in _DAMAGE:
        return Corrupt(f"the file is damaged: {error}")
    return StorageFailed(f"the file cannot be used: {error}")


def prepare(path: Path, tables: Mapping[str, Statements]) -> set[str]:
    """Make `path` a whole file, synced and unsealed; the tables whose records are unchecked.

    Raises Corrupt or StorageFailed.
    """
    unchecked: set[str] = set()
    try:
        _remove(_new(path))
        if not _is_there(path):
            erase(path)
            _create(path, tables)
        elif not is_sealed(path):
            unchecked = _rewrite(path, tables)
        drop_seal(path)
        return unchecked
    except SQL_ERRORS as error:
        raise failure(error) from error
    except OSError as error:
        raise StorageFailed(f"the file cannot be used: {error.strerror or error}") from error


def _is_there(path: Path) -> bool:
    """Whether there is such a file; raises OSError where that cannot be known.

    `Path.exists` takes an error of the disk for an answer, in some versions of Python.
    """
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def erase(path: Path) -> None:
    """Remove the file and all that belongs to it, durably; harmless when there is none."""
    for part in _PARTS:
        _remove(path.with_name(path.name + part))
    sync_folder(path.parent)


def put_aside(path: Path, name: str) -> None:
    """Rename the file and all that belongs to it to `name`, durably; raises OSError.

    The file goes first: what is left behind by a crash is of no use and erased with the next one.
    """
    for part in _PARTS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + part).replace(path.with_name(name + part))
    sync_folder(path.parent)


def seal(connection: sqlite3.Connection, path: Path) -> None:
    """Fold the write-ahead log into the file, close it and seal it.

    Without a seal, but closed, when something else still reads. Raises sqlite3.Error, OSError.
    """
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    # SQLite removes the log with the last connection, and only then is the file all there is.
    if not log_of(path).exists():
        _write_seal(path)


def _write_seal(path: Path) -> None:
    new = _new(path)
    with new.open("w") as file:
        file.write(_measure(path))
        file.flush()
        os.fsync(file.fileno())
    new.replace(_seal(path))
    sync_folder(path.parent)


def drop_seal(path: Path) -> None:
    """Have a sealed file checked record by record when it is opened, durably; raises OSError."""
    _remove(_seal(path))
    sync_folder(path.parent)


def is_sealed(path: Path) -> bool:
    """Whether the file was closed cleanly. Raises Corrupt if it changed since, and OSError."""
    if not _seal(path).exists() or log_of(path).exists():
        return False
    if _seal(path).read_bytes() != _measure(path).encode():
        raise Corrupt(f"{path.name} is not what it was when it was closed")
    return True


def _measure(path: Path) -> str:
    """Size and checksum of a file, as they stand in its seal."""
    size = check = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            check = crc32(chunk, check)
    return f"{_FORMAT} {size} {check:08x}\n"


def _rewrite(path: Path, tables: Mapping[str, Statements]) -> set[str]:
    """Put a synced copy in the place of the file; the tables in it, whose records are unchecked."""
    with closing(connect(path)) as old:
        _check_format(old)
        _copy(old, _new(path))
        with closing(connect(_new(path), FROZEN)) as new:
            new.execute(_CHECKING_CACHE)
            verify(new, tables)
            copied = names(new)
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    # A log left behind would be replayed into the copy.
    if log_of(path).exists():
        raise StorageFailed(f"{path.name} is in use by somebody else")
    _publish(path)
    return copied


def _copy(old: sqlite3.Connection, new: Path) -> None:
    """Copy all pages, those in the write-ahead log too, and sync them."""
    with _made(new) as connection:
        old.backup(connection)


def verify(old: sqlite3.Connection, tables: Mapping[str, Statements]) -> None:
    """Check format, schema and pages, not records; raises Corrupt and sqlite3.Error."""
    _check_format(old)
    if names(old) - tables.keys():
        raise Corrupt("the file has tables that nobody made")
    if old.execute("PRAGMA integrity_check(1)").fetchone() != (b"ok",):
        raise Corrupt("the file is damaged")


def _check_format(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
        raise Corrupt("the file is empty or of an unknown format")


def names(connection: sqlite3.Connection) -> set[str]:
    """Which tables there are."""
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {name.decode(errors="replace") for (name,) in rows}


def _create(path: Path, tables: Mapping[str, Statements]) -> None:
    with _made(_new(path)) as connection:
        connection.execute("BEGIN")
        for sql in tables.values():
            connection.execute(sql.create)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")
    _publish(path)


@contextmanager
def _made(new: Path) -> Iterator[sqlite3.Connection]:
    """Have a new file filled, and sync it."""
    new.touch()
    with closing(connect(new)) as connection:
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        # No journal and no syncs: until the file is published nobody relies on it.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        yield connection
    with new.open("rb") as file:
        os.fsync(file.fileno())


def _publish(path: Path) -> None:
    _new(path).replace(path)
    sync_folder(path.parent)


def _new(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ".seal")


def log_of(path: Path) -> Path:
    """Where the write-ahead log is, while there is one."""
    return path.with_name(path.name + "-wal")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
