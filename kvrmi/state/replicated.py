"""The replicated state: a machine, and beside it sessions, voters, revision and log.

Rules: applying is deterministic and never raises for what a client sent; a request of a session
takes effect once; two that applied the same log are equal, whenever either was reloaded in between.
It knows no operation of the machine's, no clock, thread or disk: what changed leaves as records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Self

from ..errors import InvalidRequest
from ..operations.commands import (
    FIRST_EPOCH,
    CommandId,
    Voter,
    take_apart,
    take_question_apart,
)
from ..operations.definition import Malformed
from ..operations.interface import Answer
from ..operations.past import GET_AT, HISTORY, OUTCOME, SETTLE
from ..operations.vocabulary import VOTER
from ..storage.interface import Clear, Corrupt, Key, Readable, Record, StorageFailed
from .chunks import Block
from .clienttable import OPEN, SESSION_LIMIT, ClientTable, fingerprint
from .history import History
from .log import Entry, Log, unpack_batch
from .machine import StateMachine
from .past import changes, value_at
from .stored import (
    pack_totals,
    pack_vocabulary,
    pack_voters,
    snapshot_tables,
    stored_totals,
    stored_voters,
)

__all__ = ["Replicated"]

_VOTER, _SETTLE = VOTER.opcode, SETTLE.opcode


class Replicated:
    """The state after some prefix of the log, and the log's end."""

    client_tables: type[ClientTable] = ClientTable

    def __init__(
        self,
        kind: type[StateMachine],
        keep: int = 1000,
        session_limit: int = SESSION_LIMIT,
        history: History | None = None,
    ) -> None:
        """Begin empty, with a machine of this kind; the log keeps so many entries.

        All replicas need the same `session_limit`; what each remembers in its `history` is its own.
        """
        self.kind = kind
        self.machine = kind()
        self.clients = self.client_tables(session_limit)
        """Who was answered what."""
        self.log = Log(keep)
        self.history = history or History()
        self.revision = 0
        """How many client commands were applied."""
        self.voters: tuple[Voter, ...] = ()
        """The voters that a VOTER command named, by replica."""
        self._session_limit = session_limit
        self.machine.changes = []
        self._ids: list[CommandId] = []
        """Of the commands of the entry that is being applied, as far as they made a revision."""
        self._changed = False
        self._replaces = False
        """The next records are of all there is: they replace another state's."""

    def fresh(self) -> Self:
        """Make an empty one of the same kind."""
        return type(self)(self.kind, self.log.keep, self._session_limit, self.history.fresh())

    @property
    def applied(self) -> int:
        """The last slot applied."""
        return self.log.applied

    @property
    def keys(self) -> int:
        """How many entries the machine has."""
        return self.machine.keys

    @property
    def digest(self) -> str:
        """The machine's; see there."""
        return self.machine.digest

    # --- applying ---------------------------------------------------------------------------------

    def append(self, entry: Entry) -> list[tuple[bytes, Answer]]:
        """Apply the entry of the next slot; its commands with their answers.

        Raises ValueError, having changed nothing, for any other slot and for what is no batch.
        """
        self.log.expect(entry.slot)
        answers = [(command, self.apply(command)) for command in unpack_batch(entry.value)]
        if self._ids:
            self._remember(entry)
        self.log.append(entry, self.revision)
        return answers

    def _remember(self, entry: Entry) -> None:
        """Keep what the commands of an entry changed, for whoever asks for the past."""
        changes, self.machine.changes = self.machine.changes or (), []
        revisions, keys, olds = zip(*changes, strict=True) if changes else ((), (), ())
        ids, self._ids = tuple(self._ids), []
        first = self.revision + 1 - len(ids)
        about = entry.slot, entry.ballot, entry.acceptors, self.log.hash
        self.history.add(
            Block(*about, first, ids, revisions, keys, olds), self.revision, len(entry.value)
        )

    def apply(self, command: bytes) -> Answer:
        """Carry a command out, unless its request was carried out before; never raises.

        Answers "OK", "INVALID" (nothing done) or "UNKNOWN_OUTCOME" (session expired). A suppressed
        repetition gets the first answer and is no revision.
        """
        try:
            opcode, id, args = take_apart(command)
            if opcode == _VOTER:
                return self._admit(Voter(*VOTER.decode(args)))
            if opcode == _SETTLE:
                return self._settle(id, *SETTLE.decode(args))
            if len(id) == 3:
                return self._execute(opcode, id, args)
            client, sequence = id
            mark = fingerprint(command)
            answer = self.clients.find(client, sequence, mark, self.revision)
            if answer is None:
                answer = self._execute(opcode, id, args)
                self.clients.keep(client, sequence, mark, answer)
        except Malformed:
            return Answer("INVALID", "malformed command", self.revision)
        return answer

    def _execute(self, opcode: int, id: CommandId, args: bytes) -> Answer:
        revision = self.revision + 1
        value = self.machine.apply(opcode, args, revision)
        self.revision = revision
        self._ids.append(id)
        self._changed = True
        return Answer("OK", value, revision)

    def _settle(self, id: CommandId, client: str, sequence: int) -> Answer:
        """Say what became of a request; one that is open never takes effect from now on.

        It is no command of a session itself: done again, it says the same.
        """
        if self.clients.outcome(client, sequence)[0] == OPEN:
            self.revision += 1
            self._ids.append(id)
            self._changed = True
            self.clients.settle(client, sequence, self.revision)
        return self._outcome(client, sequence)

    def _outcome(self, client: str, sequence: int) -> Answer:
        return Answer("OK", self.clients.report(client, sequence), self.revision)

    def _admit(self, voter: Voter) -> Answer:
        others = tuple(known for known in self.voters if known.replica != voter.replica)
        known = next((one for one in self.voters if one.replica == voter.replica), None)
        if voter.epoch != (known.epoch if known else FIRST_EPOCH) + 1:
            return Answer("INVALID", "a voter's epoch must be the next one", self.revision)
        self.voters = tuple(sorted((*others, voter)))
        self._changed = True
        return Answer("OK", voter.epoch, self.revision)

    def read(self, question: bytes) -> Answer:
        """Answer a question from the state as it is, or the past; never raises, changes nothing."""
        try:
            opcode, args = take_question_apart(question)
            past = _PAST.get(opcode)
            if past is not None:
                return past(self, args)
            return Answer("OK", self.machine.read(opcode, args), self.revision)
        except InvalidRequest as error:
            return Answer("INVALID", str(error), self.revision)
        except Malformed:
            return Answer("INVALID", "malformed question", self.revision)
        except (Corrupt, StorageFailed) as error:
            why = f"this replica cannot read its history: {error}; nothing was done"
            return Answer("UNAVAILABLE", why, self.revision)

    def _get_at(self, args: bytes) -> Answer:
        key, revision = GET_AT.decode(args)
        value = value_at(self.history, key, self.machine.held(key), revision)
        return Answer("OK", value, self.revision)

    def _changes(self, args: bytes) -> Answer:
        key, upto, limit = HISTORY.decode(args)
        rows = changes(self.history, key, self.machine.held(key), upto, limit)
        return Answer("OK", [list(row) for row in rows], self.revision)

    def _asked_outcome(self, args: bytes) -> Answer:
        return self._outcome(*OUTCOME.decode(args))

    # --- records ----------------------------------------------------------------------------------

    def take_records(self) -> tuple[Record, ...]:
        """Return what changed since the last call, and forget that it did.

        All of it belongs into one write.
        """
        records: list[Record] = []
        if self._changed:
            if self._replaces:
                records += map(Clear, snapshot_tables(self.machine.tables))
            records += self.machine.take_records(whole=self._replaces)
            records += self.clients.take_records()
            records.append(pack_voters(self.voters))
            records.append(pack_vocabulary(self.machine.vocabulary))
            records.append(pack_totals(self.revision, self.machine.take_digest(), self.keys))
            self._changed = self._replaces = False
        return (*records, *self.log.take_records(), *self.history.take_records())

    def restore(
        self, table: str, rows: Iterable[tuple[Key, bytes]], other: Replicated | None = None
    ) -> None:
        """Take in rows of a table of the machine's, in any order.

        `complete` ends it. A value that `other` has there too is in memory once. Raises Corrupt.
        """
        self.machine.restore(table, rows, None if other is None else other.machine)

    def complete(self, disk: Readable) -> None:
        """Take in all that is stored beside the machine's rows, and check that they add up.

        Raises Corrupt.
        """
        self.machine.restored()
        self.clients = self.client_tables.load(disk, self._session_limit)
        self.voters = tuple(sorted(stored_voters(disk)))
        totals = stored_totals(disk, self.kind)
        if (totals.digest, totals.keys) != (self.digest, self.keys):
            raise Corrupt("the rows do not add up to the stored digest")
        self.revision = totals.revision

    def replace(self, slot: int, hash: bytes) -> None:
        """Go on after `slot` with this state; the next records replace what a storage holds."""
        self.log.restart(slot, hash)
        self.history.restart(self.revision)
        self.clients.replace()
        self._changed = self._replaces = True

    def begin_another(self) -> None:
        """Let this be the beginning of another cluster: it has no voters, and no older slots."""
        self.voters = ()
        self._changed = True
        self.log.restart(self.log.applied, self.log.hash)
        self.history.restart(self.revision)

    @classmethod
    def load(
        cls,
        disk: Readable,
        kind: type[StateMachine],
        keep: int = 1000,
        session_limit: int = SESSION_LIMIT,
        history: History | None = None,
    ) -> Self:
        """Read the state and the log back, recomputing digest and chain; unwritten ones are empty.

        Raises Corrupt when a record is malformed or missing, or they do not add up.
        """
        state = cls(kind, keep, session_limit, history)
        for table in state.machine.tables:
            state.restore(table, disk.every(table))
        state.complete(disk)
        state.log = Log.load(disk, keep)
        state.history.load(disk, state.revision)
        return state


_PAST: Mapping[int, Callable[[Replicated, bytes], Answer]] = {
    GET_AT.opcode: Replicated._get_at,
    HISTORY.opcode: Replicated._changes,
    OUTCOME.opcode: Replicated._asked_outcome,
}
"""What is asked of it and not of its machine."""
