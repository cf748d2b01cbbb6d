"""The intake: where whatever serves clients leaves their requests, on the way to the engine.

Rules: nothing unchecked reaches the engine; each request gets one answer, a refusal too, as a
Result with its code; nothing waits here, and what takes long by itself is begun apart. Servants and
gateways only translate: a call or bytes into a request, a Result into their own form.
It knows no wire, no consensus and no machine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

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

_INTERNAL = "an internal error of this replica; its replica.log says which"


class Intake:
    """Takes the requests of all clients of a replica; safe to use from any thread."""

    def __init__(self, engine: Engine, apart: Apart, of: Vocabulary = KEY_VALUE) -> None:
        """Pass on to `engine` what it can carry out; what takes long by itself is begun `apart`.

        `of`: what it can be asked.
        """
        self._of = of
        self._engine = engine
        self._supported = engine.capabilities
        self._apart = apart

    def submit(self, name: str, args: Sequence[object], request: object, done: Done) -> None:
        """Check a request and begin it; `done` gets the answer once, now or from another thread.

        `request` is a request id or None. `done` must not raise, nor wait for anything.
        """
        try:
            operation = check(name, args, self._of)
            identity = None if request is None else check_request(request)
        except InvalidRequest as error:
            done(_refused("INVALID", str(error)))
            return
        if operation.name not in self._supported:
            done(_refused("UNSUPPORTED", f"this engine has no {operation.name}; nothing was done"))
        elif operation.known.long or operation.consistency == LOCAL:  # that waits for the learner
            self._apart(partial(self._begin, operation, identity, done))
        else:
            self._begin(operation, identity, done)

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
