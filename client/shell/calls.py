"""Requests that are open at the same time: threads ask, and the thread of the commands looks on.

Rules: a thread asks and does nothing else; what came back, and what happened on the way, is taken
in by the one thread that runs the commands; answers in the order in which they were asked. Nobody
waits for a thread at the end: where a replica is silent it ends by its own deadline. It knows no
command and prints nothing.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self

from kvrmi.access.events import Event
from kvrmi.access.store import Store

from .notes import Notes, Progress

__all__ = ["AT_ONCE", "Call", "Calls"]

AT_ONCE = 32
"""Requests that are open at the same time; more bring no more, each has a connection."""
_GRACE = 1.0
"""Seconds that open requests have after Ctrl-C, so that their outcome is known."""
_TICK = 0.25
"""Seconds between two looks at what happens to a request that is not answered."""


class Call:
    """A request; `done` once it has its answer or an error."""

    def __init__(self, name: str, *args: object) -> None:
        """Ask nothing yet."""
        self.name = name
        self.args = args
        self.began = time.monotonic()
        self.took = 0.0
        self.done = False
        self.answer: dict[str, Any] = {}
        self.error: BaseException | None = None
        self.progress = Progress()

    def result(self) -> dict[str, Any]:
        """Return the answer of one that is done. Raises the KVError that it ended with."""
        if self.error is not None:
            raise self.error
        return self.answer


class Calls:
    """Requests to a store; `notes`, an observer of that store, sees one after the other."""

    def __init__(self, store: Store, notes: Notes) -> None:
        """Begin with none; threads are started when they are needed."""
        self.open: deque[Call] = deque()
        """Those that were begun and not taken yet, the oldest first."""
        self._store = store
        self._notes = notes
        self._happened: deque[tuple[Call, Event]] = deque()
        """What `notes` has not seen yet."""
        self._jobs: SimpleQueue[Call | None] = SimpleQueue()
        self._threads = 0
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)

    def begin(self, call: Call) -> None:
        """Ask the store, as by its call(); the answer is taken later."""
        self.open.append(call)
        self._jobs.put(call)
        if self._threads < len(self.open):
            self._threads += 1
            Thread(target=self._ask, name=f"call {self._threads}", daemon=True).start()

    def taken(self) -> Iterator[Call]:
        """Take those that are done, in the order they were begun, up to the first that is not."""
        while self.open:
            done = self.open[0].done
            self._observe()
            if not done:
                return
            yield self.open.popleft()

    def wait(self, beside: int | None = None, seconds: float = _TICK) -> bool:
        """Wait until one more is done, or the time is over; True if `beside` can be read."""
        files = [self._woken.fileno(), *([] if beside is None else [beside])]
        ready = select.select(files, [], [], min(seconds, _TICK))[0]
        if self._woken.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        return beside in ready

    def settle(self) -> None:
        """Wait a moment for what is open, so that its outcome is known."""
        deadline = time.monotonic() + _GRACE
        while not all(call.done for call in self.open) and time.monotonic() < deadline:
            self.wait(seconds=max(deadline - time.monotonic(), 0.0))
        self._observe()

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the threads end, each with what it asks."""
        self._notes.end()
        for _ in range(self._threads):
            self._jobs.put(None)
        self._woken.close()
        self._wake.close()

    def _observe(self) -> None:
        """Let `notes` see what has happened, in the order of time."""
        while self._happened:
            call, event = self._happened.popleft()
            self._notes.take(event, call.progress)

    def _note(self, call: Call, event: Event) -> None:
        self._happened.append((call, event))

    def _ask(self) -> None:
        while (call := self._jobs.get()) is not None:
            try:
                with self._notes.handed_over(partial(self._note, call)):
                    call.answer = self._store.call(call.name, *call.args)
            except BaseException as error:  # raised again where the answer is taken
                call.error = error
            call.took = time.monotonic() - call.began
            call.done = True
            with contextlib.suppress(OSError):  # full, and so awake anyway; or nobody waits
                self._wake.send(b"\0")
