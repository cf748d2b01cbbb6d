"""A connection on which whole frames are received and sent, each within a time limit.

Rules: nothing waits without a limit; memory grows with bytes that have arrived, never with a length
that somebody claims; a frame that has begun is complete in time or the channel is of no more use.
It does not know what frames say, nor what carries their bytes (stream.py). One thread at a time
receives, and one sends; they may differ.
"""

from __future__ import annotations

import mmap
from time import monotonic

from .budget import Budget
from .frames import HEADER_BYTES, Frame, TooLarge, measure, take
from .stream import Stream

__all__ = ["FRAME_SECONDS", "Channel"]

FRAME_SECONDS = 5.0
"""A frame that has begun must be complete, and one that is sent be taken, in this time."""
_READ = 1 << 14
"""Bytes asked for when a frame may begin: room for more would be mapped and unmapped each time."""
_CHUNK = 1 << 16
"""Bytes asked for while a large frame goes on."""


class Channel:
    """Frames over one stream."""

    def __init__(self, stream: Stream, limit: int) -> None:
        """Take a connected stream over; frames have at most `limit` bytes behind the header."""
        self.stream = stream
        self.limit = limit
        self.budget: Budget | None = None
        """Where frames find room that are larger than one read; None: they need not ask."""
        self._taken = 0
        self._received = b""

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing has arrived; between answers all else is a failure."""
        return not self._received and self.stream.quiet

    def receive(self, wait: float, end: float | None = None) -> Frame:
        """Wait for one frame: `wait` seconds for its first byte (0: as long as it takes).

        The rest must be there by `end` (monotonic), by default FRAME_SECONDS after the first byte.
        Raises TimeoutError, ConnectionError when the other side closed, OSError, FrameError.
        """
        data = self._received
        if not data:
            data = self._received = self.stream.receive(_READ, wait)
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
                data = self.stream.receive_now(_READ)
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
            left -= len(self.stream.receive(min(left, _CHUNK), _left(end)))

    def send(self, data: bytes, seconds: float | None = None) -> None:
        """Send all of `data` within `seconds`, by default FRAME_SECONDS.

        Raises TimeoutError or OSError; then the channel is broken.
        """
        if seconds is None:
            seconds = FRAME_SECONDS
        end = monotonic() + seconds
        sent = self.stream.send(data, seconds)
        if sent == len(data):
            return
        rest = memoryview(data)[sent:]
        while rest:
            rest = rest[self.stream.send(rest, _left(end)) :]

    def offer(self, data: bytes) -> bytes:
        """Send what the socket takes at once; the rest, for `send`. Never waits. Raises OSError."""
        try:
            sent = self.stream.send_now(data)
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
        self.stream.cut()

    def close(self) -> None:
        """Close the socket; only when nobody waits in it."""
        self.stream.close()
        self.forget()

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
            data += self.stream.receive(_CHUNK, _left(end))
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
                data = self.stream.receive(min(size - got, _CHUNK), _left(end))
                pages.write(data)
                got += len(data)
            whole = pages[:]
        self._received = b""
        found = take(whole, self.limit)
        if found is None:
            raise RuntimeError("a frame that was measured is complete")
        return found[0]


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError("a frame was not complete in time")
    return left
