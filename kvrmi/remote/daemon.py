"""The Pyro5 daemon that everything of ours stands behind: open to a hostile network.

Rules: one instance, never a class, answers a name; only its exposed methods can be reached, and no
attribute of it is looked at for a call; after `cut` no call begins. What Pyro's own transport and
call handling let a stranger do (kill the accept loop, freeze it, outlive a shutdown, pick marshal,
unpack bombs, start threads) they cannot do here, because neither is used.
It does not know what the instance does, nor who may connect: `admit` says.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import Pyro5.server
from Pyro5.callcontext import current_context
from Pyro5.errors import DaemonError

from kvrmi.cluster.naming import is_client, join_address

from .budget import Budget, Unread
from .calls import COMPRESSED_REFUSED, Calls
from .exchanges import Exchanges
from .frames import (
    COMPRESSED,
    CONNECT,
    CONNECT_FAIL,
    CONNECT_OK,
    CORRELATED,
    Frame,
    FrameError,
    OtherVersion,
    pack,
)
from .identity import Caller, Challenge, Refused
from .listener import Client, Connection, Listener
from .payload import SERPENT, TAKEN, PayloadError, TooComplex, dump, load
from .ratelimit import RateLimit
from .reactor import Reactor

__all__ = ["Daemon", "caller"]

_log = logging.getLogger("kvrmi.remote.daemon")

_HANDSHAKE_SECONDS = 2.0
_HANDSHAKE_BYTES = 1 << 16
_CUT_SECONDS = 0.15
_LARGE_AT_ONCE = 2
"""So many of the largest messages are taken from strangers at the same time."""
_UNREAD_AT_ONCE = 8
"""So many of the largest answers may wait for strangers to read them at the same time."""

_SAYABLE = (Refused, DaemonError, PayloadError, TooComplex)
"""Reasons for which a connection was refused, that the other side may read."""

Admit = Callable[[Any], object]


def caller() -> Caller | None:
    """Who made the call that this thread is serving; None if it did not have to say."""
    connection = current_context.client
    known = connection.caller if isinstance(connection, Connection) else None
    return known if isinstance(known, Caller) else None


def origin() -> str:
    """Where the call comes from that this thread is serving, and what its client calls itself."""
    connection = current_context.client
    if not isinstance(connection, Connection):
        return "unknown"
    try:
        address = join_address(*connection.channel.stream.other)
    except OSError:
        address = "gone"
    return f"{address} ({connection.name})" if connection.name else address


class Daemon(Pyro5.server.Daemon):
    """Serves registered instances over Pyro5's protocol."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        admit: Admit | None,
        pool: int,
        max_message: int,
        idle: float,
        after_answer: Callable[[], None] | None = None,
        on_disconnect: Callable[[Caller | None], None] | None = None,
        reactor: Reactor | None = None,
    ) -> None:
        """Listen on `port` (0: a free one), serve nobody yet. Raises OSError.

        `admit` gets a connection's handshake data and raises to refuse it; what it returns is the
        `caller()`, save a Challenge, which the handshake's next message has to pass first.
        At most `pool` connections, `max_message` bytes a message, `idle` seconds between calls.
        `after_answer` runs in a connection's thread after each call, once its answer
        has been sent or cannot be. With a `reactor`, that one reads what has come and calls in its
        own thread, so no exposed method may block: it answers later.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            # Given a connection, Pyro's daemon sets up no transport of its own.
            super().__init__(connected_socket=ours)
        self._listener = Listener(
            host, port, pool=pool, limit=_HANDSHAKE_BYTES, serve=self._serve_connection
        )
        self._calls = Calls(max_message, lambda: self._listener.is_cut)
        self.transportServer = self._listener
        self.locationStr = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._admit = admit
        self._max_message = max_message
        self._budget = Budget(_LARGE_AT_ONCE * max_message)
        self._on_disconnect = on_disconnect
        self._exchanges = Exchanges(
            self._calls,
            self._listener,
            idle=idle,
            unread=Unread(_UNREAD_AT_ONCE * max_message),
            after_answer=after_answer or _nothing,
            on_end=self._end,
            reactor=reactor,
        )
        self._thread: threading.Thread | None = None
        self._refusals = RateLimit(_log, logging.INFO)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    @property
    def alive(self) -> bool:
        """True while the thread that `start` made accepts connections."""
        return self._thread is not None and self._thread.is_alive() and not self._listener.is_cut

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._listener.connections

    @property
    def clients(self) -> list[Client]:
        """The connections whose clients have a name, the oldest first."""
        return self._listener.clients

    def register(self, instance: object, name: str, force: bool = False, weak: bool = False) -> Any:
        """Let `instance` answer to `name`; its URI. Raises TypeError for a class.

        A class would be instantiated for each connection. No proxy of ours is ever handed out for
        an instance that a method returns, so Pyro's registries are left alone.
        """
        if isinstance(instance, type):
            raise TypeError("register an instance, not a class")
        if weak or (name in self.objectsById and not force):
            raise ValueError(f"{name} is taken, or weak was asked for")
        self._calls.add(name, instance)
        self.objectsById[name] = instance
        return self.uriFor(name)

    def start(self, on_death: Callable[[], None] | None = None) -> None:
        """Serve in threads of our own; `on_death` is called if accepting ends without `cut`."""
        if self._thread is not None:
            raise RuntimeError("a daemon is started once")
        self._thread = threading.Thread(
            target=self._run, args=(on_death,), name=f"kvrmi-daemon-{self.port}", daemon=True
        )
        self._thread.start()

    def requestLoop(self, loopCondition: Callable[[], bool] = lambda: True) -> None:
        """Accept connections in this thread until `cut`, or for as long as the condition holds."""
        self._listener.run(loopCondition)

    def cut(self) -> None:
        """Stop at once: no call begins any more, all connections end, the port is free.

        Calls that run are not waited for; their answers are lost.
        """
        self._listener.cut()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CUT_SECONDS)
        self._listener.sock.close()

    def shutdown(self) -> None:
        """Do as `cut` does."""
        self.cut()

    def close(self) -> None:
        """Do as `cut` does."""
        self.cut()

    def handleRequest(self, conn: Connection) -> None:
        """Wait for a message on `conn` and answer it, or have it answered later.

        Raises OSError, FrameError or Hangup when the connection is of no more use.
        """
        self._exchanges.handle(conn)

    def _run(self, on_death: Callable[[], None] | None) -> None:
        try:
            self.requestLoop()
        except Exception:
            _log.exception("accepting on %s failed", self.locationStr)
        if not self._listener.is_cut:
            _log.error("no longer accepting on %s", self.locationStr)
            if on_death is not None:
                on_death()

    def _serve_connection(self, conn: Connection) -> bool:
        current_context.client = conn
        try:
            if not self._handshake(conn):
                return False
        except OSError as error:
            _log.debug("no handshake: %s", error)
            return False
        except FrameError as error:
            self._refusals.say("refused a connection: %s", error)
            return False
        conn.idle_since = monotonic()
        conn.admitted = True
        conn.channel.limit = self._max_message
        if conn.caller is None:
            conn.channel.budget = self._budget
        return self._exchanges.serve(conn)

    def _end(self, conn: Connection) -> None:
        if self._on_disconnect is not None:
            self._on_disconnect(conn.caller if isinstance(conn.caller, Caller) else None)

    def _handshake(self, conn: Connection, denied_reason: str | None = None) -> bool:
        """Admit or refuse a new connection; True if it is admitted. Raises OSError, FrameError.

        Who announces that it knows the secret has a second message to send, its proof.
        """
        end = monotonic() + _HANDSHAKE_SECONDS
        if not self._shake(conn, end, self._admit):
            return False
        if conn.claims is None:
            return True
        try:
            return self._shake(conn, end, conn.claims.check)
        except OSError:
            self._refusals.say("refused a connection: %s", conn.claims.unproved)
            raise

    def _shake(self, conn: Connection, end: float, admit: Admit | None) -> bool:
        """Take one message of a handshake and answer it; False if it was refused."""
        try:
            frame = conn.channel.receive(max(end - monotonic(), 0.001), end)
        except OtherVersion as error:
            reply = pack(CONNECT_FAIL, SERPENT, 0, 0, dump(SERPENT, str(error)))
            conn.channel.send(reply, _HANDSHAKE_SECONDS)
            raise
        if frame.kind != CONNECT:
            raise FrameError("not a handshake")
        serializer = frame.serializer if frame.serializer in TAKEN else SERPENT
        try:
            answer: object = self._welcome(conn, frame, admit)
            kind = CONNECT_OK
        except Exception as error:  # `admit` is not ours, and meets hostile data
            self._refusals.say("refused a connection: %s", error)
            answer = str(error) if isinstance(error, _SAYABLE) else "refused"
            kind = CONNECT_FAIL
        correlated = frame.flags & CORRELATED
        payload = dump(serializer, answer)
        reply = pack(kind, serializer, correlated, frame.sequence, payload, frame.correlation)
        conn.channel.send(reply, _HANDSHAKE_SECONDS)
        return kind == CONNECT_OK

    def _welcome(self, conn: Connection, frame: Frame, admit: Admit | None) -> dict[str, object]:
        if frame.flags & COMPRESSED:
            raise PayloadError(COMPRESSED_REFUSED)
        shown = load(frame.serializer, frame.payload)
        if not isinstance(shown, dict) or set(shown) != {"handshake", "object"}:
            raise PayloadError("not a handshake")
        known = None if admit is None else admit(shown["handshake"])
        if isinstance(known, Challenge):
            conn.claims = known
            return {"handshake": known.answer}
        conn.caller = known
        conn.base64 = _reported(shown["handshake"], "bytes") == "base64"
        name = _reported(shown["handshake"], "name")
        conn.name = name if is_client(name) else None
        return {"handshake": "hello", "meta": self._calls.metadata(shown["object"])}


def _nothing() -> None:
    """Do what is to be done after an answer where nobody asked for anything."""


def _reported(shown: object, about: str) -> Any:
    """Look up what a client's handshake says; it may be anything, which is no reason to refuse."""
    return shown.get(about) if isinstance(shown, Mapping) else None
