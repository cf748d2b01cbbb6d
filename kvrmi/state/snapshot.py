"""What brings a learner up that lacks more than a peer's log still has: the state, in pages.

Rules: a snapshot is one moment of one replica's learner storage, whatever is written meanwhile;
every page is numbered and checksummed, and the whole must add up to the digest in its first page;
nothing of a snapshot that is not complete and right is ever used. It says what was chosen, and
nothing about what any acceptor promised or accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import crc32

import msgpack

from ..operations.interface import PAGE_BYTES
from ..storage.interface import Corrupt, Key, View
from ..storage.memory import Disk, MemoryStorage
from .clienttable import SESSION_LIMIT
from .log import Log, stored_end
from .machine import TABLES as MACHINE_TABLES
from .machine import Machine
from .rows import ROWS, stored_state

__all__ = ["SnapshotSink", "SnapshotSource"]

_FORMAT = 1
_FORMAT_BYTE = bytes((_FORMAT,))
_CHECK = slice(1, 5)
_BODY = 5
_TABLES = tuple(MACHINE_TABLES)
"""A row's table is sent as its place here."""


class _Header(NamedTuple):
    slot: int
    revision: int
    hash: bytes
    digest: str
    keys: int


_NO_HEADER = _Header(0, 0, b"", "", 0)
_HEADER_TYPES = (int, int, bytes, str, int)


class SnapshotSource:
    """Pages of a view that it owns, to be asked in order; the last one given can be had again.

    A page holds at most `page_bytes` of keys and values, or one row.
    """

    def __init__(self, view: View, page_bytes: int = PAGE_BYTES) -> None:
        """Read what the view holds; raises Corrupt."""
        self._view = view
        self._page_bytes = page_bytes
        state = stored_state(view)
        slot, hash = stored_end(view)
        self._header = _Header(slot, state.revision, hash, state.digest, state.keys)
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
                self.close()  # a view that stays open keeps the write-ahead log growing
        elif number != self._number or number < 0:
            raise ValueError(f"page {number} cannot follow page {self._number}")
        return self._page, self._waiting is None

    def close(self) -> None:
        """Let go of the view; harmless twice."""
        self._view.close()

    def _all_rows(self) -> Iterator[tuple[int, Key, bytes]]:
        for place, table in enumerate(_TABLES):
            for key, value in self._view.scan(table):
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
    """Makes a machine of the pages of one snapshot as they come; of no use before `complete`."""

    def __init__(self) -> None:
        """Begin with no page."""
        self.complete = False
        self.wanted = 0
        """Number of the page to add next."""
        self.bytes = 0
        """Size of the pages added."""
        self._header = _NO_HEADER
        self._machine = Machine()
        self._rest: Disk = {table: {} for table in _TABLES if table != ROWS}

    @property
    def slot(self) -> int:
        """The slot up to which everything is in it; 0 before the first page."""
        return self._header.slot

    @property
    def revision(self) -> int:
        """The machine's revision there."""
        return self._header.revision

    @property
    def keys(self) -> int:
        """How many rows it will have."""
        return self._header.keys

    @property
    def keys_added(self) -> int:
        """How many rows it has."""
        return self._machine.keys

    @property
    def digest(self) -> str:
        """The digest they must add up to."""
        return self._header.digest

    def add(self, data: bytes, last: bool, mine: Machine | None = None) -> None:
        """Add the wanted page; raises Corrupt, after which this sink is of no use.

        `mine`: what the snapshot shall replace; values that are in both are in memory once.
        """
        if self.complete:
            raise Corrupt("a page beyond the last one of a snapshot")
        header, rows = _open(data, self.wanted)
        if self.wanted and header != self._header:
            raise Corrupt("pages of different snapshots")
        self._header = header
        self.wanted += 1
        self.bytes += len(data)
        for place, key, value in rows:
            table = _TABLES[place]
            if table == ROWS:
                self._machine.take_row(key, value, mine)
            else:
                self._rest[table][key] = value
        self.complete = last

    def load(self, keep: int = 1000, session_limit: int = SESSION_LIMIT) -> tuple[Machine, Log]:
        """Give the state, once; `keep` is the log's, `session_limit` the machine's. Raises Corrupt.

        The next records of both make a learner's storage hold this state and nothing else.
        """
        if not self.complete:
            raise Corrupt("a snapshot without its last page")
        machine = self._machine
        machine.session_limit = session_limit
        machine.complete(MemoryStorage(MACHINE_TABLES, self._rest), replaces=True)
        known = (self.revision, self.digest, self.keys)
        if (machine.revision, machine.digest, machine.keys) != known:
            raise Corrupt("the rows of a snapshot do not add up to its digest")
        log = Log(keep)
        log.restart(self._header.slot, self._header.hash)
        return machine, log


def _seal(page: tuple[object, ...]) -> bytes:
    """Pack a page: format version, CRC-32 of the rest, the rest."""
    body: bytes = msgpack.packb(page)
    return b"".join((_FORMAT_BYTE, crc32(body).to_bytes(4, "big"), body))


def _open(data: bytes, wanted: int) -> tuple[_Header, list[tuple[int, str, bytes]]]:
    """Unpack page `wanted`; raises Corrupt."""
    body = data[_BODY:]
    if data[:1] != _FORMAT_BYTE or data[_CHECK] != crc32(body).to_bytes(4, "big"):
        raise Corrupt("a page of a snapshot does not match its checksum")
    try:
        number, header, rows = msgpack.unpackb(body, use_list=False)
        fits = number == wanted and _fits(header, _HEADER_TYPES)
        fits = fits and all(_fits(row, (int, str, bytes)) for row in rows)
        fits = fits and all(0 <= row[0] < len(_TABLES) for row in rows)
    except (ValueError, TypeError) as error:
        raise Corrupt("a page of a snapshot is malformed") from error
    if not fits:
        raise Corrupt(f"a page of a snapshot that is not its page {wanted}")
    return _Header(*header), list(rows)


def _fits(values: Any, types: tuple[type[Any], ...]) -> bool:
    return type(values) is tuple and tuple(map(type, values)) == types
