"""The one table of operations: what a store can be asked, and whatever follows from that.

Rules: an opcode is for ever, since logs on disks hold it: none is changed or given to another
operation. Everything else that knows operations derives from this table, or a test compares it
(tests/operations/test_table.py). It says what may be asked, and not what that does.

To add an operation: an entry here, a method of the same name in state/keyvalue.py, a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import MsgspecError
from msgspec.msgpack import Decoder

from .arguments import (
    CONSISTENCY,
    EXPECTED,
    KEY,
    KEYS,
    LIMIT,
    PAIRS,
    PREFIX,
    REQUIRED,
    START,
    VALUE,
    Argument,
    internal,
)

__all__ = [
    "BY_NAME",
    "BY_OPCODE",
    "NUMBERED",
    "OPERATIONS",
    "READS",
    "TABLE",
    "UNREADABLE",
    "WRITES",
    "Definition",
    "Malformed",
]


UNREADABLE = (MsgspecError, ValueError, RecursionError)
"""What a decoder raises for bytes that it does not take: also no UTF-8, and too deep a list."""


class Malformed(ValueError):
    """These bytes are no command, or no question."""


class Definition(NamedTuple):
    """One operation.

    `opcode` names it in the byte form. `reads`: it changes nothing. `of_clients`: they may ask for
    it; else replicas alone. `long`: it goes through many keys, so nobody else should wait for it.
    `numbered`: its answer is the revision that it made, and nothing else. `help` says what it
    returns. What follows is made of `arguments`: `given` are those that reach the state machine,
    `checks` theirs; one that says who answers is the last.
    """

    name: str
    opcode: int
    arguments: tuple[Argument, ...]
    reads: bool
    of_clients: bool
    long: bool
    numbered: bool
    help: str
    given: tuple[Argument, ...]
    checks: tuple[Callable[[object], Any], ...]
    required: int
    decoder: Decoder[Any]
    fits: tuple[tuple[int, Callable[[Any], bool]], ...]

    @property
    def usage(self) -> str:
        """How it is written."""
        return f"{self.name}({', '.join(map(_written, self.arguments))})"

    @property
    def remote_usage(self) -> str:
        """How it is written as a method of the remote object: a write may have a request id."""
        return self.usage if self.reads else f"{self.usage[:-1]}, request=None)"

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """Read the arguments from their byte form. Raises Malformed."""
        try:
            args: tuple[Any, ...] = self.decoder.decode(data)
        except UNREADABLE as error:
            raise Malformed(f"malformed arguments of {self.name}") from error
        for place, fits in self.fits:
            if not fits(args[place]):
                raise Malformed(f"malformed arguments of {self.name}")
        return args


def _written(argument: Argument) -> str:
    if argument.default is REQUIRED:
        return argument.name
    default = argument.default
    return f"{argument.name}=" + (f'"{default}"' if isinstance(default, str) else repr(default))


def _define(
    name: str,
    opcode: int,
    arguments: tuple[Argument, ...],
    help: str,
    *,
    reads: bool = False,
    of_clients: bool = True,
    long: bool = False,
    numbered: bool = False,
) -> Definition:
    given = tuple(argument for argument in arguments if not argument.routes)
    required = sum(argument.default is REQUIRED for argument in arguments)
    forms: Any = tuple[tuple(argument.form for argument in given)]  # type: ignore[misc]
    fits = tuple((place, one.fits) for place, one in enumerate(given) if one.fits)
    return Definition(
        name,
        opcode,
        arguments,
        reads,
        of_clients,
        long,
        numbered,
        help,
        given,
        tuple(argument.check for argument in given),
        required,
        Decoder(forms),
        fits,
    )


_VOTER = (internal("replica", int), internal("epoch", int), internal("disk", str))

TABLE = (
    _define("put", 0, (KEY, VALUE), "the revision it made", numbered=True),
    _define(
        "get",
        5,
        (KEY, CONSISTENCY),
        'the value, or None; `"local"`: the contacted replica\'s own state',
        reads=True,
    ),
    _define("delete", 1, (KEY,), "True if it was there"),
    _define("contains", 6, (KEY,), "True or False", reads=True),
    _define("size", 7, (), "how many keys there are", reads=True),
    _define(
        "put_many",
        2,
        (PAIRS,),
        "the revision; a list of [key, value], stored in one step or not at all",
        long=True,
        numbered=True,
    ),
    _define(
        "get_many",
        8,
        (KEYS,),
        "values in order, None where absent, all of one revision",
        reads=True,
        long=True,
    ),
    _define(
        "cas",
        3,
        (KEY, EXPECTED, VALUE),
        "True if swapped; `expected` None: the key must be absent",
    ),
    _define(
        "scan",
        9,
        (PREFIX, START, LIMIT),
        "a page of [key, value] by code point, after `start`; "
        "the next page begins after its last key",
        reads=True,
        long=True,
    ),
    _define("voter", 4, _VOTER, "the epoch in which the replica votes again", of_clients=False),
)

BY_NAME: Mapping[str, Definition] = {one.name: one for one in TABLE}
BY_OPCODE: Mapping[int, Definition] = {one.opcode: one for one in TABLE}
OPERATIONS = tuple(one.name for one in TABLE if one.of_clients)
"""What clients may ask for."""
READS = frozenset(name for name in OPERATIONS if BY_NAME[name].reads)
WRITES = frozenset(OPERATIONS) - READS
NUMBERED = frozenset(name for name in OPERATIONS if BY_NAME[name].numbered)
"""What is answered with its revision alone."""
