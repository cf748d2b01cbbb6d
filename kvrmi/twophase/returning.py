"""A member that missed something fetches the store of another, page by page.

Rules: pages of one view belong together, since no transaction changes the giver's store while we
do not vote; a page that says "not now", or none, makes us begin again with the next member.
It installs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..roles.contract import Address, Envelope
from ..storage.interface import Key
from .doubt import PARTICIPANT
from .messages import Fetch, Page
from .views import View

__all__ = ["Returning"]

PAUSE_SECONDS = 0.2
PATIENCE_SECONDS = 2.0
"""After a question that nobody reports on any more."""


class Returning:
    """One way back, in one view."""

    def __init__(self, me: int, view: View, tables: Sequence[str], now: float) -> None:
        """Fetch these tables, in their order; `ask` begins it."""
        self.view = view
        self.wake_at = now
        self.rows: dict[str, list[tuple[Key, bytes]]] = {}
        self.giver = 0
        self._tables = tables
        self._givers = [id for id in view.ids if id != me]
        self._turn = me % max(len(self._givers), 1)
        self._at = 0
        self._after: Key | None = None

    def ask(self, now: float) -> list[Envelope]:
        """Begin anew with the next giver, if it is time."""
        if now < self.wake_at or not self._givers:
            return []
        self._turn += 1
        self.giver = self._givers[self._turn % len(self._givers)]
        self.rows = {table: [] for table in self._tables}
        self._at, self._after = 0, None
        return self._fetch(now)

    def _fetch(self, now: float) -> list[Envelope]:
        self.wake_at = now + PATIENCE_SECONDS
        fetch = Fetch(self.view, self._tables[self._at], self._after)
        return [Envelope(Address(self.giver, PARTICIPANT), fetch)]

    def again(self, giver: int, now: float) -> None:
        """Begin anew soon: the giver does not answer, or not now."""
        if giver == self.giver:
            self.wake_at = now + PAUSE_SECONDS
            self.giver = 0

    def take(self, now: float, sender: Address, page: Page) -> list[Envelope] | None:
        """Take a page; what to ask next, None when all is here."""
        asked = (self.giver, self.view.number, self._tables[self._at], self._after)
        if (sender.replica, page.view, page.table, page.after) != asked:
            return []
        if not page.ready:
            self.again(sender.replica, now)
            return []
        self.rows[page.table] += page.rows
        if not page.last:
            self._after = page.rows[-1][0]
        elif self._at + 1 < len(self._tables):
            self._at, self._after = self._at + 1, None
        else:
            return None
        return self._fetch(now)
