"""One request, many replicas: who is asked next, and what may be reported when none answered.

Rules: a request is repeated only by its own id, never as a new one; once it may have been sent,
nothing but its own answer says that it was not done.
It knows no keys and no sessions, and remembers of a replica only whether it failed lately.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any, cast

from .attempts import Answered, Asked, Failed, Observer, guarded
from .errors import (
    Aborted,
    ConnectionFailed,
    InvalidRequest,
    KVError,
    NoQuorum,
    UnknownOutcome,
    from_builtin,
    was_refused,
)
from .interface import Operation
from .lookup import Directory, Endpoint
from .naming import kvstore

__all__ = ["Expired", "Lost", "Replica", "Replicas", "Unsent"]

CONNECT = 1.0
"""Seconds a replica has to accept a connection."""
ANSWER = 3.2
"""Seconds it has to answer: servers answer within 3."""
AVOID = 2.0
"""Seconds for which one that failed is asked after all others."""
STATUS = 0.5
"""Seconds it has to answer whom it follows."""
REPLICAS = 64
"""How many names are tried where only an address is known."""
_PAUSE_MIN, _PAUSE_MAX = 0.05, 0.3
_IDLE_MAX = 64


class Unsent(Exception):
    """The replica could not be reached: not one byte of the request left."""

    @property
    def refused(self) -> bool:
        """Whether nothing listens there; else somebody may, who does not answer."""
        return was_refused(self)


class Lost(Exception):
    """The connection broke, or the answer is late: the request may have been carried out."""


class Expired(Exception):
    """The session is unknown to the cluster, and this request was certainly not carried out."""


class Replica:
    """One replica's remote object, and the idle connections to it.

    A connection is lent to one thread at a time; as many exist as threads ask at once.
    """

    def __init__(self, endpoint: Endpoint, client: str | None = None) -> None:
        """Connect to nothing yet; `client` is the name that the replica learns."""
        self.endpoint = endpoint
        self._client = client
        self.avoid_until = 0.0
        self._idle: list[Any] = []
        self._lock = Lock()
        self._closed = False

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
            observer(Asked(self.endpoint.replica, self.endpoint.address))
        proxy._pyroTimeout = max(deadline - time.monotonic(), 0.01)
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

    def close(self) -> None:
        """Close the idle connections; those in use close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for proxy in idle:
            proxy._pyroClaimOwnership()
            proxy._pyroRelease()

    def _borrow(self, timeout: float) -> Any:
        with self._lock:
            if self._closed:
                raise Unsent("this store is closed")
            proxy = self._idle.pop() if self._idle else None
        if proxy is not None:
            proxy._pyroClaimOwnership()
            return proxy
        try:
            if not self.endpoint.name:
                self.endpoint = _named(self.endpoint, timeout)
            proxy = _bound(self.endpoint, self.endpoint.name, timeout, self._client)
            _ = proxy.call  # a stranger's object lacks it
        except Exception as error:
            raise Unsent(_said(error)) from error
        return proxy

    def _give_back(self, proxy: Any) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_MAX:
                self._idle.append(proxy)
                return
        proxy._pyroRelease()


class Replicas:
    """All replicas of a cluster behind one `ask`; safe for any number of threads."""

    def __init__(
        self,
        directory: Directory,
        prefer: int | None = None,
        *,
        client: str | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`prefer` as in the method; `client` is the name that replicas learn.

        `observer` gets an Event at each step of an attempt.
        """
        self.directory = directory
        self.all = tuple(Replica(endpoint, client) for endpoint in directory.endpoints)
        self._observer = None if observer is None else guarded(observer)
        self._leads = self.all[0]
        """Whom to ask first unless one is preferred: whoever leads, as far as is known."""
        self._preferred: Replica | None = None
        self.prefer(prefer)
        self._met = False
        self._pid = os.getpid()
        self._closed = False

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        for replica in self.all:
            replica.close()

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of all replicas; without those of which only the address is known yet."""
        return tuple(sorted(each.endpoint.replica for each in self.all if each.endpoint.replica))

    def prefer(self, id: int | None) -> None:
        """Ask this replica first from now on, always; None: follow the leader.

        Raises InvalidRequest for one that is not known; then nothing has changed.
        """
        preferred = self._with_id(id) if id else None
        if preferred is not None:
            preferred.avoid_until = 0.0  # who names it wants it tried
        elif id is not None:
            raise InvalidRequest(f"{self.directory.source} has no replica {id}")
        self._preferred = preferred

    def ask(
        self, operation: Operation, request: tuple[str, int] | None, timeout: float
    ) -> dict[str, Any]:
        """Get the answer of call() from whoever can give it, within `timeout` seconds.

        Raises Expired, or the KVError that says what was done.
        """
        if self._closed:
            raise ConnectionFailed("this store is closed")
        if os.getpid() != self._pid:
            raise ConnectionFailed("this store belongs to another process; connect after a fork")
        known = _Known(operation.reads, timeout, self.directory.source)
        arguments = _arguments(operation, request)
        pause = _PAUSE_MIN
        while True:
            answer = self._round(arguments, known)
            if answer is not None:
                return answer
            known.pause(pause)
            pause = min(2 * pause, _PAUSE_MAX)

    def _round(self, arguments: Sequence[object], known: _Known) -> dict[str, Any] | None:
        """Ask each replica once; raises when it is settled that there will be no answer."""
        asked = 0
        for replica in self._order():
            if known.left() <= 0:
                raise known.verdict()
            if known.cautious() and not self._has_leader(replica, known.left()):
                continue
            answer = self._attempt(replica, arguments, known)
            if answer is not None:
                return answer
            asked += 1
        if not asked or (not self._met and known.refused >= len(self.all)):
            # The second: nobody was ever there, which is no failure to sit out.
            raise known.verdict()
        return None

    def _attempt(
        self, replica: Replica, arguments: Sequence[object], known: _Known
    ) -> dict[str, Any] | None:
        observer = self._observer
        try:
            answer = replica.call("call", arguments, min(known.left(), ANSWER), observer)
        except Unsent as error:
            known.unsent(replica, error)
            self._failed(replica, error, sent=False)
        except Lost as error:
            known.lost(replica, error)
            self._failed(replica, error, sent=True)
        except KVError as error:
            self._met = True
            known.answered(error)
            self._failed(replica, error, sent=True)
        else:
            self._met = True
            leader = answer["leader"]
            self._leads = self._with_id(leader) or replica
            if observer is not None:
                observer(Answered(*_where(replica), leader))
            return cast("dict[str, Any]", answer)
        return None

    def _failed(self, replica: Replica, error: Exception, *, sent: bool) -> None:
        replica.avoid_until = time.monotonic() + AVOID
        if self._observer is not None:
            self._observer(Failed(*_where(replica), str(error), sent))

    def _has_leader(self, replica: Replica, left: float) -> bool:
        try:
            return bool(replica.call("status", (), min(left, STATUS)).get("leader"))
        except (KVError, Lost, Unsent):
            return False

    def _order(self) -> list[Replica]:
        now = time.monotonic()
        first = self._preferred or self._leads
        if first.avoid_until <= now:
            return [first, *(each for each in self.all if each is not first)]
        return sorted(self.all, key=lambda each: each.avoid_until)

    def _with_id(self, id: object) -> Replica | None:
        return next((each for each in self.all if each.endpoint.replica == id), None)


class _Known:
    """What is known so far of one request."""

    def __init__(self, reads: bool, timeout: float, source: str) -> None:
        self.refused = 0
        self._reads = reads
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._source = source
        self._sent = False
        self._no_quorum: NoQuorum | None = None
        self._last = ""

    def left(self) -> float:
        """Seconds left; negative when the time is over."""
        return self._deadline - time.monotonic()

    def pause(self, seconds: float) -> None:
        """Give the cluster time to recover, within the deadline."""
        time.sleep(max(min(seconds, self.left()), 0))

    def cautious(self) -> bool:
        """Whether one more attempt could turn a certain "nothing was done" into a doubt.

        That is: the time left is shorter than a server may take to say so again.
        """
        return self._no_quorum is not None and not self._sent and self.left() < ANSWER

    def unsent(self, replica: Replica, error: Unsent) -> None:
        """Note that `replica` could not be reached."""
        self.refused += 1
        self._last = f"{replica.endpoint.address}: {error}"

    def lost(self, replica: Replica, error: Lost) -> None:
        """Note that `replica` may have got the request."""
        self._sent = not self._reads
        self._last = f"{replica.endpoint.address}: {error}"

    def answered(self, error: KVError) -> None:
        """Note an error that a replica answered with; raises when asking others is no use."""
        self._last = str(error)
        if isinstance(error, UnknownOutcome):
            if not self._sent and str(error).startswith("session expired"):
                raise Expired(str(error))
            if self._sent and str(error).startswith("session expired"):
                raise error
            self._sent = not self._reads
        elif isinstance(error, NoQuorum):
            self._no_quorum = error
        elif isinstance(error, Aborted):
            if not self._sent:
                raise error
        elif not isinstance(error, ConnectionFailed):
            raise error

    def verdict(self) -> KVError:
        """Report what is certain when no answer came."""
        if self._sent:
            return UnknownOutcome(
                f"no answer within {self._timeout:g} s ({self._last}); "
                "the write may or may not have taken effect"
            )
        if self._no_quorum is not None:
            return self._no_quorum
        return ConnectionFailed(
            f"no replica of {self._source} answered ({self._last}); nothing was done. "
            "Check that the cluster runs"
        )


def _bound(endpoint: Endpoint, name: str, timeout: float, client: str | None = None) -> Any:
    """Connect to an object; raises whatever happens."""
    from .remote.proxy import connect  # Pyro5 only when needed, not on `import kvrmi`

    # msgpack costs the server half of what serpent does; any Pyro5 object of ours speaks both.
    proxy = connect(endpoint.host, endpoint.port, name, timeout=timeout, serializer="msgpack")
    if client is not None:
        proxy._pyroHandshake = {"name": client}
    proxy._pyroBind()
    return proxy


def _named(endpoint: Endpoint, timeout: float) -> Endpoint:
    """Find out which replica lives at an address: its daemon knows its objects, by name."""
    with _bound(endpoint, "Pyro.Daemon", timeout) as daemon:
        for replica in range(1, REPLICAS + 1):
            name = kvstore(replica)
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


def _arguments(operation: Operation, request: tuple[str, int] | None) -> tuple[object, ...]:
    args: list[object] = list(operation.args)
    if operation.name == "get":
        args.append(operation.consistency)
    return (operation.name, args) if request is None else (operation.name, args, list(request))


def _where(replica: Replica) -> tuple[int, str]:
    return replica.endpoint.replica, replica.endpoint.address


def _said(error: Exception) -> str:
    """Describe an exception in one line."""
    return str(error).partition("\n")[0] or type(error).__name__
