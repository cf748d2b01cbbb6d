"""Bytes over one connected socket: waited for within a limit, or not at all.

Rules: nothing waits without a limit that the caller set; limits are the kernel's (SO_RCVTIMEO,
SO_SNDTIMEO) on a blocking socket, as a Python time-out polls before each call, which costs two
system calls an exchange. Nobody else touches the socket, so what lies between the bytes and the
wire, encryption say, would be another class with these methods.
It does not know what the bytes are. One thread at a time receives, and one sends; they may differ.
"""

from __future__ import annotations

import contextlib
import socket
import struct

__all__ = ["Stream"]

_TIMEVAL = struct.Struct("ll")


class Stream:
    """A connected socket, taken over."""

    def __init__(self, sock: socket.socket) -> None:
        """Nothing has a limit yet."""
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._sock = sock
        self._receive_limit = self._send_limit = 0.0

    def fileno(self) -> int:
        """Return the descriptor to wait for; -1 once it is closed."""
        return self._sock.fileno()

    @property
    def family(self) -> str:
        """The name of the address family."""
        return self._sock.family.name

    @property
    def other(self) -> tuple[str, int]:
        """Host and port of the other side; raises OSError once that is gone."""
        host, port = self._sock.getpeername()[:2]
        return host, port

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has arrived."""
        try:
            self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def receive(self, size: int, seconds: float) -> bytes:
        """Wait for bytes, `size` of them at most, `seconds` long (0: as long as it takes).

        Raises TimeoutError, ConnectionError when the other side closed, OSError.
        """
        if seconds != self._receive_limit:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))
            self._receive_limit = seconds
        try:
            data = self._sock.recv(size)
        except BlockingIOError:
            raise TimeoutError("nothing received in time") from None
        if not data:
            raise ConnectionResetError("the other side closed the connection")
        return data

    def send(self, data: bytes | memoryview, seconds: float) -> int:
        """Send, waiting `seconds` at most until some of it is taken; how many bytes were.

        Raises TimeoutError or OSError.
        """
        if seconds != self._send_limit:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))
            self._send_limit = seconds
        try:
            return self._sock.send(data)
        except BlockingIOError:
            raise TimeoutError("the other side does not read") from None

    def receive_now(self, size: int) -> bytes:
        """Take what has arrived, `size` bytes at most; b"": the other side closed.

        Never waits: raises BlockingIOError when nothing has; OSError.
        """
        return self._sock.recv(size, socket.MSG_DONTWAIT)

    def send_now(self, data: bytes) -> int:
        """Send what the socket takes at once; how many bytes. Raises BlockingIOError, OSError."""
        return self._sock.send(data, socket.MSG_DONTWAIT)

    def cut(self) -> None:
        """End the connection at once; whoever waits in it wakes up. The socket stays open."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; only when nobody waits in it."""
        self.cut()
        self._sock.close()


def _timeval(seconds: float) -> bytes:
    whole = int(seconds)
    micros = int((seconds - whole) * 1e6)
    # What rounds to nothing would mean for ever to the kernel.
    return _TIMEVAL.pack(whole, micros or int(0 < seconds < 1))
