"""A client's socket: what it sends goes to its dialogue, what that answers goes out.

Rules: nothing here waits; who does not read is not read from; who closes its side is answered and
then closed; who is refused can read why. All of it happens in the reactor's thread.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
from collections.abc import Callable
from functools import partial
from time import monotonic, time

from kvrmi.cluster.naming import join_address
from kvrmi.operations.interface import Result
from kvrmi.remote.listener import Client

from .definition import Ask, Conversation
from .dialogue import Dialogue, Noted, Submit

__all__ = ["Connection", "address_of"]

_log = logging.getLogger("kvrmi.server.tcp")

_READ_BYTES = 1 << 16
_SLOW_SECONDS = 30.0
"""For the client to take some of what waits for it."""
_LINGER_SECONDS = 1.0
"""For the client to read why its connection ends, while what it still sends is thrown away."""


class Connection:
    """One client over TCP."""

    def __init__(
        self,
        sock: socket.socket,
        conversation: Conversation,
        submit: Submit,
        touch: Callable[[Connection], None],
        noted: Noted | None,
        *,
        gathers: bool,
    ) -> None:
        """Take over a socket that does not block; `touch` hears that `proceed` has work."""
        self.sock = sock
        self.dialogue = Dialogue(conversation, self._begin, noted, gathers=gathers)
        self._submit = submit
        self._touch = touch
        self.since = time()
        self.idle_since = monotonic()
        self.deadline: float | None = None
        """When to give it up, in monotonic seconds; None while it owes nothing."""
        self.gone = False
        """Whether nothing more can be done for it."""
        self.accounted = 0
        """Bytes that the gateway knows it to keep."""
        self._rest = memoryview(b"")
        self._heard_all = False
        self._lingers = False
        self._events = select.EPOLLIN

    @property
    def kept(self) -> int:
        """Bytes that it keeps of what came in and of what goes out."""
        return len(self._rest) + self.dialogue.kept

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self._is_answered and not self.kept

    @property
    def _is_answered(self) -> bool:
        return not (self.dialogue.open or self._rest)

    @property
    def client(self) -> Client | None:
        """What it is listed as, if it has a name."""
        name = self.dialogue.conversation.name
        return Client(name, self.dialogue.conversation.address, self.since) if name else None

    def happened(self, events: int) -> None:
        """Take note of epoll events."""
        if events & (select.EPOLLERR | select.EPOLLHUP):
            self.gone = True
        elif events & select.EPOLLIN:
            self._survive(self._receive)
        if self._rest or self._heard_all or self.gone or self.dialogue.stirs:
            self._touch(self)

    def proceed(self) -> int | None:
        """Send what can be sent, begin what has room; the events to wait for if they changed."""
        if not self.gone:
            self._survive(self._send)
        if (self._heard_all or self.dialogue.ended) and self._is_answered:
            self._say_goodbye()
        events = self._awaited()
        if self.gone or events == self._events:
            return None
        self._events = events
        return events

    def close(self) -> None:
        """Let go of the socket."""
        self.gone = True
        self.sock.close()

    def _begin(self, ask: Ask, done: Callable[[Result], None]) -> None:
        self._submit(ask, partial(self._answered, done))

    def _answered(self, done: Callable[[Result], None], result: Result) -> None:
        if not self.gone:
            self._survive(partial(done, result))
            self._touch(self)

    def _survive(self, act: Callable[[], None]) -> None:
        """Let a mistake cost this connection and nothing else."""
        try:
            act()
        except Exception:
            _log.exception("a connection failed")
            self.gone = True

    def _receive(self) -> None:
        try:
            data = self.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.gone = True
            return
        self.idle_since = monotonic()
        if not data:
            self._heard_all = True
            self.gone |= self._lingers
        elif not self._lingers:
            self.dialogue.feed(data)

    def _send(self) -> None:
        while True:
            if not self._rest:
                self._rest = memoryview(self.dialogue.take_output())
            if not self._rest:
                break
            try:
                sent = self.sock.send(self._rest)
            except BlockingIOError:
                self.deadline = self.deadline or monotonic() + _SLOW_SECONDS
                return
            except OSError:
                self.gone = True
                return
            self._rest = self._rest[sent:]
            self.deadline = None

    def _say_goodbye(self) -> None:
        if self._lingers and not self._heard_all:
            return
        if self._heard_all:
            self.gone = True
            return
        self._lingers = True
        self.deadline = monotonic() + _LINGER_SECONDS
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def _awaited(self) -> int:
        hears = self._lingers or self.dialogue.hungry
        reads = select.EPOLLIN if hears and not self._heard_all else 0
        return reads | (select.EPOLLOUT if self._rest else 0)


def address_of(peer: object) -> str:
    """Write the address of the other end."""
    if isinstance(peer, tuple) and len(peer) >= 2:
        return join_address(str(peer[0]), int(peer[1]))
    return "unknown"
