"""One machine behind the store's remote object, and a name server that knows it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

from kvrmi.cluster.naming import NAMESERVER
from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import OPERATIONS, Done, Operation, Result
from kvrmi.remote.daemon import Daemon, caller
from kvrmi.remote.identity import Caller
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from nameserver.service import NameServer
from server.intake import Intake
from server.kvstore import kvstore

STORE = "kvrmi.replica1"


class ExampleStore:
    """An engine without consensus."""

    name = "example"
    capabilities = frozenset(OPERATIONS)

    def __init__(self) -> None:
        self._machine = Replicated(KeyValues)
        self._lock = threading.Lock()
        self._ids = count()

    def submit(self, operation: Operation, request: tuple[str, int] | None, done: Done) -> None:
        done(self.execute(operation, request))

    def execute(self, operation: Operation, request: tuple[str, int] | None) -> Result:
        with self._lock:
            if operation.reads:
                answer = self._machine.read(encode_question(operation.name, operation.args))
            else:
                id = request or (1, bytes(8), next(self._ids))
                answer = self._machine.apply(encode_command(operation.name, operation.args, id))
        return Result(answer.code, answer.value, answer.revision, 1, 1, False)

    def status(self) -> dict[str, object]:
        return {"id": 1}


class Served(NamedTuple):
    """Where the two listen: "host:port"."""

    store: str
    nameserver: str


@contextmanager
def served() -> Iterator[Served]:
    """Serve an empty store and its name until the end."""
    daemons = [_daemon(), _daemon()]
    store, nameserver = daemons
    try:
        uri = store.register(kvstore(Intake(ExampleStore(), lambda work: work())), STORE)
        names = NameServer(nameserver.locationStr, lambda: caller() or Caller(0, "test"))
        names.register(STORE, str(uri), metadata=["kvrmi.replica"])
        nameserver.register(names, NAMESERVER)
        for daemon in daemons:
            daemon.start()
        yield Served(store.locationStr, nameserver.locationStr)
    finally:
        for daemon in daemons:
            daemon.cut()


def _daemon() -> Daemon:
    return Daemon("127.0.0.1", 0, admit=None, pool=20, max_message=8 << 20, idle=60.0)
