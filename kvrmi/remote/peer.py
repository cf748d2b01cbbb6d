"""A held connection to one remote object, used without ever blocking: requests out, answers in.

Rules: nobody who sends or reads waits, not even for a peer that is stopped; an answer that is owed
too long ends the connection, and with it all that is owed; each request's token comes back exactly
once, with its answer or as lost. Connecting and shaking hands happen on a thread of their own.
It does not know what is sent.
"""

from __future__ import annotations

import logging
import math
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from .channel import Channel
from .dial import dial
from .frames import EXCEPTION, INVOKE, RESULT, Frame, FrameError, pack, take
from .identity import Credentials, Refused
from .payload import MSGPACK, PayloadError, TooComplex, dump, load

__all__ = ["Peer"]

_log = logging.getLogger("kvrmi.remote.peer")

_BACK_OFF_MIN, _BACK_OFF_MAX = 0.05, 1.0
_READ = 1 << 14
_CHUNK = 1 << 16
"""Bytes asked for when an answer may begin, and when one goes on: most are small."""
_LIMIT = 4 << 20
_BIN32 = struct.Struct(">BI")

Token = object
OnRefused = Callable[["Peer"], None]
OnChange = Callable[["Peer"], None]


class Owed(NamedTuple):
    """A request whose answer has not come."""

    sequence: int
    token: Token
    deadline: float


class Peer:
    """Requests to one object's `receive(bytes) -> bytes`; answers come in the order of requests.

    Any thread may send; one thread at a time reads. Times are monotonic seconds, as in `now`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        credentials: Credentials | None,
        *,
        connect_timeout: float,
        window: int = 16,
        on_refused: OnRefused | None = None,
    ) -> None:
        """Connect to nothing yet. At most `window` answers are owed at once.

        `on_refused` is called on the connecting thread when nobody listens there.
        """
        self._where = (host, port)
        self._name = name
        self._credentials = credentials
        self._window = window
        self._connect_timeout = connect_timeout
        self._on_refused = on_refused
        # As msgpack: [name, "receive", [data, ], {}]; the data's length and the end come later.
        self._prefix = b"\x94" + dump(MSGPACK, name) + dump(MSGPACK, "receive") + b"\x91"
        self._lock = threading.Lock()
        self._channel: Channel | None = None
        self._unsent = b""
        self._received = bytearray()
        self._owed: deque[Owed] = deque()
        self._lost: list[Token] = []
        self.sent = 0
        """Requests that left, or are leaving."""
        self._state = "idle"
        self.refusal = ""
        """Why the other side, or this one, refused the last handshake; empty once connected."""
        self._connecting = False
        self._closed = threading.Event()
        self.on_connected: OnChange | None = None
        """Called when there is a new `fileno`; on the connecting thread. OSError: not that one."""
        self.on_blocked: OnChange | None = None
        """Called when bytes wait to be written; with the peer's lock held."""
        self.on_lost: OnChange | None = None
        """Called when tokens were lost."""

    def __repr__(self) -> str:
        """Name it."""
        host, port = self._where
        return f"<Peer {self._name} at {host}:{port}, {self._state}>"

    @property
    def state(self) -> str:
        """One of connected, connecting, refused (nobody listens), idle."""
        return self._state

    @property
    def deadline(self) -> float:
        """When the oldest answer is overdue, in monotonic seconds; infinite if none is owed."""
        try:
            return self._owed[0].deadline if self._owed else math.inf
        except IndexError:  # it was answered just now
            return math.inf

    @property
    def wants_write(self) -> bool:
        """True while bytes of an earlier `send` wait for the socket."""
        return bool(self._unsent)

    def fileno(self) -> int:
        """Return the socket's descriptor; -1 while unconnected."""
        channel = self._channel
        return -1 if channel is None else channel.stream.fileno()

    def send(self, now: float, data: bytes, token: Token, timeout: float) -> bool:
        """Send a request whose answer is owed within `timeout` seconds of `now`.

        False: not one byte of it left, and none will (unconnected, too many answers owed, or
        earlier bytes still unsent). True: `token` comes back from `read`, `overdue` or `lost`.
        """
        with self._lock:
            channel = self._channel
            if channel is None or self._unsent or len(self._owed) >= self._window:
                return False
            sequence = (self.sent + 1) & 0xFFFF
            payload = b"".join((self._prefix, _BIN32.pack(0xC6, len(data)), data, b"\x80"))
            frame = pack(INVOKE, MSGPACK, 0, sequence, payload)
            try:
                sent = channel.stream.send_now(frame)
            except BlockingIOError:
                return False
            except OSError as error:
                self._end(f"cannot send: {error}")
                return False
            self.sent += 1
            self._owed.append(Owed(sequence, token, now + timeout))
            if sent < len(frame):
                self._unsent = frame[sent:]
                self._report(self.on_blocked)
            return True

    def flush(self) -> None:
        """Send on what an earlier `send` could not; never waits."""
        with self._lock:
            if self._channel is None or not self._unsent:
                return
            try:
                sent = self._channel.stream.send_now(self._unsent)
            except BlockingIOError:
                return
            except OSError as error:
                self._end(f"cannot send: {error}")
                return
            self._unsent = self._unsent[sent:]
            self._report(self.on_blocked)

    def read(self, now: float) -> list[tuple[Token, bytes]]:
        """Take the answers that are complete, in order; b"" for one that is an error.

        A connection that has ended is noticed here too; what was owed on it is then `lost`.
        """
        del now  # answers that are late but here are answers
        with self._lock:
            if self._channel is None:
                return []
            try:
                data = self._channel.stream.receive_now(_CHUNK if self._received else _READ)
            except BlockingIOError:
                return []
            except OSError as error:
                self._end(f"cannot receive: {error}")
                return []
            if not data:
                self._end("the peer closed the connection")
                return []
            answers: list[tuple[Token, bytes]] = []
            try:
                self._parse(data, answers)
            except (FrameError, PayloadError, TooComplex) as error:
                self._end(f"not an answer: {error}")
            return answers

    def overdue(self, now: float) -> list[Token]:
        """Close the connection if its oldest answer is late; all tokens that this loses."""
        owed = self._owed
        if not owed:
            return []
        with self._lock:
            if not owed or owed[0].deadline > now:
                return []
            self._end("an answer is overdue", deliver=False)
            return self._take_lost()

    def lost(self) -> list[Token]:
        """Tokens of requests that will not be answered, each once."""
        if not self._lost:
            return []
        with self._lock:
            return self._take_lost()

    def connect_later(self) -> None:
        """Connect on a thread of its own, again and again until it is connected or closed.

        Between attempts it waits 50 ms, then longer, up to 1 s. Does nothing while connected or
        already connecting.
        """
        with self._lock:
            if self._connecting or self._channel is not None or self._closed.is_set():
                return
            self._connecting = True
            if self._state != "refused":
                self._state = "connecting"
        threading.Thread(target=self._connect, name=f"kvrmi-{self._name}", daemon=True).start()

    def drop(self) -> None:
        """End the connection; another may be made at once. What is owed is lost."""
        with self._lock:
            self._end("dropped")

    def close(self) -> None:
        """End the connection and all attempts to have one."""
        self._closed.set()
        with self._lock:
            self._end("closed")

    def _connect(self) -> None:
        pause = _BACK_OFF_MIN
        try:
            while not self._closed.is_set() and not self._attempt():
                self._closed.wait(pause)
                pause = min(2 * pause, _BACK_OFF_MAX)
        finally:
            self._connecting = False

    def _attempt(self) -> bool:
        host, port = self._where
        try:
            channel, _ = dial(
                host,
                port,
                self._name,
                credentials=self._credentials,
                serializer=MSGPACK,
                seconds=self._connect_timeout,
                limit=_LIMIT,
            )
        except ConnectionRefusedError:
            self.refusal = ""  # whoever gave it is gone
            self._state = "refused"
            self._report(self._on_refused)
            return False
        except (OSError, FrameError, PayloadError, TooComplex, Refused) as error:
            self._state = "connecting"
            if isinstance(error, Refused):
                self.refusal = str(error)
            _log.debug("%s: no connection: %s", self._name, error)
            return False
        return self._take_up(channel)

    def _take_up(self, channel: Channel) -> bool:
        with self._lock:
            if self._closed.is_set():
                channel.close()
                return True
            self._channel = channel
            self._received.clear()
            self._unsent = b""
            self.refusal = ""
            self._state = "connected"
            try:
                self._report(self.on_connected)
            except OSError as error:  # the kernel watches no more descriptors: nobody would read it
                self._end(f"connected for nothing: {error}")
                return False
            return True

    def _parse(self, data: bytes, answers: list[tuple[Token, bytes]]) -> None:
        rest: bytes | bytearray = data
        if self._received:
            self._received += data
            rest = self._received
        while rest:
            found = take(rest, _LIMIT)
            if found is None:
                break
            frame, end = found
            answer = _answer(frame)
            answers.append((self._settle(frame), answer))
            rest = rest[end:]
        self._received = bytearray(rest)

    def _settle(self, frame: Frame) -> Token:
        if frame.kind != RESULT or not self._owed or self._owed[0].sequence != frame.sequence:
            raise FrameError("an answer that nobody is owed")
        return self._owed.popleft().token

    def _end(self, reason: str, *, deliver: bool = True) -> None:
        """Close the connection, with the lock held."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        _log.debug("%s: %s", self._name, reason)
        self._state = "idle"
        channel.close()
        self._unsent = b""
        self._received.clear()
        self._lost += [owed.token for owed in self._owed]
        self._owed.clear()
        if deliver and self._lost:
            self._report(self.on_lost)

    def _take_lost(self) -> list[Token]:
        lost, self._lost = self._lost, []
        return lost

    def _report(self, listener: OnChange | None) -> None:
        if listener is not None:
            listener(self)


def _answer(frame: Frame) -> bytes:
    data = load(MSGPACK, frame.payload)
    if frame.flags & EXCEPTION:
        _log.warning("answered with an error: %s", data)
        return b""
    if type(data) is not bytes:
        raise FrameError("an answer that is not bytes")
    return data
