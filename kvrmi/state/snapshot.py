"""What brings a learner up that lacks more than a peer's log still has: the state, in pages.

Rules: a snapshot is one moment of one replica's learner storage, whatever is written meanwhile;
every page is numbered and checksummed, and the whole must add up to the digest in its first page;
nothing of a snapshot that is not complete and right is ever used. It says what was chosen, and
nothing about what any acceptor promised or accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from zlib import crc32

import msgpack
from msgspec.msgpack import encode

from ..operations.interface import PAGE_BYTES
from ..storage.interface import Corrupt, Key, Snapshot
from ..storage.memory import Disk, MemoryStorage
from .log import stored_end
from .machine import StateMachine
from .replicated import Replicated
from .stored import snapshot_tables, stored_totals

__all__ = ["SnapshotSink", "SnapshotSource"]

_FORMAT = 1
_FORMAT_BYTE = bytes((_FORMAT,))
_CHECK = slice(1, 5)
_BODY = 5


class _Header(NamedTuple):
    slot: int
    revision: int
    hash: bytes
    digest: str
    keys: int


_NO_HEADER = _Header(0, 0, b"", "", 0)
_HEADER_TYPES = (int, int, bytes, str, int)


class SnapshotSource:
    """Pages of a snapshot that it owns, to be asked in order; the last one given can be had again.

    A page holds at most `page_bytes` of keys and values, or one row.
    """

    def __init__(
        self, snapshot: Snapshot, kind: type[StateMachine], page_bytes: int = PAGE_BYTES
    ) -> None:
        """Read what the snapshot of a learner with such a machine holds; raises Corrupt."""
        self._snapshot = snapshot
        self._tables = tuple(snapshot_tables(kind.tables))
        self._page_bytes = page_bytes
        totals = stored_totals(snapshot, kind)
        slot, hash = stored_end(snapshot)
        self._header = _Header(slot, totals.revision, hash, totals.digest, totals.keys)
        self._rows = self._all_rows()
        self._waiting = next(self._rows, None)
        self._number = -1
        self._page = b""

    @property
    def slot(self) -> int:
        """The slot up to which everything is in it."""
        return self._header.slot

    @property
    def begun(self) -> bool:
        """Whether more than its first page was given."""
        return self._number > 0

    def page(self, number: int) -> tuple[bytes, bool]:
        """Give page `number`, from 0, and whether it is the last.

        Raises ValueError if it is neither the next page nor the one given last; raises Corrupt.
        """
        if number == self._number + 1 and (number == 0 or self._waiting is not None):
            self._page = _seal((number, self._header, self._take()))
            self._number = number
            if self._waiting is None:
                self.close()  # a snapshot that stays open keeps the write-ahead log growing
        elif number != self._number or number < 0:
            raise ValueError(f"page {number} cannot follow page {self._number}")
        return self._page, self._waiting is None

    def close(self) -> None:
        """Let go of the snapshot; harmless twice."""
        self._snapshot.close()

    def _all_rows(self) -> Iterator[tuple[int, Key, bytes]]:
        for place, table in enumerate(self._tables):
            for key, value in self._snapshot.scan(table):
                yield place, key, value

    def _take(self) -> list[tuple[int, Key, bytes]]:
        """Take the rows of one page; `_waiting` is then the first that has no room in it."""
        rows: list[tuple[int, Key, bytes]] = []
        room = self._page_bytes
        while self._waiting is not None:
            room -= len(str(self._waiting[1]).encode()) + len(self._waiting[2])
            if room < 0 and rows:
                break
            rows.append(self._waiting)
            self._waiting = next(self._rows, None)
        return rows


class SnapshotSink:
    """Makes a state of the pages of one snapshot as they come; of no use before `complete`."""

    def __init__(self) -> None:
        """Begin with no page."""
        self.complete = False
        self.wanted = 0
        """Number of the page to add next."""
        self.bytes = 0
        """Size of the pages added."""
        self._header = _NO_HEADER
        self._state: Replicated | None = None
        self._beside: Disk = {}
        """What is not of the machine's tables."""

    @property
    def slot(self) -> int:
        """The slot up to which everything is in it; 0 before the first page."""
        return self._header.slot

    @property
    def revision(self) -> int:
        """The revision there."""
        return self._header.revision

    @property
    def keys(self) -> int:
        """How many entries its machine will have."""
        return self._header.keys

    @property
    def keys_added(self) -> int:
        """How many it has."""
        return 0 if self._state is None else self._state.keys

    @property
    def digest(self) -> str:
        """The digest they must add up to."""
        return self._header.digest

    def add(self, data: bytes, last: bool, mine: Replicated) -> None:
        """Add the wanted page; raises Corrupt, after which this sink is of no use.

        `mine`: what the snapshot shall replace, by a state of the same kind; values that are in
        both are in memory once.
        """
        if self.complete:
            raise Corrupt("a page beyond the last one of a snapshot")
        state = self._state = self._state or mine.fresh()
        tables = snapshot_tables(state.machine.tables)
        header, rows = _open(data, self.wanted, tuple(tables.values()))
        if self.wanted and header != self._header:
            raise Corrupt("pages of different snapshots")
        self._header = header
        self.wanted += 1
        self.bytes += len(data)
        names = tuple(tables)
        for place, group in groupby(rows, itemgetter(0)):
            table, pairs = names[place], (row[1:] for row in group)
            if table in state.machine.tables:
                state.restore(table, pairs, mine)
            else:
                self._beside.setdefault(table, {}).update(pairs)
        self.complete = last

    def load(self) -> Replicated:
        """Give the state, once; its next records make a learner's storage hold it and nothing else.

        Raises Corrupt.
        """
        state, header = self._state, self._header
        if state is None or not self.complete:
            raise Corrupt("a snapshot without its last page")
        state.complete(MemoryStorage(snapshot_tables(state.machine.tables), self._beside))
        found = (state.revision, state.digest, state.keys)
        if found != (header.revision, header.digest, header.keys):
            raise Corrupt("the rows of a snapshot do not add up to its digest")
        state.replace(header.slot, header.hash)
        return state


def _seal(page: tuple[object, ...]) -> bytes:
    """Pack a page: format version, CRC-32 of the rest, the rest."""
    body = encode(page)
    return b"".join((_FORMAT_BYTE, crc32(body).to_bytes(4, "big"), body))


def _open(
    data: bytes, wanted: int, kinds: Sequence[type[Any]]
) -> tuple[_Header, list[tuple[int, Key, bytes]]]:
    """Unpack page `wanted`, of rows of tables with keys of these kinds; raises Corrupt."""
    body = data[_BODY:]
    if data[:1] != _FORMAT_BYTE or data[_CHECK] != crc32(body).to_bytes(4, "big"):
        raise Corrupt("a page of a snapshot does not match its checksum")
    try:
        number, header, rows = msgpack.unpackb(body, use_list=False)
        fits = number == wanted and _fits(header, _HEADER_TYPES)
        fits = fits and all(_is_row(row, kinds) for row in rows)
    except (ValueError, TypeError) as error:
        raise Corrupt("a page of a snapshot is malformed") from error
    if not fits:
        raise Corrupt(f"a page of a snapshot that is not its page {wanted}")
    return _Header(*header), list(rows)


def _is_row(row: Any, kinds: Sequence[type[Any]]) -> bool:
    if type(row) is not tuple or len(row) != 3 or type(row[0]) is not int:
        return False
    return 0 <= row[0] < len(kinds) and _fits(row[1:], (kinds[row[0]], bytes))


def _fits(values: Any, types: tuple[type[Any], ...]) -> bool:
    return type(values) is tuple and tuple(map(type, values)) == types
