"""The UDP gateway: one request a datagram, one datagram an answer.

Rules: no thread; a request with an id takes effect once, however often it comes; what is refused is
answered with no more bytes than it had, and logged with its origin and length; what cannot be taken
or sent now is lost, as datagrams are. It knows no engine.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeAlias

from kvrmi.operations.interface import Result
from kvrmi.remote.binding import for_datagrams
from kvrmi.remote.listener import Client
from kvrmi.remote.ratelimit import RateLimit
from kvrmi.remote.reactor import Reactor
from kvrmi.wire.datagram import (
    DATAGRAM_BYTES,
    Datagram,
    DatagramError,
    head_of,
    is_answer,
    unpacked,
)
from kvrmi.wire.replies import error

from ..intake import Intake
from .connection import address_of
from .cursors import Cursors
from .definition import Ask, Command, Conversation, Plan, Refused, Words, invalid
from .said import noted
from .table import COMMANDS, find
from .turns import do_there

__all__ = ["OPEN_BYTES", "OPEN_MOST", "UdpGateway"]

OPEN_MOST = 2000
OPEN_BYTES = 16 << 20
"""Requests that are under way, and their bytes; what comes beyond is dropped."""
_AT_ONCE = 64
"""Datagrams that are taken before others have their turn."""

_log = logging.getLogger("kvrmi.server.udp")


Peer: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""As sockets have it: of IPv4 or IPv6."""


class UdpGateway:
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
        """Nothing listens before `open`. `about` says what this server is."""
        self._host = host
        self._port = port
        self._reactor = reactor
        self._intake = intake
        self._about = about
        self._log_requests = log_requests
        self._cursors = Cursors()
        self._socket: socket.socket | None = None
        self._open = 0
        self._open_bytes = 0
        self._malformed = RateLimit(_log, logging.WARNING)
        self._dropped = RateLimit(_log, logging.WARNING)

    @property
    def alive(self) -> bool:
        """True while it listens."""
        return self._socket is not None

    @property
    def connections(self) -> int:
        """Datagrams have none."""
        return 0

    @property
    def clients(self) -> list[Client]:
        """Datagrams have none."""
        return []

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    def open(self) -> None:
        """Listen and serve. Raises OSError."""
        made = for_datagrams(self._host, self._port)
        made.setblocking(False)
        self._port = made.getsockname()[1]
        self._socket = made
        self._reactor.watch(made.fileno(), self._receive)
        _log.info("serves datagrams on port %d", self._port)

    def cut(self) -> None:
        """Stop listening; what is under way is carried out and not answered."""
        if self._socket is not None:
            do_there(self._reactor, self._close)

    # --- in the reactor's thread ------------------------------------------------------------------

    def _close(self) -> None:
        made, self._socket = self._socket, None
        if made is not None:
            self._reactor.forget(made.fileno())
            made.close()

    def _receive(self, events: int) -> None:
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data, peer = self._socket.recvfrom(DATAGRAM_BYTES + 1)
            except OSError:  # nothing is left, or an answer could not be delivered
                return
            try:
                self._take(data, peer)
            except Exception:
                _log.exception("a datagram of %d bytes from %s failed", len(data), address_of(peer))

    def _take(self, data: bytes, peer: Peer) -> None:
        try:
            datagram = unpacked(data)
            command = _command(datagram.words)
            conversation = Conversation(0, address_of(peer), self._cursors, self._about)
            plan = command.plan(conversation, datagram.words)
            exchange = _Exchange(data, peer, datagram, plan, self._noted(datagram, peer))
            asks = next(plan)
            if len(asks) != 1:
                raise invalid("one key a datagram: use TCP for more")
        except (DatagramError, Refused) as problem:
            self._refuse(data, peer, str(problem))
        except StopIteration as end:
            self._reply(exchange, end.value)
        else:
            request = datagram.request if command.writes else None
            self._submit(asks[0], request, exchange)

    def _noted(self, datagram: Datagram, peer: Peer) -> Callable[[bytes], None] | None:
        if not self._log_requests:
            return None
        return noted(f"udp {address_of(peer)}", datagram.words)

    def _submit(self, ask: Ask, request: tuple[str, int] | None, exchange: _Exchange) -> None:
        if self._open >= OPEN_MOST or self._open_bytes > OPEN_BYTES:
            origin = address_of(exchange.peer)
            self._dropped.say("dropped a request of %s: too many are under way", origin)
            return
        self._open += 1
        self._open_bytes += len(exchange.data)

        def answered(result: Result) -> None:
            self._reactor.soon(partial(self._settle, exchange, result))

        self._intake.submit(ask.name, ask.args, request, answered)

    def _settle(self, exchange: _Exchange, result: Result) -> None:
        self._open -= 1
        self._open_bytes -= len(exchange.data)
        try:
            exchange.plan.send((result,))
        except StopIteration as end:
            self._reply(exchange, end.value)
        except Refused as problem:
            reply = error(str(problem))
            self._reply(exchange, reply, len(exchange.data) if result.code == "INVALID" else None)
        except Exception:
            _log.exception("an answer to %s failed", address_of(exchange.peer))

    def _refuse(self, data: bytes, peer: Peer, why: str) -> None:
        self._malformed.say(
            "malformed datagram of %d bytes from %s: %s", len(data), address_of(peer), why
        )
        if not is_answer(data):
            self._send(b"%s %s" % (head_of(data), error(why)), peer, len(data))

    def _reply(self, exchange: _Exchange, reply: bytes, most: int | None = None) -> None:
        if exchange.noted is not None:
            exchange.noted(reply)
        head = head_of(exchange.data)
        if len(head) + 1 + len(reply) > DATAGRAM_BYTES:
            reply = error(f"INVALID: the answer has {len(reply)} bytes: use TCP for it")
        self._send(b"%s %s" % (head, reply), exchange.peer, most)

    def _send(self, data: bytes, peer: Peer, most: int | None) -> None:
        """Send an answer, no more than `most` bytes of it; where that fails it is lost."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(data[:most], peer)


class _Exchange(NamedTuple):
    """A request that is under way."""

    data: bytes
    peer: Peer
    datagram: Datagram
    plan: Plan
    noted: Callable[[bytes], None] | None


def _command(words: Words) -> Command:
    """Find what a datagram asks for. Raises Refused."""
    command = find(words[0])
    if command is None or not command.datagrams:
        named = ", ".join(one.name for one in COMMANDS.values() if one.datagrams)
        raise invalid(f"a datagram has one of {named}")
    command.check(words)
    return command
