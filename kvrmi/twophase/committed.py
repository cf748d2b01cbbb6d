"""What a participant has committed: a machine's rows, sessions, and the revision.

Rules: a command is applied once its transaction is committed, never before; what changed leaves as
records. It knows no transaction, lock or view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from msgspec.msgpack import decode, encode

from ..errors import InvalidRequest
from ..operations.commands import take_apart, take_question_apart
from ..operations.definition import UNREADABLE, Malformed
from ..operations.interface import Answer
from ..operations.past import OUTCOME, SETTLE
from ..state.clienttable import OPEN, SESSION_LIMIT, ClientTable, fingerprint
from ..state.machine import StateMachine
from ..state.stored import (
    pack_totals,
    pack_vocabulary,
    snapshot_tables,
    stored_totals,
)
from ..storage.interface import Clear, Corrupt, Key, Put, PutAll, Readable, Record, Tables
from ..storage.memory import MemoryStorage

__all__ = ["Committed", "page_after"]

_TABLE, _APPLIED = "machine", "applied"


class Committed:
    """The state that transactions change."""

    def __init__(self, kind: type[StateMachine], session_limit: int = SESSION_LIMIT) -> None:
        """Begin empty, with a machine of this kind."""
        self.kind = kind
        self.machine = kind()
        self.clients = ClientTable(session_limit)
        self.revision = 0
        """The highest of any commit."""
        self.applied = 0
        """How many were committed."""
        self._session_limit = session_limit
        self._changed = False

    @property
    def tables(self) -> Tables:
        """Its tables on a disk, and in what is given to a returning member."""
        return snapshot_tables(self.kind.tables)

    def known(self, command: bytes) -> Answer | None:
        """Answer a command that must not be carried out; None: it is new. Raises Malformed."""
        _, id, _ = take_apart(command)
        if len(id) == 3:
            return None
        return self.clients.find(id[0], id[1], fingerprint(command), self.revision)

    def apply(self, command: bytes, revision: int) -> Answer:
        """Carry out a command that makes this revision; never raises."""
        self.applied += 1
        self.revision = max(self.revision, revision)
        self._changed = True
        try:
            opcode, id, args = take_apart(command)
            if opcode == SETTLE.opcode:
                return self._settle(args, revision)
            answer = Answer("OK", self.machine.apply(opcode, args, revision), revision)
            if len(id) == 2:
                self.clients.keep(id[0], id[1], fingerprint(command), answer)
        except Malformed:
            return Answer("INVALID", "malformed command", revision)
        return answer

    def _settle(self, args: bytes, revision: int) -> Answer:
        """Use an open request up: whoever comes with it later is voted down. Raises Malformed."""
        client, sequence = SETTLE.decode(args)
        if self.clients.outcome(client, sequence)[0] == OPEN:
            self.clients.settle(client, sequence, revision)
        return Answer("OK", self.clients.report(client, sequence), revision)

    def read(self, question: bytes) -> Answer:
        """Answer a question; never raises, changes nothing."""
        try:
            opcode, args = take_question_apart(question)
            if opcode == OUTCOME.opcode:
                return Answer("OK", self.clients.report(*OUTCOME.decode(args)), self.revision)
            return Answer("OK", self.machine.read(opcode, args), self.revision)
        except InvalidRequest as error:
            return Answer("INVALID", str(error), self.revision)
        except Malformed:
            return Answer("INVALID", "malformed question", self.revision)

    def take_records(self) -> list[Record]:
        """Return what changed since the last call, and forget that it did."""
        if not self._changed:
            return []
        self._changed = False
        machine = self.machine
        return [
            *machine.take_records(whole=False),
            *self.clients.take_records(),
            pack_vocabulary(machine.vocabulary),
            pack_totals(self.revision, machine.take_digest(), machine.keys),
            Put(_TABLE, _APPLIED, encode(self.applied)),
        ]

    @classmethod
    def load(
        cls, disk: Readable, kind: type[StateMachine], session_limit: int = SESSION_LIMIT
    ) -> Self:
        """Read it back; what was never written is empty. Raises Corrupt."""
        state = cls(kind, session_limit)
        for table in state.machine.tables:
            state.machine.restore(table, disk.scan(table), None)
        state.machine.restored()
        state.clients = ClientTable.load(disk, session_limit)
        totals = stored_totals(disk, kind)
        if (totals.digest, totals.keys) != (state.machine.digest, state.machine.keys):
            raise Corrupt("the rows do not add up to the stored digest")
        state.revision = totals.revision
        state.applied = _count(disk.read(_TABLE, _APPLIED))
        return state

    def replaced(
        self, rows: Mapping[str, Sequence[tuple[Key, bytes]]]
    ) -> tuple[Self, list[Record]]:
        """Make the state that another's rows, by table, are; and the records that replace ours.

        Raises Corrupt.
        """
        records: list[Record] = [Clear(table) for table in self.tables]
        records += [PutAll(table, pairs) for table, pairs in rows.items()]
        storage = MemoryStorage(self.tables)
        storage.write(records)
        return self.load(storage.snapshot(), self.kind, self._session_limit), records


def _count(data: bytes | None) -> int:
    try:
        return 0 if data is None else decode(data, type=int)
    except UNREADABLE as error:
        raise Corrupt("the stored count is malformed") from error


def page_after(
    disk: Readable, table: str, after: Key | None, most: int
) -> tuple[tuple[tuple[Key, bytes], ...], bool]:
    """Read rows of a table after a key, `most` bytes or one row; whether that was the last."""
    page: list[tuple[Key, bytes]] = []
    for key, value in disk.scan(table, after):
        most -= len(value) + len(key.encode() if isinstance(key, str) else b"12345678")
        if most < 0 and page:
            return tuple(page), False
        page.append((key, value))
    return tuple(page), True
