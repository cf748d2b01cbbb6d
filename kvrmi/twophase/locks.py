"""Which keys a command or a question touches, and who holds them.

Rules: an operation touches what its definition lists, or else everything, so that another machine
is slow and never wrong; an exclusive lock is the only kind. It knows no operation, message or disk.
"""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from ..operations.commands import command_id, decode_command, decode_question
from ..operations.definition import Malformed, Touched
from ..operations.vocabulary import Vocabulary

__all__ = ["Cover", "Locks", "asked", "touched"]

Cover: TypeAlias = frozenset[Touched] | None
"""What is touched; None: everything."""

T = TypeVar("T")


def touched(command: bytes, of: Vocabulary) -> Cover:
    """List what a command changes or may, and its request if it has one. Raises Malformed."""
    id = command_id(command)
    try:
        name, _, args = decode_command(command, of)
    except Malformed:
        return None
    cover = of.by_name[name].touched(args)
    return cover if cover is None or len(id) != 2 else cover | {(id[0], id[1])}


def asked(question: bytes, of: Vocabulary) -> Cover:
    """List what a question looks at."""
    try:
        name, args = decode_question(question, of)
    except Malformed:
        return None
    return of.by_name[name].touched(args)


class Locks(Generic[T]):
    """Who holds what."""

    def __init__(self) -> None:
        """Begin with nothing held."""
        self._held: dict[Touched, T] = {}
        self._everything: list[T] = []

    def holder(self, cover: Cover) -> tuple[Touched | None, T] | None:
        """Find a lock in the way, and who holds it; None: all of that is free.

        Of several it is the request, as that is in doubt, then the first key: a set of strings has
        another order in each process, and all are to say the same.
        """
        if self._everything:
            return None, self._everything[0]
        if cover is None:
            return next(((lock, who) for lock, who in self._held.items()), None)
        first = min((one for one in cover if one in self._held), key=_rank, default=None)
        return None if first is None else (first, self._held[first])

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


def _rank(lock: Touched) -> tuple[bool, str]:
    return isinstance(lock, str), str(lock)
