"""Which keys a command or a question touches, and who holds them.

Rules: what is not known here touches everything, so that another machine is slow and never wrong;
an exclusive lock is the only kind. It knows no message and no disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from ..operations.commands import command_id, decode_command, decode_question
from ..operations.definition import Malformed
from ..operations.past import OUTCOME, SETTLE
from ..operations.vocabulary import Vocabulary

__all__ = ["Cover", "Lock", "Locks", "asked", "touched"]

Lock: TypeAlias = str | tuple[str, int]
"""A key; or a request, by client and sequence."""
Cover: TypeAlias = frozenset[Lock] | None
"""What is touched; None: everything."""

T = TypeVar("T")


def _first(args: tuple[Any, ...]) -> frozenset[Lock]:
    return frozenset(args[:1])


_KEYS: Mapping[str, Callable[[tuple[Any, ...]], frozenset[Lock]]] = {
    "put": _first,
    "delete": _first,
    "cas": _first,
    "put_many": lambda args: frozenset(key for key, _ in args[0]),
    "get": _first,
    "contains": _first,
    "get_many": lambda args: frozenset(args[0]),
    OUTCOME.name: lambda args: frozenset({(args[0], args[1])}),
    SETTLE.name: lambda args: frozenset({(args[0], args[1])}),
}


def touched(command: bytes, of: Vocabulary) -> Cover:
    """List what a command changes or may, and its request if it has one. Raises Malformed."""
    id = command_id(command)
    try:
        name, _, args = decode_command(command, of)
    except Malformed:
        return None
    if name not in _KEYS:
        return None
    keys = _KEYS[name](args)
    return keys | {(id[0], id[1])} if len(id) == 2 else keys


def asked(question: bytes, of: Vocabulary) -> Cover:
    """List what a question looks at."""
    try:
        name, args = decode_question(question, of)
    except Malformed:
        return None
    return _KEYS[name](args) if name in _KEYS else None


class Locks(Generic[T]):
    """Who holds what."""

    def __init__(self) -> None:
        """Begin with nothing held."""
        self._held: dict[Lock, T] = {}
        self._everything: list[T] = []

    def holder(self, cover: Cover) -> tuple[Lock | None, T] | None:
        """Find a lock in the way, and who holds it; None: all of that is free."""
        if self._everything:
            return None, self._everything[0]
        if cover is None:
            return next(((lock, who) for lock, who in self._held.items()), None)
        return next(((one, self._held[one]) for one in cover if one in self._held), None)

    def take(self, cover: Cover, who: T) -> None:
        """Hold all of it, which must be free."""
        if cover is None:
            self._everything.append(who)
        else:
            self._held |= dict.fromkeys(cover, who)

    def free(self, cover: Cover, who: T) -> None:
        """Let go of what `who` holds."""
        if cover is None:
            self._everything.remove(who)
            return
        for lock in cover:
            if self._held.get(lock) == who:
                del self._held[lock]
