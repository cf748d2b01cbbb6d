"""What waits for the roles of a simulated process: production's inboxes, and who wakes the roles.

Rules: an inbox is kept in its order, and limited, as in the server; a role is woken by the clock of
its process, when that shows the time or a little later. It does not know what messages mean.
"""

from __future__ import annotations

from collections import deque
from functools import partial

from ..roles.contract import Address, Message
from ..roles.inbox import Inbox
from .interface import Process
from .tracing import Tracing

__all__ = ["Inboxes"]

LATE_WAKE = 0.02
"""Seconds that a thread may be late."""


class Inboxes:
    """Those of one process's roles that are up."""

    def __init__(self, process: Process, tracing: Tracing) -> None:
        """Begin without any."""
        self._process = process
        self._tracing = tracing
        self._of: dict[str, Inbox] = {}
        self._ids: dict[str, deque[int]] = {}
        """Of the messages in each, in the same order; wake calls have none."""

    def open(self, role: str) -> None:
        """Begin an empty one for a role that is taken up; it is woken at once."""
        address = self._process.address(role)
        self._of[role] = Inbox(address, partial(self._due, role))
        self._of[role].clear(wake_at=self._process.clock())
        self._ids[role] = deque()

    def close(self, role: str) -> None:
        """Drop what waits for a role that went down."""
        self._of.pop(role, None)
        for id in self._ids.pop(role, ()):
            self._tracing.fate(id, "lost", "its role went down")

    def filled(self) -> list[str]:
        """List the roles for which something waits."""
        return [role for role, inbox in self._of.items() if inbox]

    def put(self, sender: Address, role: str, message: Message, id: int) -> bool:
        """Leave a message; False if it is lost, since the role is down or too many wait."""
        if role not in self._of or not self._of[role].put(sender, message):
            return False
        self._ids[role].append(id)
        return True

    def take(self, role: str) -> tuple[Address, Message | None, int]:
        """Give what came first and its id, a wake call without a message."""
        sender, message = self._of[role].take()
        return sender, message, 0 if message is None else self._ids[role].popleft()

    def wake(self, role: str, at: float) -> None:
        """Have a role woken when its clock shows `at`, unless it is earlier."""
        if role in self._of:
            self._of[role].wake(at)

    def nudge(self, role: str) -> None:
        """Wake a role though nothing is due."""
        self.wake(role, self._process.clock())
        self._wake(role)

    def _due(self, role: str, at: float) -> None:
        one = self._process
        wait = one.own_clock.until(at, one.world.now) + one.draws.between(0, LATE_WAKE)
        one.after(role, wait, partial(self._ring, role))

    def _ring(self, role: str) -> None:
        self._wake(role)
        at = self._of[role].due_at
        if at is not None and self._process.clock() < at:
            self._due(role, at)  # the clock goes slower now
        self._process.pump()

    def _wake(self, role: str) -> None:
        if role in self._of:
            self._of[role].wake_if_due(self._process.clock())
