"""The replicated state: rows, sessions, voters; what a command does to them.

Rules: apply is deterministic and never raises; two machines that applied the same commands are
equal, whenever either was reloaded from its storage in between.
It knows no clock, thread, randomness or disk: what changed leaves as records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..operations.commands import (
    FIRST_EPOCH,
    CommandId,
    Voter,
    command_id,
    decode_command,
    decode_question,
    encode_command,
    encode_question,
    encode_voter,
)
from ..operations.interface import PAGE_BYTES, Answer, Value
from ..storage.interface import Clear, Corrupt, Record, Remove, Tables, View
from .clienttable import SESSION_LIMIT, ClientTable, fingerprint
from .rows import (
    ROWS,
    State,
    pack_rows,
    pack_state,
    pack_voters,
    row_hash,
    stored_state,
    stored_voters,
    unpack_row,
)
from .sortedkeys import SortedKeys

__all__ = [
    "FIRST_EPOCH",
    "TABLES",
    "CommandId",
    "Machine",
    "Voter",
    "command_id",
    "encode_command",
    "encode_question",
    "encode_voter",
]

TABLES: Tables = {ROWS: str, "sessions": str, "machine": str}
_DIGEST_SPACE = 1 << 256


class Machine:
    """The state after some prefix of the log."""

    def __init__(self, session_limit: int = SESSION_LIMIT) -> None:
        """Begin empty; all replicas need the same `session_limit`."""
        self.revision = 0
        """How many client commands were applied."""
        self._rows: dict[str, Value] = {}
        self._order = SortedKeys()
        self._sum = 0
        self.session_limit = session_limit
        self._sessions = ClientTable(session_limit)
        self._voters: tuple[Voter, ...] = ()
        self._changed: dict[str, None] = {}
        self._state_changed = False
        self._replaces = False
        """The next records are of all there is: they replace another state's."""

    @property
    def keys(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def digest(self) -> str:
        """64 hex digits that are equal exactly when the rows are, whatever their history."""
        return f"{self._sum:064x}"

    @property
    def voters(self) -> tuple[Voter, ...]:
        """The voters that a VOTER command named, by replica."""
        return self._voters

    def apply(self, command: bytes) -> Answer:
        """Carry a command out, unless its request was carried out before; never raises.

        Answers "OK", "INVALID" (nothing done) or "UNKNOWN_OUTCOME" (session expired). A suppressed
        repetition gets the first answer and is no revision.
        """
        try:
            name, id, args = decode_command(command)
        except ValueError:
            return Answer("INVALID", "malformed command", self.revision)
        if name == "voter":
            return self._admit(Voter(*args))
        if len(id) == 3:
            return self._execute(name, args)
        client, sequence = id
        mark = fingerprint(command)
        answer = self._sessions.find(client, sequence, mark, self.revision)
        if answer is None:
            answer = self._execute(name, args)
            self._sessions.keep(client, sequence, mark, answer)
        return answer

    def _execute(self, name: str, args: tuple[Any, ...]) -> Answer:
        self.revision += 1
        self._state_changed = True
        match name:
            case "put":
                self._set(*args)
                value: object = self.revision
            case "delete":
                value = self._delete(*args)
            case "cas":
                value = self._swap(*args)
            case _:
                for key, new in args[0]:
                    self._set(key, new)
                value = self.revision
        return Answer("OK", value, self.revision)

    def _set(self, key: str, value: Value) -> None:
        old = self._rows.get(key)
        if old is None:
            self._order.add(key)
        else:
            self._sum -= row_hash(key, old)
        self._rows[key] = value
        self._sum = (self._sum + row_hash(key, value)) % _DIGEST_SPACE
        self._changed[key] = None

    def _delete(self, key: str) -> bool:
        old = self._rows.pop(key, None)
        if old is None:
            return False
        self._order.remove(key)
        self._sum = (self._sum - row_hash(key, old)) % _DIGEST_SPACE
        self._changed[key] = None
        return True

    def _swap(self, key: str, expected: Value | None, value: Value) -> bool:
        old = self._rows.get(key)
        if type(old) is not type(expected) or old != expected:
            return False
        self._set(key, value)
        return True

    def _admit(self, voter: Voter) -> Answer:
        others = tuple(known for known in self._voters if known.replica != voter.replica)
        known = next((one for one in self._voters if one.replica == voter.replica), None)
        if voter.epoch != (known.epoch if known else FIRST_EPOCH) + 1:
            return Answer("INVALID", "a voter's epoch must be the next one", self.revision)
        self._voters = tuple(sorted((*others, voter)))
        self._state_changed = True
        return Answer("OK", voter.epoch, self.revision)

    def read(self, question: bytes) -> Answer:
        """Answer a question from the state as it is; never raises, changes nothing."""
        try:
            name, args = decode_question(question)
        except ValueError:
            return Answer("INVALID", "malformed question", self.revision)
        match name:
            case "get":
                value: object = self._rows.get(args[0])
            case "contains":
                value = args[0] in self._rows
            case "size":
                value = len(self._rows)
            case "scan":
                value = self._scan(*args)
            case _:
                return self._get_many(args[0])
        return Answer("OK", value, self.revision)

    def _get_many(self, keys: tuple[str, ...]) -> Answer:
        values = [self._rows.get(key) for key in keys]
        if len(values) > 1 and sum(map(_size, values)) > PAGE_BYTES:
            why = f"the values are over {PAGE_BYTES} bytes in all; ask for fewer at a time"
            return Answer("INVALID", why, self.revision)
        return Answer("OK", values, self.revision)

    def _scan(self, prefix: str, start: str | None, limit: int) -> list[list[Value]]:
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

    def take_records(self) -> tuple[Record, ...]:
        """Return what changed since the last call, and forget that it did."""
        if not self._state_changed:
            return ()
        records = self._all_rows() if self._replaces else self._changed_rows()
        records += self._sessions.take_records()
        records.append(pack_voters(self.voters))
        records.append(pack_state(State(self.revision, self.digest, self.keys)))
        self._changed.clear()
        self._state_changed = self._replaces = False
        return tuple(records)

    def _all_rows(self) -> list[Record]:
        return [*(Clear(table) for table in TABLES), pack_rows(dict(self._rows))]

    def _changed_rows(self) -> list[Record]:
        rows = self._rows
        changed = pack_rows({key: rows[key] for key in self._changed if key in rows})
        return [changed, *(Remove(ROWS, key) for key in self._changed if key not in rows)]

    # --- being made of records --------------------------------------------------------------------

    def take_row(self, key: str, data: bytes, other: Machine | None = None) -> None:
        """Take in a stored row of a state that is complete with `complete`; raises Corrupt.

        Rows come in the order of their keys. A value that `other` has there too is in memory once.
        """
        if self._rows and key <= next(reversed(self._rows)):
            raise Corrupt(f"the row {key!r} is out of order")
        row = unpack_row(key, data)
        if other is not None and other._rows.get(key) == row:
            row = other._rows[key]
        self._rows[key] = row
        self._sum = (self._sum + row_hash(key, row)) % _DIGEST_SPACE

    def complete(self, view: View, *, replaces: bool = False) -> None:
        """Take in all that is stored beside the rows, and check that they add up; raises Corrupt.

        `replaces`: what a storage holds so far is no part of this; the next records say so.
        """
        self._order = SortedKeys(self._rows)
        self._sessions = ClientTable.load(view, self.session_limit)
        self._voters = tuple(sorted(stored_voters(view)))
        state = stored_state(view)
        if (state.digest, state.keys) != (self.digest, self.keys):
            raise Corrupt("the rows do not add up to the stored digest")
        self.revision = state.revision
        if replaces:
            self._state_changed = self._replaces = True
            self._sessions.replace()

    @classmethod
    def load(cls, view: View, session_limit: int = SESSION_LIMIT) -> Machine:
        """Read the state back, recomputing its digest; an unwritten one is empty.

        Raises Corrupt when a record is malformed or rows, count and digest disagree.
        """
        machine = cls(session_limit)
        for key, value in view.scan(ROWS):
            machine.take_row(str(key), value)
        machine.complete(view)
        return machine


def _size(value: Value | None) -> int:
    """Bytes of UTF-8 or of the value; None has none."""
    if value is None:
        return 0
    return len(value) if isinstance(value, bytes) or value.isascii() else len(value.encode())
