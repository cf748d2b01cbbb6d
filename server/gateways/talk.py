"""Commands about the connection and the server, which touch no key.

Rule: what redis-cli, redis-py and redis-benchmark ask by themselves is answered; what they could
set and this server has not is refused by name.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from kvrmi import __version__
from kvrmi.cluster.naming import is_client
from kvrmi.wire.replies import NOTHING, OK, array, bulk, integer, simple

from .definition import Command, Conversation, Plan, Words, invalid

__all__ = ["TALK"]

_SETTINGS = {
    "appendonly": "yes",
    "databases": "1",
    "maxmemory": "0",
    "proto-max-bulk-len": str(1 << 20),
    "save": "",
}
"""What CONFIG GET knows: settings of others that say something true of this server."""


def _ping(_: Conversation, words: Words) -> Plan:
    yield from ()
    return bulk(words[1]) if len(words) > 1 else simple("PONG")


def _echo(_: Conversation, words: Words) -> Plan:
    yield from ()
    return bulk(words[1])


def _info(conversation: Conversation, words: Words) -> Plan:
    yield from ()
    rows = [f"{name}:{value}" for name, value in conversation.about().items()]
    return bulk("\r\n".join(["# Server", *rows, ""]))


def _select(_: Conversation, words: Words) -> Plan:
    yield from ()
    if words[1] != b"0":
        raise invalid("there is one database, 0")
    return OK


def _config(_: Conversation, words: Words) -> Plan:
    yield from ()
    if words[1].upper() != b"GET":
        raise invalid("usage: CONFIG GET name [name ..]: nothing can be set here")
    patterns = [word.decode(errors="replace").lower() for word in words[2:]]
    known = {
        name: value
        for name, value in _SETTINGS.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    return array([bulk(one) for pair in known.items() for one in pair])


def _client(conversation: Conversation, words: Words) -> Plan:
    yield from ()
    about = words[1].upper()
    if about == b"SETNAME" and len(words) == 3:
        return _named(conversation, words[2].decode(errors="replace"))
    if about == b"GETNAME" and len(words) == 2:
        return bulk(conversation.name) if conversation.name else NOTHING
    if about == b"ID" and len(words) == 2:
        return integer(conversation.number)
    if about == b"SETINFO" and len(words) == 4:
        return OK
    raise invalid("usage: CLIENT SETNAME name, CLIENT GETNAME, CLIENT ID or CLIENT SETINFO a b")


def _named(conversation: Conversation, name: str) -> bytes:
    if name and not is_client(name):
        raise invalid('a name has 1 to 30 letters (A-Z, a-z), digits, ".", "_" or "-"')
    conversation.name = name
    return OK


def _hello(conversation: Conversation, words: Words) -> Plan:
    yield from ()
    if len(words) > 2 or (len(words) == 2 and words[1] != b"2"):
        raise invalid("this server speaks RESP2 and knows no users: HELLO 2, without options")
    texts = {"server": bulk("kvrmi"), "version": bulk(__version__), "proto": integer(2)}
    known = {**texts, "id": integer(conversation.number)}
    return array([part for name, reply in known.items() for part in (bulk(name), reply)])


def _quit(conversation: Conversation, words: Words) -> Plan:
    yield from ()
    conversation.over = True
    return OK


TALK = (
    Command("PING", 1, 2, _ping, "PING [text]", "PONG, or the text"),
    Command("ECHO", 2, 2, _echo, "ECHO text", "the text"),
    Command("INFO", 1, -1, _info, "INFO", "what this server is", datagrams=False),
    Command("SELECT", 2, 2, _select, "SELECT 0", "OK: there is one database", datagrams=False),
    Command(
        "CONFIG",
        3,
        -1,
        _config,
        "CONFIG GET name",
        "settings that redis-benchmark asks for",
        datagrams=False,
    ),
    Command(
        "CLIENT", 2, -1, _client, "CLIENT SETNAME name", "name this connection", datagrams=False
    ),
    Command("HELLO", 1, -1, _hello, "HELLO 2", "what this server is, as a list", datagrams=False),
    Command("QUIT", 1, 1, _quit, "QUIT", "OK, and the connection ends", datagrams=False),
)
