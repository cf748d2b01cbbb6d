"""The one table of the gateways' commands, and the two commands that show it.

To add a command: an entry in data.py or talk.py, and a test. HELP, COMMAND and the README's list
follow from it, the last because a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kvrmi.wire.replies import array, bulk, integer, simple

from .data import DATA
from .definition import Command, Conversation, Plan, Words
from .talk import TALK

__all__ = ["COMMANDS", "find"]


def find(word: bytes) -> Command | None:
    """Find a command by its name, in any case."""
    return COMMANDS.get(word) or COMMANDS.get(word.upper())


def _help(_: Conversation, words: Words) -> Plan:
    yield from ()
    return array([simple(f"{one.usage}: {one.help}") for one in COMMANDS.values()])


def _command(_: Conversation, words: Words) -> Plan:
    yield from ()
    about, names = (words[1].upper(), words[2:]) if len(words) > 1 else (b"", ())
    if about == b"COUNT":
        return integer(len(COMMANDS))
    chosen = [find(name) for name in names] if names else list(COMMANDS.values())
    if about == b"DOCS":
        return array([one for known in chosen if known for one in _documented(known)])
    return array([_described(known) if known else b"*-1\r\n" for known in chosen])


def _documented(known: Command) -> tuple[bytes, bytes]:
    pairs = {"summary": known.help, "since": "1.0.0", "group": "generic"}
    return bulk(known.name.lower()), array([bulk(one) for pair in pairs.items() for one in pair])


def _described(known: Command) -> bytes:
    arity = known.least if known.least == known.most else -known.least
    flags = ["write"] * known.writes + ["readonly"] * known.reads
    first, last, step = _places(known.keys)
    return array(
        [
            bulk(known.name.lower()),
            integer(arity),
            array([simple(flag) for flag in flags]),
            *map(integer, (first, last, step)),
        ]
    )


def _places(keys: slice | None) -> tuple[int, int, int]:
    if keys is None:
        return 0, 0, 0
    return keys.start, -1 if keys.stop is None else keys.stop - 1, keys.step or 1


def _table(commands: Iterable[Command]) -> Mapping[bytes, Command]:
    return {one.name.encode(): one for one in commands}


COMMANDS = _table(
    (
        *DATA,
        *TALK,
        Command(
            "COMMAND",
            1,
            -1,
            _command,
            "COMMAND [COUNT]",
            "this list, for programs",
            datagrams=False,
        ),
        Command("HELP", 1, -1, _help, "HELP", "this list", datagrams=False),
    )
)
"""By name, in the order in which they are shown."""
