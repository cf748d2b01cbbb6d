"""What is replicated: any state machine that can do these few things.

Rules: what it answers and becomes follows from what was applied and restored, and from nothing
else; a malformed command or question is refused and has changed nothing. It knows no slot, session,
voter or log: those are the replication's (replicated.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol, TypeAlias

from ..operations.vocabulary import Vocabulary
from ..storage.interface import Key, Record, Tables

__all__ = ["Change", "StateMachine"]


Change: TypeAlias = tuple[int, Key, object]
"""The revision that changed a key, the key, and what it held before; None: nothing."""


class StateMachine(Protocol):
    """The state after some prefix of the log, and what a command does to it."""

    vocabulary: ClassVar[Vocabulary]
    """What it can be asked; it carries out all that `vocabulary.machine` lists."""
    tables: ClassVar[Tables]
    """Its tables in the learner's storage; all that it is must be in them."""

    changes: list[Change] | None
    """Somebody wants to know what changes: `apply` adds to this list, in order. None: nobody does.

    Plain tuples, since this is done at every write. Whoever set it takes them out.
    """

    def __init__(self) -> None:
        """Begin empty; nobody wants to know what changes."""
        ...

    @property
    def keys(self) -> int:
        """How many entries it has."""
        ...

    @property
    def digest(self) -> str:
        """64 hex digits that are equal exactly when the contents are, whatever their history."""
        ...

    def take_digest(self) -> Callable[[], str]:
        """Return what computes the digest of the contents as they are now, later, in any thread.

        A learner's lock is held now, and not then.
        """
        ...

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        """Carry a command out, which makes `revision`; what its client is answered.

        That is None, a bool, an int of 64 bits, a str or bytes, or a list of these, or of lists of
        these: other answers do not reach the clients of other replicas.
        Raises Malformed, having changed nothing, for what is no command of this machine.
        """
        ...

    def read(self, opcode: int, args: bytes) -> object:
        """Answer a question from the state as it is.

        Raises InvalidRequest with words for the client, Malformed for what is no question.
        """
        ...

    def held(self, key: Key) -> object:
        """Return what `key` holds, as changes have it; None: nothing."""
        ...

    def take_records(self, *, whole: bool) -> list[Record]:
        """Return what changed since the last call, or, `whole`, all there is; then it is nothing.

        `whole` goes into empty tables. Values are as of now, also if they are packed later.
        A snapshot's pages are the rows of these tables, as the storage has them.
        """
        ...

    def restore(
        self, table: str, rows: Iterable[tuple[Key, bytes]], other: StateMachine | None
    ) -> None:
        """Take in stored rows of a table, in any order; raises Corrupt, for a second one too.

        A value that `other`, which this shall replace, has there too is in memory once.
        """
        ...

    def restored(self) -> None:
        """All rows were taken in."""
        ...
