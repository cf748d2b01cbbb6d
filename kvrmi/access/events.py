"""What a store reports while it looks for the replica that answers: one event an attempt.

Rules: events describe, they decide nothing; what an observer raises is logged and goes no further.
They know neither what was asked nor what was answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

__all__ = ["Answered", "Asked", "Event", "Failed", "Observer", "guarded"]

_log = logging.getLogger("kvrmi.access.events")


class Asked(NamedTuple):
    """A request leaves for `replica` (0 where only its address is known) from now on."""

    replica: int
    address: str


class Failed(NamedTuple):
    """`replica` gave no answer that settles the request; another is asked if time is left.

    `sent` is False if not one byte of this attempt left; `code` is that of the error it answered
    with (NO_QUORUM, say), None if it did not answer.
    """

    replica: int
    address: str
    reason: str
    sent: bool
    code: str | None = None


class Answered(NamedTuple):
    """`replica` answered, if only with an error that is final.

    It follows `leader` (None: it did not say).
    """

    replica: int
    address: str
    leader: int | None


Event: TypeAlias = Asked | Failed | Answered
Observer: TypeAlias = Callable[[Event], None]
"""Called in the thread of the operation, which waits for it; it must not use the store."""


def guarded(observer: Observer) -> Observer:
    """Keep an observer's exceptions away from the operation."""

    def observe(event: Event) -> None:
        try:
            observer(event)
        except Exception as error:
            _log.warning("an observer failed, the operation goes on: %r", error)

    return observe
