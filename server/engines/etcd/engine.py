"""An etcd cluster as an engine: operations begun on threads of their own, answered as etcd does.

Rules: nothing is kept here but connections and a lease, so any number of gateways can stand before
one etcd, and each can go at any time. It knows etcd and no Pyro.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from kvrmi.operations.interface import LOCAL, Answer, Done, Operation, Result
from kvrmi.operations.past import SETTLE
from kvrmi.operations.vocabulary import Vocabulary

from ...hosts import Hosts
from ...router import Router
from ..opened import GRACE_SECONDS, LOST, LOST_READ
from ..served import Actions, Turns
from .endpoints import Endpoints, Failed
from .keys import Keys
from .look import Look
from .settings import parsed
from .transactions import OPERATIONS, Asked, asked, settled, with_request

__all__ = ["EtcdEngine"]

THREADS = 32
"""Requests to etcd at a time; more wait."""
LEASE_SECONDS = 7200
"""How long a session that nobody uses is remembered, at most; half of it at least."""
_NO_LEASE = "lease not found"
_LATE = Answer("UNAVAILABLE", "too many requests are waiting; nothing was done", 0)


class EtcdEngine:
    """Put, get, delete, cas, put_many, get_many, scan and size of one store in etcd."""

    name = "etcd"
    leader = 0
    actions = Actions()

    def __init__(
        self,
        me: int,
        hosts: Hosts,
        router: Router,
        turns: Turns,
        patience: float,
        status: Callable[[], dict[str, object]],
        refusals: Callable[[], Sequence[str]],
        vocabulary: Vocabulary,
        settings: Mapping[str, str],
    ) -> None:
        """Serve as gateway `me`; `settings` are those of the cluster file. Raises ConfigError."""
        known = parsed(settings)
        self.capabilities = OPERATIONS & frozenset(vocabulary.clients)
        self._status = status
        self._me = me
        self._patience = patience
        self._keys = Keys(known.prefix)
        self._endpoints = Endpoints(known)
        self._pool = ThreadPoolExecutor(THREADS, "etcd")
        self._lease = _Lease(self._endpoints)
        self._look = Look(self._endpoints, self._keys)

    def status(self) -> dict[str, object]:
        """Return the gateway's entry, with how etcd is."""
        entry, seen = self._status(), self._look.now()
        notes = [*cast("list[str]", entry["notes"]), *[seen.text] * (not seen.serves)]
        return {**entry, "notes": notes, "behind": seen._asdict()}

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        """Begin a checked operation; `done` gets the answer within the request time."""
        deadline = time.monotonic() + self._patience

        def carry_out() -> None:
            stale = operation.consistency == LOCAL
            try:
                answer = self._carried_out(operation, request, deadline)
            except Failed as error:
                answer = _refused(operation, error)
            except Exception:
                done(self._result(LOST_READ if operation.reads else LOST, stale))
                raise
            done(self._result(answer, stale))

        self._pool.submit(carry_out)

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        """Carry out a checked operation; answers within the request time."""
        answers: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self.submit(operation, request, answers.put)
        try:
            return answers.get(timeout=self._patience + 3 * GRACE_SECONDS)
        except queue.Empty:
            return self._result(LOST_READ if operation.reads else LOST, False)

    def _carried_out(
        self, operation: Operation, request: tuple[str, int] | None, deadline: float
    ) -> Answer:
        if time.monotonic() > deadline:
            return _LATE
        if operation.known is SETTLE:
            client, sequence = cast("tuple[str, int]", operation.args)
            make = partial(settled, self._keys, client, sequence)
        elif operation.reads or request is None:
            what, alone = asked(operation, self._keys), operation.consistency == LOCAL
            return self._ask(what, deadline, repeatable=operation.reads, alone=alone)
        else:
            make = partial(with_request, operation, self._keys, request)
        return self._bound(make, deadline)

    def _bound(self, make: Callable[[str], Asked], deadline: float) -> Answer:
        """Ask for what `make` makes of a lease: of another one where etcd does not know it."""
        lease = self._lease.held(deadline)
        try:
            return self._ask(make(lease), deadline, repeatable=True)
        except Failed as error:
            if _NO_LEASE not in str(error):
                raise
        lease = self._lease.anew(lease, deadline)
        return self._ask(make(lease), deadline, repeatable=True)

    def _ask(
        self, what: Asked, deadline: float, *, repeatable: bool, alone: bool = False
    ) -> Answer:
        found: Any = self._endpoints.ask(
            "/kv/txn", what.transaction, deadline, repeatable=repeatable, alone=alone
        )
        return what.read(found)

    def _result(self, answer: Answer, stale: bool) -> Result:
        return Result(*answer, self._me, self.leader, stale)


def _refused(operation: Operation, error: Failed) -> Answer:
    """Make the answer to what failed: of a read it is known that nothing was done."""
    if operation.reads and error.code == "UNKNOWN_OUTCOME":
        return Answer("UNAVAILABLE", f"{error}; nothing was done", 0)
    return Answer(error.code, str(error), 0)


class _Lease:
    """The lease that requests are bound to: a new one well before it ends; any thread may ask."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._id: str | None = None
        self._until = 0.0

    def held(self, deadline: float) -> str:
        """Return it. Raises Failed."""
        with self._lock:
            if self._id is None or time.monotonic() > self._until:
                self._id = self._granted(deadline)
            return self._id

    def anew(self, gone: str, deadline: float) -> str:
        """Return another than one that etcd does not know. Raises Failed."""
        with self._lock:
            if self._id == gone:
                self._id = None
        return self.held(deadline)

    def _granted(self, deadline: float) -> str:
        wanted = {"TTL": LEASE_SECONDS, "ID": 0}
        try:
            found = self._endpoints.ask("/lease/grant", wanted, deadline, repeatable=True)
        except Failed as error:  # of a lease nobody used: nothing was done
            raise Failed("NO_QUORUM", error.why) from None
        self._until = time.monotonic() + LEASE_SECONDS / 2
        return str(found["ID"])
