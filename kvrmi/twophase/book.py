"""What a participant records of transactions: prepared, decided, finished.

Rules: a transaction has one outcome, and from YES on nothing but that ends it; what is finished is
over at every member, and its outcome may be forgotten. It decides nothing, and knows no message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self, TypeVar

from msgspec.msgpack import Decoder, decode, encode

from ..operations.definition import UNREADABLE
from ..roles.invariants import require
from ..storage.interface import Corrupt, Put, Readable, Record, Remove, Tables
from .messages import Tid

__all__ = ["TABLES", "Book", "Outcome", "Prepared", "key_of", "read_outcome"]

_PREPARED, _OUTCOMES, _FINISHED = "prepared", "outcomes", "finished"
TABLES: Tables = {_PREPARED: str, _OUTCOMES: str, _FINISHED: int}

T = TypeVar("T")


class Prepared(NamedTuple):
    """It voted YES, in that view."""

    command: bytes
    view: int


class Outcome(NamedTuple):
    """Decided; `revision` is that of a commit, `view` the one in which it began."""

    commit: bool
    revision: int
    view: int


class Book:
    """All transactions of which something is on record."""

    def __init__(self) -> None:
        """Begin with none."""
        self.prepared: dict[Tid, Prepared] = {}
        self.outcomes: dict[Tid, Outcome] = {}
        self._finished: dict[int, int] = {}
        self._records: list[Record] = []

    def prepare(self, tid: Tid, prepared: Prepared) -> None:
        """Record a YES."""
        require(tid not in self.outcomes, f"transaction {tid} was decided before it was prepared")
        self.prepared[tid] = prepared
        self._records.append(Put(_PREPARED, key_of(tid), encode(prepared)))

    def decide(self, tid: Tid, outcome: Outcome) -> None:
        """Record an outcome; raises InvariantBroken if there is another."""
        known = self.outcomes.get(tid)
        require(
            known is None or known.commit is outcome.commit,
            f"transaction {tid} has two outcomes: {known} and {outcome}",
        )
        self.outcomes[tid] = outcome
        if self.prepared.pop(tid, None) is not None:
            self._records.append(Remove(_PREPARED, key_of(tid)))
        self._records.append(Put(_OUTCOMES, key_of(tid), encode(outcome)))

    def drop(self, tid: Tid) -> None:
        """Forget that it was prepared: the store that was given has what came of it."""
        del self.prepared[tid]
        self._records.append(Remove(_PREPARED, key_of(tid)))

    def over(self, tid: Tid) -> bool:
        """Whether it is finished, whatever came of it."""
        return tid.number < self._finished.get(tid.manager, 0)

    def finish(self, manager: int, number: int) -> None:
        """Take note that all of a manager's transactions below `number` are over everywhere."""
        if number <= self._finished.get(manager, 0):
            return
        old = [tid for tid in self.outcomes if tid.manager == manager and tid.number < number]
        self._finished[manager] = number
        for tid in old:
            del self.outcomes[tid]
            self._records.append(Remove(_OUTCOMES, key_of(tid)))
        self._records.append(Put(_FINISHED, manager, encode(number)))

    def committed_by(self, manager: int) -> Iterator[tuple[Tid, Outcome]]:
        """Give a manager's commits that are not finished."""
        return (
            (tid, one)
            for tid, one in self.outcomes.items()
            if tid.manager == manager and one.commit
        )

    def take_records(self) -> list[Record]:
        """Return what changed since the last call, and forget that it did."""
        records, self._records = self._records, []
        return records

    @classmethod
    def load(cls, disk: Readable) -> Self:
        """Read it back. Raises Corrupt."""
        book = cls()
        book.prepared = dict(_rows(disk, _PREPARED, Prepared))
        book.outcomes = dict(_rows(disk, _OUTCOMES, Outcome))
        try:
            book._finished = {
                int(manager): decode(value, type=int) for manager, value in disk.scan(_FINISHED)
            }
        except UNREADABLE as error:
            raise Corrupt("a mark of what is finished is malformed") from error
        return book


def read_outcome(record: Put) -> tuple[Tid, bool]:
    """Read the record of an outcome: of which transaction, and whether it is a commit."""
    return _tid(str(record.key)), decode(record.value, type=Outcome).commit


def _tid(key: str) -> Tid:
    manager, _, number = key.partition("-")
    return Tid(int(manager), int(number, 16))


def key_of(tid: Tid) -> str:
    """Name a transaction on a disk."""
    return f"{tid.manager}-{tid.number:016x}"


def _rows(disk: Readable, table: str, kind: type[T]) -> Iterable[tuple[Tid, T]]:
    decoder = Decoder(kind)
    for key, value in disk.scan(table):
        try:
            yield _tid(str(key)), decoder.decode(value)
        except UNREADABLE as error:
            raise Corrupt(f"the record of transaction {key} is malformed") from error
