"""The second state machine: named counters, with operations and rows of their own.

It shows all that a machine has to bring along, and that replication needs nothing else of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgpack

from kvrmi.errors import InvalidRequest
from kvrmi.operations.arguments import Argument, refuse
from kvrmi.operations.commands import CommandId, encode_command, encode_question
from kvrmi.operations.definition import Malformed, define
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.state.machine import Change, StateMachine
from kvrmi.storage.interface import Corrupt, Key, Put, Record, Tables

_TABLE = "counters"


def _number(number: object) -> object:
    return number if type(number) is int else refuse("a number is an int")


def _numbers(numbers: object) -> object:
    return [_number(n) for n in numbers] if type(numbers) is list else refuse("give a list")


NUMBER, AMOUNT = Argument("number", _number, int), Argument("amount", _number, int)
NUMBERS = Argument("numbers", _numbers, tuple[int, ...])
COUNTING = Vocabulary(
    "counting",
    (
        define("add", 100, (NUMBER, AMOUNT), "what it counts then"),
        define("total", 101, (NUMBERS,), "the sum of these counters", reads=True),
    ),
)


def add(number: int, amount: int, id: CommandId) -> bytes:
    return encode_command("add", (number, amount), id, COUNTING)


def total(*numbers: int) -> bytes:
    return encode_question("total", (numbers,), COUNTING)


class Counters:
    """Adds to counters that have numbers; a counter is never removed."""

    vocabulary: ClassVar[Vocabulary] = COUNTING
    tables: ClassVar[Tables] = {_TABLE: int}

    def __init__(self) -> None:
        self.changes: list[Change] | None = None
        self._counts: dict[int, int] = {}
        self._changed: set[int] = set()

    @property
    def keys(self) -> int:
        return len(self._counts)

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgpack.packb(sorted(self._counts.items()))).hexdigest()

    def take_digest(self) -> Callable[[], str]:
        digest = self.digest
        return lambda: digest

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        number, amount = _decoded(opcode, "add", args)
        return self.count(revision, number, amount)

    def counted(self, number: int) -> int:
        return self._counts.get(number, 0)

    def count(self, revision: int, number: int, amount: int) -> int:
        old = self._counts.get(number)
        count = self._counts[number] = (old or 0) + amount
        self._changed.add(number)
        if self.changes is not None:
            self.changes.append((revision, number, old))
        return count

    def read(self, opcode: int, args: bytes) -> object:
        (numbers,) = _decoded(opcode, "total", args)
        if not numbers:
            raise InvalidRequest("name a counter")
        return sum(self._counts.get(number, 0) for number in numbers)

    def held(self, key: Key) -> int | None:
        return self._counts.get(int(key))

    def take_records(self, *, whole: bool) -> list[Record]:
        numbers = self._counts if whole else self._changed
        records: list[Record] = [Put(_TABLE, n, _packed(self._counts[n])) for n in sorted(numbers)]
        self._changed.clear()
        return records

    def restore(
        self, table: str, rows: Iterable[tuple[Key, bytes]], other: StateMachine | None
    ) -> None:
        for number, data in rows:
            try:
                (count,) = msgpack.unpackb(data)
                self._counts[int(number)] = int(count)
            except (ValueError, TypeError) as error:
                raise Corrupt("a counter that is no number") from error

    def restored(self) -> None:
        pass


def _packed(count: int) -> bytes:
    return bytes(msgpack.packb((count,)))


def _decoded(opcode: int, name: str, args: bytes) -> tuple[Any, ...]:
    known = COUNTING.by_name[name]
    if opcode != known.opcode:
        raise Malformed("counters are added to, and have a total")
    return known.decode(args)
