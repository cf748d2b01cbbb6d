"""A connected socket on which whole frames are received and sent, each within a time limit.

Rules: nothing waits without a limit; memory grows with bytes that have arrived, never with a length
that somebody claims; a frame that has begun is complete in time or the channel is of no more use.
Limits are the kernel's (SO_RCVTIMEO, SO_SNDTIMEO) on a blocking socket: a Python time-out polls
before each call, which costs two system calls an exchange.
It does not know what frames say. One thread at a time receives, and one sends; they may differ.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import struct
from time import monotonic

from .budget import Budget
from .frames import HEADER_BYTES, Frame, TooLarge, measure, take

__all__ = ["FRAME_SECONDS", "Channel"]

FRAME_SECONDS = 5.0
"""A frame that has begun must be complete, and one that is sent be taken, in this time."""
_READ = 1 << 14
"""Bytes asked for when a frame may begin: room for more would be mapped and unmapped each time."""
_CHUNK = 1 << 16
"""Bytes asked for while a large frame goes on."""
_TIMEVAL = struct.Struct("ll")


class Channel:
    """Frames over one socket."""

    def __init__(self, sock: socket.socket, limit: int) -> None:
        """Take over a connected socket; frames have at most `limit` bytes behind the header."""
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.sock = sock
        self.limit = limit
        self.budget: Budget | None = None
        """Where frames find room that are larger than one read; None: they need not ask."""
        self._taken = 0
        self._received = b""
        self._receive_limit = -1.0
        self._send_limit = -1.0
        self._limit_sending(FRAME_SECONDS)

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has arrived; between answers all else is a failure."""
        try:
            self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return not self._received
        except OSError:
            pass
        return False

    def receive(self, wait: float, end: float | None = None) -> Frame:
        """Wait for one frame: `wait` seconds for its first byte (0: as long as it takes).

        The rest must be there by `end` (monotonic), by default FRAME_SECONDS after the first byte.
        Raises TimeoutError, ConnectionError when the other side closed, OSError, FrameError.
        """
        data = self._received
        if not data:
            if wait != self._receive_limit:
                self._limit_receiving(wait)
            data = self._received = self._receive(_READ)
        found = take(data, self.limit)
        if found is None:
            return self._finish(data, end or monotonic() + FRAME_SECONDS)
        frame, used = found
        self._received = data[used:] if used < len(data) else b""
        return frame

    @property
    def begun(self) -> bool:
        """Whether something has arrived that nobody has taken: a frame, or the begin of one."""
        return bool(self._received)

    def ready(self) -> Frame | None:
        """Take a frame that has arrived whole, without waiting; None if it has not.

        Raises as `receive` does, which waits for the rest of one that has `begun`.
        """
        data = self._received
        if not data:
            try:
                data = self.sock.recv(_READ, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            if not data:
                raise ConnectionResetError("the other side closed the connection")
            self._received = data
        found = take(data, self.limit)
        if found is None:
            return None
        frame, used = found
        self._received = data[used:] if used < len(data) else b""
        return frame

    def drop(self, size: int, most: int) -> None:
        """Read a frame of `size` bytes that was too large, and keep nothing of it.

        Who is still sending reads no answer. Gives up after `most` bytes, and raises TimeoutError
        after FRAME_SECONDS; else as `receive`.
        """
        end = monotonic() + FRAME_SECONDS
        left = min(HEADER_BYTES + size - len(self._received), most)
        self._received = b""
        while left > 0:
            self._limit_receiving(_left(end))
            left -= len(self._receive(min(left, _CHUNK)))

    def send(self, data: bytes, seconds: float | None = None) -> None:
        """Send all of `data` within `seconds`, by default FRAME_SECONDS.

        Raises TimeoutError or OSError; then the channel is broken.
        """
        if seconds is None:
            seconds = FRAME_SECONDS
        if seconds != self._send_limit:
            self._limit_sending(seconds)
        end = monotonic() + seconds
        try:
            sent = self.sock.send(data)
            if sent == len(data):
                return
            rest = memoryview(data)[sent:]
            while rest:
                self._limit_sending(_left(end))
                rest = rest[self.sock.send(rest) :]
        except BlockingIOError:
            raise TimeoutError("the other side does not read") from None

    def offer(self, data: bytes) -> bytes:
        """Send what the socket takes at once; the rest, for `send`. Never waits. Raises OSError."""
        try:
            sent = self.sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return data
        return data[sent:]

    @property
    def holds_room(self) -> bool:
        """Whether room is taken for a large frame that has not been dealt with."""
        return bool(self._taken)

    def forget(self) -> None:
        """Give back the room of what was received: it has been dealt with."""
        if self.budget is not None and self._taken:
            self.budget.give_back(self._taken)
            self._taken = 0

    def cut(self) -> None:
        """End the connection at once; whoever waits in it wakes up. The socket stays open."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; only when nobody waits in it."""
        self.cut()
        self.forget()
        self.sock.close()

    def _finish(self, begun: bytes, end: float) -> Frame:
        data = bytearray(begun)
        while True:
            try:
                size = measure(data, self.limit)
            except TooLarge:
                self._received = bytes(data)
                raise
            if size and len(data) >= size:
                break
            if size > _CHUNK:
                return self._receive_large(bytes(data), size, end)
            self._limit_receiving(_left(end))
            data += self._receive(_CHUNK)
        found = take(data, self.limit)
        if found is None:
            raise RuntimeError("a frame that was measured is complete")
        frame, used = found
        self._received = bytes(data[used:])
        return frame

    def _receive_large(self, begun: bytes, size: int, end: float) -> Frame:
        """Receive the rest of a frame into pages of its own, which the kernel has back at once.

        From the heap, what many strangers begin and never end would stay with the process.
        """
        if self.budget is not None:
            self.budget.take(size, end)
            self._taken = size
        with mmap.mmap(-1, size) as pages:
            pages.write(begun)
            got = len(begun)
            while got < size:
                self._limit_receiving(_left(end))
                data = self._receive(min(size - got, _CHUNK))
                pages.write(data)
                got += len(data)
            whole = pages[:]
        self._received = b""
        found = take(whole, self.limit)
        if found is None:
            raise RuntimeError("a frame that was measured is complete")
        return found[0]

    def _receive(self, size: int) -> bytes:
        try:
            data = self.sock.recv(size)
        except BlockingIOError:
            raise TimeoutError("nothing received in time") from None
        if not data:
            raise ConnectionResetError("the other side closed the connection")
        return data

    def _limit_receiving(self, seconds: float) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))
        self._receive_limit = seconds

    def _limit_sending(self, seconds: float) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))
        self._send_limit = seconds


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError("a frame was not complete in time")
    return left


def _timeval(seconds: float) -> bytes:
    whole = int(seconds)
    micros = int((seconds - whole) * 1e6)
    # What rounds to nothing would mean for ever to the kernel.
    return _TIMEVAL.pack(whole, micros or int(0 < seconds < 1))
