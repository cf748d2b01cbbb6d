"""How commands and questions look as bytes, and how each command is named.

Rules: every encoding begins with a format version; the same arguments always make the same bytes,
so that commands can be compared by their bytes; decoding checks types and raises nothing
but ValueError. To everybody but the machine the bytes are opaque.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import msgpack

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
    "summary",
]

CommandId: TypeAlias = tuple[str, int] | tuple[int, bytes, int]
"""(client id, sequence from 1), or (replica, random bytes of its process's start, counter)."""

_FORMAT = 1
_COMMANDS = ("put", "delete", "put_many", "cas", "voter")
_QUESTIONS = ("get", "contains", "size", "get_many", "scan")
_CODES = {name: code for code, name in enumerate(_COMMANDS + _QUESTIONS)}
_NAMES = dict(enumerate(_COMMANDS + _QUESTIONS))


_NAMED, _KEY_SHOWN, _CLIENT_SHOWN, _ID_SHOWN = 3, 40, 30, 12
"""Commands in a summary; characters of a key, a client's name, and each other part of an id."""

FIRST_EPOCH = 1
"""Epoch of every voter until the log names another."""


class Voter(NamedTuple):
    """Whose votes count: of `replica` only those of this `epoch`, cast on the disk `disk`."""

    replica: int
    epoch: int
    disk: str


def encode_command(name: str, args: Sequence[object], id: CommandId) -> bytes:
    """Encode put, delete, put_many or cas with checked arguments."""
    head: bytes = msgpack.packb(id)
    body: bytes = msgpack.packb(tuple(args))
    return bytes((_FORMAT, _CODES[name], len(head))) + head + body


def encode_voter(voter: Voter, id: CommandId) -> bytes:
    """Encode the command that lets a rejoining replica vote again."""
    return encode_command("voter", voter, id)


def encode_question(name: str, args: Sequence[object]) -> bytes:
    """Encode get, contains, size, get_many or scan with checked arguments."""
    return bytes((_FORMAT, _CODES[name])) + bytes(msgpack.packb(tuple(args)))


def command_id(command: bytes) -> CommandId:
    """Read a command's id without touching its arguments; raises ValueError."""
    if len(command) < 3 or command[0] != _FORMAT:
        raise ValueError("a command of an unknown format")
    id = msgpack.unpackb(command[3 : 3 + command[2]], use_list=False)
    if type(id) is tuple:
        if len(id) == 2 and type(id[0]) is str and type(id[1]) is int and id[1] >= 1:
            return id
        if len(id) == 3 and tuple(map(type, id)) == (int, bytes, int):
            return id
    raise ValueError("a command without an id")


def decode_command(command: bytes) -> tuple[str, CommandId, tuple[Any, ...]]:
    """Take a command apart into name, id and arguments; raises ValueError on anything else."""
    id = command_id(command)
    name = _NAMES.get(command[1])
    if name not in _COMMANDS:
        raise ValueError("no such command")
    return name, id, _decode_args(name, command[3 + command[2] :])


def decode_question(question: bytes) -> tuple[str, tuple[Any, ...]]:
    """Take a question apart into name and arguments; raises ValueError on anything else."""
    if len(question) < 2 or question[0] != _FORMAT:
        raise ValueError("a question of an unknown format")
    name = _NAMES.get(question[1])
    if name not in _QUESTIONS:
        raise ValueError("no such question")
    return name, _decode_args(name, question[2:])


def summary(payloads: Sequence[bytes]) -> str:
    """Commands or questions in a few words, for a log: name, first key, id; never raises.

    The first three are named, each after a separator, so that none makes an empty text.
    """
    named = [_summary(payload) for payload in payloads[:_NAMED]]
    more = [".."] * (len(payloads) > _NAMED)
    return ": " * bool(named) + ", ".join(named + more)


def _summary(payload: bytes) -> str:
    try:
        if payload[1] < len(_COMMANDS):
            name, id, args = decode_command(payload)
            return f"{name}{_first(args)} id={_id_text(id)}"
        name, args = decode_question(payload)
        return f"{name}{_first(args)}"
    except (ValueError, IndexError):
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
    key = first[0] if type(first[0]) is str else first[0][0]
    return f" {_key_text(key)} ({len(first)})"


def _key_text(key: object) -> str:
    return json.dumps(_clip(str(key), _KEY_SHOWN))


def _id_text(id: CommandId) -> str:
    parts = (part.hex() if type(part) is bytes else str(part) for part in id)
    return "/".join(json.dumps(_id_part(part))[1:-1] for part in parts)


def _id_part(part: str) -> str:
    """Shorten a part of an id; a session of a client with a name begins with it and a colon."""
    client, colon, rest = part.rpartition(":")
    return _clip(client, _CLIENT_SHOWN) + colon + _clip(rest, _ID_SHOWN)


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + ".."


def _decode_args(name: str, data: bytes) -> tuple[Any, ...]:
    try:
        args = msgpack.unpackb(data, use_list=False)
    except TypeError as error:  # a map with a list for a key
        raise ValueError("malformed arguments") from error
    if type(args) is not tuple or not _CHECKS[name](args):
        raise ValueError(f"malformed arguments of {name}")
    return args


def _is_value(value: object) -> bool:
    return type(value) is str or type(value) is bytes


def _is_key(args: tuple[Any, ...]) -> bool:
    return len(args) == 1 and type(args[0]) is str


def _is_pair(args: object) -> bool:
    return type(args) is tuple and len(args) == 2 and type(args[0]) is str and _is_value(args[1])


def _is_pairs(args: tuple[Any, ...]) -> bool:
    return len(args) == 1 and type(args[0]) is tuple and all(map(_is_pair, args[0]))


def _is_keys(args: tuple[Any, ...]) -> bool:
    return len(args) == 1 and type(args[0]) is tuple and all(type(key) is str for key in args[0])


def _is_cas(args: tuple[Any, ...]) -> bool:
    if len(args) != 3 or type(args[0]) is not str:
        return False
    return (args[1] is None or _is_value(args[1])) and _is_value(args[2])


def _is_scan(args: tuple[Any, ...]) -> bool:
    if len(args) != 3 or type(args[0]) is not str or type(args[2]) is not int:
        return False
    return args[1] is None or type(args[1]) is str


def _is_voter(args: tuple[Any, ...]) -> bool:
    return tuple(map(type, args)) == (int, int, str)


def _is_empty(args: tuple[Any, ...]) -> bool:
    return not args


_CHECKS = {
    "put": _is_pair,
    "delete": _is_key,
    "put_many": _is_pairs,
    "cas": _is_cas,
    "voter": _is_voter,
    "get": _is_key,
    "contains": _is_key,
    "size": _is_empty,
    "get_many": _is_keys,
    "scan": _is_scan,
}
