"""Calling a remote object: a Pyro proxy with a deadline a call, that trusts no global setting.

Rules: nothing process-wide is read or set, so it behaves the same in anybody's Pyro program; after
any failure that leaves an answer outstanding the connection is closed, an answer never meets the
next call; it never repeats a call. Whoever gave it credentials also learns that the other side
knows the secret, before a byte of a call is sent. It does not know what is called.
"""

from __future__ import annotations

from threading import get_ident
from time import monotonic
from typing import Any

import Pyro5.client
import Pyro5.serializers
from Pyro5.errors import (
    CommunicationError,
    ConnectionClosedError,
    PyroError,
    SerializeError,
)
from Pyro5.errors import ProtocolError as PyroProtocolError
from Pyro5.errors import TimeoutError as PyroTimeoutError

from .channel import FRAME_SECONDS, Channel
from .dial import dial
from .frames import BATCH, COMPRESSED, EXCEPTION, INVOKE, RESULT, Frame, FrameError, pack
from .identity import Credentials, Refused
from .payload import NAMES, Call, PayloadError, TooComplex, dump_call, load

__all__ = ["Proxy", "connect"]

_ANSWER_BYTES = 8 << 20
_AT_ONCE = 0.02
"""A send that took less seconds than this did not have to wait."""
_FOREVER = 86400.0
"""Seconds a proxy without a time-out waits."""


class Link:
    """A connection in the form in which Pyro's proxy keeps one."""

    def __init__(self, channel: Channel, name: str) -> None:
        """Wrap a channel whose handshake is done."""
        self.channel = channel
        self.objectId = name
        self.timeout: float | None = None

    def close(self) -> None:
        """End the connection."""
        self.channel.close()

    def family(self) -> str:
        """Name the address family."""
        return self.channel.stream.family


class Proxy(Pyro5.client.Proxy):
    """A proxy for one object; of one thread at a time, like Pyro's."""

    _pyroConnection: Link | None
    _pyroSeq: int
    _Proxy__pyroOwnerThread: int

    def __init__(
        self, uri: str, *, timeout: float, credentials: Credentials | None, serializer: str
    ) -> None:
        """Connect to nothing yet. `timeout` is in seconds, for connecting and for each call."""
        super().__init__(uri)
        self._pyroClaimOwnership()
        # Pyro's __setattr__ takes its own attributes only.
        object.__setattr__(self, "_credentials", credentials)
        self._pyroSerializer = serializer
        self._pyroMaxRetries = 0
        self._pyroTimeout = timeout

    def __getstate__(self) -> Any:
        """Refuse: a proxy that travels would take its credentials along."""
        raise TypeError("this proxy cannot be copied or sent")

    # Where greenlet is installed, for whatever purpose, Pyro takes a greenlet for the owner. One
    # that outlives its thread ends the process with a segmentation fault at a garbage collection.

    def _pyroClaimOwnership(self) -> None:
        """Make this thread the one that may call."""
        self._Proxy__pyroOwnerThread = get_ident()

    def _Proxy__check_owner(self) -> None:
        if self._Proxy__pyroOwnerThread != get_ident():
            raise PyroError("this proxy is of another thread: make one, or claim this one first")

    def _Proxy__pyroCreateConnection(
        self, replaceUri: bool = False, connected_socket: object = None
    ) -> bool:
        """Connect and shake hands; False if it is connected. Raises CommunicationError."""
        self._Proxy__check_owner()
        if self._pyroConnection is not None:
            return False
        uri = self._pyroUri
        try:
            channel, answer = dial(
                uri.host,
                uri.port,
                uri.object,
                credentials=self._credentials,
                shown=self._pyroHandshake,
                serializer=NAMES[self._pyroSerializer],
                seconds=self._pyroTimeout or _FOREVER,
                limit=_ANSWER_BYTES,
            )
        except TimeoutError as error:
            raise PyroTimeoutError("cannot connect: no answer in time") from error
        except (OSError, FrameError, PayloadError, TooComplex, Refused) as error:
            raise CommunicationError(f"cannot connect: {_why(error)}") from error
        try:
            self._Proxy__processMetadata(answer["meta"])
        except BaseException:
            channel.close()
            raise
        self._pyroConnection = Link(channel, uri.object)
        return True

    def _connected(self) -> Link:
        self._Proxy__pyroCreateConnection()
        if self._pyroConnection is None:
            raise RuntimeError("connecting raises or connects")
        return self._pyroConnection

    @property
    def _stands(self) -> bool:
        """Whether it is connected and, as far as can be seen here, the other side is too."""
        link = self._pyroConnection
        return link is not None and link.channel.quiet

    def _pyroInvoke(
        self,
        methodname: str,
        vargs: Any,
        kwargs: dict[str, Any] | None,
        flags: int = 0,
        objectId: str | None = None,
    ) -> Any:
        """Make one call and return what it returned, or raise what it raised.

        Raises Pyro's TimeoutError and ConnectionClosedError when the outcome is not known.
        """
        self._Proxy__check_owner()
        if flags & ~BATCH or methodname in self._pyroOneway:
            raise PyroError("only calls with an answer are made")
        link = self._pyroConnection or self._connected()
        serializer = NAMES[self._pyroSerializer]
        call = Call(objectId or link.objectId, methodname, vargs, kwargs or {})
        data = dump_call(serializer, call)
        self._pyroSeq = sequence = (self._pyroSeq + 1) & 0xFFFF
        try:
            frame = _exchange(
                link.channel, pack(INVOKE, serializer, flags, sequence, data), self._pyroTimeout
            )
            if frame.kind != RESULT or frame.sequence != sequence or frame.flags & COMPRESSED:
                raise PyroProtocolError("not the answer to this call")
            if frame.serializer != serializer:
                raise SerializeError(f"answered with serializer {frame.serializer}")
            answer = _read(frame)
        except BaseException:
            # A late answer must not be taken for the next call's; ctrl-C counts too.
            self._pyroRelease()
            raise
        if frame.flags & EXCEPTION:
            raise answer
        return answer


def connect(
    host: str,
    port: int,
    name: str,
    *,
    timeout: float,
    credentials: Credentials | None = None,
    serializer: str = "serpent",
) -> Proxy:
    """Make a proxy for the object `name` at an address; it connects at the first call.

    `timeout` (seconds) holds for connecting and for each call; `serializer` is "serpent",
    "msgpack" or "json". Values of type bytes arrive as such with the first two.
    """
    if serializer not in NAMES:
        raise ValueError(f"serializer is one of {', '.join(NAMES)}")
    where = f"[{host}]" if ":" in host else host
    return Proxy(
        f"PYRO:{name}@{where}:{port}",
        timeout=timeout,
        credentials=credentials,
        serializer=serializer,
    )


def _exchange(channel: Channel, request: bytes, timeout: float | None) -> Frame:
    seconds = timeout or _FOREVER
    begun = monotonic()
    try:
        channel.send(request, min(seconds, FRAME_SECONDS))
        sent = monotonic() - begun
        # The same wait as last time costs no system call; a send that took its time counts.
        wait = seconds if sent < _AT_ONCE else max(seconds - sent, 0.001)
        return channel.receive(wait, begun + seconds)
    except TimeoutError as error:
        raise PyroTimeoutError(f"no answer in {monotonic() - begun:.1f} s") from error
    except OSError as error:
        raise ConnectionClosedError(f"connection lost: {_why(error)}") from error
    except FrameError as error:
        raise PyroProtocolError(str(error)) from error


def _why(error: Exception) -> str:
    """Describe an error without its number: users read this."""
    return getattr(error, "strerror", None) or str(error)


def _read(frame: Frame) -> Any:
    """Read an answer; only what Pyro itself wrote (errors, addresses) becomes an object."""
    if b"__class__" in frame.payload:
        reader = Pyro5.serializers.serializers_by_id[frame.serializer]
        return reader.loads(frame.payload)
    try:
        return load(frame.serializer, frame.payload)
    except (PayloadError, TooComplex) as error:
        raise SerializeError(str(error)) from error
