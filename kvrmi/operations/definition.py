"""One operation, defined: its name and number, its arguments, and whatever follows from them.

Rules: a command that a log holds is read for ever, by the bytes of its time: an argument that came
later has a default, and a command that does not need it looks as it did before.
It knows no operation, and not what one does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from msgspec import MsgspecError
from msgspec.msgpack import Decoder

from .arguments import REQUIRED, Argument

__all__ = ["UNREADABLE", "Definition", "Malformed", "Touched", "define"]

UNREADABLE = (MsgspecError, ValueError, RecursionError)
"""What a decoder raises for bytes that it does not take: also no UTF-8, and too deep a list."""

Touched: TypeAlias = str | tuple[str, int]
"""A key; or a request, by client and sequence."""
_Read: TypeAlias = Callable[[bytes], tuple[Any, ...]]
_Touches: TypeAlias = Callable[[tuple[Any, ...]], frozenset[Touched]]

_LIST, _LIST_MOST = 0x90, 15
"""First byte of an empty list, and how many items it has room to count."""


class Malformed(ValueError):
    """These bytes are no command, or no question."""


class Definition(NamedTuple):
    """One operation.

    `opcode` names it in the byte form. `reads`: it changes nothing. `of_clients`: they may ask for
    it; else replicas alone. `long`: it goes through many keys, so nobody else should wait for it.
    `numbered`: its answer is the revision that it made, and nothing else. `help` says what it
    returns. `since`: the version of its vocabulary in which it came. `touches` lists what it looks
    at or changes, by its arguments; None: it may be anything. What follows is made of
    `arguments`: `given` are those that reach the state machine, `checks` theirs; `routing` is the
    place of the one that says who answers; `direct`: so many, in their places, are all of `given`;
    `first` counts those that it came with, `later`: there are others.
    """

    name: str
    opcode: int
    arguments: tuple[Argument, ...]
    reads: bool
    of_clients: bool
    long: bool
    numbered: bool
    help: str
    since: int
    touches: _Touches | None
    given: tuple[Argument, ...]
    checks: tuple[Callable[[object], Any], ...]
    required: int
    routing: int | None
    direct: int
    first: int
    later: bool
    read: _Read
    fits: tuple[tuple[int, Callable[[Any], bool]], ...]

    @property
    def usage(self) -> str:
        """How it is written."""
        return f"{self.name}({', '.join(map(_written, self.arguments))})"

    @property
    def remote_usage(self) -> str:
        """How it is written as a method of the remote object: a write may have a request id."""
        if self.reads:
            return self.usage
        words = list(map(_written, self.arguments))
        words.insert(self.first, "request=None")  # where it was before other arguments came
        return f"{self.name}({', '.join(words)})"

    @property
    def version(self) -> int:
        """Of its vocabulary, in which it became what it is."""
        return max((self.since, *(argument.added for argument in self.arguments)))

    def sent(self, given: Sequence[object], routed: object) -> list[object]:
        """Put what `check` took apart together again, as the remote object takes it.

        An argument that came later and has its default is left out: older replicas do not know it.
        """
        args = [*given, *(one.default for one in self.given[len(given) :])]
        if self.routing is not None:
            args.insert(self.routing, routed)
        return _without_later(args, self.arguments)

    def touched(self, args: tuple[Any, ...]) -> frozenset[Touched] | None:
        """List what it touches with these arguments; None: perhaps everything."""
        return None if self.touches is None else self.touches(args)

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """Read the arguments from their byte form. Raises Malformed."""
        try:
            args = self.read(data)
        except UNREADABLE as error:
            raise Malformed(f"malformed arguments of {self.name}") from error
        for place, fits in self.fits:
            if not fits(args[place]):
                raise Malformed(f"malformed arguments of {self.name}")
        return args

    def needed(self, given: Sequence[object]) -> tuple[object, ...]:
        """Leave out what came later and has its default: the bytes are those from before it."""
        return tuple(_without_later(list(given), self.given))


def define(
    name: str,
    opcode: int,
    arguments: tuple[Argument, ...],
    help: str,
    *,
    reads: bool = False,
    of_clients: bool = True,
    long: bool = False,
    numbered: bool = False,
    since: int = 1,
    touches: _Touches | None = None,
) -> Definition:
    """Define an operation. Raises ValueError for arguments that cannot stand in this order."""
    _check_order(name, arguments)
    given = tuple(argument for argument in arguments if not argument.routes)
    routing = next((place for place, one in enumerate(arguments) if one.routes), None)
    first = sum(not argument.added for argument in arguments)
    return Definition(
        name,
        opcode,
        arguments,
        reads,
        of_clients,
        long,
        numbered,
        help,
        since,
        touches,
        given,
        tuple(argument.check for argument in given),
        sum(argument.default is REQUIRED for argument in arguments),
        routing,
        len(given) if routing in (None, len(given)) else -1,
        first,
        first < len(arguments),
        _reader(given),
        tuple((place, one.fits) for place, one in enumerate(given) if one.fits),
    )


def _check_order(name: str, arguments: tuple[Argument, ...]) -> None:
    """Whoever passes arguments by their places, and every log, needs them to keep these."""
    places = [(argument.default is not REQUIRED, argument.added) for argument in arguments]
    if places != sorted(places) or any(added and not optional for optional, added in places):
        raise ValueError(f"{name}: what was added later comes last, and has a default")
    if len(arguments) > _LIST_MOST or sum(argument.routes for argument in arguments) > 1:
        raise ValueError(f"{name}: too many arguments, or of those that route")


def _reader(given: tuple[Argument, ...]) -> _Read:
    """Make what reads the arguments, also as they were before some were added."""
    first = sum(not argument.added for argument in given)
    if first == len(given):
        return _decoder(given)
    ways = {
        _LIST + count: (_decoder(given[:count]), tuple(one.default for one in given[count:]))
        for count in range(first, len(given) + 1)
    }

    def read(data: bytes) -> tuple[Any, ...]:
        way = ways.get(data[0]) if data else None
        if way is None:
            raise ValueError("so many arguments it never had")
        decode, rest = way
        return (*decode(data), *rest)

    return read


def _decoder(given: tuple[Argument, ...]) -> _Read:
    forms: Any = tuple[tuple(argument.form for argument in given)]  # type: ignore[misc]
    decoder: Decoder[Any] = Decoder(forms)
    return decoder.decode


def _without_later(args: list[object], arguments: Sequence[Argument]) -> list[object]:
    while args and (last := arguments[len(args) - 1]).added and args[-1] == last.default:
        args.pop()
    return args


def _written(argument: Argument) -> str:
    if argument.default is REQUIRED:
        return argument.name
    default = argument.default
    return f"{argument.name}=" + (f'"{default}"' if isinstance(default, str) else repr(default))
