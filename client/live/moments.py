"""Looks at what binds a replica's roles many times a second: for who draws a lease as it runs out.

Rules: one thread a replica, with a connection of its own; where the engine has no such thing it
ends. It keeps nothing, and gives no order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, NamedTuple

from kvrmi.access.admins import Admins
from kvrmi.errors import KVError, Unsupported

__all__ = ["Moment", "watch"]

AGAIN = 0.3
"""Seconds until one that does not answer is asked again."""


class Moment(NamedTuple):
    """What bound the roles of a replica at a time of the monotonic clock, by role."""

    replica: int
    at: float
    roles: Mapping[str, Any]


def watch(
    replica: int, admins: Admins, every: float, put: Callable[[Moment], None], end: Event
) -> None:
    """Look until the end, so many seconds apart."""
    while not end.is_set():
        try:
            with admins.opened(replica) as admin:
                while not end.wait(every):
                    asked = time.monotonic()
                    roles = admin("moment")
                    put(Moment(replica, (asked + time.monotonic()) / 2, roles))
        except (Unsupported, KeyError):  # another engine, or an older version
            return
        except KVError:
            end.wait(AGAIN)
