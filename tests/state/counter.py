"""The second state machine: named counters, with operations and rows of their own.

It shows all that a machine has to bring along, and that replication needs nothing else of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import ClassVar

import msgpack

from kvrmi.errors import InvalidRequest
from kvrmi.operations.commands import CommandId, pack_command, pack_question
from kvrmi.operations.table import Malformed
from kvrmi.state.machine import StateMachine
from kvrmi.storage.interface import Corrupt, Key, Put, Record, Tables

ADD, TOTAL = 100, 101
_TABLE = "counters"


def add(number: int, amount: int, id: CommandId) -> bytes:
    return pack_command(ADD, (number, amount), id)


def total(*numbers: int) -> bytes:
    return pack_question(TOTAL, numbers)


class Counters:
    """Adds to counters that have numbers; a counter is never removed."""

    tables: ClassVar[Tables] = {_TABLE: int}

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._changed: set[int] = set()

    @property
    def keys(self) -> int:
        return len(self._counts)

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgpack.packb(sorted(self._counts.items()))).hexdigest()

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        numbers = _numbers(args)
        if opcode != ADD or len(numbers) != 2:
            raise Malformed("a counter can be added to")
        number, amount = numbers
        self._counts[number] = self._counts.get(number, 0) + amount
        self._changed.add(number)
        return self._counts[number]

    def read(self, opcode: int, args: bytes) -> object:
        numbers = _numbers(args)
        if opcode != TOTAL:
            raise Malformed("a counter has a total")
        if not numbers:
            raise InvalidRequest("name a counter")
        return sum(self._counts.get(number, 0) for number in numbers)

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
                (self._counts[int(number)],) = _numbers(data)
            except ValueError as error:
                raise Corrupt("a counter that is no number") from error

    def restored(self) -> None:
        pass


def _packed(count: int) -> bytes:
    return bytes(msgpack.packb((count,)))


def _numbers(data: bytes) -> tuple[int, ...]:
    try:
        numbers = msgpack.unpackb(data, use_list=False)
    except (ValueError, TypeError) as error:
        raise Malformed("no numbers") from error
    if type(numbers) is not tuple or any(type(number) is not int for number in numbers):
        raise Malformed("no numbers")
    return numbers
