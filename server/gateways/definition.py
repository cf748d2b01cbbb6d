"""One command of the gateways: its words, the keys that it touches, and how it is carried out.

Rules: a plan asks for operations and makes the reply of their results; it does no I/O, waits for
nothing and keeps nothing outside its conversation. What it refuses has changed nothing, or says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from kvrmi.operations.interface import Result

from .cursors import Cursors

__all__ = ["Ask", "Command", "Conversation", "Plan", "Refused", "Words", "ask", "invalid", "text"]

Words: TypeAlias = Sequence[bytes]


class Ask(NamedTuple):
    """An operation that is to be carried out."""

    name: str
    args: tuple[object, ...]


Plan: TypeAlias = Generator[Sequence[Ask], Sequence[Result], bytes]
"""Yields operations that may be open together, gets their results in order, returns the reply."""


class Refused(Exception):
    """Ends a plan with an error; the text is what the client reads."""


class Conversation:
    """One client as the commands see it, for as long as it is connected."""

    def __init__(
        self, number: int, address: str, cursors: Cursors, about: Callable[[], Mapping[str, object]]
    ) -> None:
        """Begin; `number` is unique in this process, `about` says what INFO lists."""
        self.number = number
        self.address = address
        self.cursors = cursors
        self.about = about
        self.name = ""
        """What the client calls itself."""
        self.over = False
        """Whether it has asked to be disconnected."""


class Command(NamedTuple):
    """One command.

    `least` and `most` count its words, itself among them; most -1: any number. `keys` are the
    words, from the first and in steps, that are keys; None: it touches no key, or all. `writes` and
    `reads` say what it does with them, neither for what touches no key. `gathers`: with as many
    words as it needs it is a put, which may be stored together with its neighbours.
    `datagrams`: it is one operation, or none, and about no connection: it may come in a datagram.
    """

    name: str
    least: int
    most: int
    plan: Callable[[Conversation, Words], Plan]
    usage: str
    help: str
    keys: slice | None = None
    reads: bool = False
    writes: bool = False
    gathers: bool = False
    datagrams: bool = True

    def check(self, words: Words) -> None:
        """Raise Refused for too few or too many words."""
        if len(words) < self.least or 0 <= self.most < len(words):
            raise invalid(f"usage: {self.usage}")


def invalid(why: str) -> Refused:
    """Make the refusal of a command that is wrong."""
    return Refused(f"INVALID: {why}; nothing was done")


def text(word: bytes) -> str:
    """Read a key. Raises Refused for what is no UTF-8."""
    try:
        return word.decode()
    except UnicodeDecodeError:
        raise invalid("a key must be UTF-8") from None


def ask(name: str, *args: object) -> Generator[Sequence[Ask], Sequence[Result], Any]:
    """Carry out one operation as part of a plan; its value. Raises Refused."""
    results = yield (Ask(name, args),)
    return value_of(results[0])


def value_of(result: Result) -> Any:
    """Return what an operation was answered. Raises Refused."""
    if result.code != "OK":
        raise Refused(f"{result.code}: {result.value}")
    return result.value
