"""What stands in a frame: calls and answers in serpent, JSON or msgpack, as plain data only.

Rules: marshal is never read; no class is ever built from what somebody sent, a dict stays a dict;
a small message that would take much time or memory to read is refused unread.
Serpent's own reader and writer turn garbage collection on again in a process that had turned it
off, and are slow for what is most common; what they exchange are Python literals, so they are read
(literal.py) and written as such. It does not know which methods exist.
"""

from __future__ import annotations

import gc
import json
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, NamedTuple

import msgpack
import serpent
from msgspec.msgpack import encode
from Pyro5.core import URI
from Pyro5.serializers import SerializerBase

from .literal import TokensExceeded, read_literal

__all__ = [
    "JSON",
    "LARGE",
    "MSGPACK",
    "NAMES",
    "SERPENT",
    "TAKEN",
    "Call",
    "PayloadError",
    "TooComplex",
    "dump",
    "dump_call",
    "load",
    "load_call",
    "load_call_quickly",
]

SERPENT, JSON, MSGPACK = 1, 3, 4
"""Pyro's serializer ids."""
NAMES = {"serpent": SERPENT, "json": JSON, "msgpack": MSGPACK}
TAKEN = frozenset(NAMES.values())

_OTHERS = {2: "marshal"}
"""What of Pyro's is not taken."""
_SERPENT_HEAD = "# serpent utf-8 python3.2\n"
_SIMPLE_MAX = 4096
_TOO_MANY = "INVALID: too many items in one message"
_TOKENS_MAX = 3 << 18
"""Brackets, commas and values in one message at most: of 50,000 pairs with base64 maps."""
QUICK = 8 << 10
"""Bytes, or of a literal tokens, that are read while others wait: 5 ms at worst."""
LARGE = 1 << 16
"""Bytes from which on a message is read alone, and JSON's items are counted before."""
_ITEMS_MAX = 1 << 17
_JSON_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
# Strings without quote, escape or line end are most of what is sent, and need no parser: as an
# answer, and as the one or two arguments of get and put.
_STRING = r"'([^'\\\r\n\0]*)'"
_HEAD = re.escape(_SERPENT_HEAD)
_BEYOND_FFFF = re.compile(r"\\(\\|U[0-9a-f]{8})")
_SIMPLE_STRING = re.compile(_HEAD + _STRING)
_SIMPLE_CALL = re.compile(
    rf"{_HEAD}\({_STRING}, ?{_STRING}, ?\({_STRING},(?: ?{_STRING})?\), ?\{{\}}\)"
)


class PayloadError(Exception):
    """The payload cannot be read; nothing was done with it."""


class TooComplex(ValueError):
    """The payload was not read because that would take too long; nothing was done with it."""


class Call(NamedTuple):
    """One call: the object's name, the method's, and what it is called with."""

    target: str
    method: str
    args: list[Any] | tuple[Any, ...]
    kwargs: dict[str, Any]


def load(serializer: int, data: bytes, tokens_max: int | None = None) -> Any:
    """Read plain data, of about so many tokens at most. Raises PayloadError or TooComplex."""
    try:
        reader = _LOADERS[serializer]
    except KeyError:
        names = "serpent, json or msgpack"
        named = _OTHERS.get(serializer, serializer)
        raise PayloadError(f"serializer {named} is not taken, use {names}") from None
    try:
        return reader(data, tokens_max or _TOKENS_MAX)
    except (PayloadError, TooComplex):
        raise
    except Exception as error:  # readers of four libraries, fed with anything
        raise PayloadError(f"unreadable: {type(error).__name__}") from None


def load_call_quickly(serializer: int, data: bytes) -> Call:
    """Read a call if that takes a few milliseconds at most.

    Raises PayloadError, and TooComplex, whatever it says, for one that others must not wait for.
    """
    if len(data) <= QUICK:
        return load_call(serializer, data)
    if serializer != SERPENT:
        raise TooComplex("this message is read in a thread of its own")
    return load_call(serializer, data, QUICK)


def load_call(serializer: int, data: bytes, tokens_max: int | None = None) -> Call:
    """Read a call, of about so many tokens at most. Raises PayloadError or TooComplex."""
    if serializer == SERPENT and len(data) <= _SIMPLE_MAX:
        match = _SIMPLE_CALL.fullmatch(_text(data))
        if match is not None:
            target, method, first, second = match.groups()
            args = (first,) if second is None else (first, second)
            return Call(target, method, args, {})
    read = load(serializer, data, tokens_max)
    if type(read) is dict:  # JSON's form
        read = tuple(read.get(part) for part in ("object", "method", "params", "kwargs"))
    if not isinstance(read, (tuple, list)) or len(read) != 4:
        raise PayloadError("not a call")
    call = Call(*read)
    if type(call.target) is not str or type(call.method) is not str:
        raise PayloadError("not a call")
    if not isinstance(call.args, (tuple, list)) or not isinstance(call.kwargs, (dict, type(None))):
        raise PayloadError("not a call")
    return call if call.kwargs is not None else call._replace(kwargs={})


def dump(serializer: int, value: object, *, base64: bool = False) -> bytes:
    """Write an answer or argument. Raises TypeError or ValueError for what cannot be written.

    With `base64`, serpent's bytes are {"data", "encoding": "base64"} in place of a literal; JSON's
    always are, msgpack's never.
    """
    if base64 and serializer == SERPENT:
        return _dump_any(value, bytes_repr=False)
    return _DUMPERS[serializer](value)


def dump_call(serializer: int, call: Call) -> bytes:
    """Write a call."""
    if serializer == JSON:
        form = {"object": call.target, "method": call.method}
        return _dump_json({**form, "params": call.args, "kwargs": call.kwargs})
    return dump(serializer, tuple(call))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise PayloadError("unreadable: not UTF-8") from None


def _load_serpent(data: bytes, tokens_max: int) -> Any:
    text = _text(data)
    if "\0" in text:
        raise PayloadError("unreadable: NUL")
    if len(text) <= _SIMPLE_MAX:
        simple = _SIMPLE_STRING.fullmatch(text)
        if simple is not None:
            return simple[1]
    try:
        return read_literal(text, tokens_max)
    except TokensExceeded:
        raise TooComplex(_TOO_MANY) from None


def _load_json(data: bytes, tokens_max: int) -> Any:
    # Its reader holds the interpreter and makes a list of every two bytes.
    if len(data) > LARGE:
        bare = _JSON_STRINGS.sub(b"0", data)
        if sum(map(bare.count, (b",", b"[", b"{"))) > tokens_max // 2:
            raise TooComplex(_TOO_MANY)
    return json.loads(data)


def _load_msgpack(data: bytes, tokens_max: int) -> Any:
    limits = {"max_array_len": _ITEMS_MAX, "max_map_len": _ITEMS_MAX}
    if len(data) <= LARGE:
        return msgpack.unpackb(data, **limits)
    left = tokens_max // 2

    def count(items: Any) -> Any:
        nonlocal left
        left -= len(items) + 1
        if left < 0:
            raise TooComplex(_TOO_MANY)
        return items

    return msgpack.unpackb(data, list_hook=count, object_hook=count, **limits)


def _dump_serpent(value: object) -> bytes:
    if _is_plain(value):
        return (_SERPENT_HEAD + _readable(repr(value))).encode()
    return _dump_any(value, bytes_repr=True)


def _dump_any(value: object, *, bytes_repr: bool) -> bytes:
    collecting = gc.isenabled()
    written: bytes = serpent.dumps(value, module_in_classname=True, bytes_repr=bytes_repr)
    if not collecting:
        gc.disable()
    return _readable(written.decode()).encode()


def _readable(literal: str) -> str:
    """Write characters that Python escapes with a U as they are: Java and .NET cannot read that."""
    if "\\U" not in literal:
        return literal
    return _BEYOND_FFFF.sub(lambda m: m[0] if m[1] == "\\" else chr(int(m[1][1:], 16)), literal)


def _is_plain(value: object) -> bool:
    """Return whether `repr` writes `value` as a literal: no subclasses, no floats."""
    kind = type(value)
    if kind is str or kind is bytes or kind is int or kind is bool or value is None:
        return True
    if isinstance(value, (list, tuple)) and (kind is list or kind is tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict) and kind is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return False


def _dump_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, default=_json_form).encode()


def _json_form(value: object) -> object:
    if isinstance(value, bytes):  # as serpent writes them
        return {"data": b64encode(value).decode(), "encoding": "base64"}
    return _form(value)


def _dump_msgpack(value: object) -> bytes:
    return encode(value, enc_hook=_form)


def _form(value: object) -> object:
    """Write what a name server answers with, and nothing more, in Pyro's form."""
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, URI):
        return SerializerBase.class_to_dict(value)
    raise TypeError(f"cannot be written: {type(value).__name__}")


_LOADERS: dict[int, Callable[[bytes, int], Any]] = {
    SERPENT: _load_serpent,
    JSON: _load_json,
    MSGPACK: _load_msgpack,
}
_DUMPERS: dict[int, Callable[[object], bytes]] = {
    SERPENT: _dump_serpent,
    JSON: _dump_json,
    MSGPACK: _dump_msgpack,
}
