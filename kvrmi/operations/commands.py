"""How commands and questions look as bytes, and how each command is named.

Rules: every encoding begins with a format version; the same arguments always make the same bytes,
so that commands can be compared by their bytes; decoding checks types and raises nothing
but Malformed. To everybody but the machine the bytes are opaque. Which operations there are, and
what their arguments must be, a vocabulary says: the store's unless another is named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from msgspec.msgpack import Decoder, Encoder

from .definition import UNREADABLE, Malformed
from .table import KEY_VALUE
from .vocabulary import VOTER, Vocabulary

__all__ = [
    "FIRST_EPOCH",
    "CommandId",
    "Voter",
    "command_id",
    "decode_command",
    "decode_question",
    "encode_command",
    "encode_question",
    "encode_voter",
    "pack_command",
    "pack_question",
    "summary",
    "take_apart",
    "take_question_apart",
]

CommandId: TypeAlias = tuple[str, int] | tuple[int, bytes, int]
"""(client id, sequence from 1), or (replica, random bytes of its process's start, counter)."""

_FORMAT = 1
_OF_TWO = 0x92
"""First byte of a list of two: the id of a session's command."""
_SESSION, _PLAIN = Decoder(tuple[str, int]), Decoder(tuple[int, bytes, int])
_encode = Encoder().encode
_NAMED, _KEY_SHOWN, _CLIENT_SHOWN, _ID_SHOWN = 3, 40, 30, 12
"""Commands in a summary; characters of a key, a client's name, and each other part of an id."""

FIRST_EPOCH = 1
"""Epoch of every voter until the log names another."""


class Voter(NamedTuple):
    """Whose votes count: of `replica` only those of this `epoch`, cast on the disk `disk`."""

    replica: int
    epoch: int
    disk: str


def pack_command(opcode: int, args: Sequence[object], id: CommandId) -> bytes:
    """Encode a command of whatever machine."""
    head = _encode(id)
    return b"".join((bytes((_FORMAT, opcode, len(head))), head, _encode(tuple(args))))


def pack_question(opcode: int, args: Sequence[object]) -> bytes:
    """Encode a question to whatever machine."""
    return bytes((_FORMAT, opcode)) + _encode(tuple(args))


def take_apart(command: bytes) -> tuple[int, CommandId, bytes]:
    """Take a command apart into opcode, id, and arguments as bytes; raises Malformed."""
    if len(command) < 4 or command[0] != _FORMAT:
        raise Malformed("a command of an unknown format")
    end = 3 + command[2]
    decoder = _SESSION if command[3] == _OF_TWO else _PLAIN
    try:
        id: CommandId = decoder.decode(command[3:end])
    except UNREADABLE as error:
        raise Malformed("a command without an id") from error
    if len(id) == 2 and id[1] < 1:
        raise Malformed("a command without an id")
    return command[1], id, command[end:]


def take_question_apart(question: bytes) -> tuple[int, bytes]:
    """Take a question apart into opcode, and arguments as bytes; raises Malformed."""
    if len(question) < 2 or question[0] != _FORMAT:
        raise Malformed("a question of an unknown format")
    return question[1], question[2:]


def command_id(command: bytes) -> CommandId:
    """Read a command's id without touching its arguments; raises Malformed."""
    return take_apart(command)[1]


# --- the operations of a vocabulary ---------------------------------------------------------------


def encode_command(
    name: str, args: Sequence[object], id: CommandId, of: Vocabulary = KEY_VALUE
) -> bytes:
    """Encode a command with checked arguments."""
    return pack_command(of.by_name[name].opcode, args, id)


def encode_voter(voter: Voter, id: CommandId) -> bytes:
    """Encode the command that lets a rejoining replica vote again."""
    return pack_command(VOTER.opcode, voter, id)


def encode_question(name: str, args: Sequence[object], of: Vocabulary = KEY_VALUE) -> bytes:
    """Encode a question with checked arguments."""
    return pack_question(of.by_name[name].opcode, args)


def decode_command(
    command: bytes, of: Vocabulary = KEY_VALUE
) -> tuple[str, CommandId, tuple[Any, ...]]:
    """Take a command apart into name, id and arguments; raises Malformed on anything else."""
    opcode, id, data = take_apart(command)
    known = of.by_opcode.get(opcode)
    if known is None or known.reads:
        raise Malformed("no such command")
    return known.name, id, known.decode(data)


def decode_question(question: bytes, of: Vocabulary = KEY_VALUE) -> tuple[str, tuple[Any, ...]]:
    """Take a question apart into name and arguments; raises Malformed on anything else."""
    opcode, data = take_question_apart(question)
    known = of.by_opcode.get(opcode)
    if known is None or not known.reads:
        raise Malformed("no such question")
    return known.name, known.decode(data)


def summary(payloads: Sequence[bytes], of: Vocabulary = KEY_VALUE) -> str:
    """Commands or questions in a few words, for a log: name, first key, id; never raises.

    The first three are named, each after a separator, so that none makes an empty text.
    """
    named = [_summary(payload, of) for payload in payloads[:_NAMED]]
    more = [".."] * (len(payloads) > _NAMED)
    return ": " * bool(named) + ", ".join(named + more)


def _summary(payload: bytes, of: Vocabulary) -> str:
    try:
        if of.by_opcode[payload[1]].reads:
            name, args = decode_question(payload, of)
            return f"{name}{_first(args)}"
        name, id, args = decode_command(payload, of)
        return f"{name}{_first(args)} id={_id_text(id)}"
    except (ValueError, LookupError):
        return "malformed"


def _first(args: tuple[Any, ...]) -> str:
    """Name the first argument: a key, a list of keys or pairs, or the replica of a voter."""
    if not args:
        return ""
    first = args[0]
    if type(first) is not tuple:
        return f" {_key_text(first)}"
    if not first:
        return " (0)"
    key = first[0][0] if type(first[0]) is tuple else first[0]
    return f" {_key_text(key)} ({len(first)})"


def _key_text(key: object) -> str:
    text = _clip(str(key), _KEY_SHOWN)
    return json.dumps(text, ensure_ascii=not text.isprintable())  # a terminal may obey what is not


def _id_text(id: CommandId) -> str:
    parts = (part.hex() if type(part) is bytes else str(part) for part in id)
    return "/".join(json.dumps(_id_part(part))[1:-1] for part in parts)


def _id_part(part: str) -> str:
    """Shorten a part of an id; a session of a client with a name begins with it and a colon."""
    client, colon, rest = part.rpartition(":")
    return _clip(client, _CLIENT_SHOWN) + colon + _clip(rest, _ID_SHOWN)


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + ".."
