"""What can be asked about the past of a key: its value at a revision, and its changes.

Rules: an answer holds for the revisions that it names, whatever is written meanwhile; what is no
longer kept is refused, with the oldest revision that is. It reads a history and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..errors import InvalidRequest
from ..operations.arguments import PAGE_BYTES
from ..storage.interface import Key
from .history import Found, History

__all__ = ["Row", "changes", "value_at"]


class Row(NamedTuple):
    """A change: the revision that gave the key this value, None: that removed it.

    `client` and `sequence` are the id of its request, None if it had none. Slot 0 is no change: it
    says what the key held at the oldest revision that is kept.
    """

    revision: int
    value: object
    slot: int
    client: object = None
    sequence: object = None


def value_at(history: History, key: Key, now: object, revision: int) -> object:
    """Return what `key` held at a revision; `now` is what it holds.

    Raises InvalidRequest, and Corrupt.
    """
    if revision > history.revision:
        raise InvalidRequest(f"there is no revision {revision} yet, the last is {history.revision}")
    if revision < history.since:
        raise InvalidRequest(
            f"revision {revision} is no longer kept here, the oldest is {history.since}"
        )
    found = history.first_after(key, revision)
    return now if found is None else found.old


def changes(history: History, key: Key, now: object, upto: int | None, limit: int) -> list[Row]:
    """List the changes of `key` up to a revision, None: all, the newest first.

    At most `limit`, and at most a page of values, or one; a row of slot 0 says that no more are
    kept. Raises InvalidRequest, and Corrupt.
    """
    last = history.revision if upto is None else min(upto, history.revision)
    value = value_at(history, key, now, last)
    rows: list[Row] = []
    room = PAGE_BYTES
    for found in _steps(history.before(key, last)):
        room -= len(value) if isinstance(value, str | bytes) else 0
        if len(rows) == limit or (room < 0 and rows):
            return rows
        rows.append(Row(found.revision, value, found.block.slot, *_session(found.id)))
        value = found.old
    return [*rows, Row(history.since, value, 0)]


def _steps(changes: Iterator[Found]) -> Iterator[Found]:
    """Make one change of several that one revision made of a key: from before the first of them."""
    last: Found | None = None
    for found in changes:
        if last is not None and last.revision != found.revision:
            yield last
        last = found
    if last is not None:
        yield last


def _session(id: tuple[object, ...]) -> tuple[object, ...]:
    return id if len(id) == 2 else ()
