"""Writes a role's records: in the thread that asks and may wait, or on a thread of its own.

Rules: one write at a time, in the order asked for; what was asked for before a fence is not written
after it. An error from a disk is final: who asked has it, or `fatal` ends the process.
It does not know what the records mean, nor what leaves when they are durable.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from kvrmi.cluster.counts import Histogram, Spent
from kvrmi.roles.breaking import FENCE_SECONDS
from kvrmi.storage.interface import Record, Storage

__all__ = ["DiskWriter"]

HANGS_SECONDS = 0.5
"""A write that lasts longer hangs, as far as whoever looks can say."""
REST_SECONDS = 2.0
"""With nothing to write for so long, it is a time to tidy up."""


class _Work(NamedTuple):
    turn: int
    records: tuple[Record, ...]
    done: Callable[[], None]


class DiskWriter:
    """The only one that writes to a storage while roles run; any thread may use it."""

    def __init__(
        self,
        name: str,
        storage: Storage,
        fatal: Callable[[BaseException], None],
        at_rest: Callable[[], None] | None = None,
    ) -> None:
        """Write to `storage`, which the caller closes; `name` is the thread's.

        `at_rest` is called in that thread, once after each time that it was busy.
        """
        self.turn = 0
        """Counts fences. A role takes note of it with its records, under its lock."""
        self._storage = storage
        self._fatal = fatal
        self._at_rest = at_rest
        self._writing = threading.Lock()
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._syncs = Histogram()
        self._given_up = False
        self._hung_at = self._hangs_until = 0.0
        """Of the experiment."""
        self._began = inf
        """Of the write under way."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def syncs(self) -> Spent:
        """The writes that are durable, and how long each took. One may just be added."""
        return self._syncs.report()

    @property
    def hangs(self) -> float:
        """For how many seconds it has done nothing; 0 if it does not hang, as far as is known.

        One that has nothing to write is not known to, but in an experiment.
        """
        now, since = time.monotonic(), self._began
        if now < self._hangs_until:
            return now - min(since, self._hung_at)
        return now - since if now - since >= HANGS_SECONDS else 0.0

    def write(self, turn: int, records: tuple[Record, ...]) -> bool:
        """Make records durable in this thread, however long that takes. Raises StorageFailed.

        False: a fence came first, and nothing was written.
        """
        with self._writing:
            if turn != self.turn:
                return False
            began = self._began = time.monotonic()
            self._hang()
            self._storage.write(records)
            self._began = inf
            self._syncs.add(time.monotonic() - began)
            return True

    def begin(self, turn: int, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        """Have records made durable, after those before; `done` is called then, if ever."""
        self._work.put(_Work(turn, records, done))

    def fence(self) -> bool:
        """Drop what is not written yet; on return nothing of it will be.

        False: what is under way does not end in time, and nothing was changed.
        """
        if not self._writing.acquire(timeout=FENCE_SECONDS):
            return False
        self.turn += 1
        self._writing.release()
        return True

    def hang(self, seconds: float) -> None:
        """Play a disk that does nothing for so long: an experiment."""
        now = time.monotonic()
        if now >= self._hangs_until:
            self._hung_at = now
        self._hangs_until = now + seconds

    def _hang(self) -> None:
        while not self._given_up and (left := self._hangs_until - time.monotonic()) > 0:
            time.sleep(min(left, FENCE_SECONDS))

    def close(self, timeout: float) -> None:
        """Write what is queued and end the thread.

        After `timeout` seconds it is given up: that the storage is closed on it is no error.
        """
        self._work.put(None)
        self._thread.join(timeout)
        self._given_up = True

    def _run(self) -> None:
        try:
            while (work := self._next()) is not None:
                if self.write(work.turn, work.records):
                    work.done()
        except Exception as error:
            if not self._given_up:
                self._fatal(error)

    def _next(self) -> _Work | None:
        if self._at_rest is not None:
            with contextlib.suppress(queue.Empty):
                return self._work.get(timeout=REST_SECONDS)
            self._at_rest()
        return self._work.get()
