"""What waits for a role: messages of this replica's roles in their order, and its next wake call.

Rules: anybody may put, without a lock; only who holds the role's lock takes. What comes in greater
number than a role stuck on its disk can ever want is lost, as on a network. It does not know what
messages mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .contract import Address, Message

__all__ = ["INBOX_MESSAGES", "Inbox"]

INBOX_MESSAGES = 1024
"""Messages that may wait; more are lost."""


class Inbox:
    """One role's."""

    def __init__(self, address: Address, due: Callable[[float], None]) -> None:
        """`address` is the role's, who sends its own wake calls; `due` hears when one is due."""
        self._due = due
        self.wake_at: float | None = None
        self._address = address
        self._waiting: deque[tuple[Address, Message | None]] = deque()
        self._wake_posted = False

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    @property
    def due_at(self) -> float | None:
        """When `wake_if_due` has something to do; one that waits here is not due again."""
        return None if self._wake_posted else self.wake_at

    def put(self, sender: Address, message: Message) -> bool:
        """Add a message; False if there are too many."""
        if len(self._waiting) >= INBOX_MESSAGES:
            return False
        self._waiting.append((sender, message))
        return True

    def wake_if_due(self, now: float) -> None:
        """Add a wake call when its time has come."""
        if self.wake_at is not None and self.wake_at <= now and not self._wake_posted:
            self._wake_posted = True
            self._waiting.append((self._address, None))

    def take(self) -> tuple[Address, Message | None]:
        """Give what came first, a wake call without a message. Raises IndexError."""
        sender, message = self._waiting.popleft()
        if message is None:
            self._wake_posted = False
            self.wake_at = None
        return sender, message

    def wake(self, at: float | None) -> None:
        """Have a wake call come at that time, unless one comes earlier."""
        if at is not None and (self.wake_at is None or at < self.wake_at):
            self.wake_at = at
            self._due(at)

    def clear(self, wake_at: float | None) -> None:
        """Drop everything; the next wake call comes at `wake_at`, None: never."""
        self._waiting.clear()
        self._wake_posted = False
        self.wake_at = wake_at
        if wake_at is not None:
            self._due(wake_at)
