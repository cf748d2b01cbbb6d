"""Bugs of learners, machines and snapshots.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ....operations.interface import Answer
from ....paxos.learner import Learner
from ....paxos.messages import Durable
from ....roles.contract import Address, Effects, Envelope, Message
from ....roles.declaration import Setting, Stored
from ....state.clienttable import ClientTable
from ....state.replicated import Replicated
from ....storage.interface import Key, Snapshot
from ..parts import Parts

__all__ = [
    "SessionRetryExecutedTwice",
    "SessionsMissingFromSnapshot",
    "TruncationBeforeDurable",
]


class _WithoutSessions:
    """A snapshot of a disk on which no sessions are seen."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.read = snapshot.read
        self.every = snapshot.every
        self.close = snapshot.close

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        return iter(()) if table == "sessions" else self.snapshot.scan(table, after)


class _GivesNoSessions:
    """A disk whose snapshots lack them."""

    def __init__(self, disk: Stored) -> None:
        self.read = disk.read
        self.scan = disk.scan
        self.every = disk.every
        self.disk = disk

    def snapshot(self) -> Snapshot:
        return _WithoutSessions(self.disk.snapshot())


class SessionsMissingFromSnapshot(Parts):
    """A snapshot brings rows without sessions; retries are executed again, or expire."""

    def learner(self, setting: Setting, storage: Stored | None, now: float) -> Learner:
        """Take up a learner that gives such snapshots."""
        return super().learner(setting, storage and _GivesNoSessions(storage), now)


class _Forgetful(ClientTable):
    def find(self, client: str, sequence: int, mark: bytes, revision: int) -> Answer | None:
        return None


class _ExecutesTwice(Replicated):
    client_tables = _Forgetful


class SessionRetryExecutedTwice(Parts):
    """A repeated request is carried out again; the log's answers and counters show it."""

    states = _ExecutesTwice


class _AnnouncesApplied(Learner):
    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        before = self.applied
        effects = super().receive(now, sender, message)
        if self.applied == before:
            return effects
        reported = Envelope(Address(self.me, "acceptor"), Durable(self.applied))
        # As good as durable: what waits for the disk waits, this does not.
        return replace(effects, messages=(*effects.messages, reported))


class TruncationBeforeDurable(Parts):
    """An acceptor forgets what its learner has applied, and not yet written."""

    learners = _AnnouncesApplied
