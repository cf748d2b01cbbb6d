"""DELETE --prefix: many keys, one after the other, after a question.

Rules: nothing is deleted before the answer is y or yes; each key is deleted once, and whoever or
whatever ends it on the way, it is known how many were. Keys that are put meanwhile stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kvrmi.access.store import Store
from kvrmi.errors import KVError

from ..progress import Advance
from ..values import cut
from .listing import pages

__all__ = ["Deleted", "delete", "keys", "question"]

_SAMPLE = 3
_COLUMNS = 40
"""Of a key in the question."""


class Deleted(NamedTuple):
    """How many keys were deleted, of how many; what ended it early, and at which key."""

    done: int
    of: int
    ended: KVError | KeyboardInterrupt | None = None
    key: str | None = None

    @property
    def text(self) -> str:
        """Say how far it came."""
        text = f"{self.done} of {self.of} keys were deleted"
        if self.ended is None or self.key is None:
            return text
        certain = isinstance(self.ended, KVError) and self.ended.code != "UNKNOWN_OUTCOME"
        return f"{text}, {cut(self.key, _COLUMNS)} {'was not' if certain else 'may be, too'}"


def keys(store: Store, prefix: str) -> list[str]:
    """Return the keys that begin with a prefix, as they are now. Raises a KVError."""
    return [key for page in pages(store, prefix, None, None) for key, _ in page]


def question(prefix: str, found: Sequence[str]) -> str:
    """Ask whether to delete these keys, after a line with some of them."""
    shown = ", ".join(cut(key, _COLUMNS) for key in found[:_SAMPLE])
    shown += ", .." if len(found) > _SAMPLE else ""
    count = f"{len(found):,} key{'s' if len(found) > 1 else ''}"
    if not prefix:
        return f"the store holds {count}: {shown}\ndelete all of them? [y/N] "
    return f"{count} with the prefix {cut(prefix, _COLUMNS)}: {shown}\ndelete? [y/N] "


def delete(store: Store, found: Sequence[str], advance: Advance) -> Deleted:
    """Delete keys; ends at the first error or Ctrl-C, which the result names."""
    done, key = 0, None
    try:
        for key in found:
            done += bool(store.call("delete", key)["value"])
            advance(1)
    except (KVError, KeyboardInterrupt) as ended:
        return Deleted(done, len(found), ended, key)
    return Deleted(done, len(found))
