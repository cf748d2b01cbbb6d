"""Bugs of learners, machines and snapshots.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....operations.interface import Answer
from ....paxos.learner import Learner
from ....paxos.messages import Durable
from ....roles.contract import Address, Envelope
from ....roles.declaration import Setting, Stored
from ....state.clienttable import ClientTable
from ....state.replicated import Replicated
from ....storage.interface import Key, View
from ..parts import Parts

__all__ = [
    "SessionRetryExecutedTwice",
    "SessionsMissingFromSnapshot",
    "TruncationBeforeDurable",
]


class _WithoutSessions:
    """A view of a disk on which no sessions are seen."""

    def __init__(self, view: View) -> None:
        self._view = view

    def read(self, table: str, key: Key) -> bytes | None:
        return self._view.read(table, key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        return iter(()) if table == "sessions" else self._view.scan(table, after)

    def close(self) -> None:
        self._view.close()


class SessionsMissingFromSnapshot(Parts):
    """A snapshot brings rows without sessions; retries are executed again, or expire."""

    def learner(self, setting: Setting, storage: Stored | None, now: float) -> Learner:
        """Take up a learner that gives such snapshots."""
        learner = super().learner(setting, storage, now)
        open_view = learner._open_view
        learner._open_view = lambda: _WithoutSessions(open_view())
        return learner


class _Forgetful(ClientTable):
    def find(self, client: str, sequence: int, mark: bytes, revision: int) -> Answer | None:
        return None


class _ExecutesTwice(Replicated):
    client_tables = _Forgetful


class SessionRetryExecutedTwice(Parts):
    """A repeated request is carried out again; the log's answers and counters show it."""

    states = _ExecutesTwice


class _AnnouncesApplied(Learner):
    def _apply(self, now: float) -> tuple[Envelope, ...]:
        messages = super()._apply(now)
        reported = Envelope(Address(self.me, "acceptor"), Durable(self.applied))
        return (*messages, reported) if messages else ()


class TruncationBeforeDurable(Parts):
    """An acceptor forgets what its learner has applied, and not yet written."""

    learners = _AnnouncesApplied
