"""Two ways to make a step's records durable: at once, or behind the step on a thread of its own.

Rule: messages leave only after the records of their step, and steps are written in their order.
An error from a disk is final: `fatal` ends the process. Neither knows what the records mean.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from kvrmi.roles.contract import Envelope
from kvrmi.storage.interface import Record, Storage


class WriteThrough:
    """Durable when `write` returns: an acceptor's disk, used under the role's lock."""

    def __init__(self, storage: Storage) -> None:
        """Write to `storage`, which the caller closes."""
        self._storage = storage

    def write(self, records: tuple[Record, ...], messages: tuple[Envelope, ...]) -> bool:
        """Write now; the messages may leave. Raises StorageFailed."""
        self._storage.write(records)
        return True

    def fence(self) -> None:
        """Nothing is ever outstanding."""


class _Work(NamedTuple):
    generation: int
    records: tuple[Record, ...]
    messages: tuple[Envelope, ...]


class WriteBehind:
    """A learner's disk: a slow sync stops neither applying nor answering."""

    def __init__(
        self,
        storage: Storage,
        leave: Callable[[tuple[Envelope, ...]], None],
        fatal: Callable[[BaseException], None],
    ) -> None:
        """`leave` lets messages go when their records are durable."""
        self._storage = storage
        self._leave = leave
        self._fatal = fatal
        self._generation = 0
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name="write-behind", daemon=True)
        self._thread.start()

    def write(self, records: tuple[Record, ...], messages: tuple[Envelope, ...]) -> bool:
        """Queue the records; the messages leave when these are durable."""
        self._work.put(_Work(self._generation, records, messages))
        return False

    def fence(self) -> None:
        """Drop what is queued; on return nothing of it will be written."""
        with self._lock:
            self._generation += 1

    def close(self, timeout: float) -> None:
        """Write what is queued and end the thread.

        After `timeout` seconds it is given up: that the storage is closed on it is no error.
        """
        self._work.put(None)
        self._thread.join(timeout)
        self._given_up = True

    def _run(self) -> None:
        try:
            self._work_off()
        except Exception as error:
            if not self._given_up:
                self._fatal(error)

    def _work_off(self) -> None:
        while (work := self._work.get()) is not None:
            with self._lock:
                if work.generation != self._generation:
                    continue
                self._storage.write(work.records)
            self._leave(work.messages)
