"""Requests to a gateway, and its replies: over a TCP connection, or in datagrams that are repeated.

Rules: every wait ends; who does not answer is reported and the next address asked; a write that may
have arrived is never sent again without an id, its outcome is called unknown.
It knows neither commands nor what is printed.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from time import monotonic
from typing import Protocol

from kvrmi.access.request_ids import RequestId, RequestIds
from kvrmi.cluster.naming import join_address
from kvrmi.errors import ConnectionFailed, InvalidRequest, UnknownOutcome
from kvrmi.wire.datagram import DATAGRAM_BYTES, DatagramError, answered, written
from kvrmi.wire.replies import Failure, Replies, Reply, ReplyError
from kvrmi.wire.resp import packed

__all__ = ["Address", "Link", "TcpLink", "UdpLink"]

Address = tuple[str, int]
Say = Callable[[str], None]

_CONNECT_SECONDS = 2.0
_AGAIN_SECONDS = 0.5
"""After which a datagram is sent again, to the next address."""
_IN_DOUBT = "the write may or may not have taken effect. Read before you repeat it"


class Link(Protocol):
    """A way to gateways."""

    def ask(self, words: Sequence[bytes], *, writes: bool) -> Reply:
        """Send a request and return its reply. Raises ConnectionFailed, UnknownOutcome."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class TcpLink:
    """One connection at a time, to the first gateway that answers."""

    def __init__(self, addresses: Sequence[Address], timeout: float, say: Say) -> None:
        """Connect to nobody yet; `timeout` is in seconds, for each request."""
        self._addresses = list(addresses)
        self._timeout = timeout
        self._say = say
        self._socket: socket.socket | None = None
        self._replies = Replies()

    def ask(self, words: Sequence[bytes], *, writes: bool) -> Reply:
        """Send a request and return its reply. Raises ConnectionFailed, UnknownOutcome."""
        end = monotonic() + self._timeout
        made = self._connected(end)
        try:
            made.settimeout(max(end - monotonic(), 0.01))
            made.sendall(packed(words))
            return self._received(made, end)
        except (OSError, ReplyError) as error:
            self.close()
            why = f"{self._who()} did not answer: {_reason(error)}"
            self._addresses.append(self._addresses.pop(0))  # the next request goes elsewhere
            if writes:
                raise UnknownOutcome(f"{why}; {_IN_DOUBT}") from error
            raise ConnectionFailed(f"{why}; nothing was done") from error
        except BaseException:  # Ctrl-C: the reply of this one must not be taken for the next one's
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        made, self._socket = self._socket, None
        if made is not None:
            made.close()

    def _who(self) -> str:
        return join_address(*self._addresses[0])

    def _connected(self, end: float) -> socket.socket:
        """Return the connection; a new one if the server has ended it. Raises ConnectionFailed."""
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self.close()  # nothing is asked, so whatever there is to read says that it ended
        if self._socket is not None:
            return self._socket
        for _ in range(len(self._addresses)):
            try:
                patience = max(min(end - monotonic(), _CONNECT_SECONDS), 0.01)
                self._socket = socket.create_connection(self._addresses[0], patience)
            except OSError as error:
                self._say(f"{self._who()} does not answer: {_reason(error)}")
                self._addresses.append(self._addresses.pop(0))
            else:
                self._replies = Replies()
                return self._socket
        raise ConnectionFailed("no gateway answers; nothing was done. Was --gateways given?")

    def _received(self, made: socket.socket, end: float) -> Reply:
        while (reply := self._replies.take()) is None:
            made.settimeout(max(end - monotonic(), 0.01))
            data = made.recv(1 << 16)
            if not data:
                raise ConnectionResetError("it closed the connection")
            self._replies.feed(data)
        return reply[0]


class UdpLink:
    """Datagrams with an id, sent again until one is answered."""

    def __init__(
        self, addresses: Sequence[Address], timeout: float, say: Say, name: str | None
    ) -> None:
        """Send nothing yet; `timeout` is in seconds, for each request, `name` the client's."""
        self._addresses = list(addresses)
        self._timeout = timeout
        self._say = say
        prefix = f"{name}:" if name else ""
        self._ids = RequestIds(lambda: prefix + secrets.token_hex(12))
        self._reads = RequestId(prefix + secrets.token_hex(12), 0)
        self._numbers = count(1)
        self._sockets: dict[int, socket.socket] = {}

    def ask(self, words: Sequence[bytes], *, writes: bool) -> Reply:
        """Send a request and return its reply. Raises ConnectionFailed, UnknownOutcome."""
        request = self._ids.take() if writes else self._reads._replace(sequence=next(self._numbers))
        if request is None:
            raise ConnectionFailed("too many writes are in doubt; nothing was done")
        data = written(request, list(words))
        if len(data) > DATAGRAM_BYTES:
            self._over(request, writes, None)
            raise InvalidRequest(f"a datagram has {DATAGRAM_BYTES} bytes at most: use tcp or rpc")
        reply = None
        try:
            reply = self._asked(data, request)
        finally:
            self._over(request, writes, reply)
        if reply is None:
            why = f"no gateway answered within {self._timeout:g} s"
            if writes:
                raise UnknownOutcome(f"{why}; {_IN_DOUBT}")
            raise ConnectionFailed(f"{why}; nothing was done. Was --gateways given?")
        return reply[0]

    def close(self) -> None:
        """Close the sockets."""
        for made in self._sockets.values():
            made.close()
        self._sockets.clear()

    def _over(self, request: RequestId, writes: bool, reply: tuple[Reply] | None) -> None:
        """Give a write's id back; one whose session is not known any more ends the session."""
        if not writes:
            return
        failed = reply is not None and isinstance(reply[0], Failure)
        if failed and "session expired" in str(reply):
            self._ids.expire(request)
        else:
            self._ids.give_back(request, answered=reply is not None and not failed)

    def _asked(self, data: bytes, request: RequestId) -> tuple[Reply] | None:
        """Send it until it is answered; None when time is up."""
        end = monotonic() + self._timeout
        silent: set[Address] = set()
        for address in self._in_turn():
            trouble = self._sent(data, address)
            until = min(end, monotonic() + _AGAIN_SECONDS)
            reply = self._reply(request, until)
            if reply is not None or monotonic() >= end:
                return reply
            if address not in silent:
                then = self._addresses[0]
                asking = "asking again" if then == address else f"asking {join_address(*then)}"
                self._say(f"{join_address(*address)} does not answer{trouble}; {asking}")
                silent.add(address)
        return None

    def _in_turn(self) -> Iterator[Address]:
        """Yield the address that answered last first, then the others, round and round."""
        while True:
            address = self._addresses[0]
            self._addresses.append(self._addresses.pop(0))
            yield address

    def _sent(self, data: bytes, address: Address) -> str:
        """Send a datagram; what went wrong, if that is known."""
        try:
            host, port = address
            family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            if family not in self._sockets:
                self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
            self._sockets[family].sendto(data, where)
        except OSError as error:
            return f": {_reason(error)}"
        return ""

    def _reply(self, request: RequestId, until: float) -> tuple[Reply] | None:
        while (left := until - monotonic()) > 0:
            ready, _, _ = select.select(list(self._sockets.values()), [], [], left)
            for made in ready:
                with contextlib.suppress(OSError, DatagramError, ReplyError):
                    id, body = answered(made.recv(1 << 16))
                    replies = Replies()
                    replies.feed(body)
                    reply = replies.take()
                    if id == request and reply is not None:
                        self._addresses.insert(0, self._addresses.pop())  # it is asked first
                        return reply
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error).lower()
