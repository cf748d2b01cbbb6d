"""The TCP gateway: RESP2 and inline text on one port, for redis-cli, redis-py, or a person with nc.

Rules: no thread a connection: the replica's reactor reads, answers and sends; no client can make it
wait, keep more than its share, or end it. It knows no command and no engine.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from time import monotonic

from kvrmi.operations.interface import Result
from kvrmi.remote.binding import for_connections
from kvrmi.remote.listener import Client
from kvrmi.remote.ratelimit import RateLimit
from kvrmi.remote.reactor import NEVER, Reactor
from kvrmi.wire.replies import error

from ..intake import Intake
from .connection import Connection, address_of
from .cursors import Cursors
from .definition import Ask, Conversation
from .said import noted
from .turns import do_there

__all__ = ["KEPT_BYTES", "POOL", "TcpGateway"]

POOL = 1000
"""Connections that are open at a time."""
KEPT_BYTES = 64 << 20
"""That all connections keep of what came in and of what goes out; beyond, the largest is closed."""
_BACKLOG = 511
_ACCEPTED_AT_ONCE = 32
_BACK_OFF_SECONDS = 0.1
"""After a connection that could not be accepted, as without a free descriptor."""
_STOPS = "UNKNOWN_OUTCOME: this server stops; the command may or may not take effect"

_log = logging.getLogger("kvrmi.server.tcp")


class TcpGateway:
    """An endpoint of a replica."""

    def __init__(
        self,
        host: str,
        port: int,
        reactor: Reactor,
        intake: Intake,
        about: Callable[[], Mapping[str, object]],
        *,
        log_requests: bool = False,
    ) -> None:
        """Nothing listens before `open`. `about` says what INFO lists."""
        self._host = host
        self._port = port
        self._reactor = reactor
        self._intake = intake
        self._about = about
        self._log_requests = log_requests
        self._cursors = Cursors()
        self._numbers = count(1)
        self._listener: socket.socket | None = None
        self._connections: dict[Connection, object] = {}
        self._owing: dict[Connection, None] = {}
        """Those with a deadline."""
        self._touched: dict[Connection, None] = {}
        self._kept = 0
        self._resume_at = NEVER
        self._thread = 0
        self._displaced = RateLimit(_log, logging.INFO)
        self._refusals = RateLimit(_log, logging.WARNING)
        reactor.add_timer(self._left, self._look)

    @property
    def alive(self) -> bool:
        """True while it listens."""
        return self._listener is not None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def clients(self) -> list[Client]:
        """The connections whose clients have a name, the oldest first."""
        return [client for one in self._connections.copy() if (client := one.client)]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def open(self) -> None:
        """Listen and serve. Raises OSError."""
        listener = for_connections(self._host, self._port, _BACKLOG)
        listener.setblocking(False)
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._reactor.watch(listener.fileno(), self._accept)
        _log.info("serves RESP2 and inline text on port %d", self._port)

    def cut(self) -> None:
        """Stop listening, answer what is open with UNKNOWN_OUTCOME, close every connection."""
        if self._listener is not None or self._connections:
            do_there(self._reactor, self._close)

    # --- in the reactor's thread ------------------------------------------------------------------

    def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._reactor.forget(listener.fileno())
            listener.close()
        for connection in list(self._connections):
            connection.dialogue.give_up(_STOPS)
            connection.proceed()
            self._end(connection)

    def _accept(self, events: int) -> None:
        self._thread = threading.get_ident()
        for _ in range(_ACCEPTED_AT_ONCE):
            if self._listener is None:
                return
            try:
                sock, peer = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as problem:
                self._refusals.say("accept failed: %s", problem)
                self._pause()
                return
            self._admit(sock, address_of(peer))

    def _pause(self) -> None:
        """Accept nobody for a moment: the same error would come again at full speed."""
        if self._listener is not None:
            self._reactor.forget(self._listener.fileno())
            self._resume_at = monotonic() + _BACK_OFF_SECONDS

    def _admit(self, sock: socket.socket, address: str) -> None:
        if len(self._connections) >= POOL and not self._make_room():
            self._refusals.say("all %d connections are at work; refused another", POOL)
            with suppress(OSError), sock:
                sock.send(error("UNAVAILABLE: too many connections; nothing was done"))
            return
        conversation = Conversation(next(self._numbers), address, self._cursors, self._about)
        heard = partial(noted, f"tcp {address}") if self._log_requests else None
        gathers = self._intake.supports("put_many")
        connection = Connection(
            sock, conversation, self._submit, self._touch, heard, gathers=gathers
        )
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._reactor.watch(sock.fileno(), connection.happened)
        except OSError:
            sock.close()  # reset before it was taken
            return
        self._connections[connection] = None

    def _make_room(self) -> bool:
        idle = [one for one in self._connections if one.is_idle]
        if not idle:
            return False
        self._displaced.say("too many connections: closed the one that was idle longest")
        self._end(min(idle, key=lambda one: one.idle_since))
        return True

    def _submit(self, ask: Ask, done: Callable[[Result], None]) -> None:
        def answered(result: Result) -> None:
            if threading.get_ident() == self._thread:
                done(result)
            else:  # what took long by itself
                self._reactor.soon(partial(done, result))

        self._intake.submit(ask.name, ask.args, None, answered)

    def _touch(self, connection: Connection) -> None:
        """Have a connection proceed once all that was ready together has been handled."""
        if not self._touched:
            self._reactor.soon(self._proceed)
        self._touched[connection] = None

    def _proceed(self) -> None:
        touched, self._touched = self._touched, {}
        for connection in touched:
            if connection in self._connections:
                self._proceed_with(connection)

    def _proceed_with(self, connection: Connection) -> None:
        events = connection.proceed()
        self._kept += connection.kept - connection.accounted
        connection.accounted = connection.kept
        if connection.gone:
            self._end(connection)
            return
        if events is not None:
            self._reactor.change(connection.sock.fileno(), events)
        if connection.deadline is None:
            self._owing.pop(connection, None)
        else:
            self._owing[connection] = None
        if self._kept > KEPT_BYTES:
            self._displaced.say("connections keep over %d bytes: closed the largest", KEPT_BYTES)
            self._end(max(self._connections, key=lambda one: one.accounted))

    def _end(self, connection: Connection) -> None:
        if self._connections.pop(connection, self) is self:
            return
        self._owing.pop(connection, None)
        self._kept -= connection.accounted
        self._reactor.forget(connection.sock.fileno())
        connection.close()

    # --- its timer --------------------------------------------------------------------------------

    def _left(self) -> float:
        if not self._owing and self._resume_at == NEVER:
            return NEVER
        deadlines = [one.deadline for one in self._owing if one.deadline is not None]
        return min([self._resume_at, *deadlines]) - monotonic()

    def _look(self) -> None:
        """Accept again after a pause; give up who owes for too long."""
        now = monotonic()
        for one in [one for one in self._owing if one.deadline is None or one.deadline <= now]:
            self._end(one)
        if self._resume_at <= now:
            self._resume_at = NEVER
            if self._listener is not None:
                self._reactor.watch(self._listener.fileno(), self._accept)
