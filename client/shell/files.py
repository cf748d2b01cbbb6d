"""Values that come from files and go into them.

Rules: a file is read whole or refused, and written whole or left as it was; what is wrong is one
line that names it. It knows no command.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import VALUE_BYTES
from kvrmi.whole import opened, replacing

from ..grammar.arguments import FromFile

__all__ = ["filled", "raw", "write"]


def filled(args: tuple[object, ...]) -> tuple[object, ...]:
    """Put the bytes of files where arguments, or lists in them, name them.

    Raises InvalidRequest: no file, no ordinary one, not readable, or larger than a value may be.
    """
    return tuple(_filled(arg) for arg in args)


def raw(value: str | bytes) -> bytes:
    """Return the bytes of a value: text as UTF-8."""
    return value.encode() if isinstance(value, str) else value


def write(named: str, data: bytes) -> None:
    """Write a file, whole or not at all; one that is there is replaced and keeps its mode.

    Raises InvalidRequest: a folder, no ordinary file, or a place that cannot be written.
    """
    with _explained(named, "written"), replacing(named) as file:
        file.write(data)


def _filled(arg: object) -> object:
    if isinstance(arg, FromFile):
        return _contents(arg.path)
    if isinstance(arg, list):
        return [_filled(item) for item in arg]
    return arg


def _contents(named: str) -> bytes:
    with _explained(named, "read"), opened(named) as file:
        data = file.read(VALUE_BYTES + 1)
    if len(data) > VALUE_BYTES:
        raise InvalidRequest(f"{named} is larger than a value may be, {VALUE_BYTES} bytes")
    return data


@contextlib.contextmanager
def _explained(named: str, done: str) -> Iterator[None]:
    """Turn what the system refuses into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise InvalidRequest(f"{named} cannot be {done}: {error.strerror or error}") from error
