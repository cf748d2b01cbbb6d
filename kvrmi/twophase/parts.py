"""Makes the roles of a replica from what its disk holds, as often as they are started.

Rule: each class can be exchanged for another, which is how the simulator plants bugs.
"""

from __future__ import annotations

from ..operations.interface import PAGE_BYTES
from ..roles.declaration import Setting, Stored
from ..state.clienttable import SESSION_LIMIT
from ..state.keyvalue import KeyValues
from ..state.machine import StateMachine
from .book import Book
from .committed import Committed
from .manager import Manager
from .participant import Participant
from .standing import ROW, Standing
from .views import founding

__all__ = ["Parts"]


class Parts:
    """The classes that a replica is made of, and how each is made."""

    managers: type[Manager] = Manager
    participants: type[Participant] = Participant
    books: type[Book] = Book
    committed: type[Committed] = Committed
    machines: type[StateMachine] = KeyValues
    page_bytes: int = PAGE_BYTES
    session_limit: int = SESSION_LIMIT

    def participant(self, setting: Setting, storage: Stored | None, now: float) -> Participant:
        """From its disk. Raises Corrupt, StorageFailed."""
        if storage is None:
            raise ValueError("this role has a disk")
        standing = Standing.load(
            setting.me,
            storage.read(*ROW),
            founding(setting.ids),
            setting.disk if setting.recovering else "",
            setting.recovering,
        )
        state = self.committed.load(storage, self.machines, self.session_limit)
        book = self.books.load(storage)
        return self.participants(
            standing, setting.ids, state, book, now, storage.snapshot, self.page_bytes
        )

    def manager(self, setting: Setting, storage: Stored | None, now: float) -> Manager:
        """From nothing: its participant keeps what it must not forget."""
        of = self.machines.vocabulary
        return self.managers(setting.me, setting.ids, setting.boot, setting.timing, of)
