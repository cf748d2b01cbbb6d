"""One replica as a client meets it: its remote object, and the connections to it.

Rules: a connection is lent to one thread at a time; after a failure that leaves an answer
outstanding it is closed; what is raised says whether a byte of the request left.
It knows no other replica, and repeats nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, cast

from ..cluster.naming import kvstore
from ..errors import ConnectionFailed, KVError, from_builtin
from .candidates import Candidate
from .events import Asked, Observer
from .findings import Look, Lost, Unsent
from .lookup import Endpoint

__all__ = ["Connections", "look"]

CONNECT = 1.0
"""Seconds a replica has to accept a connection."""
REPLICAS = 64
"""How many names are tried where only an address is known."""
_IDLE_MAX = 64
_FRESH = 1.0
"""Seconds after its last answer for which a connection is not looked at before it is used."""


class Connections:
    """One replica's remote object, and the idle connections to it.

    A connection is lent to one thread at a time; as many exist as threads ask at once.
    """

    def __init__(self, candidate: Candidate, client: str | None = None) -> None:
        """Connect to nothing yet; `client` is the name that the replica learns."""
        self.candidate = candidate
        self._client = client
        self._idle: list[tuple[Any, float]] = []
        """Connections, and until when each is fresh."""
        self._lock = Lock()
        self._closed = False

    @property
    def endpoint(self) -> Endpoint:
        """Where it is; with its id once it was met."""
        return self.candidate.endpoint

    def call(
        self,
        method: str,
        args: Sequence[object],
        timeout: float,
        observer: Observer | None = None,
    ) -> Any:
        """Call it; raises the KVError it answered with, Unsent, or Lost.

        `observer` gets Asked before the first byte leaves.
        """
        deadline = time.monotonic() + timeout
        proxy = self._borrow(min(timeout, CONNECT))
        if observer is not None:
            observer(Asked(*self.candidate.where))
        proxy._pyroTimeout = _left(deadline)
        try:
            answer = getattr(proxy, method)(*args)
        except Exception as error:
            answered = from_builtin(error)
            if answered is None:
                proxy._pyroRelease()
                raise Lost(_said(error)) from error
            self._give_back(proxy)
            raise answered from None
        except BaseException:
            # Ctrl-C in the middle: the answer would meet the next request.
            proxy._pyroRelease()
            raise
        self._give_back(proxy)
        return answer

    def status(self, timeout: float) -> dict[str, Any]:
        """Ask for its status; raises as `call`. A look makes nobody with a name its client."""
        fits = self._client is None or self._idle or self._closed
        looking = self if fits else Connections(self.candidate)
        try:
            return cast("dict[str, Any]", looking.call("status", (), timeout))
        finally:
            if looking is not self:
                looking.close()

    def close(self) -> None:
        """Close the idle connections; those in use close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for proxy, _ in idle:
            proxy._pyroClaimOwnership()
            proxy._pyroRelease()

    def _borrow(self, timeout: float) -> Any:
        """Take an idle connection that still stands, or make one; raises Unsent."""
        while True:
            with self._lock:
                if self._closed:
                    raise Unsent("this store is closed")
                if not self._idle:
                    break
                proxy, fresh = self._idle.pop()
            proxy._pyroClaimOwnership()
            if time.monotonic() < fresh or proxy._stands:
                return proxy
            proxy._pyroRelease()  # the replica was restarted, or made room for others
        return self._connected(timeout)

    def _connected(self, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        try:
            if not self.endpoint.name:
                self.candidate.endpoint = _named(self.endpoint, deadline)
            proxy = _bound(self.endpoint, self.endpoint.name, deadline, self._client)
            _ = proxy.call  # a stranger's object lacks it
        except Exception as error:
            raise Unsent(_said(error)) from error
        return proxy

    def _give_back(self, proxy: Any) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_MAX:
                self._idle.append((proxy, time.monotonic() + _FRESH))
                return
        proxy._pyroRelease()


def look(replicas: Sequence[Connections], timeout: float) -> list[Look]:
    """Ask all of them for their status at the same time; one that hangs delays no other."""

    def ask(replica: Connections) -> Look:
        try:
            return replica.status(timeout)
        except (Unsent, Lost, KVError) as error:
            return error

    with ThreadPoolExecutor(len(replicas) or 1) as pool:
        return list(pool.map(ask, replicas))


def _bound(endpoint: Endpoint, name: str, deadline: float, client: str | None = None) -> Any:
    """Connect to an object; raises whatever happens."""
    from ..remote.proxy import connect  # Pyro5 only when needed, not on `import kvrmi`

    # msgpack costs the server half of what serpent does; any Pyro5 object of ours speaks both.
    timeout = _left(deadline)
    proxy = connect(endpoint.host, endpoint.port, name, timeout=timeout, serializer="msgpack")
    if client is not None:
        proxy._pyroHandshake = {"name": client}
    proxy._pyroBind()
    return proxy


def _named(endpoint: Endpoint, deadline: float) -> Endpoint:
    """Find out which replica lives at an address: its daemon knows its objects, by name."""
    with _bound(endpoint, "Pyro.Daemon", deadline) as daemon:
        for replica in range(1, REPLICAS + 1):
            name = kvstore(replica)
            daemon._pyroTimeout = _left(deadline)
            try:
                daemon.get_metadata(name)
            except Exception as error:
                if "unknown object" not in str(error):
                    raise
            else:
                return endpoint._replace(replica=replica, name=name)
    raise ConnectionFailed(
        "no replica under its usual name listens there; give the name of the object too"
    )


def _left(deadline: float) -> float:
    """Count the seconds left; a little more than none, since none means for ever to Pyro."""
    return max(deadline - time.monotonic(), 0.01)


def _said(error: Exception) -> str:
    """Describe an exception in one line."""
    return str(error).partition("\n")[0] or type(error).__name__
