"""The first state machine: a store of keys and values.

Rules: each operation of the table is the method of that name; a command's gets the revision it
makes before its arguments. Two stores that applied the same commands are equal, whenever either was
reloaded in between. It knows no clock, thread, randomness or disk: what changed leaves as records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, ClassVar, TypeAlias, cast

from ..errors import InvalidRequest
from ..operations.definition import Definition, Malformed
from ..operations.interface import PAGE_BYTES, Value
from ..operations.table import KEY_VALUE
from ..operations.vocabulary import Vocabulary
from ..storage.interface import Corrupt, Key, Record, Remove, Tables
from .machine import Change, StateMachine
from .rows import ROWS, pack_rows, stored_hash, unpack_row
from .rowsum import RowSum
from .sortedkeys import SortedKeys

__all__ = ["KeyValues"]


class KeyValues:
    """A StateMachine: see machine.py for what its methods promise."""

    vocabulary: ClassVar[Vocabulary] = KEY_VALUE
    tables: ClassVar[Tables] = {ROWS: str}

    def __init__(self) -> None:
        """Begin empty; nobody wants to know what changes."""
        self.changes: list[Change] | None = None
        self._rows: dict[str, Value] = {}
        self._order = SortedKeys()
        self._sum = RowSum()
        """Of all rows, as they were before those in `_unsummed` changed."""
        self._unsummed: dict[str, Value | None] = {}
        """What each key held when its hash was in the sum last; None: it was absent."""
        self._changed: dict[str, None] = {}
        """Keys whose rows differ from the stored ones."""

    @property
    def keys(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def digest(self) -> str:
        """64 hex digits: the sum of all rows' hashes."""
        return self.take_digest()()

    def take_digest(self) -> Callable[[], str]:
        """Let what changed since the last time be hashed later; a row that changed often, once."""
        if self._unsummed:
            now = list(map(self._rows.get, self._unsummed))
            self._sum = self._sum.changed(self._unsummed, now)
            self._unsummed = {}
        rows = self._sum
        return lambda: f"{rows.total:064x}"

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        """Carry out a command of the table."""
        known = _COMMANDS.get(opcode)
        if known is None:
            raise Malformed("no such command")
        carry_out, definition = known
        return carry_out(self, revision, *definition.decode(args))

    def read(self, opcode: int, args: bytes) -> object:
        """Answer a question of the table."""
        known = _QUESTIONS.get(opcode)
        if known is None:
            raise Malformed("no such question")
        answer, definition = known
        return answer(self, *definition.decode(args))

    # --- commands: what they are answered ---------------------------------------------------------

    def put(self, revision: int, key: str, value: Value) -> int:
        """Store a value."""
        old = self._rows.get(key)
        if old is None:
            self._order.add(key)
        self._rows[key] = value
        self._unsummed.setdefault(key, old)
        self._changed[key] = None
        if self.changes is not None:
            self.changes.append((revision, key, old))
        return revision

    def delete(self, revision: int, key: str) -> bool:
        """Forget a key; whether it was there."""
        old = self._rows.pop(key, None)
        if old is None:
            return False
        self._order.remove(key)
        self._unsummed.setdefault(key, old)
        self._changed[key] = None
        if self.changes is not None:
            self.changes.append((revision, key, old))
        return True

    def cas(self, revision: int, key: str, expected: Value | None, value: Value) -> bool:
        """Store a value if another is there, of the same type; whether it was."""
        old = self._rows.get(key)
        if type(old) is not type(expected) or old != expected:
            return False
        self.put(revision, key, value)
        return True

    def put_many(self, revision: int, pairs: tuple[tuple[str, Value], ...]) -> int:
        """Store all pairs; of two with one key, the later one."""
        new = dict(pairs)
        olds = list(map(self._rows.get, new))
        if None in olds:
            for key, old in zip(new, olds, strict=True):
                if old is None:
                    self._order.add(key)
        self._rows.update(new)
        deque(map(self._unsummed.setdefault, new, olds), maxlen=0)
        self._changed.update(dict.fromkeys(new))
        if self.changes is not None:
            self.changes += zip(repeat(revision), new, olds)
        return revision

    # --- questions --------------------------------------------------------------------------------

    def get(self, key: str) -> Value | None:
        """Return the value, None if there is none."""
        return self._rows.get(key)

    def contains(self, key: str) -> bool:
        """Return whether there is one."""
        return key in self._rows

    def size(self) -> int:
        """Count the keys."""
        return len(self._rows)

    def get_many(self, keys: tuple[str, ...]) -> list[Value | None]:
        """Return all values, if they fit into a page. Raises InvalidRequest."""
        values = [self._rows.get(key) for key in keys]
        if len(values) > 1 and sum(map(_size, values)) > PAGE_BYTES:
            why = f"the values are over {PAGE_BYTES} bytes in all; ask for fewer at a time"
            raise InvalidRequest(why)
        return values

    def scan(self, prefix: str, start: str | None, limit: int) -> list[list[Value]]:
        """Return a page of pairs, in the order of keys."""
        page: list[list[Value]] = []
        room = PAGE_BYTES
        for key in self._keys(prefix, start):
            value = self._rows[key]
            room -= _size(key) + _size(value)
            if len(page) >= limit or (room < 0 and page) or not key.startswith(prefix):
                break
            page.append([key, value])
        return page

    def _keys(self, prefix: str, start: str | None) -> Iterator[str]:
        if start is None or start < prefix:
            return self._order.since(prefix)
        return self._order.after(start)

    def held(self, key: Key) -> Value | None:
        """Return what a key holds."""
        return self._rows.get(cast(str, key))

    # --- records ----------------------------------------------------------------------------------

    def take_records(self, *, whole: bool) -> list[Record]:
        """Return the rows that changed, or all."""
        records = self._all_rows() if whole else self._changed_rows()
        self._changed.clear()
        return records

    def _all_rows(self) -> list[Record]:
        return [pack_rows(dict(self._rows))]

    def _changed_rows(self) -> list[Record]:
        rows = self._rows
        changed = pack_rows({key: rows[key] for key in self._changed if key in rows})
        return [changed, *(Remove(ROWS, key) for key in self._changed if key not in rows)]

    def restore(
        self, table: str, rows: Iterable[tuple[Key, bytes]], other: StateMachine | None
    ) -> None:
        """Take in stored rows; raises Corrupt."""
        theirs = other._rows if isinstance(other, KeyValues) else {}
        mine, total = self._rows, self._sum.total
        for key, data in cast("Iterable[tuple[str, bytes]]", rows):
            if key in mine:
                raise Corrupt(f"the row {key!r} is there twice")
            row = unpack_row(key, data)
            if theirs and theirs.get(key) == row:
                row = theirs[key]
            mine[key] = row
            total += stored_hash(key, data)
        self._sum = RowSum(total)

    def restored(self) -> None:
        """Put the keys in order."""
        self._order = SortedKeys(sorted(self._rows))


def _size(value: Value | None) -> int:
    """Bytes of UTF-8 or of the value; None has none."""
    if value is None:
        return 0
    return len(value) if isinstance(value, bytes) or value.isascii() else len(value.encode())


_Method: TypeAlias = tuple[Callable[..., Any], Definition]


def _methods(*, reads: bool) -> dict[int, _Method]:
    """Find the method of each operation, by its opcode."""
    return {
        one.opcode: (getattr(KeyValues, one.name), one)
        for one in KEY_VALUE.machine
        if one.reads is reads
    }


_COMMANDS = _methods(reads=False)
_QUESTIONS = _methods(reads=True)
