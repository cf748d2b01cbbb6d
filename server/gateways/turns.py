"""Work that belongs into the reactor's thread, ordered from another one.

Rule: it is done when `do_there` returns, also where the reactor does not turn any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from kvrmi.remote.reactor import Reactor

__all__ = ["do_there"]

PATIENCE_SECONDS = 0.5


def do_there(reactor: Reactor, act: Callable[[], None]) -> None:
    """Have `act` run once in the reactor's thread and wait; if that hangs, run it here."""
    turn = threading.Lock()
    done = threading.Event()

    def once() -> None:
        if turn.acquire(blocking=False):
            act()
            done.set()

    reactor.soon(once)
    if not done.wait(PATIENCE_SECONDS):
        once()
