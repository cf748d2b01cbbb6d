"""EXPORT and IMPORT: the store's contents into a file, and back; the file is kvrmi/dump.py's.

Rules: a page at a time in memory; nothing is imported before the whole file was found right; an
import that was interrupted is repeated as a whole, since putting a pair twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from kvrmi.access.store import Store
from kvrmi.dump import Damaged, Page, Reader, Summary, save
from kvrmi.errors import InvalidRequest, KVError, UnknownOutcome
from kvrmi.operations.interface import SCAN_ITEMS, Value
from kvrmi.whole import opened

from .progress import Advance, progress

__all__ = ["Imported", "Interrupted", "export", "import_"]

BATCH_BYTES = 1 << 18
"""Keys and values of one put_many: other clients' writes wait for it."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of an import; the text says how far it came."""


class Imported(NamedTuple):
    """What was put, and the store's revision after the last of it."""

    summary: Summary
    revision: int


def export(store: Store, path: Path) -> Summary:
    """Write all pairs into a file. Raises a KVError; then what was at `path` is still there.

    Each page is one revision and linearizable; a write between two pages is in the file if its key
    comes later. Keys that nobody writes meanwhile are all there, as they are.
    """
    cluster = str(store.status()["cluster_id"] or "")
    try:
        with progress("exported", store.call("size")["value"]) as advance:
            return save(path, cluster, _pages(store, advance))
    except OSError as error:
        problem = f"{path} cannot be written: {_why(error)}; nothing was kept"
        raise InvalidRequest(problem) from error


def import_(store: Store, path: Path) -> Imported:
    """Put all pairs of a file; other keys stay. Raises a KVError.

    Raises InvalidRequest, with nothing put, when the file is damaged; UnknownOutcome for an import
    that ended on its way, and Interrupted for one that Ctrl-C ended; both say how far it came.
    """
    try:
        with opened(path) as file:
            summary = _verified(file)
            with progress("imported", summary.keys) as advance:
                return Imported(summary, _put_all(store, file, summary, advance))
    except Damaged as error:
        raise InvalidRequest(f"{path}: {error}; nothing was done") from error
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {_why(error)}; nothing was done") from error


def _pages(store: Store, advance: Advance) -> Iterator[Page]:
    start: str | None = None
    while True:
        answer = store.call("scan", "", start, SCAN_ITEMS)
        pairs: list[tuple[str, Value]] = answer["value"]
        yield Page(answer["revision"], pairs)
        advance(len(pairs))
        if not pairs:
            return
        start = pairs[-1][0]


def _verified(file: BinaryIO) -> Summary:
    reader = Reader(file)
    for _ in reader:
        pass
    return _end(reader)


def _end(reader: Reader) -> Summary:
    if reader.summary is None:
        raise Damaged("it was not read to its end")
    return reader.summary


def _put_all(store: Store, file: BinaryIO, summary: Summary, advance: Advance) -> int:
    done = revision = 0
    reader = Reader(file)
    try:
        for batch in _batches(reader):
            revision = store.call("put_many", batch)["value"]
            done += len(batch)
            advance(len(batch))
        if _end(reader) != summary:
            raise Damaged("it was changed while it was read")
    except (KVError, Damaged, OSError) as error:
        if isinstance(error, KVError) and not done:
            raise  # it says what became of the first batch
        raise UnknownOutcome(
            f"the import ended after {done} of {summary.keys} keys, because of {_cause(error)}. "
            "IMPORT the file again: it puts the same pairs"
        ) from error
    except KeyboardInterrupt as interrupt:
        raise Interrupted(
            f"{done} of {summary.keys} keys were put, and perhaps more; "
            "IMPORT the file again: it puts the same pairs"
        ) from interrupt
    return revision


def _batches(pairs: Reader) -> Iterator[list[list[Value]]]:
    batch: list[list[Value]] = []
    room = BATCH_BYTES
    for key, value in pairs:
        size = len(key.encode()) + len(value if isinstance(value, bytes) else value.encode())
        if batch and (size > room or len(batch) == SCAN_ITEMS):
            yield batch
            batch, room = [], BATCH_BYTES
        batch.append([key, value])
        room -= size
    if batch:
        yield batch


def _cause(error: Exception) -> str:
    return f"{error.code}: {error}" if isinstance(error, KVError) else str(error)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
