"""The arguments of operations: what a client's must be, and what one that was decoded must be.

Rules: a refusal says what is wrong and has changed nothing; what is accepted fits the byte form.
It knows no operation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeGuard

from ..errors import InvalidRequest

__all__ = [
    "CHANGES",
    "CHANGES_MOST",
    "CLIENT",
    "CLIENT_ID_BYTES",
    "CONSISTENCY",
    "EXPECTED",
    "KEY",
    "KEYS",
    "KEY_BYTES",
    "LIMIT",
    "LINEARIZABLE",
    "LOCAL",
    "MANY_ITEMS",
    "PAGE_BYTES",
    "PAIRS",
    "PREFIX",
    "REQUIRED",
    "REVISION",
    "SCAN_ITEMS",
    "SEQUENCE",
    "START",
    "UPTO",
    "VALUE",
    "VALUE_BYTES",
    "Argument",
    "Value",
    "internal",
    "quoted",
    "refuse",
    "size_of",
]

KEY_BYTES = 1024
VALUE_BYTES = 1 << 20
PAGE_BYTES = 1 << 20
"""Most bytes of keys and values in one put_many, get_many or scan page of several items."""
MANY_ITEMS = 50_000
"""Most items of one put_many or get_many: each has a cost of its own, in all replicas at once.

PAGE_BYTES would allow a quarter of a million pairs; they are applied in 1.3 s, longer than a lease.
Twice as many as these were answered in 1.4 to 4.2 s, where 3 are promised.
"""
SCAN_ITEMS = 1000

CHANGES_MOST = 1000
CLIENT_ID_BYTES = 64
_BEYOND = 1 << 63

LINEARIZABLE = "linearizable"
LOCAL = "local"

Value: TypeAlias = str | bytes

REQUIRED = object()
"""In the place of a default: there is none."""


class Argument(NamedTuple):
    """One argument of an operation.

    `check` returns a client's as it goes on, or raises InvalidRequest. `form` is the type of a
    decoded one; where that is not all, `fits` looks at it too. `routes`: it says who answers, and
    the state machine never sees it. `added`: the version of the vocabulary in which the operation
    got it, if it did not come with it; its default is then as if it were not there.
    """

    name: str
    check: Callable[[object], object]
    form: Any
    fits: Callable[[Any], bool] | None = None
    default: object = REQUIRED
    routes: bool = False
    added: int = 0


def internal(name: str, kind: type) -> Argument:
    """Make an argument that replicas give one another, and no client."""
    return Argument(name, lambda _: refuse(f"{name} is not for clients"), kind)


def refuse(why: str) -> NoReturn:
    """Raise InvalidRequest."""
    raise InvalidRequest(why)


def quoted(thing: object) -> str:
    """Quote a stranger's argument, at a bounded length."""
    if isinstance(thing, str):
        return repr(thing[:60])
    name = type(thing).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def size_of(text: Value, called: str) -> int:
    """Count the bytes of UTF-8; refuses lone surrogates, which have none."""
    if isinstance(text, bytes) or text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        refuse(f"{called} has a lone surrogate, which UTF-8 cannot carry")


def _kind(thing: object) -> str:
    """Name a type; serpent's and json's form of bytes is bytes."""
    coded = type(thing) is dict and thing.keys() == {"data", "encoding"}
    return "bytes" if coded else type(thing).__name__


def _key(key: object, called: str = "the key") -> str:
    if type(key) is not str:
        refuse(f"{called} must be a str, not {_kind(key)}")
    if not key:
        refuse(f"{called} must not be empty")
    # The common case first: no encoding needed to count the bytes.
    if (len(key) if key.isascii() else size_of(key, called)) > KEY_BYTES:
        refuse(f"{called} is over {KEY_BYTES} bytes of UTF-8")
    return key


def _value(value: object) -> Value:
    if type(value) is dict:
        value = _from_serpent(value)
    if type(value) is not str and type(value) is not bytes:
        refuse(f"the value must be a str or bytes, not {type(value).__name__}")
    if size_of(value, "the value") > VALUE_BYTES:
        refuse(f"the value is over {VALUE_BYTES} bytes")
    return value


def _expected(expected: object) -> Value | None:
    return None if expected is None else _value(expected)


def _from_serpent(form: dict[object, object]) -> bytes:
    """Undo what serpent makes of bytes when the sender has its default settings."""
    data = form.get("data")
    if form.keys() != {"data", "encoding"} or form["encoding"] != "base64" or type(data) is not str:
        refuse("the value must be a str or bytes, not dict")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        refuse("the value claims to be base64 and is not")


def _pairs(pairs: object) -> Sequence[Sequence[Value]]:
    items = _items(pairs, "pairs")
    return list(items) if _plain(items) else _checked_pairs(items)


def _plain(pairs: Sequence[Any]) -> TypeGuard[Sequence[tuple[str, str]]]:
    """Whether these are pairs of short ASCII, which is mostly so, and is seen in few steps."""
    if set(map(type, pairs)) != {tuple} or set(map(len, pairs)) != {2}:
        return False
    words = list(chain.from_iterable(pairs))
    if set(map(type, words)) != {str} or not all(map(str.isascii, words)):
        return False
    sizes = list(map(len, words))
    return min(sizes[::2]) > 0 and max(sizes) <= KEY_BYTES and sum(sizes) <= PAGE_BYTES


def _checked_pairs(pairs: Sequence[object]) -> list[list[Value]]:
    checked: list[list[Value]] = []
    room = PAGE_BYTES
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            refuse("pairs must be a list of [key, value]")
        key, value = _key(pair[0]), _value(pair[1])
        room -= size_of(key, "the key") + size_of(value, "the value")
        checked.append([key, value])
    if room < 0 and len(checked) > 1:
        refuse(f"pairs are over {PAGE_BYTES} bytes in all; send fewer at a time")
    return checked


def _keys(keys: object) -> list[str]:
    checked = [_key(key) for key in _items(keys, "keys")]
    if sum(size_of(key, "the key") for key in checked) > PAGE_BYTES:
        refuse(f"keys are over {PAGE_BYTES} bytes in all; ask for fewer at a time")
    return checked


def _items(items: object, called: str) -> Sequence[object]:
    if not isinstance(items, (list, tuple)):
        refuse(f"{called} must be a list, not {type(items).__name__}")
    if len(items) > MANY_ITEMS:
        refuse(f"{called} are over {MANY_ITEMS}; send fewer at a time")
    return items


def _prefix(prefix: object) -> object:
    return prefix if prefix == "" else _key(prefix, "the prefix")


def _start(start: object) -> object:
    return start if start is None or start == "" else _key(start, "the start")


def _limit(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= SCAN_ITEMS:
        refuse(f"the limit must be an int from 1 to {SCAN_ITEMS}")
    return limit


def _consistency(consistency: object) -> object:
    if consistency != LINEARIZABLE and consistency != LOCAL:
        refuse(f"consistency must be {LINEARIZABLE!r} or {LOCAL!r}, not {quoted(consistency)}")
    return consistency


def _is_value(value: object) -> bool:
    return type(value) is str or type(value) is bytes


def _is_expected(value: object) -> bool:
    return value is None or _is_value(value)


def _are_pairs(pairs: tuple[tuple[str, object], ...]) -> bool:
    return {type(value) for _, value in pairs} <= {str, bytes}


def _revision(revision: object) -> int:
    if type(revision) is not int or not 0 <= revision < _BEYOND:
        refuse("a revision is an int from 0")
    return revision


def _upto(revision: object) -> int | None:
    return None if revision is None else _revision(revision)


def _changes(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= CHANGES_MOST:
        refuse(f"the limit must be an int from 1 to {CHANGES_MOST}")
    return limit


def _client(client: object) -> str:
    if type(client) is not str or not client:
        refuse("the client id of a request must be a non-empty str")
    if size_of(client, "the client id") > CLIENT_ID_BYTES:
        refuse(f"the client id of a request is over {CLIENT_ID_BYTES} bytes")
    return client


def _sequence(sequence: object) -> int:
    if type(sequence) is not int or not 1 <= sequence < _BEYOND:
        refuse("the sequence of a request must be an int from 1")
    return sequence


KEY = Argument("key", _key, str)
VALUE = Argument("value", _value, Any, _is_value)
EXPECTED = Argument("expected", _expected, Any, _is_expected)
PAIRS = Argument("pairs", _pairs, tuple[tuple[str, Any], ...], _are_pairs)
KEYS = Argument("keys", _keys, tuple[str, ...])
PREFIX = Argument("prefix", _prefix, str, default="")
START = Argument("start", _start, str | None, default=None)
LIMIT = Argument("limit", _limit, int, default=SCAN_ITEMS)
CONSISTENCY = Argument("consistency", _consistency, str, default=LINEARIZABLE, routes=True)
REVISION = Argument("revision", _revision, int)
UPTO = Argument("upto", _upto, int | None, default=None)
CHANGES = Argument("limit", _changes, int, default=100)
CLIENT = Argument("client", _client, str)
SEQUENCE = Argument("sequence", _sequence, int)
