"""The intake: where whatever serves clients leaves their requests, on the way to the engine.

Rules: nothing unchecked reaches the engine; each request gets one answer, a refusal too, as a
Result with its code; nothing waits here, and what takes long by itself is begun apart. Servants and
gateways only translate: a call or bytes into a request, a Result into their own form. Requests are
counted here and nowhere else. It knows no wire, no consensus and no machine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic

from kvrmi.cluster.counts import Histogram, RequestsEntry
from kvrmi.errors import InvalidRequest
from kvrmi.operations.interface import (
    LOCAL,
    Done,
    Engine,
    Operation,
    Result,
    check,
    check_request,
)
from kvrmi.operations.table import KEY_VALUE
from kvrmi.operations.vocabulary import Vocabulary

__all__ = ["Apart", "Intake"]

Apart = Callable[[Callable[[], None]], object]
"""Runs something where nobody waits for it."""

_log = logging.getLogger("kvrmi.server.intake")

UNKNOWN = "unknown"
"""As what requests for operations that do not exist are counted."""
_INTERNAL = "an internal error of this replica; its replica.log says which"


class Intake:
    """Takes the requests of all clients of a replica; safe to use from any thread."""

    def __init__(self, engine: Engine, apart: Apart, of: Vocabulary = KEY_VALUE) -> None:
        """Pass on to `engine` what it can carry out; what takes long by itself is begun `apart`.

        `of`: what it can be asked.
        """
        self.vocabulary = of
        self._engine = engine
        self._supported = engine.capabilities
        self._apart = apart
        self._requests: dict[str, _Requests] = {}

    def supports(self, name: str) -> bool:
        """Whether the engine has this operation."""
        return name in self._supported

    @property
    def counted(self) -> Mapping[str, RequestsEntry]:
        """The requests answered so far, by operation."""
        requests = self._requests.copy()  # in one step: the first of another kind may just come
        return {name: requests[name].report() for name in sorted(requests)}

    def submit(self, name: str, args: Sequence[object], request: object, done: Done) -> None:
        """Check a request and begin it; `done` gets the answer once, now or from another thread.

        `request` is a request id or None. `done` must not raise, nor wait for anything.
        """
        began = monotonic()
        try:
            operation = check(name, args, self.vocabulary)
            identity = None if request is None else check_request(request)
        except InvalidRequest as error:
            called = name if name in self.vocabulary.clients else UNKNOWN
            self._counting(called, began, done)(_refused("INVALID", str(error)))
            return
        answered = self._counting(name, began, done)
        if name not in self._supported:
            why = f"engine {self._engine.name} has no {name}; nothing was done"
            answered(_refused("UNSUPPORTED", why))
        elif operation.known.long or operation.consistency == LOCAL:  # that waits for the learner
            self._apart(partial(self._begin, operation, identity, answered))
        else:
            self._begin(operation, identity, answered)

    def _counting(self, name: str, began: float, done: Done) -> Done:
        """Make what counts an answer and passes it on."""
        requests = self._requests.get(name) or self._requests.setdefault(name, _Requests())

        def answered(result: Result) -> None:
            requests.add(result.code, monotonic() - began)
            done(result)

        return answered

    def status(self, done: Callable[[object], None]) -> None:
        """Give `done` this replica's entry of the cluster's status, or the error that it ends in.

        It asks each role, so somewhere else.
        """
        self._apart(partial(self._report, done))

    def _begin(self, operation: Operation, identity: tuple[str, int] | None, done: Done) -> None:
        try:
            self._engine.submit(operation, identity, done)
        except Exception:
            _log.exception("%s failed", operation.name)
            done(_refused("UNAVAILABLE" if operation.reads else "UNKNOWN_OUTCOME", _INTERNAL))

    def _report(self, done: Callable[[object], None]) -> None:
        try:
            status: object = self._engine.status()
        except Exception as error:
            status = error
        done(status)


def _refused(code: str, why: str) -> Result:
    """Make the answer to what did not come to the engine, or not back."""
    return Result(code, why, 0, 0, 0, False)


class _Requests:
    """The requests of one operation; answers come from several threads."""

    __slots__ = ("_durations", "_lock", "_outcomes")

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._durations = Histogram()
        self._lock = threading.Lock()

    def add(self, code: str, seconds: float) -> None:
        """Count one that was answered."""
        with self._lock:
            self._outcomes[code] = self._outcomes.get(code, 0) + 1
            self._durations.add(seconds)

    def report(self) -> RequestsEntry:
        """Copy what was counted."""
        with self._lock:
            return {"outcomes": dict(self._outcomes), **self._durations.report()}
