"""An answer that comes later: what a method returns in place of its value, and how it replies.

Rules: a reply is taken once, from any thread, and never raises; what comes after the first is
dropped. It knows neither what is answered nor to whom.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeAlias, TypeVar

__all__ = ["Later", "Once", "Reply"]

T = TypeVar("T")

Reply: TypeAlias = Callable[[object], None]
"""Takes a call's value, or the Exception that it ends with."""


class Later(NamedTuple):
    """Returned by a method whose answer is not there yet.

    `begin` is called at once, in the thread of the call, and must not block where the method may
    not. It gives the reply, now or later, from whichever thread has the answer; what `begin` raises
    is the answer as well. One that never replies keeps its connection waiting until the
    connection's idle time is over.
    """

    begin: Callable[[Reply], None]


class Once(Generic[T]):
    """Passes on the first of what it is called with; threads may race."""

    __slots__ = ("_open", "_take")

    def __init__(self, take: Callable[[T], None]) -> None:
        """`take` gets it; it must not raise."""
        self._take = take
        self._open = threading.Lock()

    def __call__(self, value: T) -> None:
        """Pass `value` on if it is the first."""
        if self._open.acquire(blocking=False):
            self._take(value)
