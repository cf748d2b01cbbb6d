"""The history of a run as it is recorded: which outcome an error means, and the sums.

Rules: an operation failed only when the store says that nothing was done; whatever else goes wrong
with a write leaves its outcome unknown. It asks nothing itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TextIO

from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation, write_header, write_line
from kvrmi.errors import KVError, UnknownOutcome
from kvrmi.operations.table import READS

__all__ = ["Moment", "Recorder", "outcome"]


def outcome(name: str, error: Exception) -> str:
    """Return the outcome that an error stands for: fail (nothing was done) or unknown."""
    if name in READS:
        return FAIL  # a read without an answer proves nothing, whatever went wrong
    certain = isinstance(error, KVError) and not isinstance(error, UnknownOutcome)
    return FAIL if certain else UNKNOWN


class Moment(NamedTuple):
    """When an acknowledged write was called and answered, in seconds."""

    call: float
    returned: float


class Recorder:
    """Writes the history as it happens and keeps the sums; any thread may use it."""

    def __init__(
        self, stream: TextIO | None, also: Callable[[Operation], None] = lambda operation: None
    ) -> None:
        """Begin a history; None: written nowhere. `also` gets each operation, one at a time."""
        self._also = also
        self.outcomes: Counter[str] = Counter()
        self.moments: list[Moment] = []
        self.surprises: list[str] = []
        self.once: list[str] = []
        """Keys written once: surely, or perhaps."""
        self._stream = stream
        self._lock = threading.Lock()
        if stream is not None:
            write_header(stream)

    def record(self, operation: Operation) -> None:
        """Write one operation down; not after the file was closed, by a run that was cut short."""
        with self._lock:
            if self._stream is not None:
                if self._stream.closed:
                    return
                write_line(self._stream, operation)
            self.outcomes[operation.outcome] += 1
            self._also(operation)
            if operation.op in READS:
                return
            if operation.outcome == OK:
                self.moments.append(Moment(operation.call, operation.returned))
            key = operation.args[0]
            if operation.outcome != FAIL and isinstance(key, str) and key.startswith("once/"):
                self.once.append(key)

    def surprise(self, text: str) -> None:
        """Note an error that no cluster may cause, whatever happens to it."""
        with self._lock:
            self.surprises.append(text)
