"""What a store can be asked, by whom it is answered, and what makes a question invalid.

Rules: nothing reaches an engine unchecked, and a refused request has changed nothing.
The same checks serve the remote object, the gateways and the client.
It knows neither how requests travel nor what carries them out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn, Protocol, TypeAlias

from ..errors import InvalidRequest

__all__ = [
    "CLIENT_ID_BYTES",
    "KEY_BYTES",
    "LINEARIZABLE",
    "LOCAL",
    "MANY_ITEMS",
    "OPERATIONS",
    "PAGE_BYTES",
    "SCAN_ITEMS",
    "VALUE_BYTES",
    "WINDOW",
    "WRITES",
    "Answer",
    "Engine",
    "Operation",
    "Request",
    "Result",
    "Value",
    "check",
    "check_request",
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
CLIENT_ID_BYTES = 64
WINDOW = 64
"""How many answers a session keeps, hence how many requests it may leave unanswered."""

LINEARIZABLE = "linearizable"
LOCAL = "local"

Value: TypeAlias = str | bytes


class Request(NamedTuple):
    """A question or a command as the core carries it; `payload` is the machine's encoding."""

    reads: bool
    payload: bytes


class Answer(NamedTuple):
    """The machine's answer: `code` "OK", or an error code and then `value` is its text."""

    code: str
    value: object
    revision: int


class Operation(NamedTuple):
    """A checked request: all arguments present, of the right types and sizes."""

    name: str
    args: tuple[object, ...]
    reads: bool
    consistency: str


class Result(NamedTuple):
    """An engine's answer, and who gave it; `leader` 0 when none is known."""

    code: str
    value: object
    revision: int
    replica: int
    leader: int
    stale: bool


class Engine(Protocol):
    """What stands behind the remote object: paxos, 2pc, single or etcd."""

    @property
    def capabilities(self) -> frozenset[str]:
        """Names of the operations it can carry out."""
        ...

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; never raises for what a client did."""
        ...

    def status(self) -> dict[str, object]:
        """Return this replica's entry of the cluster's status."""
        ...


def check(name: str, args: Sequence[object]) -> Operation:
    """Check the operation `name` and its positional arguments; fill in the defaults.

    Tuples become lists, and serpent's base64 dictionaries bytes.
    Raises InvalidRequest; takes about a microsecond for put and get.
    """
    rule = _RULES.get(name) if type(name) is str else None
    if rule is None:
        _refuse(f"there is no operation {_shown(name)}, only {', '.join(sorted(_RULES))}")
    checker, least, most, signature = rule
    if not least <= len(args) <= most:
        _refuse(f"usage: {signature}; it was called with {len(args)} arguments")
    return checker(*args)


def check_request(request: object) -> tuple[str, int] | None:
    """Check a request id: None, or [client id, sequence from 1]; raises InvalidRequest."""
    if request is None:
        return None
    if not isinstance(request, (list, tuple)) or len(request) != 2:
        _refuse("a request id is [client id, sequence] or None")
    client, sequence = request
    if type(client) is not str or not client:
        _refuse("the client id in a request id must be a non-empty str")
    if _size(client, "the client id") > CLIENT_ID_BYTES:
        _refuse(f"the client id in a request id is over {CLIENT_ID_BYTES} bytes")
    if type(sequence) is not int or not 1 <= sequence < 1 << 63:
        _refuse("the sequence in a request id must be an int from 1")
    return client, sequence


def _put(key: object, value: object) -> Operation:
    return Operation("put", (_key(key), _value(value)), False, LINEARIZABLE)


def _get(key: object, consistency: object = LINEARIZABLE) -> Operation:
    if consistency != LINEARIZABLE and consistency != LOCAL:
        _refuse(f"consistency must be {LINEARIZABLE!r} or {LOCAL!r}, not {_shown(consistency)}")
    return Operation("get", (_key(key),), True, consistency)


def _delete(key: object) -> Operation:
    return Operation("delete", (_key(key),), False, LINEARIZABLE)


def _contains(key: object) -> Operation:
    return Operation("contains", (_key(key),), True, LINEARIZABLE)


def _size_of_store() -> Operation:
    return Operation("size", (), True, LINEARIZABLE)


def _put_many(pairs: object) -> Operation:
    checked: list[list[Value]] = []
    room = PAGE_BYTES
    for pair in _items(pairs, "pairs"):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            _refuse("pairs must be a list of [key, value]")
        key, value = _key(pair[0]), _value(pair[1])
        room -= _size(key, "the key") + _size(value, "the value")
        checked.append([key, value])
    if room < 0 and len(checked) > 1:
        _refuse(f"pairs are over {PAGE_BYTES} bytes in all; send fewer at a time")
    return Operation("put_many", (checked,), False, LINEARIZABLE)


def _get_many(keys: object) -> Operation:
    checked = [_key(key) for key in _items(keys, "keys")]
    if sum(_size(key, "the key") for key in checked) > PAGE_BYTES:
        _refuse(f"keys are over {PAGE_BYTES} bytes in all; ask for fewer at a time")
    return Operation("get_many", (checked,), True, LINEARIZABLE)


def _cas(key: object, expected: object, value: object) -> Operation:
    before = None if expected is None else _value(expected)
    return Operation("cas", (_key(key), before, _value(value)), False, LINEARIZABLE)


def _scan(prefix: object = "", start: object = None, limit: object = SCAN_ITEMS) -> Operation:
    if prefix != "":
        _key(prefix, "the prefix")
    if start is not None and start != "":
        _key(start, "the start")
    if type(limit) is not int or not 1 <= limit <= SCAN_ITEMS:
        _refuse(f"the limit must be an int from 1 to {SCAN_ITEMS}")
    return Operation("scan", (prefix, start, limit), True, LINEARIZABLE)


def _key(key: object, called: str = "the key") -> str:
    if type(key) is not str:
        _refuse(f"{called} must be a str, not {type(key).__name__}")
    if not key:
        _refuse(f"{called} must not be empty")
    # The common case first: no encoding needed to count the bytes.
    if (len(key) if key.isascii() else _size(key, called)) > KEY_BYTES:
        _refuse(f"{called} is over {KEY_BYTES} bytes of UTF-8")
    return key


def _value(value: object) -> Value:
    if type(value) is dict:
        value = _from_serpent(value)
    if type(value) is not str and type(value) is not bytes:
        _refuse(f"the value must be a str or bytes, not {type(value).__name__}")
    if _size(value, "the value") > VALUE_BYTES:
        _refuse(f"the value is over {VALUE_BYTES} bytes")
    return value


def _from_serpent(form: dict[object, object]) -> bytes:
    """Undo what serpent makes of bytes when the sender has its default settings."""
    data = form.get("data")
    if form.keys() != {"data", "encoding"} or form["encoding"] != "base64" or type(data) is not str:
        _refuse("the value must be a str or bytes, not dict")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        _refuse("the value claims to be base64 and is not")


def _items(items: object, called: str) -> Sequence[object]:
    if not isinstance(items, (list, tuple)):
        _refuse(f"{called} must be a list, not {type(items).__name__}")
    if len(items) > MANY_ITEMS:
        _refuse(f"{called} are over {MANY_ITEMS}; send fewer at a time")
    return items


def _size(text: Value, called: str) -> int:
    """Count the bytes of UTF-8; refuses lone surrogates, which have none."""
    if isinstance(text, bytes) or text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        _refuse(f"{called} has a lone surrogate, which UTF-8 cannot carry")


def _shown(thing: object) -> str:
    """Quote a stranger's argument, at a bounded length."""
    return repr(thing[:60]) if isinstance(thing, str) else f"a {type(thing).__name__}"


def _refuse(why: str) -> NoReturn:
    raise InvalidRequest(why)


_RULES: dict[str, tuple[Callable[..., Operation], int, int, str]] = {
    "cas": (_cas, 3, 3, "cas(key, expected, value)"),
    "contains": (_contains, 1, 1, "contains(key)"),
    "delete": (_delete, 1, 1, "delete(key)"),
    "get": (_get, 1, 2, 'get(key, consistency="linearizable")'),
    "get_many": (_get_many, 1, 1, "get_many(keys)"),
    "put": (_put, 2, 2, "put(key, value)"),
    "put_many": (_put_many, 1, 1, "put_many(pairs)"),
    "scan": (_scan, 0, 3, 'scan(prefix="", start=None, limit=1000)'),
    "size": (_size_of_store, 0, 0, "size()"),
}
"""Operation -> its checker, least and most arguments, and how it is written."""

OPERATIONS = tuple(_RULES)
WRITES = frozenset({"cas", "delete", "put", "put_many"})
