"""Commands on keys and values.

Rules: a key is text; a value is stored as text where it is UTF-8, else as bytes, so that clients of
every kind read what they expect; what a command cannot do here is refused by name, never ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from kvrmi.operations.interface import SCAN_ITEMS, Value
from kvrmi.wire.replies import NOTHING, OK, array, bulk, integer

from .definition import (
    Ask,
    Command,
    Conversation,
    Plan,
    Refused,
    Words,
    ask,
    invalid,
    text,
    value_of,
)
from .glob import matcher, prefix

__all__ = ["DATA", "value"]

_TRIES = 200
"""Of INCR, while others change the value between its two steps."""
_LISTED_BYTES = 8 << 20
"""Of the keys that KEYS lists."""
_NUMBER = 1 << 63
_MOST = 1001
"""Words of a command that is an operation for each key."""


def value(word: bytes) -> Value:
    """Read a value."""
    try:
        return word.decode()
    except UnicodeDecodeError:
        return word


def _set(_: Conversation, words: Words) -> Plan:
    options = [word.upper() for word in words[3:]]
    if options == [b"NX"]:
        swapped = yield from ask("cas", text(words[1]), None, value(words[2]))
        return OK if swapped else NOTHING
    if options:
        raise invalid(f"{words[0].decode().upper()} knows NX and no other option: nothing expires")
    yield from ask("put", text(words[1]), value(words[2]))
    return OK


def _setnx(_: Conversation, words: Words) -> Plan:
    swapped = yield from ask("cas", text(words[1]), None, value(words[2]))
    return integer(swapped)


def _cas(_: Conversation, words: Words) -> Plan:
    swapped = yield from ask("cas", text(words[1]), value(words[2]), value(words[3]))
    return integer(swapped)


def _get(_: Conversation, words: Words) -> Plan:
    return bulk((yield from ask("get", text(words[1]))))


def _delete(_: Conversation, words: Words) -> Plan:
    return (yield from _counted("delete", dict.fromkeys(words[1:])))


def _exists(_: Conversation, words: Words) -> Plan:
    return (yield from _counted("contains", words[1:]))


def _counted(name: str, words: Iterator[bytes] | Words | dict[bytes, None]) -> Plan:
    results = yield [Ask(name, (text(word),)) for word in words]
    return integer(sum(value_of(result) for result in results))


def _mget(_: Conversation, words: Words) -> Plan:
    values = yield from ask("get_many", [text(word) for word in words[1:]])
    return array([bulk(one) for one in values])


def _mset(_: Conversation, words: Words) -> Plan:
    if len(words) % 2 == 0:
        raise invalid("usage: MSET key value [key value ..]")
    keys = [text(word) for word in words[1::2]]
    pairs = [[key, value(word)] for key, word in zip(keys, words[2::2], strict=True)]
    yield from ask("put_many", pairs)
    return OK


def _incr(_: Conversation, words: Words) -> Plan:
    return (yield from _added(words[1], 1))


def _decr(_: Conversation, words: Words) -> Plan:
    return (yield from _added(words[1], -1))


def _incrby(_: Conversation, words: Words) -> Plan:
    return (yield from _added(words[1], _number(value(words[2]))))


def _decrby(_: Conversation, words: Words) -> Plan:
    return (yield from _added(words[1], -_number(value(words[2]))))


def _added(word: bytes, amount: int) -> Plan:
    """Add to a number by compare and swap, again while others change it in between."""
    key = text(word)
    for _tried in range(_TRIES):
        old = yield from ask("get", key)
        new = _number(old) + amount
        if not -_NUMBER <= new < _NUMBER:
            raise invalid("the value would be over 64 bits")
        if (yield from ask("cas", key, old, str(new))):
            return integer(new)
    raise Refused(
        f"UNAVAILABLE: other clients changed the value {_TRIES} times in between; nothing was done"
    )


def _number(old: Value | None) -> int:
    digits = "0" if old is None else old
    plain = digits.removeprefix("-") if isinstance(digits, str) else ""
    if not (plain.isascii() and plain.isdecimal()) or not -_NUMBER <= int(digits) < _NUMBER:
        raise invalid("this is not an integer of 64 bits")
    return int(digits)


def _dbsize(_: Conversation, words: Words) -> Plan:
    return integer((yield from ask("size")))


def _keys(_: Conversation, words: Words) -> Plan:
    pattern = text(words[1])
    begins, matches = prefix(pattern), matcher(pattern)
    found: list[bytes] = []
    start, room = "", _LISTED_BYTES
    while True:
        pairs = yield from ask("scan", begins, start)
        if not pairs:
            return array(found)
        keys = [bulk(key) for key, _value in pairs if matches(key)]
        room -= sum(map(len, keys))
        if room < 0:
            raise invalid(f"over {_LISTED_BYTES} bytes of keys: use SCAN")
        found += keys
        start = pairs[-1][0]


def _scan(conversation: Conversation, words: Words) -> Plan:
    pattern, limit = _scan_options(words)
    number = words[1]
    start = conversation.cursors.start(int(number)) if _is_cursor(number) else None
    if start is None:
        raise invalid("this cursor is not known here, or not any more: begin again with 0")
    pairs = yield from ask("scan", prefix(pattern), start, limit)
    matches = matcher(pattern)
    keys = [bulk(key) for key, _value in pairs if matches(key)]
    after = conversation.cursors.after(pairs[-1][0]) if pairs else 0
    return array([bulk(str(after)), array(keys)])


def _is_cursor(word: bytes) -> bool:
    return word.isdigit() and len(word) < 20


def _scan_options(words: Words) -> tuple[str, int]:
    pattern, limit = "*", 10
    if len(words) % 2:
        raise invalid("usage: SCAN cursor [MATCH pattern] [COUNT n]")
    for name, given in zip(words[2::2], words[3::2], strict=True):
        if name.upper() == b"MATCH":
            pattern = text(given)
        elif name.upper() == b"COUNT" and _is_cursor(given) and int(given):
            limit = min(int(given), SCAN_ITEMS)
        else:
            raise invalid("usage: SCAN cursor [MATCH pattern] [COUNT n]")
    return pattern, limit


_ONE, _ALL, _EVERY_OTHER = slice(1, 2), slice(1, None), slice(1, None, 2)

DATA = (
    Command("PUT", 3, -1, _set, "PUT key value [NX]", "store a value",
            keys=_ONE, writes=True, gathers=True),
    Command("SET", 3, -1, _set, "SET key value [NX]", "store a value",
            keys=_ONE, writes=True, gathers=True),
    Command("SETNX", 3, 3, _setnx, "SETNX key value", "store a value if the key is absent",
            keys=_ONE, writes=True),
    Command("CAS", 4, 4, _cas, "CAS key expected value",
            "store a value if the key has the expected one", keys=_ONE, writes=True),
    Command("GET", 2, 2, _get, "GET key", "the value of a key", keys=_ONE, reads=True),
    Command("DEL", 2, _MOST, _delete, "DEL key [key ..]", "delete keys; how many there were",
            keys=_ALL, writes=True),
    Command("DELETE", 2, _MOST, _delete, "DELETE key [key ..]", "delete keys; how many there were",
            keys=_ALL, writes=True),
    Command("EXISTS", 2, _MOST, _exists, "EXISTS key [key ..]", "how many of the keys are there",
            keys=_ALL, reads=True),
    Command("MGET", 2, -1, _mget, "MGET key [key ..]", "values, all of one moment",
            keys=_ALL, reads=True),
    Command("MSET", 3, -1, _mset, "MSET key value [key value ..]",
            "store values in one step or not at all", keys=_EVERY_OTHER, writes=True),
    Command("INCR", 2, 2, _incr, "INCR key", "add 1 to a number", keys=_ONE, writes=True,
            datagrams=False),
    Command("INCRBY", 3, 3, _incrby, "INCRBY key n", "add n to a number", keys=_ONE, writes=True,
            datagrams=False),
    Command("DECR", 2, 2, _decr, "DECR key", "subtract 1 from a number", keys=_ONE, writes=True,
            datagrams=False),
    Command("DECRBY", 3, 3, _decrby, "DECRBY key n", "subtract n from a number", keys=_ONE,
            writes=True, datagrams=False),
    Command("SCAN", 2, -1, _scan, "SCAN cursor [MATCH pattern] [COUNT n]",
            "a page of keys, and the cursor of the next one; 0 begins and ends", reads=True),
    Command("KEYS", 2, 2, _keys, "KEYS pattern", "the keys that match", reads=True,
            datagrams=False),
    Command("DBSIZE", 1, 1, _dbsize, "DBSIZE", "how many keys there are", reads=True),
)  # fmt: skip
