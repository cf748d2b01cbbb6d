"""A listening socket, and a thread for each connection that it accepted, until that hands it on.

Rules: nothing a connection does, or fails to do, happens in the accepting thread; that thread ends
only when it is asked to; when there are too many connections, the one that has been idle longest
makes room, those that never shook hands first. It knows no frames' meaning.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable
from time import monotonic, time
from typing import NamedTuple

from kvrmi.cluster.naming import join_address

from .binding import for_connections
from .channel import Channel
from .identity import Challenge
from .ratelimit import RateLimit
from .stream import Stream

__all__ = ["Client", "Connection", "Listener"]

_log = logging.getLogger("kvrmi.remote.listener")

_ACCEPT_SECONDS = 2.0
"""Where shutting down the socket does not wake its accept, this does."""
_BACK_OFF_SECONDS = 0.05
_PAUSES = (0.01, 0.01)
"""After each try to take a connection: a call or a thread that ends soon makes room for it."""
_BACKLOG = 128
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
Serve = Callable[["Connection"], bool]
"""Serves a connection; True if somebody else goes on, and will `end` it."""


class Client(NamedTuple):
    """A connection whose client has a name; `since` is in seconds since 1970."""

    name: str
    address: str
    since: float


class Connection:
    """One accepted connection; its own thread works on it, any thread may cut it."""

    __slots__ = (
        "admitted", "base64", "caller", "channel", "claims", "idle_since", "name", "since", "turn",
        "unwatched",
    )  # fmt: skip

    def __init__(self, channel: Channel) -> None:
        """`caller` is whatever admission made of it."""
        self.channel = channel
        self.admitted = False
        self.base64 = False
        """True if it wants bytes in serpent's base64 form."""
        self.name: str | None = None
        """What its client calls itself."""
        self.since = time()
        self.caller: object = None
        self.claims: Challenge | None = None
        """What it has announced of itself and has to prove."""
        self.idle_since = monotonic()
        """Monotonic seconds; 0.0 while a call runs."""
        self.turn = threading.Lock()
        """Held from the begin of a call until its answer was sent: no other begins meanwhile."""
        self.unwatched = True
        """Whether no reactor waits for what comes next."""


class Listener:
    """Accepts on one address until it is cut."""

    def __init__(self, host: str, port: int, *, pool: int, limit: int, serve: Serve) -> None:
        """Bind; port 0 takes a free one. `serve` runs in each connection's thread. Raises OSError.

        At most `pool` connections are open; their channels begin with frames of `limit` bytes.
        """
        self._serve = serve
        self._pool = pool
        self._limit = limit
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._refusals = RateLimit(_log, logging.WARNING)
        self._displaced = RateLimit(_log, logging.INFO)
        self.is_cut = False
        """True once nothing may be executed any more."""
        self.sock = for_connections(host, port, _BACKLOG)
        self.sock.settimeout(_ACCEPT_SECONDS)
        self.port: int = self.sock.getsockname()[1]

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def clients(self) -> list[Client]:
        """Those that have a name, the oldest first."""
        with self._lock:
            named = [(each.since, each.name, each) for each in self._connections if each.name]
        found = []
        for since, name, connection in sorted(named, key=lambda one: one[:2]):
            with contextlib.suppress(OSError):  # it has just gone
                found.append(Client(name, join_address(*connection.channel.stream.other), since))
        return found

    def run(self, condition: Callable[[], bool] = lambda: True) -> None:
        """Accept until cut, or until `condition` no longer holds."""
        try:
            while not self.is_cut and condition():
                self._accept()
        finally:
            self.sock.close()

    def cut(self) -> None:
        """Stop accepting and end all connections, without waiting for their threads."""
        self.is_cut = True
        self._stop.set()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for connection in self._connections:
                connection.channel.cut()

    def spare(self, work: Callable[[], None]) -> bool:
        """Run `work` in a thread of its own; False if there is no thread for it."""
        try:
            threading.Thread(target=work, name="kvrmi-connection", daemon=True).start()
        except RuntimeError as error:
            self._refusals.say("a connection ends: %s", error)
            return False
        return True

    def _accept(self) -> None:
        try:
            sock, _ = self.sock.accept()
        except TimeoutError:
            return
        except OSError as error:
            if not self.is_cut:
                self._recover(error)
            return
        for pause in _PAUSES:
            try:
                if self._admit(sock):
                    return
                self._refusals.say("all %d connections are in calls; refused another", self._pool)
            except Exception as error:
                # A reset connection refuses its options; a machine out of threads starts none.
                self._refusals.say("a connection could not be taken: %s", error)
                self._make_room()
            self._stop.wait(pause)
        sock.close()

    def _recover(self, error: OSError) -> None:
        """Go on after a failed accept; never at full speed, whatever the reason is."""
        self._refusals.say("accept failed: %s", error)
        if error.errno in _EXHAUSTED:
            self._make_room()
        self._stop.wait(_BACK_OFF_SECONDS)

    def _admit(self, sock: socket.socket) -> bool:
        """Have a thread of its own serve it; False if there is no room for another now."""
        if len(self._connections) >= self._pool and not self._make_room():
            return False
        try:
            connection = Connection(Channel(Stream(sock), self._limit))
        except OSError:
            sock.close()  # reset before it was taken
            return True
        with self._lock:
            self._connections.add(connection)
        try:
            threading.Thread(
                target=self._work, args=(connection,), name="kvrmi-connection", daemon=True
            ).start()
        except RuntimeError:
            self._forget(connection)
            raise
        if self.is_cut:
            connection.channel.cut()  # added after cut() went through them
        return True

    def _make_room(self) -> bool:
        with self._lock:
            idle = [each for each in self._connections if each.idle_since]
            if not idle:
                return False
            victim = min(idle, key=lambda each: (each.admitted, each.idle_since))
            self._connections.discard(victim)
        self._displaced.say("too many connections: closed the one that was idle longest")
        victim.channel.cut()
        return True

    def _work(self, connection: Connection) -> None:
        try:
            if self._serve(connection):
                return
        except Exception:
            _log.exception("a connection failed")
        self.end(connection)

    def end(self, connection: Connection) -> None:
        """Close a connection that nobody serves any more."""
        self._forget(connection)
        connection.channel.close()

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)
