"""A run as JSON lines, complete: one object a record (seen.py), for programs that draw or search.

Rules: the first line says which run it is, the last how it ended; between them `kind` is the name
of the record. Roles are "r2.acceptor", messages and what they hold are objects by their fields,
bytes {"b64": ..}. The same arguments give the same lines, byte for byte. DESIGN.md lists them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping

import msgspec

from ..roles.contract import Address, Message
from .seen import Fate, Left, Mail, Seen
from .trace import name

__all__ = ["FORMAT", "JsonLines"]

FORMAT = 1
"""What another one reads must have this number in its first line."""


class JsonLines:
    """Writes a line for each record; an Onlooker."""

    def __init__(self, write: Callable[[str], object], run: Mapping[str, object]) -> None:
        """`write` takes a line with its end; `run` is what the first one says of the run."""
        self._write = write
        self._line({"kind": "run", "format": FORMAT, **run})

    def __call__(self, seen: Seen) -> None:
        """Write what is seen."""
        fields = seen._asdict()
        if isinstance(seen, Left):
            fields["mail"] = [_mail(mail) for mail in seen.mail]
        elif isinstance(seen, Fate) and not seen.why:
            del fields["why"]
        self._line({"kind": type(seen).__name__.lower(), **fields})

    def end(self, came: Mapping[str, object]) -> None:
        """Write the last line: what came of the run."""
        self._line({"kind": "end", **came})

    def _line(self, fields: Mapping[str, object]) -> None:
        self._write(msgspec.json.encode(_data(fields)).decode() + "\n")


def _mail(mail: Mail) -> dict[str, object]:
    return {"id": mail.id, "to": name(mail.to), **_message(mail.message)}


def _message(message: Message) -> dict[str, object]:
    held = {field: getattr(message, field) for field in message.__struct_fields__}
    return {"type": type(message).__name__, "fields": held}


def _data(value: object) -> object:
    """Make plain data of a value, whole."""
    if isinstance(value, bytes):
        return {"b64": b64encode(value).decode()}
    if isinstance(value, Address):
        return name(value)
    if isinstance(value, Message):
        return _data(_message(value))
    if isinstance(value, msgspec.Struct):
        return {field: _data(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): _data(held) for key, held in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {field: _data(getattr(value, field)) for field in value._fields}
    if isinstance(value, list | tuple | set | frozenset):
        return [_data(held) for held in value]
    return value
