"""One operation on each of many keys, several open at the same time.

Rules: each key is asked about once; after the first error, and after Ctrl-C, no other is begun, and
it is known what became of each that was. It prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kvrmi.access.store import Store
from kvrmi.errors import KVError, UnknownOutcome

from ..values import cut
from .calls import AT_ONCE, Call, Calls
from .listing import pages

__all__ = ["Done", "each", "keys", "question"]

_SAMPLE = 3
_COLUMNS = 40
"""Of a key in a question or a result."""


class Done(NamedTuple):
    """What was answered of which keys, what ended it early, and which were left how."""

    answers: dict[str, bool]
    of: int
    ended: KVError | KeyboardInterrupt | None = None
    doubtful: tuple[str, ...] = ()
    """Keys whose request may still be carried out."""
    refused: tuple[str, ...] = ()
    """Keys whose request certainly was not."""

    @property
    def absent(self) -> list[str]:
        """Those that were not there."""
        return [key for key, there in self.answers.items() if not there]

    @property
    def there(self) -> int:
        """How many were."""
        return sum(self.answers.values())

    @property
    def deleted(self) -> str:
        """Say how far a deletion came."""
        text = f"{self.there} of {self.of} keys were deleted"
        if self.doubtful:
            text += f", {_named(self.doubtful)} may be, too"
        elif self.refused:
            text += f", {_named(self.refused)} {'was' if len(self.refused) == 1 else 'were'} not"
        return text


def each(calls: Calls, name: str, keys: Sequence[str], advance: Callable[[int], None]) -> Done:
    """Ask `name` of each key; ends early at the first error or Ctrl-C, which the result names.

    The second request waits for the answer of the first: a cluster that is down is asked once.
    """
    todo = list(reversed(dict.fromkeys(keys)))
    begun: list[Call] = []
    ended: KVError | KeyboardInterrupt | None = None
    of, taken = len(todo), 0
    try:
        while calls.open or (todo and ended is None):
            while todo and ended is None and len(calls.open) < (AT_ONCE if taken else 1):
                begun.append(Call(name, todo.pop()))
                calls.begin(begun[-1])
            calls.wait()
            for call in calls.taken():
                taken += 1
                ended = ended or _end(call)
                advance(1)
    except KeyboardInterrupt as interrupt:
        ended = interrupt
        calls.settle()
    return _done(begun, of, ended)


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


def _end(call: Call) -> KVError | KeyboardInterrupt | None:
    """Return the error of a request that is done. Raises one that is no KVError."""
    try:
        call.result()
    except KVError as error:
        return error
    return None


def _done(begun: Sequence[Call], of: int, ended: KVError | KeyboardInterrupt | None) -> Done:
    done = Done({}, of, ended)
    doubtful: list[str] = []
    refused: list[str] = []
    for call in begun:
        key = str(call.args[0])
        if call.done and call.error is None:
            done.answers[key] = bool(call.answer["value"])
        elif not call.done or isinstance(call.error, UnknownOutcome):
            doubtful.append(key)
        else:
            refused.append(key)
    return done._replace(doubtful=tuple(doubtful), refused=tuple(refused))


def _named(keys: Sequence[str]) -> str:
    first = cut(keys[0], _COLUMNS)
    return first if len(keys) == 1 else f"{first} and {len(keys) - 1} more"
